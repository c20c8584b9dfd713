// SPDX-License-Identifier: GPL-3.0-or-later
//
// The compiled form of the nftables rules: what a packet meets, without building the table. Every map and set
// of the kernel is one probe of the cluster's history here. It must agree with NftablesRules +
// NftablesInterpreter in verdict, probabilities, rules and lookups; a property test compares them.

import Cluster
import NetworkTypes
import SimKernel

/// A packet on its way through the hooks.
struct NftablesPassage {
  var verdict = Verdict(kind: .notProxied)
  /// Destination, translated or not.
  var address: IPv4Address
  var port: UInt16
  var isMarked = false
  var isTranslated = false

  /// Rules compared with and maps asked.
  @inline(__always) mutating func walk(rules: UInt32, lookups: UInt32 = 0) {
    verdict.rulesWalked += rules
    verdict.lookups = UInt16(clamping: UInt32(verdict.lookups) + lookups)
  }
}

/// An element that a map has for a packet.
struct NftablesHit {
  var claim: Claim
  var plan: PortPlan
}

/// `size` of an affinity set (golden/cluster/nftables): the kernel's default for dynamic sets.
let nftablesSetSize = 65535

extension ProxyFleet {
  mutating func nftablesVerdict(_ packet: Packet, _ table: TableState) -> Verdict {
    let flow = packet.flow
    var way = NftablesPassage(address: flow.destination, port: flow.destinationPort)
    if blocksSource(packet, table, &way) { return way.verdict }
    dispatch(packet, table, &way)
    let isForThisNode = isLocal(way.address, tables[Int(packet.node)])
    if packet.origin == .node {
      if refusesService(packet, table, &way) || refusesClusterIP(table, &way) { return way.verdict }
      masquerade(packet, table, &way)
      guard isForThisNode else { return way.verdict }
      // Over the loopback interface back in.
      if blocksSource(packet, table, &way) { return way.verdict }
    }
    if isForThisNode {
      if refusesNodePort(packet, table, &way) || refusesService(packet, table, &way) { return way.verdict }
      if way.verdict.kind == .notProxied { explainMissedNodePort(packet, table, &way.verdict) }
    } else {
      if refusesService(packet, table, &way) || refusesClusterIP(table, &way) { return way.verdict }
      masquerade(packet, table, &way)
    }
    return way.verdict
  }

  // MARK: maps

  /// The element that `map` has for the packet's present destination, by which Service port was written last.
  @inline(__always)
  private mutating func find(
    _ map: NftablesMap, _ packet: Packet, _ table: TableState, _ way: NftablesPassage
  ) -> NftablesHit? {
    let address = map.isAboutNodePorts ? .unspecified : way.address
    let frontend = history.frontends.find(Frontend.key(address, way.port, packet.flow.transport))
    if frontend == .max { return nil }
    let head = history.frontendHeads[Int(frontend)]
    let locality = eyes[Int(table.eyes)].locality
    var best: NftablesHit?
    var bestOrder: (UInt64, PortNameID) = (0, .none)
    var index = head.latest
    while index >= 0 {
      let claim = history.claims[Int(index)]
      index = claim.previous
      guard claim.isActive(at: table.services) else { continue }
      let plan = self.plan(claim.portName, table, locality: locality)
      guard has(map, claim, plan) else { continue }
      if !head.isShared { return NftablesHit(claim: claim, plan: plan) }
      let order = (dispatchOrder(claim.portName, table.orderKey), claim.portName)
      if best == nil || bestOrder < order {
        (best, bestOrder) = (NftablesHit(claim: claim, plan: plan), order)
      }
    }
    return best
  }

