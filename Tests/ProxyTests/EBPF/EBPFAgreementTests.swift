// SPDX-License-Identifier: GPL-3.0-or-later
//
// The compiled eBPF lookup does what the maps do, entry by entry, with the same
// probabilities, in random worlds with all settings, full maps among them.

import Cluster
import NetworkTypes
import SimKernel
import Testing

@testable import Proxy

extension RandomWorld {
  fileprivate mutating func agent(_ settings: ProxySettings) -> ProxySettings {
    var s = settings
    s.mode = .ebpf
    s.ebpf.algorithm = random.pick([.random, .maglev])
    s.ebpf.maglevTableSize = 251
    s.ebpf.forwarding = random.pick([.snat, .dsr, .hybrid])
    s.ebpf.externalClusterIP = random.chance(30)
    s.ebpf.serviceTopology = random.chance(30)
    s.ebpf.externalIPMitigation = random.chance(60)
    s.ebpf.noBackendResponse = random.pick([.reject, .drop])
    if random.chance(15) { s.ebpf.maps.services = 1 + random.below(40) }
    if random.chance(10) { s.ebpf.maps.backends = 1 + random.below(10) }
    return s
  }

  fileprivate mutating func buildEBPF(_ services: inout [Service]) -> ProxyWorld {
    let plain = nodes()
    var list: [ProxyNode] = []
    for node in plain {
      var node = node
      node.settings = agent(node.settings)
      list.append(node)
    }
    var world = ProxyWorld(nodes: list)
    for id in 0..<4 {
      services.append(service(id))
      world.put(id, services[id])
      world.put(id, slices: slices(for: services[id]))
    }
    world.converge()
    return world
  }
}

extension ProxyWorld {
  fileprivate mutating func compiled(_ probe: Probe, _ node: Int) -> OutcomeDistribution {
    let state = fleet.tables[node]
    let origin = origin(of: probe)
    func verdict(_ random: UInt64, _ fleet: inout ProxyFleet, _ now: SimTime) -> Verdict {
      let packet = Packet(
        flow: probe.flow, origin: origin, node: UInt32(node), at: now, random: random, stamps: false)
      return fleet.verdict(packet, nat: state.nat, filter: state.filter)
    }
    let first = verdict(0, &fleet, now)
    let count = first.kind == .forward ? fleet.candidates(first.candidates).count : 1
    var fates: OutcomeDistribution = [:]
    for position in 0..<count {
      let random = UInt64.max / UInt64(count) * UInt64(position) + UInt64.max / UInt64(2 * count)
      fates[Outcome(verdict(random, &fleet, now), inFull: true), default: 0] += 1 / Double(count)
    }
    return fates
  }
}

@Suite struct EBPFAgreementTests {
  /// Fates met over all worlds, so that a blind comparison would show.
  private struct Coverage {
    var kinds: [VerdictKind: Int] = [:]
    var reasons: [VerdictReason: Int] = [:]
    var affinity = 0
    var masqueraded = 0
    var atSocket = 0
  }

  private static func compare(
    _ world: inout ProxyWorld, _ random: inout RandomWorld, probes: Int, _ coverage: inout Coverage
  ) -> String? {
    for node in 0..<3 {
      for _ in 0..<probes {
        let probe = random.probe()
        if random.random.chance(50) { _ = world.verdict(probe, node: node, random: random.random.next()) }
        let byMaps = world.explained(probe, node: node, inFull: true)
        let byLookup = world.compiled(probe, node)
        if !agree(byMaps, byLookup) {
          return "node \(node) \(probe):\nmaps \(byMaps)\nlookup \(byLookup)"
        }
        for fate in byLookup.keys {
          coverage.kinds[fate.kind, default: 0] += 1
          coverage.reasons[fate.reason, default: 0] += 1
          coverage.affinity += fate.viaAffinity ? 1 : 0
          coverage.masqueraded += fate.masquerade ? 1 : 0
          coverage.atSocket += fate.isAtSocket ? 1 : 0
        }
      }
    }
    return nil
  }

  @Test func lookupAndMapsGiveTheSameDistributionInRandomWorlds() {
    var coverage = Coverage()
    for seed in 1...UInt64(1500) {
      var random = RandomWorld(seed: seed)
      var services: [Service] = []
      var world = random.buildEBPF(&services)
      var failure = Self.compare(&world, &random, probes: 6, &coverage)
      for _ in 0..<3 where failure == nil {
        random.mutate(&world, &services)
        world.run(for: .milliseconds(Int64(random.random.below(250))))
        failure = Self.compare(&world, &random, probes: 4, &coverage)
      }
      #expect(failure == nil, "seed \(seed): \(failure ?? "")")
      if failure != nil { return }
    }
    for kind in VerdictKind.allCases { #expect(coverage.kinds[kind, default: 0] > 500, "\(kind)") }
    for reason in [
      VerdictReason.noEndpoints, .localPolicy, .sourceRange, .nodePortAddress, .mapFull,
    ] {
      #expect(coverage.reasons[reason, default: 0] > 50, "\(reason)")
    }
    #expect(coverage.affinity > 100)
    #expect(coverage.masqueraded > 100)
    #expect(coverage.atSocket > 5000)
  }
}
