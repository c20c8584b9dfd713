// SPDX-License-Identifier: GPL-3.0-or-later
//
// A packet in one node's tables, in the kernel's order:
//
//     conntrack lookup --known--> state, translation ----------------.
//            '--new--> kube-proxy's rules: REJECT / DROP / DNAT       |
//                         '--> masquerade, source port --> insert --> route
//
// NAT is decided once per flow: a change of rules never moves a flow that conntrack knows (FACTS E2).

import Cluster
import NetworkTypes
import Proxy
import SimKernel
import SimRandom
import Traffic

extension World {
  /// Takes a packet through the tables of `node` and on.
  mutating func pass(_ slot: UInt32, _ node: Int, _ origin: FlowOrigin) {
    let p = packets.pointer(slot)
    let hint = connections.hint(p.pointee.connection, p.pointee.generation, node)
    if !p.pointee.kind.isError,
      conntrack[node].pointee.passHinted(&p.pointee.tuple, p.pointee.segment, now: now, hint: hint)
    {
      return forward(slot, from: node, origin, extra: .zero)
    }
    passSearching(slot, node, origin, hint)
  }

  /// As `pass`, for what the remembered entry does not settle.
  @inline(never) private mutating func passSearching(
    _ slot: UInt32, _ node: Int, _ origin: FlowOrigin, _ hint: Int32
  ) {
    let packet = packets[slot]
    guard let hit = conntrack[node].pointee.find(packet.tuple, now: now, hint: hint) else {
      return passUnknown(slot, node, origin)
    }
    if conntrack[node].pointee[hit.slot].isScheduled { return passScheduled(slot, node, origin, hit) }
    if packet.kind == .syn, !hit.isReply {
      let state = conntrack[node].pointee[hit.slot].state
      if state == .timeWait || state == .close {
        conntrack[node].pointee.remove(hit.slot)
        return openFlow(slot, node, origin, state: .synSent)
      }
    }
    if !packet.kind.isError, !conntrack[node].pointee.update(hit, packet.segment, now: now) {
      return passInvalid(slot, node, origin, hit)
    }
    packets[slot].tuple = conntrack[node].pointee.translated(hit)
    forward(slot, from: node, origin, extra: .zero)
  }

  /// conntrack does not know the packet's flow.
  @inline(__always) mutating func passUnknown(_ slot: UInt32, _ node: Int, _ origin: FlowOrigin) {
    if packets[slot].kind == .syn { return openFlow(slot, node, origin, state: .synSent) }
    passUnknownLater(slot, node, origin)
  }

  /// As above, for a packet that is no SYN.
  @inline(never) private mutating func passUnknownLater(_ slot: UInt32, _ node: Int, _ origin: FlowOrigin) {
    switch packets[slot].kind {
    case .syn: openFlow(slot, node, origin, state: .synSent)
    case .datagram, .query: openFlow(slot, node, origin, state: .unreplied)
    case .request, .keepalive, .streamQuery:
      if resumeScheduled(slot, node, origin) { return }
      // tcp_loose: picked up in mid-stream, so it passes the nat rules again and may get another backend.
      if !nodePlanes[node].kernel.tcpLoose { return passUntracked(slot, node, origin) }
      let packet = packets[slot]
      if connections.isCurrent(packet.connection, packet.generation),
        !isUntranslated(packet, node)
      {
        connections[packet.connection].pointee.hasLostConntrack = true
      }
      openFlow(slot, node, origin, state: .established)
    case .synAck, .response, .lateResponse, .serverFin, .keepaliveAnswer, .answer, .queryAnswer,
      .streamAnswer:
      if endsAtClient(slot, node), !passedTranslation(slot) {
        return lose(slot, .conntrackMissing(node: node))
      }
      forward(slot, from: node, origin, extra: .zero)
    case .clientFin, .reset, .portUnreachable, .hostUnreachable:
      forward(slot, from: node, origin, extra: .zero)
    }
  }

  /// The packet is for its connection's client, which is on this node: an answer from an address that the
  /// client never spoke to belongs to none of its sockets.
  private func endsAtClient(_ slot: UInt32, _ node: Int) -> Bool {
    let p = packets.pointer(slot)
    guard connections.isCurrent(p.pointee.connection, p.pointee.generation) else { return false }
    let client = instances[Int(connections[p.pointee.connection].pointee.instance)]
    return client.node == node && addresses.owner(of: p.pointee.tuple.destination) == client.host
  }

