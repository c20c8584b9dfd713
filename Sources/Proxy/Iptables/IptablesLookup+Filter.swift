// SPDX-License-Identifier: GPL-3.0-or-later
//
// The filter table's share of the compiled lookup: REJECT and DROP of packets that nat left alone.

import Cluster
import NetworkTypes
import SimKernel

extension ProxyFleet {
  /// True if the packet is rejected or dropped.
  @inline(never)
  mutating func filterOut(
    _ packet: Packet, _ key: UInt64, _ nodePortKey: UInt64, isLocal: Bool, _ filter: TableState,
    _ verdict: inout Verdict
  ) -> Bool {
    if isLocal, isStrayLoopback(packet.flow, filter) {
      verdict.kind = .drop
      verdict.rulesWalked += 1
      return true
    }
    // A node's own packet passes OUTPUT and, if it is for the node itself, INPUT.
    let seesServices = packet.origin == .node || !isLocal
    let seesExternal = packet.origin != .node || isLocal
    if filterOut(
      key, filter, &verdict,
      { claim, plan in
        claim.kind == .loadBalancer && plan.traits.contains(.usesFirewall) ? .sourceRange : .none
      })
    {
      return true
    }
    if seesServices,
      filterOut(
        key, filter, &verdict,
        { claim, plan in
          claim.kind == .clusterIP ? Self.internalRefusal(plan) : .none
        })
    {
      return true
    }
    guard seesExternal else { return false }
    if filterOut(
      key, filter, &verdict,
      { claim, plan in
        claim.kind != .clusterIP ? Self.externalRefusal(plan) : .none
      })
    {
      return true
    }
    return isLocal && filterOut(nodePortKey, filter, &verdict) { _, plan in Self.externalRefusal(plan) }
  }

  /// KUBE-EXTERNAL-SERVICES alone, for a packet to an external address, a load balancer's or a node port.
  mutating func isRefusedExternally(
    _ packet: Packet, _ filter: TableState, _ verdict: inout Verdict
  ) -> Bool {
    guard filter.eyes >= 0 else { return false }
    let flow = packet.flow
    let key = Frontend.key(flow.destination, flow.destinationPort, flow.transport)
    let refused = filterOut(key, filter, &verdict) { claim, plan in
      claim.kind != .clusterIP ? Self.externalRefusal(plan) : .none
    }
    if refused { return true }
    guard isLocal(flow.destination, tables[Int(packet.node)]) else { return false }
    let nodePortKey = Frontend.key(.unspecified, flow.destinationPort, flow.transport)
    return filterOut(nodePortKey, filter, &verdict) { _, plan in Self.externalRefusal(plan) }
  }

  /// KUBE-FIREWALL: from another address to a loopback address, and no node port (FACTS C9).
  private func isStrayLoopback(_ flow: FlowTuple, _ filter: TableState) -> Bool {
    flow.destination.isLoopback && !flow.source.isLoopback && eyes[Int(filter.eyes)].localhostNodePorts
  }

  /// One filter chain: the first rule on this frontend that refuses.
  private mutating func filterOut(
    _ key: UInt64, _ filter: TableState, _ verdict: inout Verdict,
    _ refusal: (Claim, PortPlan) -> VerdictReason
  ) -> Bool {
    let frontend = history.frontends.find(key)
    if frontend == .max { return false }
    var ordered = activeClaims(history.frontendHeads[Int(frontend)], filter)
    defer {
      ordered.removeAll(keepingCapacity: true)
      swap(&claimScratch, &ordered)
    }
    let locality = eyes[Int(filter.eyes)].locality
    for candidate in ordered {
      let plan = self.plan(candidate.claim.portName, filter, locality: locality)
      let reason = refusal(candidate.claim, plan)
      if reason == .none { continue }
      verdict.kind = reason == .noEndpoints ? .reject : .drop
      verdict.reason = reason
      verdict.servicePort = plan.servicePort
      verdict.rulesWalked += 1
      return true
    }
    return false
  }

  private static func internalRefusal(_ plan: PortPlan) -> VerdictReason {
    guard plan.traits.contains(.exists) else { return .none }
    if !plan.traits.contains(.hasEndpoints) { return .noEndpoints }
    return plan.traits.contains(.hasInternal) ? .none : .localPolicy
  }

  private static func externalRefusal(_ plan: PortPlan) -> VerdictReason {
    guard plan.traits.contains(.exists) else { return .none }
    if !plan.traits.contains(.hasEndpoints) { return .noEndpoints }
    return plan.traits.contains(.hasExternal) ? .none : .localPolicy
  }
}
