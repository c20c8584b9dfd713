// SPDX-License-Identifier: GPL-3.0-or-later
//
// What Cilium's programs do with a new connection, map by map: an interpreter of EBPFMaps in the order of
// bpf/bpf_sock.c and bpf/lib/nodeport.h. Slow and plain; the compiled lookup is held against it.

import Cluster
import NetworkTypes
import SimKernel

/// Names of the maps (cilium pkg/loadbalancer/maps).
private enum MapName {
  static let services = "cilium_lb4_services_v2"
  static let backends = "cilium_lb4_backends_v3"
  static let affinity = "cilium_lb4_affinity"
  static let sourceRange = "cilium_lb4_source_range"
  static let maglev = "cilium_lb4_maglev"
  static let ipcache = "cilium_ipcache"
  static let nat = "cilium_snat_v4_external"
  static let conntrack = "cilium_ct4_global"
  static let socket = "cilium_lb4_reverse_sk"
}

extension ProxyFleet {
  mutating func explainEBPF(_ packet: Packet, _ table: TableState) -> DecisionExplanation {
    let agent = ebpf.agents[Int(eyes[Int(table.eyes)].agent)]
    let maps = ebpfMaps(packet.node, table)
    var walk = EBPFWalk(
      packet: packet, agent: agent, maps: maps,
      program: packet.origin == .outside ? "from-netdev" : "connect4")
    guard packet.flow.transport != .sctp else {
      walk.step(MapName.services, "no entry", "SCTP Services are not programmed")
      return walk.ends(Verdict(kind: .notProxied))
    }
    return packet.origin == .outside ? explainDevice(&walk, table) : explainSocket(&walk, table)
  }

  // MARK: Sockets

  private mutating func explainSocket(_ walk: inout EBPFWalk, _ table: TableState) -> DecisionExplanation {
    guard var key = socketKey(&walk, table) else { return walk.endsWithoutEntry(reason: .none) }
    guard var service = walk.maps.services[key] else { return walk.endsWithoutEntry(reason: .mapFull) }
    let own = isLocal(walk.packet.flow.destination, tables[Int(walk.packet.node)])
    if service.flags.contains(.externalIPs), walk.agent.externalIPMitigation, !own {
      walk.step(MapName.ipcache, "\(walk.packet.flow.destination)", "not this node's: not translated")
      return walk.ends(Verdict(kind: .notProxied))
    }
    if service.flags.contains(.twoScopes) {
      walk.lookups += 1
      key.scope = .internal
      guard let inside = walk.maps.services[key] else { return walk.endsWithoutEntry(reason: .mapFull) }
      walk.step(MapName.services, key.text, "the client is inside: internal scope")
      service = inside
    }
    var verdict = Verdict(kind: .forward, servicePort: service.servicePort)
    verdict.isAtSocket = true
    guard service.count > 0 else {
      walk.step(MapName.services, "\(key.text): no backends in use", "connect() fails with EHOSTUNREACH")
      verdict.kind = .reject
      verdict.reason = service.emptyReason
      return walk.ends(verdict)
    }
    let affinity = EBPFAffinityKey(
      frontend: key.frontend, scope: key.scope, isNamespace: true,
      client: walk.packet.origin == .node ? 0 : walk.packet.flow.source.bits)
    return explainChoice(&walk, key, service, affinity, verdict, usesMaglev: false)
  }

  /// The entry that a socket's destination finds, noted in `walk`; nil if there is none.
  private func socketKey(_ walk: inout EBPFWalk, _ table: TableState) -> EBPFServiceKey? {
    let flow = walk.packet.flow
    var key = EBPFServiceKey(
      address: flow.destination, port: flow.destinationPort, transport: flow.transport, scope: .external)
    walk.lookups += 1
    if let service = walk.maps.services[key] {
      walk.step(MapName.services, key.text, "frontend of type \(service.flags.type)")
      return key
    }
    if ebpfClaim(key.frontend, table) != nil { return key }
    let own = key
    key.address = .unspecified
    // The ipcache, then the services for 0.0.0.0 (sock4_wildcard_lookup).
    if ebpfClaim(key.frontend, table) != nil { walk.lookups += 2 }
    let isLoopback = flow.destination.isLoopback && walk.packet.origin == .node
    guard isLoopback || ebpf.owner(of: flow.destination) != nil else { return nil }
    if walk.maps.unprogrammed.contains(key.identity) { return own }
    guard walk.maps.services[key] != nil else { return nil }
    let whose = isLoopback ? "loopback of the node's namespace" : "address of a node of the cluster"
    walk.step(MapName.ipcache, "\(flow.destination)", whose)
    walk.step(MapName.services, key.text, "node port, whichever node's address was dialled")
    return key
  }

