// SPDX-License-Identifier: GPL-3.0-or-later
//
// The but-for test: the first part along the path of the packet that failed which would have saved the
// connection, had its state been fresh and sufficient. It runs at the instant of the failure, because it asks
// what a fresh table or a fresh API would have said then. What went wrong first stays; a packet that gets
// through wipes it out.
//
//     client - DNS - load balancer - network path - proxy table - conntrack - destination
//
// Conventions where a chain of parts was stale together:
//   - a new connection sent to a backend that had already gone is blamed on the first part that should have
//     known (DNS answer, load balancer, table, API) before the dead end itself, a node that is down included;
//   - an open connection whose server goes is blamed on what took it away, also when the client learns of it
//     only by its next packet;
//   - a datagram of a flow that conntrack knows is blamed on conntrack where a fresh table would send it
//     elsewhere;
//   - an answer by a pod that took over a backend's address is blamed on the reuse: a stale table alone would
//     have lost the connection instead of misdelivering it;
//   - silence because the limit on ICMP errors was used up is blamed on the REJECT: icmp_limited is never
//     found.

import Cluster
import NetworkTypes
import Proxy
import SimKernel
import Traffic

extension World {
  /// Notes what went wrong with a connection, unless something went wrong before.
  mutating func blame(_ slot: UInt32, _ loss: Loss) {
    guard connections[slot].pointee.failure.isNone else { return }
    let (cause, node) = balancerCause(slot, loss) ?? findCause(slot, loss)
    connections[slot].pointee.failure.cause = Recorder.causeIndex[cause]!
    connections[slot].pointee.failure.node = node < 0 ? .max : UInt32(node)
    connections[slot].pointee.failure.at = now.nanoseconds
  }

  /// A packet of the connection has got through: what had gone wrong before it did no harm.
  @inline(__always) mutating func gotThrough(_ slot: UInt32) {
    if connections[slot].pointee.isEndedByServer { return }
    connections[slot].pointee.failure = Connection.Failure()
  }

  private mutating func findCause(_ slot: UInt32, _ loss: Loss) -> (Cause, node: Int) {
    switch loss {
    case .refusedByTable(let node, let verdict, let flow, let origin):
      return (refusedCause(slot, node, verdict, flow, origin), node)
    case .unrouted(let node, let flow, let origin):
      return (unroutedCause(slot, node, flow, origin), node)
    case .unknownAddress(let address):
      return (unknownAddressCause(address), formerOwner(address) ?? -1)
    case .nodeDown(let node): return (nodeDownCause(slot, node), node)
    case .staleRoute(let on, let to): return (nodePlanes[to].isUp ? .staleRoute : nodeDownCause(slot, to), on)
    case .lossOnPath: return (.networkLoss, -1)
    case .partition: return (.partition, -1)
    case .conntrackFull(let node): return (.conntrackFull, node)
    case .conntrackInvalid(let node): return (.conntrackInvalid, node)
    case .conntrackMissing(let node): return (forgottenCause(slot), node)
    case .expiredByPacket(let node): return (.staleConntrack, node)
    case .foreignReply(let node): return (foreignReplyCause(slot), decidingNode(slot) ?? node)
    case .snatPortsExhausted(let node): return (.snatPortsExhausted, node)
    case .podGone(let node, _):
      return (destinationCause(slot, otherwise: .podTerminated), decidingNode(slot) ?? node)
    case .portClosed(let node, let address, _):
      return (portClosedCause(slot, node, address), decidingNode(slot) ?? node)
    case .backlogFull(let node): return (.backlogFull, node)
    case .queueOverflow(let node), .slowServer(let node): return (.serverTimeout, node)
    case .loadBalancerHasNoTarget: return (.lbNoTarget, -1)
    case .serverEnded(let node, let crashed):
      return (crashed ? (nodePlanes[node].isUp ? .serverCrashed : .nodeDown) : .podTerminated, node)
    case .serverClosedIdle(let node): return (.idleTimeout, node)
    case .foreignConnection(let node, let isSamePod):
      return (foreignCause(slot, node, isSamePod: isSamePod), node)
    }
  }

  private func decidingNode(_ slot: UInt32) -> Int? {
    connections[slot].pointee.decidingNode == .max ? nil : Int(connections[slot].pointee.decidingNode)
  }

