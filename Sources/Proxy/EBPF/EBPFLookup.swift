// SPDX-License-Identifier: GPL-3.0-or-later
//
// The compiled form of Cilium's load balancer: what becomes of a new connection without building the maps.
// It must agree with EBPFMaps + EBPFExplanation; a property test compares them.
//
//   client in a pod or on the node: connect(), sendmsg() -> socket load balancing (bpf/bpf_sock.c)
//        the socket gets the backend's address; no NAT, no masquerade, the packets never show the Service
//   client outside: network device -> nodeport_lb4 (bpf/lib/nodeport.h)
//        source range, backend, then SNAT or DSR if the backend is on another node

import Cluster
import NetworkTypes
import SimKernel

/// Which of a frontend's two entries a lookup takes (LB_LOOKUP_SCOPE_EXT, _INT).
enum EBPFScope: UInt8, Comparable, BitwiseCopyable {
  case external, `internal`
  static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// A frontend that a packet or a socket met.
struct EBPFMatch {
  var claim: Claim
  /// Identity of the entry: the surrogate's address is 0.0.0.0.
  var frontend: UInt64
}

extension ProxyFleet {
  mutating func ebpfVerdict(_ packet: Packet, _ table: TableState) -> Verdict {
    let agent = ebpf.agents[Int(eyes[Int(table.eyes)].agent)]
    // SCTP Services are not programmed (FACTS D4).
    guard packet.flow.transport != .sctp else { return Verdict(kind: .notProxied) }
    return packet.origin == .outside
      ? verdictAtDevice(packet, table, agent) : verdictAtSocket(packet, table, agent)
  }

  // MARK: Sockets

  private mutating func verdictAtSocket(
    _ packet: Packet, _ table: TableState, _ agent: EBPFSettings
  ) -> Verdict {
    var verdict = Verdict(kind: .notProxied)
    guard var match = matchAtSocket(packet, table, &verdict) else { return verdict }
    if isUnprogrammed(match.frontend, .external, packet, table, agent) {
      // The surrogate of a node port may have found room where the address of the node did not.
      let surrogate = Frontend.key(.unspecified, packet.flow.destinationPort, packet.flow.transport)
      if match.claim.kind == .nodePort, match.frontend != surrogate { verdict.lookups += 2 }
      guard match.claim.kind == .nodePort, !isUnprogrammed(surrogate, .external, packet, table, agent) else {
        verdict.reason = .mapFull
        return verdict
      }
      match.frontend = surrogate
    }
    // sock4_skip_xlate: an address that is not this node's may be somebody's outside.
    if match.claim.kind == .externalIP, agent.externalIPMitigation,
      !isLocal(packet.flow.destination, tables[Int(packet.node)])
    {
      return verdict
    }
    let plan = ebpfPlan(match.claim.portName, table)
    let hasTwoScopes = plan.isExternalLocal != plan.isInternalLocal && match.claim.kind != .clusterIP
    if hasTwoScopes {
      verdict.lookups += 1
      if isUnprogrammed(match.frontend, .internal, packet, table, agent) {
        verdict.reason = .mapFull
        return verdict
      }
    }
    verdict.isAtSocket = true
    verdict.servicePort = plan.servicePort
    let choice = plan.isInternalLocal ? plan.local : plan.cluster
    guard !choice.set.isNone else {
      // EHOSTUNREACH from connect(), whatever service-no-backend-response says.
      verdict.kind = .reject
      verdict.reason = plan.reason(isLocal: plan.isInternalLocal)
      return verdict
    }
    let key = EBPFAffinityKey(
      frontend: match.frontend, scope: hasTwoScopes ? .internal : .external, isNamespace: true,
      client: packet.origin == .node ? 0 : packet.flow.source.bits)
    select(plan, choice, packet, key, agent, usesMaglev: false, &verdict)
    return verdict
  }

