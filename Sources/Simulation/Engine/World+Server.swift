// SPDX-License-Identifier: GPL-3.0-or-later
//
// The server's end: a packet delivered to a stack, the processes that listen there, their work and their end.

import Cluster
import NetworkTypes
import Proxy
import SimKernel
import SimRandom
import Traffic

extension World {
  /// A packet reaches a host's stack. The kinds that end a step of every connection need no header; they are
  /// taken here, without the copy of the packet that the others get.
  mutating func deliver(_ slot: UInt32, to host: HostReference) {
    let p = packets.pointer(slot)
    let (connection, kind, number) = (p.pointee.connection, p.pointee.kind, p.pointee.number)
    guard connections.isCurrent(connection, p.pointee.generation) else { return packets.remove(slot) }
    guard host.kind != .pod || nodePlanes[Int(podNodes[Int(host.id)])].isUp else {
      return deliverWhole(slot, to: host)
    }
    if kind == .request, knows(connection, host), isOfItsFlow(p) {
      packets.remove(slot)
      receiveRequest(connection, number)
    } else if kind == .clientFin {
      packets.remove(slot)
      endClosing(connection)
    } else if !kind.isForward, instances[Int(connections[connection].pointee.instance)].host == host {
      packets.remove(slot)
      receiveAtClient(connection, kind, number: number)
    } else {
      deliverWhole(slot, to: host)
    }
  }

  /// As `deliver`, for a packet of a current connection whose header matters, or that comes to the wrong
  /// place.
  @inline(never) private mutating func deliverWhole(_ slot: UInt32, to host: HostReference) {
    let packet = packets[slot]
    packets.remove(slot)
    if host.kind == .pod, !nodePlanes[Int(podNodes[Int(host.id)])].isUp {
      return loseDelivered(packet, .nodeDown(Int(podNodes[Int(host.id)])))
    }
    if packet.kind.isForward { return receiveAtServer(packet, host) }
    // The translation was forgotten on the way: a reply that its receiver knows nothing of.
    loseDelivered(packet, .conntrackMissing(node: nodeIndex(of: host)))
  }

  private mutating func loseDelivered(_ packet: Packet, _ loss: Loss) {
    if connections[packet.connection].pointee.phase == .closing { return endClosing(packet.connection) }
    blame(packet.connection, loss)
    armTimer(packet.connection)
  }

  private mutating func receiveAtServer(_ packet: Packet, _ host: HostReference) {
    let slot = packet.connection
    switch packet.kind {
    case .syn:
      receiveSyn(packet, host)
    case .request:
      unknownConnection(packet, host)
    case .keepalive:
      if knows(slot, host),
        !connections[slot].pointee.hasLostConntrack || packet.tuple == connections[slot].pointee.serverTuple
      {
        send(.keepaliveAnswer, slot, from: host, tuple: packet.tuple.reversed)
      } else {
        unknownConnection(packet, host)
      }
    case .datagram:
      receiveDatagram(packet, host)
    case .query:
      receiveQuery(packet, host)
    case .streamQuery:
      if knows(slot, host) { receiveQuery(packet, host) } else { unknownConnection(packet, host) }
    case .clientFin, .synAck, .response, .serverFin, .reset, .portUnreachable, .hostUnreachable,
      .keepaliveAnswer, .answer, .lateResponse, .queryAnswer, .streamAnswer:
      preconditionFailure("\(packet.kind) needs no header")
    }
  }

  /// A node that picked the flow up in mid-stream may have translated it to the same server from another
  /// source: for the server that is another connection.
  @inline(__always) private func isOfItsFlow(_ p: UnsafeMutablePointer<Packet>) -> Bool {
    let c = connections[p.pointee.connection]
    return !c.pointee.hasLostConntrack || p.pointee.tuple == c.pointee.serverTuple
  }

  private func knows(_ slot: UInt32, _ host: HostReference) -> Bool {
    let server = connections[slot].pointee.server
    return server != .max && servers[Int(server)].host == host && servers[Int(server)].isRunning
  }

  func nodeIndex(of host: HostReference) -> Int {
    switch host.kind {
    case .pod: Int(podNodes[Int(host.id)])
    case .node: Int(host.id)
    case .none, .outside, .loadBalancer, .routedToNodes: -1
    }
  }

  /// The process that listens on a host's port; nil if none does.
  func server(on host: HostReference, _ port: UInt16, _ transport: TransportProtocol) -> Int? {
    switch host.kind {
    case .pod: podSocket(Int(host.id), port, transport)
    case .outside: socket(outsideSockets[Int(host.id)], port, transport)
    case .node: hostNetworkServer(Int(host.id), port, transport)
    case .none, .loadBalancer, .routedToNodes: nil
    }
  }

