// SPDX-License-Identifier: GPL-3.0-or-later
//
// The compiled lookup does what the rules do, packet by packet, with the same
// probabilities, in random worlds, between the two commits of a sync too.

import Cluster
import Foundation
import NetworkTypes
import SimKernel
import Testing

@testable import Proxy

/// What can become of a packet, as both ways of asking tell it.
private struct Fate: Hashable {
  var kind: VerdictKind
  var isSourceRange = false
  var servicePort = ServicePortID.none
  var backend = BackendID.none
  var masquerade = false
  var viaAffinity = false
  /// Rules walked in the chains of Service ports; 0 where it is not compared.
  var chainRules = 0
}

private typealias Distribution = [Fate: IptablesInterpreter.Share]

private func add(_ fate: Fate, _ share: IptablesInterpreter.Share, to distribution: inout Distribution) {
  distribution[fate] = distribution[fate].map { $0 + share } ?? share
}

extension ProxyWorld {
  fileprivate mutating func interpreted(
    _ probe: Probe, _ node: Int, _ rules: IptablesRuleset, comparesRules: Bool
  ) -> Distribution {
    // What affinity lists hold for this source, taken out before the closure needs it.
    var seen: [UInt32] = []
    let flow = probe.flow
    let since = now - .seconds(100)
    for port in 0..<fleet.history.heads.count {
      fleet.recent.chains(
        node: UInt32(node), port: PortNameID(port), source: flow.source, since: since, into: &seen)
    }
    var chainOf: [BackendID: UInt32] = [:]
    for id in 0..<fleet.backendCount {
      chainOf[BackendID(id)] = fleet.history.backends.target(BackendID(id)).chain
    }
    let interpreter = IptablesInterpreter(
      rules: rules, localAddresses: fleet.processes[node].addresses
    ) { list, _, within in
      guard case .endpoint(_, let backend) = list, let chain = chainOf[backend] else { return false }
      return within == .seconds(100) && seen.contains(chain)
    }
    var distribution: Distribution = [:]
    for (walk, share) in interpreter.allWalks(flow, origin: origin(of: probe)) {
      var fate = Fate(kind: walk.kind)
      if walk.kind != .notProxied { fate.servicePort = walk.servicePort }
      fate.isSourceRange = walk.steps.last?.chain == .proxyFirewall && walk.kind == .drop
      if walk.kind == .forward {
        fate.backend = walk.backend
        fate.masquerade = walk.masquerade
        fate.viaAffinity = walk.viaAffinity
        // One rule of PREROUTING or OUTPUT leads into the dispatch chains.
        fate.chainRules = comparesRules ? walk.rulesWalked - walk.dispatchRulesWalked - 1 : 0
      }
      add(fate, share, to: &distribution)
    }
    return distribution
  }

  fileprivate mutating func compiled(_ probe: Probe, _ node: Int, comparesRules: Bool) -> Distribution {
    var state = fleet.tables[node]
    let flow = probe.flow
    // Without other Services' rules a walk has only its own.
    state.nat.totals = RuleTotals()
    func verdict(_ random: UInt64, _ fleet: inout ProxyFleet, _ origin: FlowOrigin, _ now: SimTime) -> Verdict
    {
      let packet = Packet(
        flow: flow, origin: origin, node: UInt32(node), at: now, random: random, stamps: false)
      return fleet.verdict(packet, nat: state.nat, filter: state.filter)
    }
    let origin = origin(of: probe)
    let first = verdict(0, &fleet, origin, now)
    let count = first.kind == .forward ? fleet.candidates(first.candidates).count : 1
    var distribution: Distribution = [:]
    for position in 0..<count {
      let random = UInt64.max / UInt64(count) * UInt64(position) + UInt64.max / UInt64(2 * count)
      let verdict = verdict(random, &fleet, origin, now)
      var fate = Fate(kind: verdict.kind)
      if verdict.kind != .notProxied { fate.servicePort = verdict.servicePort }
      fate.isSourceRange = verdict.kind == .drop && verdict.reason == .sourceRange
      if verdict.kind == .forward {
        fate.backend = verdict.backend
        fate.masquerade = verdict.masquerade
        fate.viaAffinity = verdict.viaAffinity
        fate.chainRules = comparesRules ? Int(verdict.rulesWalked) - dispatchRules(probe, node) : 0
      }
      add(fate, IptablesInterpreter.Share(numerator: 1, denominator: count), to: &distribution)
    }
    return distribution
  }

  /// Dispatch rules of a world whose only Service port is the one that matches.
  private func dispatchRules(_ probe: Probe, _ node: Int) -> Int {
    guard isNodePort(probe) else { return 1 }
    let eyes = fleet.eyes[Int(fleet.tables[node].nat.eyes)]
    return 1 + (eyes.localhostNodePorts && !address(probe.to).isLoopback ? 2 : 1)
  }

