// SPDX-License-Identifier: GPL-3.0-or-later
//
// The compiled form of the iptables rules: what a packet meets, without walking rule by rule. It must agree
// with IptablesRules + IptablesInterpreter; a property test compares them.
//
// `rulesWalked` counts rules of the nat table up to the DNAT. In chains of Service ports it is exact. In
// the dispatch chains it is the rank that is to be expected of a Service port with this place in the order,
// not the rank itself, which would take a sort per sync (WalkCostTests compares them). The filter table's
// rules and POSTROUTING's are few and much the same for all packets; they are not counted.
//
//   nat  PREROUTING, OUTPUT -> KUBE-SERVICES -> SVC | SVL | EXT | FW -> ... -> SEP -> DNAT
//                                     '-- destination LOCAL -> KUBE-NODEPORTS -> EXT
//   filter (only what nat left alone)
//        FORWARD: PROXY-FIREWALL, SERVICES, EXTERNAL-SERVICES     INPUT: PROXY-FIREWALL, EXTERNAL-SERVICES
//        OUTPUT:  PROXY-FIREWALL, SERVICES (then INPUT, if the destination is local)

import Cluster
import NetworkTypes
import SimKernel

/// A claim with its place in the arbitrary order of Service ports.
struct OrderedClaim {
  var claim: Claim
  var order: UInt64
}

extension ProxyFleet {
  mutating func iptablesVerdict(
    _ packet: Packet, nat: TableState, filter: TableState
  ) -> Verdict {
    let flow = packet.flow
    var verdict = Verdict(kind: .notProxied)
    let key = Frontend.key(flow.destination, flow.destinationPort, flow.transport)
    if translate(key, packet, nat, &verdict) { return verdict }
    let isLocal = self.isLocal(flow.destination, tables[Int(packet.node)])
    let nodePortKey = Frontend.key(.unspecified, flow.destinationPort, flow.transport)
    verdict.rulesWalked = UInt32(nat.totals.dispatch) + 1
    let natEyes = eyes[Int(nat.eyes)]
    // Nobody claims the destination, as of most packets that come to a pod: no rule of either table can
    // match.
    if !isLocal, natEyes.acceptsAnyNodePortAddress, history.frontends.find(key) == .max { return verdict }
    let takesNodePort = acceptsNodePort(flow.destination, isLocal: isLocal, natEyes)
    if takesNodePort {
      if translate(nodePortKey, packet, nat, &verdict) { return verdict }
      verdict.rulesWalked += UInt32(nat.totals.nodePorts) * (natEyes.localhostNodePorts ? 2 : 1)
    }
    if filter.eyes >= 0, filterOut(packet, key, nodePortKey, isLocal: isLocal, filter, &verdict) {
      return verdict
    }
    if isLocal && !takesNodePort { explainNodePort(nodePortKey, nat, &verdict) }
    return verdict
  }

  /// Whether the last rule of KUBE-SERVICES sends a destination to KUBE-NODEPORTS.
  func acceptsNodePort(_ address: IPv4Address, isLocal: Bool, _ eyes: NodeEyes) -> Bool {
    if eyes.acceptsAnyNodePortAddress { return isLocal && (eyes.localhostNodePorts || !address.isLoopback) }
    return nodePortAddresses(eyes).contains(address)
  }

  // MARK: nat

  /// Tries the nat rules of one frontend; true if one of them rewrote the packet.
  @inline(__always)
  private mutating func translate(
    _ key: UInt64, _ packet: Packet, _ nat: TableState, _ verdict: inout Verdict
  ) -> Bool {
    let frontend = history.frontends.find(key)
    if frontend == .max { return false }
    let head = history.frontendHeads[Int(frontend)]
    if head.isShared { return translateShared(head, packet, nat, &verdict) }
    var index = head.latest
    while index >= 0 {
      let claim = history.claims[Int(index)]
      if claim.isActive(at: nat.services) { return enter(claim, packet, nat, &verdict) }
      index = claim.previous
    }
    return false
  }