  func backendNode(_ slot: UInt32) -> Int {
    let c = connections[slot].pointee
    if c.server != .max { return nodeIndex(of: servers[Int(c.server)].host) }
    guard c.backend != .max, let pod = proxies.backend(.init(c.backend)).pod else { return -1 }
    return control.pods[pod.index].node.isNone ? -1 : control.pods[pod.index].node.index
  }

  // MARK: The proxy table said no

  private mutating func refusedCause(
    _ slot: UInt32, _ node: Int, _ verdict: Verdict, _ flow: FlowTuple, _ origin: FlowOrigin
  ) -> Cause {
    let fresh = proxies.decideFresh(node: NodeID(node), flow: flow, origin: origin, at: now, random: 0)
    if fresh.kind == .forward { return swapOrStale(node, flow, origin) }
    if verdict.reason == .noEndpoints, hasReadyPodInReality(verdict.servicePort) { return .staleAPI }
    return Self.cause(of: verdict.reason)
  }

  static func cause(of reason: VerdictReason) -> Cause {
    switch reason {
    case .noEndpoints, .noDestination: .noEndpoints
    case .localPolicy: .localPolicy
    case .sourceRange: .sourceRange
    case .nodePortAddress: .nodePortAddress
    case .mapFull: .mapFull
    case .none, .unknownPort, .unallocatedAddress: .notProxied
    }
  }

  /// A fresh table would have forwarded: is this one old, or only half committed?
  private mutating func swapOrStale(_ node: Int, _ flow: FlowTuple, _ origin: FlowOrigin) -> Cause {
    guard proxies.isBetweenCommits(NodeID(node)) else { return .staleTable }
    let whole = proxies.decideWithoutSwapGap(
      node: NodeID(node), flow: flow, origin: origin, at: now, random: 0)
    return whole.kind == .forward ? .tableSwap : .staleTable
  }

  /// Some pod of the Service answers its readiness probe, though the API has no endpoint for it.
  private func hasReadyPodInReality(_ port: ServicePortID) -> Bool {
    guard !port.isNone else { return false }
    let id = proxies.servicePort(port).service
    guard let selector = control.store.service(id)?.spec.selector else { return false }
    let namespace = control.store.serviceName(id).namespace
    return control.pods.contains {
      $0.isReadyInReality && $0.name.namespace == namespace && LabelSelector(selector).matches($0.labels)
        && nodePlanes[$0.node.index].isUp && $0.process == .running
    }
  }

  /// No rule took the packet, and nobody owns its destination.
  private mutating func unroutedCause(
    _ slot: UInt32, _ node: Int, _ flow: FlowTuple, _ origin: FlowOrigin
  ) -> Cause {
    let fresh = proxies.decideFresh(node: NodeID(node), flow: flow, origin: origin, at: now, random: 0)
    if fresh.kind == .forward { return usedStaleAnswer(slot) ? .staleDNS : swapOrStale(node, flow, origin) }
    if usedStaleAnswer(slot) { return .staleDNS }
    if let former = formerOwner(flow.destination) {
      return nodePlanes[former].isUp ? .nodeAddressChanged : .nodeDown
    }
    // A node's own packet to an external address without endpoints meets silence instead of a REJECT.
    let asOutside = proxies.decideFresh(node: NodeID(node), flow: flow, origin: .outside, at: now, random: 0)
    return Self.cause(of: asOutside.reason)
  }

  // MARK: The load balancer

  /// A new connection came by a target that a check made now would fail, while another one would pass:
  /// whatever ended it there, fresh health checks would have saved it.
  private mutating func balancerCause(_ slot: UInt32, _ loss: Loss) -> (Cause, node: Int)? {
    switch loss {
    case .lossOnPath, .partition: return nil
    default: break
    }
    let c = connections[slot].pointee
    guard c.entryNode != .max, !c.wasEstablished || c.tuple.transport == .udp else { return nil }
    let owner = addresses.owner(of: c.tuple.destination)
    guard owner.kind == .loadBalancer else { return nil }
    let service = ServiceID(owner.id)
    let entry = Int(c.entryNode)
    if wouldPassCheck(entry, service) { return nil }
    for other in nodePlanes.indices where other != entry {
      if wouldPassCheck(other, service) { return (.lbStaleTarget, entry) }
    }
    return nil
  }

  /// What the load balancer's health check of a node for a Service would find now.
  private mutating func wouldPassCheck(_ node: Int, _ service: ServiceID) -> Bool {
    guard nodePlanes[node].isUp, proxies.isHealthy(NodeID(node), at: now) else { return false }
    guard control.store.service(service)?.usesLocalExternalPolicy ?? false else { return true }
    return proxies.localReadyEndpoints(NodeID(node), service) > 0
  }