  /// The frontend of a socket's destination: its own entry, or the surrogate of a node port for any address
  /// of any node, and in the node's own namespace for loopback (sock4_wildcard_lookup).
  private func matchAtSocket(_ packet: Packet, _ table: TableState, _ verdict: inout Verdict) -> EBPFMatch? {
    let flow = packet.flow
    let key = Frontend.key(flow.destination, flow.destinationPort, flow.transport)
    verdict.lookups = 1
    if let claim = ebpfClaim(key, table) { return EBPFMatch(claim: claim, frontend: key) }
    let surrogate = Frontend.key(.unspecified, flow.destinationPort, flow.transport)
    guard let claim = ebpfClaim(surrogate, table) else { return nil }
    if servesNodePort(flow.destination, packet.node, table) { return EBPFMatch(claim: claim, frontend: key) }
    // The ipcache is asked whose address it is, then the services for 0.0.0.0.
    verdict.lookups += 2
    let isHostLoopback = flow.destination.isLoopback && packet.origin == .node
    guard isHostLoopback || ebpf.owner(of: flow.destination) != nil else { return nil }
    return EBPFMatch(claim: claim, frontend: surrogate)
  }

  // MARK: Network devices

  private mutating func verdictAtDevice(
    _ packet: Packet, _ table: TableState, _ agent: EBPFSettings
  ) -> Verdict {
    var verdict = Verdict(kind: .notProxied)
    guard let match = matchAtDevice(packet, table, &verdict) else { return verdict }
    if isUnprogrammed(match.frontend, .external, packet, table, agent) {
      verdict.reason = .mapFull
      return verdict
    }
    let plan = ebpfPlan(match.claim.portName, table)
    verdict.servicePort = plan.servicePort
    if match.claim.kind == .clusterIP, !agent.externalClusterIP {
      // DROP_IS_CLUSTER_IP
      verdict.kind = .drop
      return verdict
    }
    if match.claim.kind == .loadBalancer, let spec = history.specs[Int(plan.spec)], spec.hasSourceRanges {
      verdict.lookups += 1
      if !spec.sourceRanges.contains(where: { $0.contains(packet.flow.source) }) {
        // DROP_NOT_IN_SRC_RANGE
        verdict.kind = .drop
        verdict.reason = .sourceRange
        return verdict
      }
    }
    let isLocal = match.claim.kind == .clusterIP ? plan.isInternalLocal : plan.isExternalLocal
    let choice = isLocal ? plan.local : plan.cluster
    guard !choice.set.isNone else {
      verdict.kind = agent.noBackendResponse == .reject ? .reject : .drop
      verdict.reason = plan.reason(isLocal: isLocal)
      return verdict
    }
    // The conntrack entry of the Service (CT_SERVICE).
    verdict.lookups += 1
    let key = EBPFAffinityKey(
      frontend: match.frontend, scope: .external, isNamespace: false, client: packet.flow.source.bits)
    select(plan, choice, packet, key, agent, usesMaglev: agent.algorithm == .maglev, &verdict)
    verdict.masquerade = isSourceReplaced(verdict.backend, packet, agent)
    verdict.returnsDirectly = !verdict.masquerade
    return verdict
  }

  private func matchAtDevice(_ packet: Packet, _ table: TableState, _ verdict: inout Verdict) -> EBPFMatch? {
    let flow = packet.flow
    let key = Frontend.key(flow.destination, flow.destinationPort, flow.transport)
    verdict.lookups = 1
    if let claim = ebpfClaim(key, table) { return EBPFMatch(claim: claim, frontend: key) }
    guard isLocal(flow.destination, tables[Int(packet.node)]) else { return nil }
    let surrogate = Frontend.key(.unspecified, flow.destinationPort, flow.transport)
    guard let claim = ebpfClaim(surrogate, table) else { return nil }
    if servesNodePort(flow.destination, packet.node, table) { return EBPFMatch(claim: claim, frontend: key) }
    verdict.reason = .nodePortAddress
    return nil
  }

  /// Only a remote backend's packets come back by way of this node (nodeport_lb4, backend_local).
  func isSourceReplaced(_ backend: BackendID, _ packet: Packet, _ agent: EBPFSettings) -> Bool {
    let home = history.backends.nodes[backend.index]
    if home == processes[Int(packet.node)].name { return false }
    return !agent.usesDSR(isTCP: packet.flow.transport == .tcp)
  }

  // MARK: Both

  /// The claim that the agent programmed where several Service ports claim one address and port: the oldest.
  /// A frontend that another Service owns is refused (pkg/loadbalancer/writer, ErrFrontendConflict).
  func ebpfClaim(_ key: UInt64, _ table: TableState) -> Claim? {
    let frontend = history.frontends.find(key)
    if frontend == .max { return nil }
    var index = history.frontendHeads[Int(frontend)].latest
    var found: Claim?
    while index >= 0 {
      let claim = history.claims[Int(index)]
      if claim.isActive(at: table.services), found.map({ isOlder(claim, $0) }) ?? true { found = claim }
      index = claim.previous
    }
    return found
  }