  fileprivate func isNodePort(_ probe: Probe) -> Bool { probe.port >= 30000 }

  /// No two Service ports ever claimed this destination, nor does its node port follow other claims.
  fileprivate func isUnshared(_ probe: Probe) -> Bool {
    let key =
      isNodePort(probe)
      ? Frontend.key(.unspecified, UInt16(probe.port), probe.transport)
      : Frontend.key(address(probe.to), UInt16(probe.port), probe.transport)
    let frontend = fleet.history.frontends.find(key)
    return frontend != .max && !fleet.history.frontendHeads[Int(frontend)].isShared
  }
}

@Suite struct CompiledLookupTests {
  /// Test cases that run side by side, each with its share of the worlds.
  private static let shares = 16
  /// SIM_RANDOM_WORLDS=100000 swift test --filter CompiledLookupTests makes a long run.
  private static var worlds: Int {
    ProcessInfo.processInfo.environment["SIM_RANDOM_WORLDS"].flatMap { Int($0) } ?? 4000
  }

  /// Fates met over all worlds, so that a blind comparison would show.
  private struct Coverage {
    var kinds: [VerdictKind: Int] = [:]
    var affinity = 0
    var masqueraded = 0
    var betweenCommits = 0
    var sourceRange = 0
    var packets = 0
  }

  private static func compare(
    _ world: inout ProxyWorld, _ random: inout RandomWorld, probes: Int, _ coverage: inout Coverage
  ) -> String? {
    for node in 0..<3 {
      let rules = world.fleet.iptablesRules(of: NodeID(node))
      for number in 0..<probes {
        let probe = random.probe()
        // Half of the sources have been here before, so that affinity lists are not empty.
        if random.random.chance(50) { _ = world.verdict(probe, node: node, random: random.random.next()) }
        let comparesRules = world.isUnshared(probe)
        let byRules = world.interpreted(probe, node, rules, comparesRules: comparesRules)
        let byLookup = world.compiled(probe, node, comparesRules: comparesRules)
        if byRules != byLookup { return "node \(node) \(probe):\nrules \(byRules)\nlookup \(byLookup)" }
        // An explanation makes all rules anew.
        if number == node {
          let explained = world.explained(probe, node: node)
          let lookedUp = world.lookedUp(probe, node: node)
          if !agree(explained, lookedUp) {
            return "node \(node) \(probe):\nexplained \(explained)\nlookup \(lookedUp)"
          }
        }
        coverage.packets += 1
        for fate in byLookup.keys {
          coverage.kinds[fate.kind, default: 0] += 1
          coverage.affinity += fate.viaAffinity ? 1 : 0
          coverage.masqueraded += fate.masquerade ? 1 : 0
          coverage.sourceRange += fate.isSourceRange ? 1 : 0
        }
        coverage.betweenCommits += world.fleet.isBetweenCommits(NodeID(node)) ? 1 : 0
      }
    }
    return nil
  }

  /// One world through its life; nil, or what does not agree.
  private static func failure(seed: UInt64, _ coverage: inout Coverage) -> String? {
    var random = RandomWorld(seed: seed)
    var services: [Service] = []
    var world = random.build(&services)
    if let failure = compare(&world, &random, probes: 3, &coverage) { return failure }
    for _ in 0..<3 {
      random.mutate(&world, &services)
      // Somewhere before, between or after the commits of the sync that follows.
      world.run(for: .milliseconds(Int64(random.random.below(160))))
      if let failure = compare(&world, &random, probes: 2, &coverage) { return failure }
    }
    return nil
  }

  /// Four thousand worlds by default, the seeds 0 ..< 4000.
  @Test("lookup, rules and explanation give the same distribution in random worlds", arguments: 0..<shares)
  func agreement(share: Int) {
    var coverage = Coverage()
    let count = (Self.worlds + Self.shares - 1) / Self.shares
    for seed in (share * count)..<((share + 1) * count) {
      let failure = Self.failure(seed: UInt64(seed), &coverage)
      #expect(failure == nil, "seed \(seed): \(failure ?? "")")
      if failure != nil { return }
    }
    guard count >= 100 else { return }
    for kind in VerdictKind.allCases { #expect(coverage.kinds[kind, default: 0] > count / 2, "\(kind)") }
    #expect(coverage.affinity > count / 20)
    #expect(coverage.masqueraded > count)
    #expect(coverage.betweenCommits > count / 3)
    #expect(coverage.sourceRange > count / 40)
    #expect(coverage.packets == count * 27)
  }
}
