// SPDX-License-Identifier: GPL-3.0-or-later
//
// The compiled nftables lookup does what the rules do, packet by packet: the same verdicts with the same
// probabilities, and the same numbers of rules and lookups, in random worlds of both layouts.

import Cluster
import NetworkTypes
import SimKernel
import Testing

@testable import Proxy

/// Fates met over all worlds, so that a blind comparison would show.
private struct Coverage {
  var kinds: [VerdictKind: Int] = [:]
  var reasons: [VerdictReason: Int] = [:]
  var affinity = 0
  var masqueraded = 0
  var hairpins = 0
}

@Suite struct NftablesLookupTests {
  /// - Parameter ways: numbers between which `numgen` chooses, or 1.
  private static func compiled(
    _ world: inout ProxyWorld, _ probe: Probe, _ node: Int, ways: Int
  ) -> OutcomeDistribution {
    var fates: OutcomeDistribution = [:]
    for position in 0..<ways {
      let random = UInt64.max / UInt64(ways) * UInt64(position) + UInt64.max / UInt64(2 * ways)
      let packet = Packet(
        flow: probe.flow, origin: world.origin(of: probe), node: UInt32(node), at: world.now, random: random,
        stamps: false)
      let verdict = world.fleet.nftablesVerdict(packet, world.fleet.tables[node].nat)
      fates[Outcome(verdict, inFull: true), default: 0] += 1 / Double(ways)
    }
    return fates
  }

  private static func explained(
    _ world: inout ProxyWorld, _ probe: Probe, _ node: Int
  ) -> (fates: OutcomeDistribution, ways: Int) {
    let explanation = world.fleet.explain(
      node: NodeID(node), flow: probe.flow, origin: world.origin(of: probe), at: world.now)
    var fates: OutcomeDistribution = [:]
    for branch in explanation.branches {
      fates[Outcome(branch.verdict, inFull: true), default: 0] += branch.probability
    }
    return (fates, explanation.branches.count)
  }

  private static func compare(
    _ world: inout ProxyWorld, _ random: inout RandomWorld, probes: Int, _ coverage: inout Coverage
  ) -> String? {
    for node in 0..<3 {
      let table = world.fleet.nftablesRules(world.fleet.tables[node].nat)
      let rules = table.rules.values.reduce(0) { $0 + $1.count }
      let counted = world.fleet.ruleCount(of: NodeID(node))
      if counted != rules { return "node \(node): \(rules) rules, counted \(counted ?? -1)" }
      for _ in 0..<probes {
        var probe = random.probe()
        if random.random.chance(15) {
          // An endpoint that may reach itself.
          let verdict = world.verdict(probe, node: node, random: 0)
          if verdict.kind == .forward { (probe.from, probe.origin) = ("\(verdict.address)", .pod) }
        }
        // Half of the sources have been here before, so that affinity sets are not empty.
        if random.random.chance(50) { _ = world.verdict(probe, node: node, random: random.random.next()) }
        let (byRules, ways) = explained(&world, probe, node)
        let byLookup = compiled(&world, probe, node, ways: ways)
        if !agree(byRules, byLookup) { return "node \(node) \(probe):\nrules \(byRules)\nlookup \(byLookup)" }
        for fate in byLookup.keys {
          coverage.kinds[fate.kind, default: 0] += 1
          coverage.reasons[fate.reason, default: 0] += 1
          coverage.affinity += fate.viaAffinity ? 1 : 0
          coverage.masqueraded += fate.masquerade ? 1 : 0
          if fate.kind == .forward && world.fleet.backend(fate.backend).address == probe.flow.source {
            coverage.hairpins += 1
          }
        }
      }
    }
    return nil
  }

  @Test(arguments: [36, 35])
  func lookupAndRulesGiveTheSameDistributionInRandomWorlds(minorVersion: Int) {
    var coverage = Coverage()
    for seed in 1...UInt64(1500) {
      var random = RandomWorld(seed: seed)
      var services: [Service] = []
      var world = random.buildNftables(&services, minorVersion: minorVersion)
      var failure = Self.compare(&world, &random, probes: 3, &coverage)
      for _ in 0..<2 where failure == nil {
        random.mutate(&world, &services)
        world.run(for: .milliseconds(Int64(random.random.below(160))))
        failure = Self.compare(&world, &random, probes: 2, &coverage)
      }
      #expect(failure == nil, "seed \(seed), 1.\(minorVersion): \(failure ?? "")")
      if failure != nil { return }
    }
    for kind in VerdictKind.allCases { #expect(coverage.kinds[kind, default: 0] > 200, "\(kind)") }
    let reasons: [VerdictReason] = [
      .none, .noEndpoints, .localPolicy, .sourceRange, .nodePortAddress, .unknownPort, .unallocatedAddress,
    ]
    for reason in reasons { #expect(coverage.reasons[reason, default: 0] > 50, "\(reason)") }
    #expect(coverage.affinity > 100)
    #expect(coverage.masqueraded > 500)
    #expect(coverage.hairpins > 100)
  }
}

extension RandomWorld {
  /// Four Services on three nodes in nftables mode, converged; some endpoints have addresses of nodes, of
  /// probes' sources or of other Services.
  mutating func buildNftables(_ services: inout [Service], minorVersion: Int) -> ProxyWorld {
    let all = nodes().map { node in
      var node = node
      node.settings.mode = .nftables
      if random.chance(10) { node.settings.nodePortAddresses = [IPv4CIDR("0.0.0.0/0")!] }
      return node
    }
    let ranges = random.chance(80) ? [IPv4CIDR("172.30.0.0/16")!] : []
    var world = ProxyWorld(
      nodes: all, minorVersion: minorVersion,
      serviceCIDRs: random.chance(20) ? ranges + [IPv4CIDR("10.200.0.0/16")!] : ranges)
    for id in 0..<4 {
      services.append(service(id))
      world.put(id, services[id])
      var slices = slices(for: services[id])
      for i in slices[0].endpoints.indices where random.chance(20) {
        slices[0].endpoints[i].addresses = [
          random.pick([
            "192.168.0.2", "192.168.0.3", "172.30.0.11", "80.11.12.10", "10.180.0.3", "10.180.1.5",
          ])
        ]
        if random.chance(50) { slices[0].ports[0].port = random.pick([80, 443, 30001]) }
      }
      world.put(id, slices: slices)
    }
    world.converge()
    return world
  }
}
