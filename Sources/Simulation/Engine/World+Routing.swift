// SPDX-License-Identifier: GPL-3.0-or-later
//
// From one place to the next. A packet costs one event per place that can change or drop it: the node it
// enters, the host it is delivered to. What happens inside one place at one instant is done at once.
//
//     client stack -> [its node's tables] -> hop -> [tables of the next node] -> ... -> server stack
//
// Loss is told to the connection at the instant it happens, which arms the client's timer: no timers are
// scheduled for packets that get through.

import Cluster
import NetworkTypes
import Proxy
import SimKernel
import SimRandom
import Traffic

extension World {
  /// A stack sends a packet of connection `slot`.
  mutating func send(_ kind: PacketKind, _ slot: UInt32, from host: HostReference, tuple: FlowTuple) {
    packetCount += 1
    let c = connections[slot]
    let packet = packets.add(
      tuple: tuple, connection: slot, generation: c.pointee.generation, kind: kind,
      number: c.pointee.requestNumber)
    switch host.kind {
    case .pod:
      let node = Int(podNodes[Int(host.id)])
      if nodePlanes[node].isUp { pass(packet, node, .pod) } else { lose(packet, .nodeDown(node)) }
    case .node:
      let node = Int(host.id)
      if nodePlanes[node].isUp { pass(packet, node, .node) } else { lose(packet, .nodeDown(node)) }
    case .outside:
      routeOutside(packet)
    case .none, .loadBalancer, .routedToNodes:
      preconditionFailure("\(host.kind) sends no packets")
    }
  }

  /// A packet arrives where it was sent to.
  mutating func arrive(_ slot: UInt32) {
    let p = packets.pointer(slot)
    guard p.pointee.entersNode else { return deliver(slot, to: p.pointee.destination) }
    let node = Int(p.pointee.destination.id)
    if nodePlanes[node].isUp { pass(slot, node, .outside) } else { lose(slot, .nodeDown(node)) }
  }

  /// After a node's tables: to a local stack, to another node, or out of the cluster.
  mutating func forward(_ slot: UInt32, from node: Int, _ origin: FlowOrigin, extra: SimDuration) {
    let owner = addresses.owner(of: packets.pointer(slot).pointee.tuple.destination)
    guard owner.kind == .pod else { return forward(slot, from: node, origin, extra, toOther: owner) }
    switch stepToPod(owner, from: node) {
    case .localStack: deliverLocally(slot, to: owner, node, origin, extra)
    case .node(let home): toPodNode(slot, from: node, to: home, extra)
    case .staleRoute(let home): lose(slot, .staleRoute(on: node, to: home))
    }
  }

  /// As `forward`, for destinations that are no pods.
  @inline(never) private mutating func forward(
    _ slot: UInt32, from node: Int, _ origin: FlowOrigin, _ extra: SimDuration, toOther owner: HostReference
  ) {
    switch stepElsewhere(packets[slot].tuple, to: owner, from: node, origin) {
    case .localStack(let host): deliverLocally(slot, to: host, node, origin, extra)
    case .node(let next):
      if owner.kind == .node {
        hop(slot, nodeHop(node, next), node, next, extra, entersNode: owner)
      } else {
        toPodNode(slot, from: node, to: next, extra)
      }
    case .outsideHost(let host):
      if !passedTranslation(slot) { return lose(slot, .foreignReply(node: node)) }
      hop(slot, .outside, node, HopEnd.outsideIndex, extra, deliversTo: host)
    case .loadBalancer(let service): throughLoadBalancer(slot, service: service, from: node, extra)
    case .deadAddress: deadAddress(slot, node)
    case .staleRoute(let home): lose(slot, .staleRoute(on: node, to: home))
    case .lost(let loss): lose(slot, loss)
    case .upstreamRouters: preconditionFailure("only packets from outside meet routers")
    }
  }

  /// From a host outside the cluster.
  mutating func routeOutside(_ slot: UInt32) {
    switch stepFromOutside(packets[slot].tuple.destination) {
    case .node(let node):
      let entry = HostReference(.node, UInt32(node))
      hop(slot, .outside, HopEnd.outsideIndex, node, .zero, entersNode: entry)
    case .loadBalancer(let service):
      throughLoadBalancer(slot, service: service, from: HopEnd.outsideIndex, .zero)
    case .upstreamRouters:
      let entry = HostReference(.node, UInt32(entryNode(of: slot, among: upstreamNodes())))
      hop(slot, .outside, HopEnd.outsideIndex, Int(entry.id), .zero, entersNode: entry)
    case .outsideHost(let host):
      hop(slot, .outside, HopEnd.outsideIndex, HopEnd.outsideIndex, .zero, deliversTo: host)
    case .lost(let loss): lose(slot, loss)
    case .localStack, .deadAddress, .staleRoute: preconditionFailure("a step of nodes")
    }
  }