  /// Whether a claim makes an element of the map (NftablesServiceRules).
  private func has(_ map: NftablesMap, _ claim: Claim, _ plan: PortPlan) -> Bool {
    let traits = plan.traits
    switch map {
    case .firewallIPs:
      return claim.kind == .loadBalancer && history.spec(plan.spec)?.hasSourceRanges ?? false
    case .serviceIPs:
      return claim.kind == .clusterIP ? traits.contains(.hasInternal) : traits.contains(.hasEndpoints)
    case .serviceNodePorts: return traits.contains(.hasEndpoints)
    case .noEndpointServices:
      return !traits.contains(claim.kind == .clusterIP ? .hasInternal : .hasExternal)
    case .noEndpointNodePorts: return !traits.contains(.hasExternal)
    }
  }

  // MARK: checks

  private func refuse(
    _ kind: VerdictKind, _ reason: VerdictReason, _ port: ServicePortID, _ way: inout NftablesPassage
  ) {
    var verdict = Verdict(kind: kind, reason: reason, servicePort: port, rulesWalked: way.verdict.rulesWalked)
    verdict.lookups = way.verdict.lookups
    way.verdict = verdict
  }

  /// loadBalancerSourceRanges, ahead of the translation (FACTS C8).
  private mutating func blocksSource(
    _ packet: Packet, _ table: TableState, _ way: inout NftablesPassage
  ) -> Bool {
    way.walk(rules: 2, lookups: 1)
    guard let hit = find(.firewallIPs, packet, table, way),
      let accepted = history.spec(hit.plan.spec)?.acceptedSources(nodeIP: eyes[Int(table.eyes)].nodeIP)
    else { return false }
    way.walk(rules: 1, lookups: accepted.count > 1 ? 1 : 0)
    if accepted.contains(where: { $0.contains(packet.flow.source) }) { return false }
    refuse(.drop, .sourceRange, hit.plan.servicePort, &way)
    return true
  }

  /// FACTS C6.
  private mutating func refusesService(
    _ packet: Packet, _ table: TableState, _ way: inout NftablesPassage
  ) -> Bool {
    way.walk(rules: 2, lookups: 1)
    guard let hit = find(.noEndpointServices, packet, table, way) else { return false }
    refuse(hit, &way)
    return true
  }

  private mutating func refusesNodePort(
    _ packet: Packet, _ table: TableState, _ way: inout NftablesPassage
  ) -> Bool {
    way.walk(rules: 2)
    guard takesNodePort(packet, table, &way) else { return false }
    way.walk(rules: 0, lookups: 1)
    guard let hit = find(.noEndpointNodePorts, packet, table, way) else { return false }
    refuse(hit, &way)
    return true
  }

  private func refuse(_ hit: NftablesHit, _ way: inout NftablesPassage) {
    if hit.plan.traits.contains(.hasEndpoints) {
      refuse(.drop, .localPolicy, hit.plan.servicePort, &way)
    } else {
      // The rule of the chain that rejects.
      way.walk(rules: 1)
      refuse(.reject, .noEndpoints, hit.plan.servicePort, &way)
    }
  }

  /// What is still addressed to a cluster IP behind the translation has a port that its Service has not, and
  /// what is still addressed to the Service range has an address that no Service has (FACTS D2).
  private func refusesClusterIP(_ table: TableState, _ way: inout NftablesPassage) -> Bool {
    way.walk(rules: 2, lookups: 1)
    if history.isClusterIP(way.address, at: table.services) {
      refuse(.reject, .unknownPort, .none, &way)
      return true
    }
    let blocks = nftablesServiceCIDRs
    if blocks.isEmpty { return false }
    way.walk(rules: 1, lookups: blocks.count > 1 ? 1 : 0)
    guard blocks.contains(where: { $0.contains(way.address) }) else { return false }
    refuse(.drop, .unallocatedAddress, .none, &way)
    return true
  }

  /// Whether the destination is one that takes node ports; counts the lookup.
  private func takesNodePort(_ packet: Packet, _ table: TableState, _ way: inout NftablesPassage) -> Bool {
    let eyes = self.eyes[Int(table.eyes)]
    if eyes.acceptsAnyNodePortAddress {
      return !way.address.isLoopback && isLocal(way.address, tables[Int(packet.node)])
    }
    way.walk(rules: 0, lookups: 1)
    return nodePortAddresses(eyes).contains(way.address)
  }

