// SPDX-License-Identifier: GPL-3.0-or-later
//
// What can become of a packet, with probabilities, asked in two ways that must agree in every mode: of the
// explanation (the rules, one by one) and of the compiled lookup that packets use.

import Cluster
import NetworkTypes
import SimKernel
import Testing

@testable import Proxy

/// What can become of a packet, as both ways of asking tell it.
struct Outcome: Hashable {
  var kind: VerdictKind
  var reason: VerdictReason
  var servicePort: ServicePortID
  var backend: BackendID
  var address: IPv4Address
  var port: UInt16
  var masquerade: Bool
  var viaAffinity: Bool
  var isAtSocket: Bool
  var returnsDirectly: Bool
  /// Between which backends it chose, and the work that it took; none where that is not compared.
  var candidates: CandidateSetID
  var rules: UInt32
  var lookups: UInt16

  /// - Parameter inFull: false in iptables mode, whose lookup knows the expected place of a Service in the
  ///   dispatch chains, not its place.
  init(_ verdict: Verdict, inFull: Bool = false) {
    kind = verdict.kind
    reason = verdict.reason
    servicePort = verdict.servicePort
    let isForwarded = verdict.kind == .forward
    backend = isForwarded ? verdict.backend : .none
    address = isForwarded ? verdict.address : .unspecified
    port = isForwarded ? verdict.port : 0
    masquerade = isForwarded && verdict.masquerade
    viaAffinity = isForwarded && verdict.viaAffinity
    isAtSocket = verdict.isAtSocket
    returnsDirectly = verdict.returnsDirectly
    candidates = inFull ? verdict.candidates : .none
    rules = inFull ? verdict.rulesWalked : 0
    lookups = inFull ? verdict.lookups : 0
  }
}

typealias OutcomeDistribution = [Outcome: Double]

extension ProxyWorld {
  mutating func explained(_ probe: Probe, node: Int, inFull: Bool = false) -> OutcomeDistribution {
    var distribution: OutcomeDistribution = [:]
    let explanation = fleet.explain(node: NodeID(node), flow: probe.flow, origin: origin(of: probe), at: now)
    for branch in explanation.branches {
      #expect(branch.verdict.kind == .notProxied || !branch.steps.isEmpty, "\(probe): decided by nothing")
      distribution[Outcome(branch.verdict, inFull: inFull), default: 0] += branch.probability
    }
    return distribution
  }

  /// Of a lookup whose `random` chooses between `candidates` with equal chances.
  mutating func lookedUp(_ probe: Probe, node: Int) -> OutcomeDistribution {
    let state = fleet.tables[node]
    let origin = origin(of: probe)
    var packet = Packet(
      flow: probe.flow, origin: origin, node: UInt32(node), at: now, random: 0, stamps: false)
    let first = fleet.verdict(packet, nat: state.nat, filter: state.filter)
    let count = first.kind == .forward ? max(1, fleet.candidates(first.candidates).count) : 1
    var distribution: OutcomeDistribution = [:]
    for position in 0..<count {
      packet.random = UInt64.max / UInt64(count) * UInt64(position) + UInt64.max / UInt64(2 * count)
      let verdict = fleet.verdict(packet, nat: state.nat, filter: state.filter)
      distribution[Outcome(verdict), default: 0] += 1 / Double(count)
    }
    return distribution
  }
}

/// Equal but for rounding.
func agree(_ a: OutcomeDistribution, _ b: OutcomeDistribution) -> Bool {
  guard a.count == b.count else { return false }
  return a.allSatisfy { outcome, probability in abs((b[outcome] ?? 0) - probability) < 1e-9 }
}
