// SPDX-License-Identifier: GPL-3.0-or-later
//
// The compiled look-up does what sets, rules and virtual servers say one by one, in random worlds, with every
// scheduler, while real servers drain and connections come and go.

import Cluster
import NetworkTypes
import SimKernel
import Testing

@testable import Proxy

@Suite struct IPVSLookupTests {
  private struct Coverage {
    var kinds: [VerdictKind: Int] = [:]
    var reasons: [VerdictReason: Int] = [:]
    var masqueraded = 0
    var affinity = 0
    var severalWays = 0
    var draining = 0
  }

  /// A packet is explained and then decided; the decision must be one of the ways.
  private static func compare(
    _ world: inout ProxyWorld, _ random: inout RandomWorld, probes: Int, _ sent: inout [Probe],
    _ coverage: inout Coverage
  ) -> String? {
    for node in 0..<3 {
      for _ in 0..<probes {
        // Clients come back, sometimes by a port that they had before.
        let probe = random.random.chance(60) && !sent.isEmpty ? random.random.pick(sent) : random.probe()
        var flow = probe.flow
        flow.sourcePort = UInt16(40000 + random.random.below(6))
        let origin = world.origin(of: probe)
        let explanation = world.fleet.explain(node: NodeID(node), flow: flow, origin: origin, at: world.now)
        let verdict = world.fleet.decide(
          node: NodeID(node), flow: flow, origin: origin, at: world.now, random: random.random.next())
        let total = explanation.branches.reduce(0) { $0 + $1.probability }
        if abs(total - 1) > 1e-9 { return "\(probe): probabilities add up to \(total)" }
        if !explanation.branches.contains(where: { isSame($0.verdict, verdict) }) {
          return "node \(node) \(flow) \(origin)\n\(verdict)\nnot among \(explanation.branches)"
        }
        let broken = world.fleet.hasIPVS(node) ? world.fleet.ipvs[node]!.brokenInvariants() : []
        if !broken.isEmpty { return "node \(node): \(broken)" }
        // Half of the connections get on.
        if verdict.isScheduled, random.random.chance(50) {
          _ = world.fleet.scheduledPacket(
            node: NodeID(node), flow: flow, probe.transport == .udp ? .datagram : .ack, isReply: false,
            isError: false, conntrackReopens: false, at: world.now)
        }
        note(verdict, explanation, &coverage)
        if verdict.kind == .forward { sent.append(probe) }
      }
      if world.fleet.hasIPVS(node) {
        coverage.draining += world.fleet.ipvs[node]!.virtualServers.reduce(0) { $0 + $1.draining.count }
      }
    }
    return nil
  }

  private static func note(
    _ verdict: Verdict, _ explanation: DecisionExplanation, _ coverage: inout Coverage
  ) {
    coverage.kinds[verdict.kind, default: 0] += 1
    coverage.reasons[verdict.reason, default: 0] += 1
    coverage.masqueraded += verdict.masquerade ? 1 : 0
    coverage.affinity += verdict.viaAffinity ? 1 : 0
    coverage.severalWays += explanation.branches.count > 1 ? 1 : 0
  }

  private static func isSame(_ a: Verdict, _ b: Verdict) -> Bool {
    guard a.kind == b.kind, a.reason == b.reason else { return false }
    guard a.rulesWalked == b.rulesWalked, a.lookups == b.lookups else { return false }
    guard a.kind == .forward else { return true }
    return a.backend == b.backend && a.masquerade == b.masquerade && a.servicePort == b.servicePort
      && a.address == b.address && a.port == b.port && a.viaAffinity == b.viaAffinity
      && a.candidates == b.candidates
  }

  @Test(arguments: IPVSScheduler.allCases)
  func lookupAndRulesAgreeInRandomWorlds(_ scheduler: IPVSScheduler) {
    var coverage = Coverage()
    for seed in 1...UInt64(120) {
      var random = RandomWorld(seed: seed, mode: .ipvs)
      let kernel = random.random.pick([KernelVersion(4, 15), KernelVersion(5, 4), KernelVersion(6, 1)])
      random.change = {
        $0.ipvs.scheduler = scheduler
        $0.ipvs.kernelVersion = kernel
      }
      var services: [Service] = []
      var sent: [Probe] = []
      var world = random.build(&services)
      var failure = Self.compare(&world, &random, probes: 10, &sent, &coverage)
      for _ in 0..<4 where failure == nil {
        random.mutate(&world, &services)
        world.run(for: .milliseconds(Int64(random.random.below(90_000))))
        failure = Self.compare(&world, &random, probes: 10, &sent, &coverage)
      }
      #expect(failure == nil, "seed \(seed): \(failure ?? "")")
      if failure != nil { return }
    }
    for kind in VerdictKind.allCases { #expect(coverage.kinds[kind, default: 0] > 50, "\(kind)") }
    for reason in [VerdictReason.noEndpoints, .localPolicy, .sourceRange, .unknownPort, .nodePortAddress] {
      #expect(coverage.reasons[reason, default: 0] > 0, "\(reason)")
    }
    #expect(coverage.masqueraded > 100)
    #expect(coverage.affinity > 100)
    #expect(coverage.draining > 20)
    if scheduler == .twos { #expect(coverage.severalWays > 100) }
    if [.sh, .dh, .mh].contains(scheduler) {
      #expect(coverage.reasons[.noDestination, default: 0] > 5)
    }
  }

  @Test func underRoundRobinServersGetTheSameNumberOfConnectionsButForOne() {
    for seed in 1...UInt64(20) {
      var random = RandomWorld(seed: seed, mode: .ipvs)
      var services: [Service] = []
      var world = random.build(&services)
      for id in services.indices where services[id].spec.sessionAffinity != "ClientIP" {
        var counts: [BackendID: Int] = [:]
        let port = services[id].spec.ports[0]
        for i in 0..<(20 + random.random.below(30)) {
          var probe = Probe(from: "10.0.0.2", to: services[id].spec.clusterIP!, port: Int(port.port))
          if port.protocol == "UDP" { probe.transport = .udp }
          var flow = probe.flow
          flow.sourcePort = UInt16(41000 + i)
          let verdict = world.fleet.decide(
            node: NodeID(0), flow: flow, origin: .pod, at: world.now, random: random.random.next())
          if verdict.kind == .forward { counts[verdict.backend, default: 0] += 1 }
          let candidates = world.fleet.candidates(verdict.candidates)
          for backend in candidates { counts[backend, default: 0] += 0 }
        }
        let spread = (counts.values.max() ?? 0) - (counts.values.min() ?? 0)
        #expect(spread <= 1, "seed \(seed), Service \(id): \(counts)")
      }
    }
  }
}