  private func isOlder(_ a: Claim, _ b: Claim) -> Bool {
    (a.from, a.portName, a.kind) < (b.from, b.portName, b.kind)
  }

  /// The agent has a frontend for node ports on this address of the node itself.
  func servesNodePort(_ address: IPv4Address, _ node: UInt32, _ table: TableState) -> Bool {
    if address.isLoopback || !isLocal(address, tables[Int(node)]) { return false }
    let eyes = eyes[Int(table.eyes)]
    return eyes.acceptsAnyNodePortAddress || nodePortAddresses(eyes).contains(address)
  }

  private mutating func isUnprogrammed(
    _ frontend: UInt64, _ scope: EBPFScope, _ packet: Packet, _ table: TableState, _ agent: EBPFSettings
  ) -> Bool {
    if Int(table.totals.mapEntries) <= min(agent.maps.services, agent.maps.backends) { return false }
    return unprogrammedFrontends(packet.node, table).contains(EBPFServiceKey.identity(frontend, scope))
  }

  /// Affinity, then a slot by chance or a place in the Maglev table.
  private mutating func select(
    _ plan: EBPFPlan, _ choice: EBPFChoice, _ packet: Packet, _ key: EBPFAffinityKey, _ agent: EBPFSettings,
    usesMaglev: Bool, _ verdict: inout Verdict
  ) {
    verdict.kind = .forward
    verdict.candidates = choice.set
    let count = candidateSets.count(choice.set)
    var position = UInt32.max
    if plan.affinity > .zero {
      verdict.lookups += 2
      position = remembered(plan, choice, packet, key)
      if position != .max {
        verdict.viaAffinity = true
        verdict.candidates = candidateSets.singleton(candidateSets.member(choice.set, position))
      }
    }
    if position == .max {
      verdict.lookups += 1
      position =
        usesMaglev
        ? maglevPosition(choice.set, packet.flow, agent, hasAffinity: plan.affinity > .zero)
        : packet.drawnPosition(of: count)
    }
    let backend = candidateSets.member(choice.set, position)
    let target = history.backends.target(backend)
    if plan.affinity > .zero, packet.stamps {
      ebpf.remember(packet.node, key, target.chain, now: packet.at, capacity: agent.maps.affinity)
    }
    // The backend itself, and the note for the way back.
    verdict.lookups += 2
    verdict.backend = backend
    verdict.address = target.address
    verdict.port = target.port
  }

  /// Position of the backend that the client used last, if it is still active.
  private mutating func remembered(
    _ plan: EBPFPlan, _ choice: EBPFChoice, _ packet: Packet, _ key: EBPFAffinityKey
  ) -> UInt32 {
    guard choice.areActive,
      let chain = ebpf.rememberedChain(packet.node, key, now: packet.at, timeout: plan.affinity)
    else { return .max }
    return candidateSets.firstPosition(of: [chain], in: choice.set, history.backends)
  }

  mutating func maglevPosition(
    _ set: CandidateSetID, _ flow: FlowTuple, _ agent: EBPFSettings, hasAffinity: Bool
  ) -> UInt32 {
    let seeds = ebpf.seeds[Int(ebpf.agent(agent))]
    let hash = maglevFlowHash(flow, hasAffinity: hasAffinity, seed: seeds.flow)
    return maglevTable(set, agent, seeds).backend(of: hash)
  }

  mutating func maglevTable(_ set: CandidateSetID, _ agent: EBPFSettings, _ seeds: MaglevSeeds) -> MaglevTable
  {
    let key = MaglevKey(set: set, size: agent.maglevTableSize, seed: seeds.murmur)
    if let known = ebpf.tables[key] { return known }
    // Tables of backend sets that are gone are not asked for again.
    if ebpf.tables.count >= 4096 { ebpf.tables.removeAll(keepingCapacity: true) }
    let backends = candidateSets.list(set).map { id in
      let target = history.backends.target(id)
      let transport = history.portNames.values[history.backends.portNames[id.index].index].transport
      return MaglevBackend(name: MaglevBackend.name(target.address, target.port, transport))
    }
    let table = MaglevTable(backends, size: agent.maglevTableSize, seed: seeds.murmur)
    ebpf.tables[key] = table
    return table
  }
}