  private func podSocket(_ pod: Int, _ port: UInt16, _ transport: TransportProtocol) -> Int? {
    for k in podSockets[pod].indices {
      let s = Int(podSockets[pod][k])
      if servers[s].port == port, servers[s].transport == transport { return s }
    }
    return nil
  }

  private func socket(_ sockets: [Int32], _ port: UInt16, _ transport: TransportProtocol) -> Int? {
    for s in sockets where servers[Int(s)].port == port && servers[Int(s)].transport == transport {
      return Int(s)
    }
    return nil
  }

  private func hostNetworkServer(_ node: Int, _ port: UInt16, _ transport: TransportProtocol) -> Int? {
    for pod in control.nodes[node].pods where control.pods[pod.index].isHostNetwork {
      if let found = socket(podSockets[pod.index], port, transport) { return found }
    }
    return nil
  }

  // MARK: Opening

  private mutating func receiveSyn(_ packet: Packet, _ host: HostReference) {
    let slot = packet.connection
    if knows(slot, host) { return send(.synAck, slot, from: host, tuple: packet.tuple.reversed) }
    guard let index = server(on: host, packet.tuple.destinationPort, packet.tuple.transport),
      servers[index].isListening
    else { return portClosed(packet, host) }
    // A SYN sent again may have been given to another backend; the first one's half-open end is forgotten.
    detachFromServer(slot)
    switch servers[index].receiveSyn(slot: slot, generation: packet.generation) {
    case .closed: return portClosed(packet, host)
    case .backlogFull: return loseDelivered(packet, .backlogFull(node: nodeIndex(of: host)))
    case .queued: connections[slot].pointee.isQueuedForAccept = true
    case .accepted: break
    }
    connections[slot].pointee.server = UInt32(index)
    connections[slot].pointee.serverTuple = packet.tuple
    connections[slot].pointee.hasReachedServer = true
    connections[slot].pointee.isEndedByServer = false
    connections[slot].pointee.isForeign = isForeign(slot, host)
    send(.synAck, slot, from: host, tuple: packet.tuple.reversed)
  }

  /// The packet was meant for a backend whose address this host has taken over.
  private func isForeign(_ slot: UInt32, _ host: HostReference) -> Bool {
    let chosen = connections[slot].pointee.backend
    guard chosen != .max, host.kind == .pod || host.kind == .node else { return false }
    return isForeign(chosen: .init(chosen), host)
  }

  /// As above, for a backend that a table chose.
  func isForeign(chosen: BackendID, _ host: HostReference) -> Bool {
    let meant = proxies.pod(of: chosen)
    if host.kind == .node { return !meant.isNone && isForeign(chosen, meant: meant, onNode: NodeID(host.id)) }
    guard host.kind == .pod, !meant.isNone, meant != PodID(host.id) else { return false }
    let backend = proxies.backend(chosen)
    guard let selector = control.store.service(backend.service)?.spec.selector else { return false }
    let pod = control.pods[Int(host.id)]
    return pod.name.namespace != control.store.serviceName(backend.service).namespace
      || !LabelSelector(selector).matches(pod.labels)
  }

  /// For an address that one node took over from another: a node that has a hostNetwork pod of the Service
  /// answers in its stead.
  private func isForeign(_ chosen: BackendID, meant: PodID, onNode node: NodeID) -> Bool {
    guard control.pods[meant.index].isHostNetwork, control.pods[meant.index].node != node else {
      return false
    }
    let service = proxies.backend(chosen).service
    guard let selector = control.store.service(service)?.spec.selector else { return false }
    let namespace = control.store.serviceName(service).namespace
    return !control.nodes[node.index].pods.contains {
      let pod = control.pods[$0.index]
      return pod.isHostNetwork && pod.name.namespace == namespace
        && LabelSelector(selector).matches(pod.labels)
    }
  }

  mutating func portClosed(_ packet: Packet, _ host: HostReference) {
    let slot = packet.connection
    blame(
      slot,
      .portClosed(node: nodeIndex(of: host), packet.tuple.destination, port: packet.tuple.destinationPort))
    let kind: PacketKind = packet.tuple.transport == .udp ? .portUnreachable : .reset
    send(kind, slot, from: host, tuple: packet.tuple.reversed)
  }