  // MARK: Network devices

  private mutating func explainDevice(_ walk: inout EBPFWalk, _ table: TableState) -> DecisionExplanation {
    let flow = walk.packet.flow
    let key = EBPFServiceKey(
      address: flow.destination, port: flow.destinationPort, transport: flow.transport, scope: .external)
    walk.lookups += 1
    guard let service = walk.maps.services[key] else {
      if walk.maps.unprogrammed.contains(key.identity) { return walk.endsWithoutEntry(reason: .mapFull) }
      var surrogate = key
      surrogate.address = .unspecified
      let hasNodePort =
        walk.maps.services[surrogate] != nil || walk.maps.unprogrammed.contains(surrogate.identity)
      let isOther = hasNodePort && isLocal(flow.destination, tables[Int(walk.packet.node)])
      return walk.endsWithoutEntry(reason: isOther ? .nodePortAddress : .none)
    }
    walk.step(MapName.services, key.text, "frontend of type \(service.flags.type)")
    var verdict = Verdict(kind: .forward, servicePort: service.servicePort)
    guard service.flags.contains(.routable) else {
      walk.step(MapName.services, key.text, "non-routable: not served to traffic from outside, dropped")
      verdict.kind = .drop
      return walk.ends(verdict)
    }
    if service.flags.contains(.sourceRange) {
      walk.lookups += 1
      guard let range = walk.maps.sourceRanges[service.id]?.first(where: { $0.contains(flow.source) }) else {
        walk.step(MapName.sourceRange, "no entry", "\(flow.source) is in none of the source ranges")
        verdict.kind = .drop
        verdict.reason = .sourceRange
        return walk.ends(verdict)
      }
      walk.step(MapName.sourceRange, "\(range) (\(service.id))", "the source is allowed")
    }
    guard service.count > 0 else {
      let isRejected = walk.agent.noBackendResponse == .reject
      walk.step(
        MapName.services, "\(key.text): no backends in use",
        isRejected ? "ICMP port unreachable (service-no-backend-response)" : "dropped")
      verdict.kind = isRejected ? .reject : .drop
      verdict.reason = service.emptyReason
      return walk.ends(verdict)
    }
    // The conntrack entry of the Service (CT_SERVICE).
    walk.lookups += 1
    let affinity = EBPFAffinityKey(
      frontend: key.frontend, scope: .external, isNamespace: false, client: flow.source.bits)
    return explainChoice(&walk, key, service, affinity, verdict, usesMaglev: walk.agent.algorithm == .maglev)
  }

  // MARK: Choice

  private mutating func explainChoice(
    _ walk: inout EBPFWalk, _ key: EBPFServiceKey, _ service: EBPFService, _ affinity: EBPFAffinityKey,
    _ verdict: Verdict, usesMaglev: Bool
  ) -> DecisionExplanation {
    var verdict = verdict
    let used = service.slots.prefix(service.count).map { walk.maps.backends[Int($0) - 1] }
    let own = ownBackends(service, used)
    verdict.candidates = candidateSets.intern(own)
    if service.affinity > .zero { walk.lookups += 2 }
    if service.affinity > .zero, let slot = rememberedSlot(walk, service, affinity, used, own) {
      verdict.viaAffinity = true
      verdict.candidates = candidateSets.singleton(own[slot])
      let client = affinity.isNamespace ? "this network namespace" : "\(walk.packet.flow.source)"
      walk.step(MapName.affinity, "\(client) (\(service.id)) -> \(used[slot].text)", "came here before")
      return DecisionExplanation(branches: [branch(walk, verdict, own[slot], used[slot], 1)])
    }
    walk.lookups += 1
    if usesMaglev {
      let seeds = ebpf.seeds[Int(ebpf.agent(walk.agent))]
      let hash = maglevFlowHash(walk.packet.flow, hasAffinity: service.affinity > .zero, seed: seeds.flow)
      let table = maglevTable(verdict.candidates, walk.agent, seeds)
      let slot = Int(table.backend(of: hash))
      let place = Int(hash) % table.places.count
      let held = table.places.count { $0 == UInt32(slot) }
      walk.step(
        MapName.maglev, "(\(service.id)) place \(place) of \(table.places.count) -> \(used[slot].text)",
        "hash of the flow; this backend holds \(held) places")
      return DecisionExplanation(branches: [branch(walk, verdict, own[slot], used[slot], 1)])
    }
    let share = 1 / Double(used.count)
    var branches: [DecisionBranch] = []
    for slot in used.indices {
      var one = walk
      one.step(
        MapName.services, "\(key.text) (\(slot + 1)) -> \(used[slot].text)",
        "slot \(slot + 1) of \(used.count), by chance")
      branches.append(branch(one, verdict, own[slot], used[slot], share))
    }
    return DecisionExplanation(branches: branches)
  }

