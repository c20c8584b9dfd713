// SPDX-License-Identifier: GPL-3.0-or-later
//
// Packets of flows that a node's ipvs has scheduled. conntrack translates them as it does all NAT, and the
// connection table of ipvs says whether they still pass: its timeouts are its own, and a connection ends with
// its real server. When ipvs forgets a connection, conntrack forgets the flow (ip_vs_conn_expire drops the
// entry).

import Cluster
import NetworkTypes
import Proxy
import SimKernel
import SimRandom
import Traffic

extension World {
  /// conntrack knows the packet's flow, and ipvs had scheduled it.
  @inline(never) mutating func passScheduled(
    _ slot: UInt32, _ node: Int, _ origin: FlowOrigin, _ hit: ConntrackHit
  ) {
    let packet = packets[slot]
    let entry = conntrack[node].pointee[hit.slot]
    let reopens =
      packet.kind == .syn && !hit.isReply && (entry.state == .timeWait || entry.state == .close)
    let action = proxies.scheduledPacket(
      node: .init(node), flow: entry.original.tuple(entry.transport), packet.segment, isReply: hit.isReply,
      isError: packet.kind.isError, conntrackReopens: reopens, at: now)
    switch action {
    case .passes:
      passAlong(slot, node, origin, hit, entry)
    case .forgotten:
      conntrack[node].pointee.remove(hit.slot)
      if packet.kind.isForward { return passUnknown(slot, node, origin) }
      lose(slot, .conntrackMissing(node: node))
    case .dropped:
      conntrack[node].pointee.remove(hit.slot)
      lose(slot, .expiredByPacket(node: node))
    case .reopens:
      conntrack[node].pointee.remove(hit.slot)
      openFlow(slot, node, origin, state: .synSent)
    }
  }

  /// conntrack's own part. An INVALID packet is not dropped, as no rule of ipvs mode does it (FACTS C9), but
  /// neither is its source translated.
  private mutating func passAlong(
    _ slot: UInt32, _ node: Int, _ origin: FlowOrigin, _ hit: ConntrackHit, _ entry: ConntrackEntry
  ) {
    let packet = packets[slot]
    let isValid =
      packet.kind.isError || conntrack[node].pointee.update(hit, packet.kind.segment, now: now)
    let isMasqueraded =
      entry.reply.destination != entry.original.source
      || entry.reply.destinationPort != entry.original.sourcePort
    if !isValid, isMasqueraded { return lose(slot, .conntrackInvalid(node: node)) }
    packets[slot].tuple = conntrack[node].pointee.translated(hit)
    forward(slot, from: node, origin, extra: .zero)
  }

  /// A packet from the middle of a TCP connection that conntrack does not know: at a virtual server it goes
  /// on only if ipvs knows the connection; otherwise nothing schedules it (sloppy_tcp 0), and the node's own
  /// stack, whose address the virtual server has, answers with a reset.
  /// - Returns: false if the destination is no virtual server of a node in ipvs mode.
  @inline(never) mutating func resumeScheduled(_ slot: UInt32, _ node: Int, _ origin: FlowOrigin) -> Bool {
    let packet = packets[slot]
    switch proxies.resumedPacket(node: .init(node), flow: packet.tuple, origin: origin, at: now) {
    case .notOurs:
      return false
    case .unscheduled:
      bounce(slot, .reset, node, after: .zero, .conntrackMissing(node: node))
    case .dropped:
      lose(slot, .expiredByPacket(node: node))
    case .forwarded(let verdict):
      var stream = drawStream(packet.connection)
      guard let leaving = remember(slot, node, origin, verdict, .established, &stream) else { return true }
      packets[slot].tuple = leaving
      forward(slot, from: node, origin, extra: .zero)
    }
    return true
  }

  /// Whether a reply that leaves for a host outside carries the address that the host spoke to. A virtual
  /// server whose policy Local fell back to a pod of another node hands on the client's own address, and the
  /// pod answers past it (k/k PR 97081).
  func passedTranslation(_ slot: UInt32) -> Bool {
    let p = packets.pointer(slot)
    guard !p.pointee.kind.isForward, connections.isCurrent(p.pointee.connection, p.pointee.generation) else {
      return true
    }
    let c = connections[p.pointee.connection]
    // Under DSR the backend's own node writes the address that was asked into the answer (FACTS D4).
    if c.pointee.returnsDirectly { return true }
    let asked = c.pointee.tuple
    return p.pointee.tuple.addresses == asked.reversed.addresses
      && p.pointee.tuple.ports == asked.reversed.ports
  }
}
