// SPDX-License-Identifier: GPL-3.0-or-later
//
// Socket load balancing (FACTS D4): the node's hook at connect() or sendmsg() gives the socket another
// destination, so that the connection is one with the backend from its first packet on. No translation on the
// way, no masquerade, and nothing that a later change of the Service could move. What an agent's updates do
// to sockets and flows is here too.

import NetworkTypes
import Proxy
import SimKernel
import SimRandom
import Traffic

extension World {
  /// The destination that the client's application asked for, and the port with which it would have.
  @inline(__always) func dialled(_ slot: UInt32) -> FlowTuple {
    let c = connections[slot]
    return c.pointee.isTranslatedAtSocket ? dialledTuples[slot] ?? c.pointee.tuple : c.pointee.tuple
  }

  /// The first packet of a connection whose socket has been given another destination.
  @inline(never) mutating func connectElsewhere(
    _ slot: UInt32, _ node: Int, _ origin: FlowOrigin, _ verdict: Verdict, _ state: ConntrackState,
    _ stream: inout RandomStream
  ) {
    let packet = packets[slot]
    let isConnecting = packet.kind == .syn || packet.kind == .datagram || packet.kind == .query
    if isConnecting, connections.isCurrent(packet.connection, packet.generation) {
      let c = connections[packet.connection]
      var tuple = packet.tuple
      tuple.destination = verdict.address
      tuple.destinationPort = verdict.port
      chooseFreePort(&tuple, node, &stream)
      dialledTuples[packet.connection] = c.pointee.tuple
      c.pointee.isTranslatedAtSocket = true
      c.pointee.tuple = tuple
      packets[slot].tuple = tuple
      noteDecision(packet, node, verdict)
    }
    // An open connection is not looked at again.
    let untouched = Verdict(kind: .notProxied)
    guard let leaving = remember(slot, node, origin, untouched, state, &stream) else { return }
    packets[slot].tuple = leaving
    forward(slot, from: node, origin, extra: firstPacketCost(verdict, node))
  }

  /// The kernel picks a source port for the destination that the hook has left: another one if a second
  /// Service has led a socket of this host to the same backend with this port.
  private mutating func chooseFreePort(_ tuple: inout FlowTuple, _ node: Int, _ stream: inout RandomStream) {
    for _ in 0..<128 {
      guard let hit = conntrack[node].pointee.find(tuple, now: now) else { return }
      let state = conntrack[node].pointee[hit.slot].state
      if state == .close || state == .timeWait {
        conntrack[node].pointee.remove(hit.slot)
        return
      }
      tuple.sourcePort = UInt16(1024 + stream.below(64512))
    }
  }

  /// connect() fails with EHOSTUNREACH (bpf_sock.c: no backend in any slot).
  mutating func refuseAtSocket(_ slot: UInt32, _ node: Int, _ origin: FlowOrigin, _ verdict: Verdict) {
    let packet = packets[slot]
    guard connections.isCurrent(packet.connection, packet.generation) else { return packets.remove(slot) }
    blame(packet.connection, .refusedByTable(node: node, verdict, packet.tuple, origin))
    packets[slot].become(.hostUnreachable)
    packets[slot].tuple = packet.tuple.reversed
    forward(slot, from: node, origin, extra: .zero)
  }

  /// A flow that no node with an agent translates: to forget it moves nothing.
  func isUntranslated(_ packet: Packet, _ node: Int) -> Bool {
    podNetwork.contains(packet.tuple.destination) && proxies.hasAgent(.init(node))
  }

  // MARK: Updates

  /// An agent has taken backends out of its maps.
  mutating func backendsRemoved(_ removal: BackendRemoval) {
    let deleted = Set(removal.deleted)
    _ = conntrack[removal.node.index].pointee.removeAll { entry in
      entry.isTranslated && entry.transport == removal.transport
        && deleted.contains(
          ConntrackCleanup.Target(
            address: IPv4Address(bits: entry.reply.source), port: entry.reply.sourcePort))
    }
    let dead = Set(removal.dead)
    guard !dead.isEmpty else { return }
    for slot in 0..<UInt32(connections.used) where isConnected(slot, to: dead, from: removal.node.index) {
      destroySocket(slot)
    }
  }

  private func isConnected(_ slot: UInt32, to dead: Set<ConntrackCleanup.Target>, from node: Int) -> Bool {
    let c = connections[slot].pointee
    guard c.isLive, c.isTranslatedAtSocket, c.tuple.transport == .udp,
      instances[Int(c.instance)].node == node
    else { return false }
    return dead.contains(
      ConntrackCleanup.Target(address: c.tuple.destination, port: c.tuple.destinationPort))
  }

  /// The application gets ECONNABORTED at once instead of waiting for an answer.
  private mutating func destroySocket(_ slot: UInt32) {
    blame(slot, .serverEnded(node: max(0, backendNode(slot)), crashed: false))
    refusedOrReset(slot, ifConnecting: .reset)
  }
}