  /// A packet in mid-stream to a host that has no such connection: RST.
  private mutating func unknownConnection(_ packet: Packet, _ host: HostReference) {
    let c = connections[packet.connection].pointee
    let isSamePod = c.backend != .max && proxies.backend(.init(c.backend)).pod == PodID(host.id)
    blame(packet.connection, .foreignConnection(node: nodeIndex(of: host), isSamePod: isSamePod))
    send(.reset, packet.connection, from: host, tuple: packet.tuple.reversed)
  }

  // MARK: Work

  private mutating func receiveRequest(_ slot: UInt32, _ number: UInt16) {
    gotThrough(slot)
    // The answer is on its way or in the making: a retransmission changes nothing.
    if connections[slot].pointee.isBeingServed, connections[slot].pointee.servedNumber == number {
      return
    }
    if connections[slot].pointee.isQueuedForAccept {
      connections[slot].pointee.hasUnreadRequest = true
      connections[slot].pointee.servedNumber = number
      return armTimer(slot)
    }
    work(slot, number: number)
  }

  private mutating func receiveDatagram(_ packet: Packet, _ host: HostReference) {
    let slot = packet.connection
    guard let index = server(on: host, packet.tuple.destinationPort, .udp), servers[index].isListening else {
      return portClosed(packet, host)
    }
    if !connections[slot].pointee.isBeingServed {
      connections[slot].pointee.server = UInt32(index)
      connections[slot].pointee.serverTuple = packet.tuple
      connections[slot].pointee.isForeign = isForeign(slot, host)
      gotThrough(slot)
      work(slot, number: packet.number)
    }
  }

  /// The process takes the request, or lets it wait for a worker.
  private mutating func work(_ slot: UInt32, number: UInt16) {
    let c = connections[slot]
    let server = Int(c.pointee.server)
    if servers[server].isHanging { return loseServed(slot, .queueOverflow(node: nodeIndex(of: servers[server].host))) }
    let counter = UInt64(c.pointee.ordinal) << 28 | UInt64(c.pointee.attempt) << 20 | UInt64(number) << 2
    var stream = RandomStream(key: instances[Int(c.pointee.instance)].serviceKey, counter: counter)
    let time = serviceTimes[servers[server].settings].duration(&stream)
    switch servers[server].receiveRequest(now: now, serviceTime: time) {
    case .overflow:
      blame(slot, .queueOverflow(node: nodeIndex(of: servers[server].host)))
      armTimer(slot)
    case .servedAt(let done):
      connections[slot].pointee.isBeingServed = true
      connections[slot].pointee.servedNumber = number
      connections[slot].pointee.servedBy = c.pointee.server
      if done.nanoseconds > c.pointee.deadline { armTimer(slot) }
      let rank = EventRank.connection(
        .server, instance: c.pointee.instance, ordinal: c.pointee.ordinal,
        counter: UInt32(number) << 8 | UInt32(c.pointee.attempt))
      queue.push(at: done, rank: rank, .served(slot))
    }
  }

  /// A worker has finished a request.
  mutating func requestDone(_ slot: UInt32) {
    let c = connections[slot]
    let server = Int(c.pointee.servedBy)
    assert(c.pointee.isBeingServed)
    connections[slot].pointee.isBeingServed = false
    connections[slot].pointee.servedBy = .max
    servers[server].finishRequest(now: now)
    if c.pointee.phase == .abandoned { return connections.close(slot) }
    guard servers[server].isRunning else { return }
    let host = servers[server].host
    let node = nodeIndex(of: host)
    if servers[server].isHanging { return loseServed(slot, .queueOverflow(node: node)) }
    if node >= 0, !nodePlanes[node].isUp {
      blame(slot, .nodeDown(node))
      return armTimer(slot)
    }
    let target = groups[instances[Int(c.pointee.instance)].group].target
    if c.pointee.backend == .max {
      recorder.direct.served(c.pointee.tuple.destination, target: target)
    } else {
      recorder.served(backend: c.pointee.backend, target: target)
    }
    if c.pointee.phase == .closing { return }
    var kind: PacketKind = c.pointee.tuple.transport == .udp ? .answer : .response
    if scenario.network.outOfWindow > 0, kind == .response { kind = responseKind(slot) }
    send(kind, slot, from: host, tuple: c.pointee.serverTuple.reversed)
  }

  // MARK: Ending

