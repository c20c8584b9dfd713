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
    if following != nil { noteFollowed(slot, loss) }
    guard connections[slot].pointee.failure.isNone else { return }
    let (cause, node) = cause(of: loss, in: story(slot))
    connections[slot].pointee.failure.cause = Recorder.causeIndex[cause]!
    connections[slot].pointee.failure.node = node < 0 ? .max : UInt32(node)
    connections[slot].pointee.failure.at = now.nanoseconds
  }

  /// A packet of the connection has got through: what had gone wrong before it did no harm.
  @inline(__always) mutating func gotThrough(_ slot: UInt32) {
    if connections[slot].pointee.isEndedByServer { return }
    connections[slot].pointee.failure = Connection.Failure()
  }

  /// The cause of a loss, and the node that it is blamed on; −1: none.
  mutating func cause(of loss: Loss, in story: LossStory) -> (Cause, node: Int) {
    balancerCause(story, loss) ?? findCause(story, loss)
  }

  private mutating func findCause(_ story: LossStory, _ loss: Loss) -> (Cause, node: Int) {
    switch loss {
    case .refusedByTable(let node, let verdict, let flow, let origin):
      return (refusedCause(story, node, verdict, flow, origin), node)
    case .unrouted(let node, let flow, let origin):
      return (unroutedCause(story, node, flow, origin), node)
    case .unknownAddress(let address):
      return (unknownAddressCause(address), formerOwner(address) ?? -1)
    case .nodeDown(let node): return (nodeDownCause(story, node), node)
    case .staleRoute(let on, let to):
      return (nodePlanes[to].isUp ? .staleRoute : nodeDownCause(story, to), on)
    case .lossOnPath: return (.networkLoss, -1)
    case .partition: return (.partition, -1)
    case .conntrackFull(let node): return (.conntrackFull, node)
    case .insertRace(let node): return (.insertRace, node)
    case .conntrackInvalid(let node): return (.conntrackInvalid, node)
    case .conntrackMissing(let node):
      if isAnsweredPast(story, node) { return (.localPolicy, story.decidingNode ?? node) }
      return (forgottenCause(story), node)
    case .expiredByPacket(let node):
      // An open connection had only this entry; a new one would have been better off without it.
      let isOpen = story.wasEstablished && story.tuple.transport != .udp
      return (isOpen ? forgottenCause(story) : .staleConntrack, node)
    case .foreignReply(let node): return (foreignReplyCause(story), story.decidingNode ?? node)
    case .snatPortsExhausted(let node): return (.snatPortsExhausted, node)
    case .podGone(let node, _):
      return (destinationCause(story, otherwise: .podTerminated), story.decidingNode ?? node)
    case .portClosed(let node, let address, _):
      return (portClosedCause(story, node, address), story.decidingNode ?? node)
    case .backlogFull(let node): return (.backlogFull, node)
    case .queueOverflow(let node), .slowServer(let node): return (.serverTimeout, node)
    case .loadBalancerHasNoTarget: return (.lbNoTarget, -1)
    case .loadBalancerCut(let node): return (nodePlanes[node].isUp ? .lbDrained : .nodeDown, node)
    case .loadBalancerIdle(let node): return (.idleTimeout, node)
    case .serverEnded(let node, let crashed):
      return (crashed ? (nodePlanes[node].isUp ? .serverCrashed : .nodeDown) : .podTerminated, node)
    case .serverClosedIdle(let node): return (.idleTimeout, node)
    case .foreignConnection(let node, let isSamePod):
      return (foreignCause(story, node, isSamePod: isSamePod), node)
    }
  }

  // MARK: The proxy table said no

  private mutating func refusedCause(
    _ story: LossStory, _ node: Int, _ verdict: Verdict, _ flow: FlowTuple, _ origin: FlowOrigin
  ) -> Cause {
    let fresh = proxies.decideFresh(node: NodeID(node), flow: flow, origin: origin, at: now, random: 0)
    // Modes that answer for addresses and ports without a Service do what otherwise is left to routing.
    if verdict.reason == .unknownPort || verdict.reason == .unallocatedAddress {
      return unroutedCause(story, node, flow, origin)
    }
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
    _ story: LossStory, _ node: Int, _ flow: FlowTuple, _ origin: FlowOrigin
  ) -> Cause {
    // An open connection asks neither DNS nor the table, as long as its entry lives.
    if story.hasLostConntrack { return forgottenCause(story) }
    let fresh = proxies.decideFresh(node: NodeID(node), flow: flow, origin: origin, at: now, random: 0)
    if fresh.kind == .forward { return story.hasStaleAnswer ? .staleDNS : swapOrStale(node, flow, origin) }
    if story.hasStaleAnswer { return .staleDNS }
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
  private mutating func balancerCause(_ story: LossStory, _ loss: Loss) -> (Cause, node: Int)? {
    switch loss {
    case .lossOnPath, .partition: return nil
    default: break
    }
    guard let entry = story.entryNode, !story.wasEstablished || story.tuple.transport == .udp else {
      return nil
    }
    let owner = addresses.owner(of: story.tuple.destination)
    guard owner.kind == .loadBalancer else { return nil }
    let service = ServiceID(owner.id)
    if passesHealthCheck(entry, service) { return nil }
    for other in nodePlanes.indices where other != entry {
      if passesHealthCheck(other, service) { return (.lbStaleTarget, entry) }
    }
    return nil
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
  private mutating func nodeDownCause(_ story: LossStory, _ node: Int) -> Cause {
    if story.entryNode == node || story.wasEstablished && story.tuple.transport != .udp { return .nodeDown }
    // A table or a DNS answer chose a pod there for this new connection: had it, or the API, known better?
    let isChosen = story.backend != nil && story.backendNode == node
    let owner = addresses.owner(of: story.tuple.destination)
    let isDirect = story.backend == nil && owner.kind == .pod && nodeIndex(of: owner) == node
    return isChosen || isDirect ? destinationCause(story, otherwise: .nodeDown) : .nodeDown
  }

  // MARK: The destination

  /// The backend could not be reached or did not listen. For a new connection, asks in order: did the client
  /// use an old DNS answer, would a fresh table have chosen another backend, did the API lag behind reality?
  private mutating func destinationCause(_ story: LossStory, otherwise: Cause) -> Cause {
    if story.hasLostConntrack { return forgottenCause(story) }
    if story.wasEstablished, story.tuple.transport != .udp { return otherwise }
    if story.hasStaleAnswer { return .staleDNS }
    guard let backend = story.backend, let deciding = story.decidingNode else {
      return directCause(story, otherwise)
    }
    let fresh = proxies.decideFresh(
      node: NodeID(deciding), flow: story.tuple, origin: story.originOfDecision, at: now, random: 0)
    let stillCandidate =
      fresh.kind == .forward && proxies.candidates(fresh.candidates).contains(backend)
    if !stillCandidate {
      // conntrack chose for this datagram, no table was asked. Forgotten, its flow would have found another
      // backend, if there is one.
      if story.tuple.transport == .udp, story.isDecidedByConntrack {
        return fresh.reason == .noEndpoints ? .noEndpoints : .staleConntrack
      }
      return .staleTable
    }
    if let pod = proxies.backend(backend).pod, !servesInReality(pod) { return .staleAPI }
    return otherwise
  }

  /// The client spoke to the pod's own address, as with a headless Service. That DNS still gives the address
  /// says that the API has not heard.
  private func directCause(_ story: LossStory, _ otherwise: Cause) -> Cause {
    guard story.asksDNS, story.isForService else { return otherwise }
    let owner = addresses.owner(of: story.tuple.destination)
    return owner.kind == .pod && servesInReality(PodID(owner.id)) ? otherwise : .staleAPI
  }

  /// Nothing listens on the port. On a node's own address that is where a packet ends that no rule took. A
  /// pod's loopback is the pod's: no table of the node sees what is sent to it.
  private mutating func portClosedCause(_ story: LossStory, _ node: Int, _ address: IPv4Address) -> Cause {
    let isNodes =
      address.isLoopback
      ? story.clientHost.kind != .pod : addresses.owner(of: address).kind == .node
    guard story.backend == nil, isNodes, story.isForService else {
      return destinationCause(story, otherwise: .portClosed)
    }
    return unroutedCause(story, node, story.tuple, story.origin(at: node))
  }

  private func servesInReality(_ pod: PodID) -> Bool {
    let record = control.pods[pod.index]
    return record.isReadyInReality && record.process == .running && nodePlanes[record.node.index].isUp
  }

  // MARK: conntrack

  /// A node on the path no longer knew the flow.
  private func forgottenCause(_ story: LossStory) -> Cause {
    let onPath = [story.clientNode, story.decidingNode ?? -1, story.entryNode ?? -1].filter { $0 >= 0 }
    if onPath.contains(where: { !nodePlanes[$0].isUp || nodePlanes[$0].bootedAt > story.openedAt }) {
      return .nodeDown
    }
    if let from = story.movedFrom {
      return nodePlanes[from].isUp && nodePlanes[from].bootedAt <= story.openedAt ? .lbMoved : .nodeDown
    }
    let hasMoved = onPath.contains { !nodePlanes[$0].formerAddresses.isEmpty }
    if story.wasEstablished, hasMoved { return .nodeAddressChanged }
    if onPath.contains(where: { conntrack[$0].pointee.latestEviction >= story.openedAt }) { return .mapFull }
    return .conntrackExpired
  }

  /// The first answer came past the node that had translated the packet: for want of a local endpoint policy
  /// Local sent it on under the source that it came with (ipvs; the others with a pod's own source).
  private func isAnsweredPast(_ story: LossStory, _ node: Int) -> Bool {
    guard let deciding = story.decidingNode, story.backendNode >= 0, !story.wasEstablished else {
      return false
    }
    return deciding != node && deciding != story.clientNode && deciding != story.backendNode
  }

  /// A reply that was not translated back. Where the deciding node sent the packet on to another node under
  /// the client's own address, that is policy Local's fallback in ipvs mode; else the translation was lost.
  private func foreignReplyCause(_ story: LossStory) -> Cause {
    guard let deciding = story.decidingNode, story.backendNode >= 0, story.backendNode != deciding else {
      return forgottenCause(story)
    }
    return .localPolicy
  }

  /// A host met a packet of a connection that it does not have.
  private func foreignCause(_ story: LossStory, _ node: Int, isSamePod: Bool) -> Cause {
    if story.hasLostConntrack { return forgottenCause(story) }
    guard !isSamePod, story.backend != nil, node >= 0 else { return .serverCrashed }
    if nodePlanes[node].bootedAt > story.openedAt { return .nodeDown }
    return .ipReused
  }
}