  /// A packet to this node that would have met a node port, did nodePortAddresses cover its destination.
  private mutating func explainMissedNodePort(
    _ packet: Packet, _ table: TableState, _ verdict: inout Verdict
  ) {
    var unused = NftablesPassage(address: packet.flow.destination, port: packet.flow.destinationPort)
    if takesNodePort(packet, table, &unused) { return }
    explainNodePort(
      Frontend.key(.unspecified, packet.flow.destinationPort, packet.flow.transport), table, &verdict)
  }

  // MARK: masquerading

  /// The postrouting hook (FACTS C7).
  private mutating func masquerade(
    _ packet: Packet, _ table: TableState, _ way: inout NftablesPassage
  ) {
    way.walk(rules: 2)
    var isMasqueraded = way.isMarked
    if nftablesLayout == .endpointChains {
      if way.isMarked { way.walk(rules: 2) }
    } else if !way.isMarked {
      way.walk(rules: 1, lookups: way.isTranslated ? 1 : 0)
      isMasqueraded = way.isTranslated && packet.flow.source == way.address && isHairpin(packet, table, way)
    }
    way.verdict.masquerade = isMasqueraded && way.isTranslated
  }

  /// The hairpin set has endpoints of this node only, of whichever Service.
  @inline(never)
  private mutating func isHairpin(
    _ packet: Packet, _ table: TableState, _ way: NftablesPassage
  ) -> Bool {
    let locality = eyes[Int(table.eyes)].locality
    let here = localities.values[Int(locality)].node
    if here == .none { return false }
    if history.backends.nodes[way.verdict.backend.index] == here { return true }
    // Its slice puts it elsewhere or nowhere; another Service's may put it here.
    for index in 0..<history.heads.count {
      let plan = self.plan(PortNameID(index), table, locality: locality)
      let transport = history.portNames.values[index].transport
      guard transport == packet.flow.transport else { continue }
      for set in [plan.cluster, plan.local] {
        for backend in candidateSets.list(set) where history.backends.nodes[backend.index] == here {
          let target = history.backends.target(backend)
          if target.address == way.address && target.port == way.port { return true }
        }
      }
    }
    return false
  }

  // MARK: nat

  /// The services chain and what it leads to.
  private mutating func dispatch(_ packet: Packet, _ table: TableState, _ way: inout NftablesPassage) {
    let eyes = self.eyes[Int(table.eyes)]
    way.walk(rules: 2, lookups: 1)
    if nftablesLayout == .directTranslation && (eyes.masqueradesAll || eyes.hasDetector) {
      way.walk(rules: 1, lookups: 1)
      way.isMarked =
        history.isClusterIP(way.address, at: table.services)
        && (eyes.masqueradesAll || !eyes.isPod(packet.flow.source))
    }
    if let hit = find(.serviceIPs, packet, table, way) {
      if hit.claim.kind == .clusterIP {
        choose(isLocalChain: hit.plan.traits.contains(.internalLocal), hit, packet, table, &way)
      } else {
        enterExternal(hit, packet, table, &way)
      }
      return
    }
    way.walk(rules: 1)
    guard takesNodePort(packet, table, &way) else { return }
    way.walk(rules: 0, lookups: 1)
    if let hit = find(.serviceNodePorts, packet, table, way) { enterExternal(hit, packet, table, &way) }
  }

  private func mark(_ way: inout NftablesPassage) {
    way.isMarked = true
    if nftablesLayout == .endpointChains { way.walk(rules: 1) }
  }