  /// The Service's own names for the backends in its slots: the map knows a backend by its address only.
  private func ownBackends(_ service: EBPFService, _ used: [EBPFBackend]) -> [BackendID] {
    let key = servicePort(service.servicePort)
    guard
      let port = history.portNames.find(
        PortNameKey(service: key.service, name: key.name, transport: key.transport))
    else { return used.map(\.backend) }
    return used.map { entry in
      if history.backends.portNames[entry.backend.index].rawValue == port { return entry.backend }
      return service.ownBackends[EBPFAddress(entry.address, entry.port)] ?? entry.backend
    }
  }

  private func rememberedSlot(
    _ walk: EBPFWalk, _ service: EBPFService, _ key: EBPFAffinityKey, _ used: [EBPFBackend],
    _ own: [BackendID]
  ) -> Int? {
    guard service.areActive,
      let chain = ebpf.rememberedChain(walk.packet.node, key, now: walk.packet.at, timeout: service.affinity)
    else { return nil }
    return own.firstIndex { history.backends.target($0).chain == chain }
  }

  /// The last steps of a way: where the connection goes and what its packets look like.
  private func branch(
    _ walk: EBPFWalk, _ verdict: Verdict, _ backend: BackendID, _ entry: EBPFBackend, _ share: Double
  ) -> DecisionBranch {
    var walk = walk
    var verdict = verdict
    verdict.backend = backend
    verdict.address = entry.address
    verdict.port = entry.port
    // The backend itself, and the note for the way back.
    verdict.lookups = walk.lookups + 2
    walk.step(MapName.backends, entry.text, "destination; state \(entry.state.text)")
    if verdict.isAtSocket {
      walk.step(MapName.socket, "-> \(entry.text)", "the socket itself is connected to the backend: no NAT")
    } else {
      walk.step(MapName.conntrack, "service \(walk.packet.flow.destination)", "remembered for this flow")
      verdict.masquerade = isSourceReplaced(backend, walk.packet, walk.agent)
      verdict.returnsDirectly = !verdict.masquerade
      if verdict.masquerade {
        walk.step(MapName.nat, "\(walk.packet.flow.source)", "backend on another node: this node's address")
      }
    }
    return DecisionBranch(verdict: verdict, probability: share, steps: walk.steps)
  }
}

/// A packet or socket on its way through the maps.
private struct EBPFWalk {
  let packet: Packet
  let agent: EBPFSettings
  let maps: EBPFMaps
  let program: String
  var steps: [DecisionStep] = []
  /// Map entries asked for, found or not.
  var lookups: UInt16 = 0

  mutating func step(_ map: String, _ entry: String, _ why: String) {
    steps.append(DecisionStep(table: map, chain: program, rule: entry, why: why))
  }

  func ends(_ end: Verdict) -> DecisionExplanation {
    var verdict = end
    verdict.lookups = lookups
    return DecisionExplanation(branches: [DecisionBranch(verdict: verdict, probability: 1, steps: steps)])
  }

  mutating func endsWithoutEntry(reason: VerdictReason) -> DecisionExplanation {
    let flow = packet.flow
    let why = reason == .mapFull ? "the map was full: the Service is not programmed" : "no Service"
    step(
      MapName.services, "\(flow.destination):\(flow.destinationPort)/\(flow.transport.apiName)",
      reason == .nodePortAddress ? "node ports are not served on this address" : why)
    return ends(Verdict(kind: .notProxied, reason: reason))
  }
}