  /// The server's end forgets the connection; the next one in the accept queue comes in.
  mutating func detachFromServer(_ slot: UInt32) {
    let c = connections[slot]
    guard c.pointee.server != .max else { return }
    let server = Int(c.pointee.server)
    c.pointee.server = .max
    if c.pointee.tuple.transport == .udp { return }
    if c.pointee.isQueuedForAccept {
      connections[slot].pointee.isQueuedForAccept = false
      return servers[server].leaveQueue(slot: slot, generation: c.pointee.generation)
    }
    guard servers[server].isRunning, servers[server].openConnections > 0 else { return }
    if let next = servers[server].closeConnection(), connections.isCurrent(next.slot, next.generation) {
      connections[next.slot].pointee.isQueuedForAccept = false
      if connections[next.slot].pointee.hasUnreadRequest {
        connections[next.slot].pointee.hasUnreadRequest = false
        work(next.slot, number: connections[next.slot].pointee.servedNumber)
      }
    }
    exitIfDrained(server)
  }

  /// The server closes an open connection from its side.
  mutating func serverCloses(_ slot: UInt32, _ loss: Loss) {
    let c = connections[slot].pointee
    let host = servers[Int(c.server)].host
    blame(slot, loss)
    connections[slot].pointee.isEndedByServer = true
    detachFromServer(slot)
    if connections.isCurrent(slot, c.generation), connections[slot].pointee.phase != .closing {
      send(.serverFin, slot, from: host, tuple: c.serverTuple.reversed)
    }
  }

  private mutating func loseServed(_ slot: UInt32, _ loss: Loss) {
    blame(slot, loss)
    armTimer(slot)
  }

  /// The pod's application has come up: before, its ports were closed.
  mutating func applicationListens(_ pod: PodID) {
    for s in podSockets[pod.index] { servers[Int(s)].isListening = true }
  }

  /// The pod's processes stop answering, or go on. What they were asked meanwhile stays unanswered.
  mutating func applicationHangs(_ pod: PodID, _ isHanging: Bool) {
    for s in podSockets[pod.index] { servers[Int(s)].isHanging = isHanging }
  }

  /// SIGTERM has reached the pod's processes. One that hangs does nothing about it.
  mutating func terminationSignal(_ pod: PodID) {
    if control.pods[pod.index].isHanging { return }
    for s in podSockets[pod.index] {
      let server = Int(s)
      switch serverSettings[servers[server].settings].onTermination {
      case .ignore, .exit:
        break
      case .drain:
        servers[server].isListening = false
        closeIdleConnections(server)
        exitIfDrained(server)
      }
    }
  }

  private mutating func closeIdleConnections(_ server: Int) {
    for slot in 0..<UInt32(connections.used)
    where connections[slot].pointee.isLive && connections[slot].pointee.server == UInt32(server)
      && connections[slot].pointee.phase == .idle
    {
      serverCloses(slot, .serverEnded(node: nodeIndex(of: servers[server].host), crashed: false))
    }
  }

  /// A draining process ends when its last connection does.
  private mutating func exitIfDrained(_ server: Int) {
    guard case .pod = servers[server].host.kind, !servers[server].isListening, servers[server].isRunning,
      servers[server].openConnections == 0, servers[server].requestsInSystem == 0
    else { return }
    let pod = PodID(servers[server].host.id)
    guard control.pods[pod.index].process == .terminating,
      podSockets[pod.index].allSatisfy({ servers[Int($0)].openConnections == 0 })
    else { return }
    control.processExited(pod, at: now, into: &clusterOutput)
    scheduleClusterFlush()
  }

  /// The pod's processes are gone. Their kernel closes what they had open, unless the machine went with them.
  mutating func processesEnded(_ pod: PodID, crashed: Bool) {
    let ended = podSockets[pod.index]
    podSockets[pod.index] = []
    for s in ended {
      servers[Int(s)].isListening = false
      servers[Int(s)].isRunning = false
    }
    let node = control.pods[pod.index].node.index
    let loss = Loss.serverEnded(node: node, crashed: crashed)
    for slot in 0..<UInt32(connections.used)
    where connections[slot].pointee.isLive
      && ended.contains(Int32(bitPattern: connections[slot].pointee.server))
    {
      let c = connections[slot].pointee
      connections[slot].pointee.server = .max
      connections[slot].pointee.isQueuedForAccept = false
      if c.phase == .closing || c.phase == .abandoned { continue }
      if c.tuple.transport == .udp {
        // Nobody tells a UDP client; its next datagram may find another server.
        if c.phase == .awaiting { loseServed(slot, loss) }
        continue
      }
      blame(slot, loss)
      connections[slot].pointee.isEndedByServer = true
      if nodePlanes[node].isUp {
        send(.serverFin, slot, from: servers[Int(c.server)].host, tuple: c.serverTuple.reversed)
      } else if c.phase == .awaiting {
        armTimer(slot)
      }
    }
  }
}
