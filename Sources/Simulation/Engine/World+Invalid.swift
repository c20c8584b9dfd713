// SPDX-License-Identifier: GPL-3.0-or-later
//
// Packets that conntrack calls INVALID: out of their window, or from the middle of a connection that it does
// not know where tcp_loose is 0. They are not translated. Mode iptables drops those that are forwarded
// (KUBE-FORWARD, unless tcpBeLiberal): the sender sends them again. In the other modes they go on as they are
// (FACTS C9, k/k issue 74839): a response reaches its client under the pod's own address, the client knows no
// such connection and resets the pod's.

import Cluster
import NetworkTypes
import Proxy
import SimKernel
import SimRandom

extension World {
  /// The response as it leaves its server: out of its window by chance.
  @inline(never) mutating func responseKind(_ slot: UInt32) -> PacketKind {
    var stream = drawStream(slot)
    return stream.uniform() < scenario.network.outOfWindow ? .lateResponse : .response
  }

  /// A packet that does not fit its flow.
  @inline(never) mutating func passInvalid(
    _ slot: UInt32, _ node: Int, _ origin: FlowOrigin, _ hit: ConntrackHit
  ) {
    let packet = packets[slot]
    guard packet.kind == .lateResponse else { return lose(slot, .conntrackInvalid(node: node)) }
    let entry = conntrack[node].pointee[hit.slot]
    let translated = conntrack[node].pointee.translated(hit)
    if isLiberal(node) {
      packets[slot].become(.response)
      _ = conntrack[node].pointee.update(hit, .ack, now: now)
      packets[slot].tuple = translated
      return forward(slot, from: node, origin, extra: .zero)
    }
    if proxies.dropsInvalid(NodeID(node)), podNetwork.contains(translated.destination) {
      return lose(slot, .conntrackInvalid(node: node))
    }
    guard entry.isTranslated, connections.isCurrent(packet.connection, packet.generation) else {
      return forward(slot, from: node, origin, extra: .zero)
    }
    blame(packet.connection, .conntrackInvalid(node: node))
    packets[slot].become(.reset)
    packets[slot].tuple = translated
    forward(slot, from: node, origin, extra: .zero)
  }

  private func isLiberal(_ node: Int) -> Bool {
    nodePlanes[node].kernel.tcpBeLiberal || control.nodes[node].proxy.tcpBeLiberal
  }

  /// A packet from the middle of a connection that conntrack does not know, where tcp_loose is 0. It keeps its
  /// address: that of a Service leads nowhere.
  @inline(never) mutating func passUntracked(_ slot: UInt32, _ node: Int, _ origin: FlowOrigin) {
    let isForPod = podNetwork.contains(packets[slot].tuple.destination)
    if !isForPod || proxies.dropsInvalid(NodeID(node)) { return lose(slot, .conntrackInvalid(node: node)) }
    forward(slot, from: node, origin, extra: .zero)
  }

  /// Another processor is about to insert a flow that is answered with this tuple.
  @inline(never) func isRacing(_ reply: FlowTuple, _ node: Int) -> Bool {
    let window = scenario.network.insertRace
    guard window > .zero else { return false }
    return conntrack[node].pointee.isBeingInserted(reply, now: now, window: window)
  }
}