  /// The packet is for a pod of another node, and this node's route leads there.
  @inline(__always) private mutating func toPodNode(
    _ slot: UInt32, from node: Int, to home: Int, _ extra: SimDuration
  ) {
    let p = packets.pointer(slot)
    if p.pointee.kind == .syn { conntrack[home].pointee.expect(p.pointee.tuple) }
    let target = HostReference(.node, UInt32(home))
    hop(slot, nodeHop(node, home), node, home, extra, entersNode: target)
  }

  /// The pod network of this node owns the address, but no pod has it (FACTS E5).
  private mutating func deadAddress(_ slot: UInt32, _ node: Int) {
    let address = packets[slot].tuple.destination
    let loss = Loss.podGone(node: node, address)
    switch scenario.network.deadPodIP {
    case .blackhole:
      lose(slot, loss)
    case .reset:
      bounce(slot, .reset, node, after: .zero, loss)
    case .hostUnreachable:
      bounce(slot, .hostUnreachable, node, after: resolutionTime(address), loss)
    }
  }

  /// Until the node gives up to resolve an address that nobody has: three ARP requests, one second apart
  /// (mcast_solicit 3, retrans_timer 1 s: arp(7)). A packet that comes meanwhile waits for the same end; the next
  /// one after it begins anew, for a failed entry is tried again at once (__neigh_event_send, net/core/neighbour.c).
  private mutating func resolutionTime(_ address: IPv4Address) -> SimDuration {
    if let end = resolutions[address], end > now { return end - now }
    resolutions[address] = now + .seconds(3)
    return .seconds(3)
  }

  @inline(__always) func nodeHop(_ a: Int, _ b: Int) -> HopClass {
    nodePlanes[a].zoneNumber == nodePlanes[b].zoneNumber ? .sameZone : .betweenZones
  }

  private mutating func deliverLocally(
    _ slot: UInt32, to owner: HostReference, _ node: Int, _ origin: FlowOrigin, _ extra: SimDuration
  ) {
    // A packet that came over the network is in the pod or socket with it; one from this node takes a hop.
    guard origin == .outside else {
      return hop(slot, .sameNode, node, node, extra, deliversTo: owner)
    }
    // The cost of the rules that it walked is paid by the next packet of the connection, which saves an
    // event.
    if extra != .zero {
      let packet = packets[slot]
      if connections.isCurrent(packet.connection, packet.generation) {
        connections[packet.connection].pointee.owedDelay += Int32(clamping: extra.nanoseconds)
      }
    }
    deliver(slot, to: owner)
  }

  /// As if no table of the node existed: NOTRACK, and no NAT.
  mutating func deliverPastTables(_ slot: UInt32, on node: Int, to host: HostReference) {
    hop(slot, .sameNode, node, node, .zero, deliversTo: host)
  }

  /// The node at which a connection from outside enters: chosen by a hash of its flow, then kept.
  private mutating func entryNode(of slot: UInt32, among nodes: [Int]) -> Int {
    let packet = packets[slot]
    let isCurrent = connections.isCurrent(packet.connection, packet.generation)
    if isCurrent, connections[packet.connection].pointee.entryNode != .max {
      return Int(connections[packet.connection].pointee.entryNode)
    }
    let node = nodes[Int(Self.flowHash(packet.tuple) % UInt64(nodes.count))]
    if isCurrent { connections[packet.connection].pointee.entryNode = UInt32(node) }
    return node
  }

  /// What routers and balancers spread connections by.
  static func flowHash(_ t: FlowTuple) -> UInt64 {
    let flow = UInt64(t.source.bits) << 32 | UInt64(t.sourcePort) << 16 | UInt64(t.destinationPort)
    return StableHash.mix(flow ^ UInt64(t.destination.bits) << 20)
  }

  // MARK: One hop. Its ends are indices of nodes, or HopEnd.outsideIndex.

  @inline(__always) mutating func hop(
    _ slot: UInt32, _ kind: HopClass, _ from: Int, _ to: Int, _ extra: SimDuration,
    entersNode node: HostReference
  ) {
    let p = packets.pointer(slot)
    p.pointee.entersNode = true
    p.pointee.destination = node
    travel(slot, kind, from, to, extra, entersNode: true)
  }

  @inline(__always) private mutating func hop(
    _ slot: UInt32, _ kind: HopClass, _ from: Int, _ to: Int, _ extra: SimDuration,
    deliversTo host: HostReference
  ) {
    let p = packets.pointer(slot)
    p.pointee.entersNode = false
    p.pointee.destination = host
    travel(slot, kind, from, to, extra, entersNode: false)
  }