  // MARK: The network path

  private func formerOwner(_ address: IPv4Address) -> Int? {
    nodePlanes.indices.first { nodePlanes[$0].formerAddresses.contains(address) }
  }

  private func unknownAddressCause(_ address: IPv4Address) -> Cause {
    guard let former = formerOwner(address) else { return .notProxied }
    return nodePlanes[former].isUp ? .nodeAddressChanged : .nodeDown
  }

  /// The packet needed a node that is off.
  private mutating func nodeDownCause(_ slot: UInt32, _ node: Int) -> Cause {
    let c = connections[slot].pointee
    if c.entryNode == UInt32(node) || c.wasEstablished && c.tuple.transport != .udp { return .nodeDown }
    // A table or a DNS answer chose a pod there for this new connection: had it, or the API, known better?
    let isChosen = c.backend != .max && backendNode(slot) == node
    let owner = addresses.owner(of: c.tuple.destination)
    let isDirect = c.backend == .max && owner.kind == .pod && nodeIndex(of: owner) == node
    return isChosen || isDirect ? destinationCause(slot, otherwise: .nodeDown) : .nodeDown
  }

  // MARK: The destination

  /// The backend could not be reached or did not listen. For a new connection, asks in order: did the client
  /// use an old DNS answer, would a fresh table have chosen another backend, did the API lag behind reality?
  private mutating func destinationCause(_ slot: UInt32, otherwise: Cause) -> Cause {
    let c = connections[slot].pointee
    if c.hasLostConntrack { return forgottenCause(slot) }
    if c.wasEstablished, c.tuple.transport != .udp { return otherwise }
    if usedStaleAnswer(slot) { return .staleDNS }
    guard c.backend != .max, c.decidingNode != .max else { return directCause(slot, otherwise) }
    let fresh = proxies.decideFresh(
      node: NodeID(c.decidingNode), flow: originalFlow(slot), origin: originOfDecision(slot), at: now,
      random: 0)
    let stillCandidate =
      fresh.kind == .forward && proxies.candidates(fresh.candidates).contains(.init(c.backend))
    if !stillCandidate {
      // conntrack chose for this datagram, no table was asked. Forgotten, its flow would have found another
      // backend, if there is one.
      if c.tuple.transport == .udp, c.decidedAt < c.phaseStart {
        return fresh.reason == .noEndpoints ? .noEndpoints : .staleConntrack
      }
      return .staleTable
    }
    if let pod = proxies.backend(.init(c.backend)).pod, !servesInReality(pod) { return .staleAPI }
    return otherwise
  }

  /// The client spoke to the pod's own address, as with a headless Service. That DNS still gives the address
  /// says that the API has not heard.
  private func directCause(_ slot: UInt32, _ otherwise: Cause) -> Cause {
    let group = instances[Int(connections[slot].pointee.instance)].group
    guard groups[group].asksDNS, !groups[group].service.isNone else { return otherwise }
    let owner = addresses.owner(of: connections[slot].pointee.tuple.destination)
    return owner.kind == .pod && servesInReality(PodID(owner.id)) ? otherwise : .staleAPI
  }

  /// Nothing listens on the port. On a node's own address that is where a packet ends that no rule took.
  private mutating func portClosedCause(_ slot: UInt32, _ node: Int, _ address: IPv4Address) -> Cause {
    let c = connections[slot].pointee
    let instance = instances[Int(c.instance)]
    guard c.backend == .max, addresses.owner(of: address).kind == .node,
      !groups[instance.group].service.isNone
    else {
      return destinationCause(slot, otherwise: .portClosed)
    }
    let origin: FlowOrigin = instance.node != node ? .outside : instance.host.kind == .pod ? .pod : .node
    return unroutedCause(slot, node, originalFlow(slot), origin)
  }

  private func servesInReality(_ pod: PodID) -> Bool {
    let record = control.pods[pod.index]
    return record.isReadyInReality && record.process == .running && nodePlanes[record.node.index].isUp
  }

  /// The flow as the deciding node saw it. Behind another node's masquerade it carried that node's address,
  /// which the decision depends on only through its origin.
  private func originalFlow(_ slot: UInt32) -> FlowTuple { connections[slot].pointee.tuple }

  private func originOfDecision(_ slot: UInt32) -> FlowOrigin {
    let c = connections[slot].pointee
    let instance = instances[Int(c.instance)]
    if instance.node != Int(c.decidingNode) { return .outside }
    return instance.host.kind == .pod ? .pod : .node
  }