  /// Several Service ports claim the frontend: rules are tried in their order.
  @inline(never)
  private mutating func translateShared(
    _ head: FrontendHead, _ packet: Packet, _ nat: TableState, _ verdict: inout Verdict
  ) -> Bool {
    var ordered = activeClaims(head, nat)
    for candidate in ordered where enter(candidate.claim, packet, nat, &verdict) {
      ordered.removeAll(keepingCapacity: true)
      swap(&claimScratch, &ordered)
      return true
    }
    ordered.removeAll(keepingCapacity: true)
    swap(&claimScratch, &ordered)
    return false
  }

  /// Claims in the order of their rules; takes `claimScratch` away, which the caller puts back.
  mutating func activeClaims(_ head: FrontendHead, _ table: TableState) -> [OrderedClaim] {
    var found: [OrderedClaim] = []
    swap(&found, &claimScratch)
    var index = head.latest
    while index >= 0 {
      let claim = history.claims[Int(index)]
      if claim.isActive(at: table.services) {
        found.append(OrderedClaim(claim: claim, order: dispatchOrder(claim.portName, table.orderKey)))
      }
      index = claim.previous
    }
    found.sort {
      ($0.order, $0.claim.portName, $0.claim.kind) < ($1.order, $1.claim.portName, $1.claim.kind)
    }
    return found
  }

  /// One of the rules that jump from a dispatch chain; true if the packet was rewritten behind it.
  @inline(__always)
  private mutating func enter(
    _ claim: Claim, _ packet: Packet, _ nat: TableState, _ verdict: inout Verdict
  ) -> Bool {
    let natEyes = eyes[Int(nat.eyes)]
    let plan = self.plan(claim.portName, nat, locality: natEyes.locality)
    guard plan.traits.contains(.hasEndpoints) else { return false }
    var walked: UInt32 = 0
    let entered: Bool
    if claim.kind == .clusterIP {
      guard plan.traits.contains(.hasInternal) else { return false }
      let isMasqueraded =
        natEyes.masqueradesAll || (natEyes.hasDetector && !natEyes.isPod(packet.flow.source))
      verdict.masquerade = isMasqueraded
      walked = isMasqueraded ? 1 : 0
      let isLocalChain = plan.traits.contains(.internalLocal)
      choose(isLocalChain: isLocalChain, plan, packet, natEyes, &walked, &verdict)
      entered = true
    } else {
      if claim.kind == .loadBalancer && plan.traits.contains(.usesFirewall),
        !passesFirewall(plan, packet, natEyes, &walked)
      {
        return false
      }
      entered = enterExternal(plan, packet, natEyes, &walked, &verdict)
    }
    guard entered else { return false }
    verdict.kind = .forward
    verdict.servicePort = plan.servicePort
    verdict.rulesWalked = walked + dispatchPosition(claim, nat, natEyes, packet.flow.destination)
    return true
  }

  /// KUBE-FW: loadBalancerSourceRanges (FACTS C8).
  private func passesFirewall(
    _ plan: PortPlan, _ packet: Packet, _ eyes: NodeEyes, _ walked: inout UInt32
  ) -> Bool {
    guard let spec = history.specs[Int(plan.spec)] else { return true }
    let source = packet.flow.source
    for range in spec.sourceRanges {
      walked += 1
      if range.contains(source) { return true }
    }
    // A cloud may loop a node's packet to the VIP back with the VIP as its source.
    guard spec.sourceRanges.contains(where: { $0.contains(eyes.nodeIP) }) else { return false }
    for vip in spec.loadBalancerVIPs {
      walked += 1
      if vip == source { return true }
    }
    return false
  }