  /// external-…: masquerade and short circuits (FACTS C7).
  private mutating func enterExternal(
    _ hit: NftablesHit, _ packet: Packet, _ table: TableState, _ way: inout NftablesPassage
  ) {
    let eyes = self.eyes[Int(table.eyes)]
    guard hit.plan.traits.contains(.externalLocal) else {
      way.walk(rules: 2)
      mark(&way)
      return choose(isLocalChain: false, hit, packet, table, &way)
    }
    if eyes.hasDetector {
      way.walk(rules: 1)
      if eyes.isPod(packet.flow.source) { return choose(isLocalChain: false, hit, packet, table, &way) }
    }
    way.walk(rules: 2)
    if isLocal(packet.flow.source, tables[Int(packet.node)]) {
      mark(&way)
      return choose(isLocalChain: false, hit, packet, table, &way)
    }
    guard hit.plan.traits.contains(.hasExternal) else { return }
    way.walk(rules: 1)
    choose(isLocalChain: true, hit, packet, table, &way)
  }

  /// A policy chain and the endpoint chain behind it.
  private mutating func choose(
    isLocalChain: Bool, _ hit: NftablesHit, _ packet: Packet, _ table: TableState,
    _ way: inout NftablesPassage
  ) {
    let plan = hit.plan
    let eyes = self.eyes[Int(table.eyes)]
    let set = isLocalChain ? plan.local : plan.cluster
    assert(!set.isNone, "a policy chain without endpoints")
    let hasEndpointChains = nftablesLayout == .endpointChains
    if hasEndpointChains && isLocalChain == plan.traits.contains(.internalLocal)
      && plan.traits.contains(.hasInternal) && (eyes.masqueradesAll || eyes.hasDetector)
    {
      way.walk(rules: 1)
      if history.spec(plan.spec)?.clusterIP == way.address
        && (eyes.masqueradesAll || !eyes.isPod(packet.flow.source))
      {
        mark(&way)
      }
    }
    let count = candidateSets.count(set)
    var position = packet.drawnPosition(of: count)
    var candidates = set
    let known = plan.affinity > .zero ? rememberedEndpoint(set, packet) : .max
    if known != .max {
      position = known
      way.verdict.viaAffinity = true
      candidates = candidateSets.singleton(candidateSets.member(set, position))
      way.walk(rules: known + 1, lookups: known + 1)
    } else {
      let checks = plan.affinity > .zero ? count : 0
      way.walk(rules: checks + 1, lookups: checks + 1)
    }
    translate(to: candidateSets.member(set, position), plan, packet, &way)
    way.verdict.candidates = candidates
  }

  private mutating func translate(
    to backend: BackendID, _ plan: PortPlan, _ packet: Packet, _ way: inout NftablesPassage
  ) {
    let target = history.backends.target(backend)
    let hasEndpointChains = nftablesLayout == .endpointChains
    if hasEndpointChains {
      way.walk(rules: 1)
      if packet.flow.source == target.address { mark(&way) }
    }
    if plan.affinity > .zero {
      way.walk(rules: 1, lookups: 1)
      if packet.stamps {
        recent.refresh(
          node: packet.node, port: history.backends.portNames[backend.index], chain: target.chain,
          source: packet.flow.source, at: packet.at, until: packet.at + plan.affinity,
          capacity: nftablesSetSize)
      }
    }
    if hasEndpointChains || plan.affinity > .zero { way.walk(rules: 1) }
    way.isTranslated = true
    way.address = target.address
    way.port = target.port
    way.verdict.kind = .forward
    way.verdict.servicePort = plan.servicePort
    way.verdict.backend = backend
    way.verdict.address = target.address
    way.verdict.port = target.port
  }

  /// Position in `set` of the first endpoint whose affinity set has the source, or UInt32.max.
  private mutating func rememberedEndpoint(_ set: CandidateSetID, _ packet: Packet) -> UInt32 {
    // Elements carry the instant of their expiry, at which they are gone.
    recent.chains(
      node: packet.node, port: history.backends.portNames[candidateSets.member(set, 0).index],
      source: packet.flow.source, since: packet.at + .nanoseconds(1), into: &foundChains)
    if foundChains.isEmpty { return .max }
    defer { foundChains.removeAll(keepingCapacity: true) }
    return candidateSets.firstPosition(of: foundChains, in: set, history.backends)
  }
}