  mutating func openFlow(_ slot: UInt32, _ node: Int, _ origin: FlowOrigin, state: ConntrackState) {
    let packet = packets[slot]
    var stream = drawStream(packet.connection)
    let verdict = proxies.decide(
      node: .init(node), flow: packet.tuple, origin: origin, at: now,
      // No rule chooses for a packet that is on its way to a pod already.
      random: podNetwork.contains(packet.tuple.destination) ? 0 : stream.next())
    switch verdict.kind {
    case .forward, .notProxied:
      break
    case .reject:
      return verdict.isAtSocket
        ? refuseAtSocket(slot, node, origin, verdict) : reject(slot, node, origin, verdict)
    case .drop:
      return lose(slot, .refusedByTable(node: node, verdict, packet.tuple, origin))
    }
    if verdict.isAtSocket {
      return connectElsewhere(slot, node, origin, verdict, state, &stream)
    }
    if origin == .pod { expectNextPort(after: packet.tuple, node) }
    guard let leaving = remember(slot, node, origin, verdict, state, &stream) else { return }
    if verdict.kind == .forward { noteDecision(packet, node, verdict) }
    packets[slot].tuple = leaving
    forward(slot, from: node, origin, extra: firstPacketCost(verdict, node))
  }

  /// Hosts hand out their ports in turn, and eight neighbours share a cache line of the index: the host's
  /// next line.
  @inline(__always) private func expectNextPort(after tuple: FlowTuple, _ node: Int) {
    if tuple.sourcePort & 7 != 7 { return }
    var next = tuple
    next.sourcePort &+= 1
    conntrack[node].pointee.expect(next)
  }

  /// Inserts the flow with its translation.
  /// - Returns: the tuple with which the packet leaves; nil if it was dropped here.
  mutating func remember(
    _ slot: UInt32, _ node: Int, _ origin: FlowOrigin, _ verdict: Verdict, _ state: ConntrackState,
    _ stream: inout RandomStream
  ) -> FlowTuple? {
    let original = packets[slot].tuple
    var leaving = original
    if verdict.kind == .forward {
      leaving.destination = verdict.address
      leaving.destinationPort = verdict.port
    }
    if verdict.masquerade || leavesPodNetwork(node, origin, leaving.destination) {
      leaving.source = masqueradeAddress(node, towards: leaving.destination)
      if scenario.network.masqueradesRandomFully {
        leaving.sourcePort = UInt16(1024 + stream.below(64512))
      }
    }
    for attempt in 0..<Self.snatAttempts {
      let tag = verdict.kind == .forward ? verdict.backend.rawValue : .max
      switch conntrack[node].pointee.insert(
        original: original, reply: leaving.reversed, state: state, tag: tag, now: now,
        isScheduled: verdict.isScheduled)
      {
      case .inserted(let entry):
        // Without a hint every packet of the flow comes by the connection table of ipvs.
        if verdict.isScheduled { return leaving }
        connections.setHint(packets[slot].connection, packets[slot].generation, node, entry)
        return leaving
      case .tableFull:
        lose(slot, .conntrackFull(node: node))
        return nil
      case .replyTaken:
        if attempt == 0 || scenario.network.masqueradesRandomFully, isRacing(leaving.reversed, node) {
          lose(slot, .insertRace(node: node))
          return nil
        }
        // Another flow has the reply tuple: another source port, even without masquerade (null binding).
        if attempt == Self.snatAttempts - 1 { break }
        leaving.sourcePort = UInt16(1024 + stream.below(64512))
      }
    }
    lose(slot, .snatPortsExhausted(node: node))
    return nil
  }

  /// nf_nat_core.c tries at most 128 candidates (FACTS E6).
  private static var snatAttempts: Int { 128 }

  private mutating func reject(_ slot: UInt32, _ node: Int, _ origin: FlowOrigin, _ verdict: Verdict) {
    let packet = packets[slot]
    let loss = Loss.refusedByTable(node: node, verdict, packet.tuple, origin)
    if origin != .node, !icmp.allows(node: node, peer: packet.tuple.source, nodePlanes[node].kernel, now: now)
    {
      return lose(slot, loss)
    }
    guard connections.isCurrent(packet.connection, packet.generation) else { return packets.remove(slot) }
    blame(packet.connection, loss)
    packets[slot].become(.portUnreachable)
    packets[slot].tuple = packet.tuple.reversed
    forward(slot, from: node, origin, extra: .zero)
  }

  mutating func noteDecision(_ packet: Packet, _ node: Int, _ verdict: Verdict) {
    guard connections.isCurrent(packet.connection, packet.generation) else { return }
    let c = connections[packet.connection]
    c.pointee.decidingNode = UInt32(node)
    c.pointee.returnsDirectly = verdict.returnsDirectly
    c.pointee.backend = verdict.backend.rawValue
    c.pointee.candidates = verdict.candidates.rawValue
    c.pointee.decidedAt = now.nanoseconds
    if SimTime(nanoseconds: c.pointee.attemptStart) < recorderWarmUp || c.pointee.isLookup { return }
    recorder.decided(
      backend: verdict.backend, candidates: verdict.candidates,
      target: groups[instances[Int(c.pointee.instance)].group].target,
      isIndependent: !verdict.viaAffinity && !verdict.isScheduled && !c.pointee.isPooled)
  }
}