  /// KUBE-EXT: masquerade and short circuits of external traffic (FACTS C7).
  @inline(__always)
  private mutating func enterExternal(
    _ plan: PortPlan, _ packet: Packet, _ eyes: NodeEyes, _ walked: inout UInt32,
    _ verdict: inout Verdict
  ) -> Bool {
    let source = packet.flow.source
    var isLocalChain = false
    if !plan.traits.contains(.externalLocal) {
      verdict.masquerade = true
      walked += 3
    } else if eyes.isPod(source) {
      verdict.masquerade = false
      walked += 1
    } else {
      walked += eyes.hasDetector ? 1 : 0
      if isLocal(source, tables[Int(packet.node)]) {
        verdict.masquerade = true
        walked += 3
      } else {
        guard plan.traits.contains(.hasExternal) else { return false }
        verdict.masquerade = false
        walked += 3
        isLocalChain = true
      }
    }
    choose(isLocalChain: isLocalChain, plan, packet, eyes, &walked, &verdict)
    return true
  }

  /// A policy chain and the endpoint chain behind it.
  @inline(__always)
  private mutating func choose(
    isLocalChain: Bool, _ plan: PortPlan, _ packet: Packet, _ eyes: NodeEyes,
    _ walked: inout UInt32, _ verdict: inout Verdict
  ) {
    let set = isLocalChain ? plan.local : plan.cluster
    assert(!set.isNone, "a policy chain without endpoints")
    let count = candidateSets.count(set)
    if isLocalChain == plan.traits.contains(.internalLocal) && (eyes.masqueradesAll || eyes.hasDetector) {
      // The masquerade rule of cluster IP traffic heads the chain of the internal policy.
      walked += 1
    }
    var position = packet.drawnPosition(of: count)
    var candidates = set
    verdict.viaAffinity = false
    if plan.affinity > .zero {
      let remembered = self.remembered(set, plan, packet)
      if remembered != .max {
        position = remembered
        verdict.viaAffinity = true
        candidates = candidateSets.singleton(candidateSets.member(set, position))
      } else {
        walked += count
      }
    }
    let backend = candidateSets.member(set, position)
    let target = history.backends.target(backend)
    if plan.affinity > .zero && packet.stamps {
      recent.stamp(
        node: packet.node, port: history.backends.portNames[backend.index], chain: target.chain,
        source: packet.flow.source, at: packet.at)
    }
    // Hairpin: an endpoint that reached itself must see another source (FACTS C7).
    let isHairpin = target.address == packet.flow.source
    verdict.masquerade = verdict.masquerade || isHairpin
    walked += position + 1 + (isHairpin ? 3 : 2)
    verdict.backend = backend
    verdict.candidates = candidates
    verdict.address = target.address
    verdict.port = target.port
  }

  /// Position in `set` of the first endpoint that saw this source lately, or UInt32.max.
  @inline(never)
  private mutating func remembered(
    _ set: CandidateSetID, _ plan: PortPlan, _ packet: Packet
  ) -> UInt32 {
    recent.chains(
      node: packet.node, port: history.backends.portNames[candidateSets.member(set, 0).index],
      source: packet.flow.source, since: packet.at - plan.affinity, into: &foundChains)
    if foundChains.isEmpty { return .max }
    defer { foundChains.removeAll(keepingCapacity: true) }
    return candidateSets.firstPosition(of: foundChains, in: set, history.backends)
  }

  // MARK: order and cost

  /// Rules of the dispatch chains up to and including the one that matched: the expected rank of a Service
  /// port with this place in the order, among all rules.
  @inline(__always)
  private func dispatchPosition(
    _ claim: Claim, _ nat: TableState, _ eyes: NodeEyes, _ destination: IPv4Address
  ) -> UInt32 {
    let order = dispatchOrder(claim.portName, nat.orderKey)
    func rank(_ rules: Int32) -> UInt32 {
      UInt32(truncatingIfNeeded: order.multipliedFullWidth(by: UInt64(max(0, rules))).high)
    }
    if claim.kind != .nodePort { return rank(nat.totals.dispatch) + 1 }
    let perPort: UInt32 = eyes.localhostNodePorts ? 2 : 1
    return UInt32(nat.totals.dispatch) + 1 + rank(nat.totals.nodePorts) * perPort
      + (destination.isLoopback ? 1 : perPort)
  }
}