  /// The address came from a DNS answer that a fresh query would not give any more.
  private func usedStaleAnswer(_ slot: UInt32) -> Bool {
    let group = instances[Int(connections[slot].pointee.instance)].group
    guard groups[group].asksDNS else { return false }
    let fresh = answers[groups[group].answer]
    return !fresh.addresses.contains(connections[slot].pointee.tuple.destination)
  }

  // MARK: conntrack

  /// A node on the path no longer knew the flow.
  private func forgottenCause(_ slot: UInt32) -> Cause {
    let c = connections[slot].pointee
    let opened = SimTime(nanoseconds: c.openedAt)
    let onPath = [
      instances[Int(c.instance)].node, decidingNode(slot) ?? -1, Int(Int32(bitPattern: c.entryNode)),
    ]
    .filter { $0 >= 0 }
    if onPath.contains(where: { !nodePlanes[$0].isUp || nodePlanes[$0].bootedAt > opened }) {
      return .nodeDown
    }
    let hasMoved = onPath.contains { !nodePlanes[$0].formerAddresses.isEmpty }
    if c.wasEstablished, hasMoved { return .nodeAddressChanged }
    return .conntrackExpired
  }

  /// A reply that was not translated back. Where the deciding node sent the packet on to another node under
  /// the client's own address, that is policy Local's fallback in ipvs mode; else the translation was lost.
  private func foreignReplyCause(_ slot: UInt32) -> Cause {
    guard let deciding = decidingNode(slot), backendNode(slot) >= 0, backendNode(slot) != deciding else {
      return forgottenCause(slot)
    }
    return .localPolicy
  }

  /// A host met a packet of a connection that it does not have.
  private func foreignCause(_ slot: UInt32, _ node: Int, isSamePod: Bool) -> Cause {
    let c = connections[slot].pointee
    if c.hasLostConntrack { return forgottenCause(slot) }
    guard !isSamePod, c.backend != .max, node >= 0 else { return .serverCrashed }
    let opened = SimTime(nanoseconds: c.openedAt)
    if nodePlanes[node].bootedAt > opened { return .nodeDown }
    return .ipReused
  }

  // MARK: In words

  func savedBy(_ cause: Cause, node: Int?) -> String {
    let place = node.map { $0 >= 0 ? " on \(nodePlanes[$0].name)" : "" } ?? ""
    switch cause {
    case .clientPortsExhausted: return "more client ports"
    case .nameNotFound: return "a name that exists"
    case .staleDNS: return "a fresh DNS answer"
    case .dnsLost: return "a DNS answer"
    case .insertRace: return "no race of two insertions\(place)"
    case .lbNoTarget: return "a healthy target"
    case .lbStaleTarget:
      return "a fresh health check of\(place.isEmpty ? " the node" : String(place.dropFirst(3)))"
    case .idleTimeout: return "a longer idle timeout of the server"
    case .partition: return "a whole network"
    case .networkLoss: return "a lossless path"
    case .staleRoute: return "a fresh route\(place)"
    case .nodeAddressChanged: return "a node address that stays"
    case .nodeDown: return "a running node"
    case .staleAPI: return "an API that knew at once"
    case .staleTable: return "a fresh table\(place)"
    case .tableSwap: return "tables committed together\(place)"
    case .noEndpoints: return "a ready endpoint"
    case .localPolicy: return "a ready endpoint\(place)"
    case .sourceRange: return "a source inside loadBalancerSourceRanges"
    case .nodePortAddress: return "another nodePortAddresses\(place)"
    case .notProxied: return "a Service at this address and port"
    case .conntrackFull: return "a larger conntrack table\(place)"
    case .conntrackExpired: return "a conntrack entry that lives\(place)"
    case .conntrackInvalid: return "a valid conntrack state\(place)"
    case .staleConntrack: return "a deleted conntrack entry\(place)"
    case .snatPortsExhausted: return "more source ports\(place)"
    case .mapFull: return "a larger map\(place)"
    case .icmpLimited: return "no limit on ICMP errors\(place)"
    case .ipReused: return "an address that is not reused so soon"
    case .portClosed: return "a server on this port"
    case .podTerminated: return "a server that drains"
    case .serverCrashed: return "a server that does not crash"
    case .backlogFull: return "a longer accept queue"
    case .serverTimeout: return "a faster server"
    }
  }
}