  @inline(__always) private mutating func travel(
    _ slot: UInt32, _ kind: HopClass, _ from: Int, _ to: Int, _ cost: SimDuration, entersNode: Bool
  ) {
    let p = packets.pointer(slot)
    let isCurrent = connections.isCurrent(p.pointee.connection, p.pointee.generation)
    let extra = isCurrent ? cost + owedDelay(connections[p.pointee.connection]) : cost
    let passing = passingCost(from: from, to: to, entersNode: entersNode)
    let quiet = paths.quietDelay(kind)
    if quiet >= 0 {
      let arrival = now + (SimDuration(nanoseconds: quiet) + extra + passing)
      let rank = isCurrent ? rankArming(p, arrival) : 0
      queue.push(lane: kind.lane(isFirst: extra != .zero), at: arrival, rank: rank, .packet(slot))
    } else {
      travelByChance(slot, kind, HopEnd(from), HopEnd(to), extra, passing)
    }
  }

  /// A hop whose delay is drawn, or on which something may happen to the packet.
  @inline(never) private mutating func travelByChance(
    _ slot: UInt32, _ kind: HopClass, _ from: HopEnd, _ to: HopEnd, _ extra: SimDuration,
    _ passing: SimDuration
  ) {
    var stream = drawStream(packets[slot].connection)
    switch paths.cross(kind, from: from, to: to, stream: &stream, nodeName: { nodePlanes[$0].name }) {
    case .arrives(let delay, let isConstant):
      let arrival = now + delay + extra + passing
      if isConstant {
        let lane = kind.lane(isFirst: extra != .zero)
        queue.push(lane: lane, at: arrival, rank: rankArming(slot, arrival), .packet(slot))
      } else {
        queue.push(at: arrival, rank: rankArming(slot, arrival), .packet(slot))
      }
    case .lost: lose(slot, .lossOnPath)
    case .partitioned: lose(slot, .partition)
    }
  }

  /// Takes what an earlier packet of the connection left to pay.
  @inline(__always) private func owedDelay(_ c: UnsafeMutablePointer<Connection>) -> SimDuration {
    let owed = c.pointee.owedDelay
    if owed == 0 { return .zero }
    c.pointee.owedDelay = 0
    return .nanoseconds(Int64(owed))
  }

  private mutating func rankArming(_ slot: UInt32, _ arrival: SimTime) -> UInt64 {
    let p = packets.pointer(slot)
    return connections.isCurrent(p.pointee.connection, p.pointee.generation) ? rankArming(p, arrival) : 0
  }

  /// The rank of a packet's arrival; arms the client's timer if the packet will come too late for it.
  @inline(__always) private mutating func rankArming(
    _ p: UnsafeMutablePointer<Packet>, _ arrival: SimTime
  ) -> UInt64 {
    let c = connections[p.pointee.connection]
    if arrival.nanoseconds > c.pointee.deadline { armTimer(p.pointee.connection) }
    return EventRank.connection(
      .packet, instance: c.pointee.instance, ordinal: c.pointee.ordinal,
      counter: UInt32(p.pointee.number) << 8 | UInt32(p.pointee.kind.rawValue) << 4
        | UInt32(c.pointee.retransmissions & 15))
  }

  /// A place in the connection's own stream of draws for its path.
  mutating func drawStream(_ slot: UInt32) -> RandomStream {
    let c = connections[slot]
    let counter =
      UInt64(c.pointee.ordinal) << 28 | UInt64(c.pointee.attempt) << 20 | UInt64(c.pointee.draws) << 4
    c.pointee.draws &+= 1
    return RandomStream(key: instances[Int(c.pointee.instance)].pathKey, counter: counter)
  }

  // MARK: Errors on the way

  /// An error answer from `node` to the sender of a forward packet, through the tables that it came by.
  mutating func bounce(
    _ slot: UInt32, _ kind: PacketKind, _ node: Int, after delay: SimDuration, _ loss: Loss
  ) {
    let packet = packets[slot]
    guard packet.kind.isForward, connections.isCurrent(packet.connection, packet.generation) else {
      return lose(slot, loss)
    }
    blame(packet.connection, loss)
    packets[slot].become(kind)
    packets[slot].tuple = packet.tuple.reversed
    if delay == .zero { return pass(slot, node, .pod) }
    packets[slot].entersNode = true
    packets[slot].destination = HostReference(.node, UInt32(node))
    armTimer(packet.connection)
    let arrival = now + delay
    queue.push(at: arrival, rank: rankArming(slot, arrival), .packet(slot))
  }

  /// The packet ends here. Its connection learns nothing, except by silence.
  mutating func lose(_ slot: UInt32, _ loss: Loss) {
    let packet = packets[slot]
    packets.remove(slot)
    guard connections.isCurrent(packet.connection, packet.generation) else { return }
    let phase = connections[packet.connection].pointee.phase
    if phase == .closing { return endClosing(packet.connection) }
    blame(packet.connection, loss)
    // Of an idle connection only a keepalive probe is waited for: a FIN that gets lost is not missed.
    if phase != .idle || packet.kind != .serverFin { armTimer(packet.connection) }
  }
}
