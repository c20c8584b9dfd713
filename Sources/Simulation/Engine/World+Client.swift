// SPDX-License-Identifier: GPL-3.0-or-later
//
// The client's end of a connection: what it sends, what it makes of what arrives, how long it waits.

import NetworkTypes
import SimKernel
import SimRandom
import Traffic

extension World {
  // MARK: Sending

  mutating func sendSyn(_ slot: UInt32) {
    let c = connections[slot]
    let group = instances[Int(c.pointee.instance)].group
    let next = Retransmission.afterSyn(
      Int(c.pointee.retransmissions), linear: groups[group].synLinearTimeouts,
      retries: groups[group].synRetries)
    connections[slot].pointee.retransmitAt = next.map { (now + $0).nanoseconds } ?? .max
    send(.syn, slot, from: instances[Int(c.pointee.instance)].host, tuple: c.pointee.tuple)
  }

  /// Sends the connection's next request; the first one carries the handshake's last ACK with it.
  mutating func sendRequest(_ slot: UInt32) {
    connections[slot].pointee.phase = .awaiting
    connections[slot].pointee.phaseStart = now.nanoseconds
    connections[slot].pointee.requestNumber &+= 1
    connections[slot].pointee.retransmissions = 0
    let c = connections[slot]
    let settings = groups[instances[Int(c.pointee.instance)].group].requestTimeout
    connections[slot].pointee.deadline = (now + settings).nanoseconds
    transmitRequest(slot)
  }

  private mutating func transmitRequest(_ slot: UInt32) {
    let c = connections[slot]
    let isDatagram = c.pointee.tuple.transport == .udp
    let retries = groups[instances[Int(c.pointee.instance)].group].dataRetries
    let next = isDatagram ? nil : Retransmission.afterData(Int(c.pointee.retransmissions), retries: retries)
    connections[slot].pointee.retransmitAt = next.map { (now + $0).nanoseconds } ?? .max
    if c.pointee.requestNumber == 1, !isDatagram { packetCount += 1 }
    send(
      isDatagram ? .datagram : .request, slot, from: instances[Int(c.pointee.instance)].host,
      tuple: c.pointee.tuple)
  }

  mutating func nextRequestDue(_ slot: UInt32) {
    if connections[slot].pointee.phase == .idle { sendRequest(slot) }
  }

  // MARK: Receiving

  /// - Parameter number: of the request that the packet answers.
  mutating func receiveAtClient(_ slot: UInt32, _ kind: PacketKind, number: UInt16) {
    let phase = connections[slot].pointee.phase
    switch kind {
    case .synAck:
      if phase == .connecting {
        connections[slot].pointee.isLookup ? lookupConnected(slot) : established(slot)
      }
    case .response, .answer, .lateResponse:
      if phase == .awaiting, number == connections[slot].pointee.requestNumber { answered(slot) }
    case .queryAnswer, .streamAnswer:
      lookupAnswered(slot, number: number)
    case .reset:
      refusedOrReset(slot, ifConnecting: .refused)
    case .portUnreachable:
      if phase == .connecting || connections[slot].pointee.tuple.transport == .udp {
        refusedOrReset(slot, ifConnecting: .refused)
      }
    case .hostUnreachable:
      // For an open connection only a soft error (FACTS E5): the timers decide.
      if phase == .connecting || connections[slot].pointee.tuple.transport == .udp {
        refusedOrReset(slot, ifConnecting: .unreachable)
      } else {
        armTimer(slot)
      }
    case .serverFin:
      refusedOrReset(slot, ifConnecting: .reset)
    case .keepaliveAnswer:
      gotThrough(slot)
    case .syn, .request, .clientFin, .keepalive, .datagram, .query, .streamQuery:
      break
    }
  }

  private mutating func established(_ slot: UInt32) {
    let c = connections[slot]
    connections[slot].pointee.wasEstablished = true
    gotThrough(slot)
    let start = SimTime(nanoseconds: c.pointee.attemptStart)
    let target = groups[instances[Int(c.pointee.instance)].group].target
    recorder.latency(target: target, phase: .connect, outcome: .completed, now - start, start: start)
    sendRequest(slot)
  }

  private mutating func answered(_ slot: UInt32) {
    gotThrough(slot)
    let c = connections[slot]
    let group = instances[Int(c.pointee.instance)].group
    let start = SimTime(nanoseconds: c.pointee.attemptStart)
    // The first request of an attempt was meant to start with it, later ones when they were sent.
    let from =
      c.pointee.requestsLeft > 0 && c.pointee.intended != .max
      ? SimTime(nanoseconds: c.pointee.intended) : start
    recorder.latency(
      target: groups[group].target, phase: .request,
      outcome: c.pointee.isForeign ? .misdelivered : .completed,
      now - from, start: start)
    if start >= recorderWarmUp { recorder.requestsCompleted += 1 }
    c.pointee.requestsLeft -= 1
    if c.pointee.requestsLeft > 0 { scheduleNextRequest(slot, group) } else { completed(slot, group) }
  }

  private mutating func scheduleNextRequest(_ slot: UInt32, _ group: Int) {
    let c = connections[slot].pointee
    var stream = behaviourStream(c.instance, c.ordinal, attempt: c.attempt, draw: 67)
    stream.seek(to: stream.position + UInt64(c.requestNumber))
    let gap = groups[group].requestGap.duration(&stream)
    connections[slot].pointee.phase = .idle
    connections[slot].pointee.intended = (now + gap).nanoseconds
    if gap == .zero { return sendRequest(slot) }
    let rank = EventRank.connection(
      .client, instance: c.instance, ordinal: c.ordinal, counter: UInt32(c.requestNumber))
    queue.push(at: now + gap, rank: rank, .nextRequest(slot, c.generation))
  }

  private mutating func completed(_ slot: UInt32, _ group: Int) {
    let c = connections[slot]
    let start = SimTime(nanoseconds: c.pointee.attemptStart)
    if c.pointee.isForeign {
      recordLoss(slot, .misdelivered, .ipReused)
    } else {
      recorder.completedAttempt(target: groups[group].target, client: group, start: start)
    }
    if c.pointee.isPooled, !isTooOld(slot, group) {
      becomeIdle(slot)
      decide(slot, isLost: false)
    } else {
      decide(slot, isLost: false)
      endClient(slot, says: .clientFin, lingers: true)
    }
  }

  private func isTooOld(_ slot: UInt32, _ group: Int) -> Bool {
    guard case .pool(_, _, let maxAge?) = groups[group].settings.connections else { return false }
    return now - SimTime(nanoseconds: connections[slot].pointee.openedAt) >= maxAge
  }

  // MARK: Losing

  /// RST, ICMP error or FIN: a new connection has failed, an open one has ended.
  mutating func refusedOrReset(_ slot: UInt32, ifConnecting outcome: Outcome) {
    if connections[slot].pointee.isLookup { return lookupRefused(slot) }
    switch connections[slot].pointee.phase {
    case .connecting:
      lost(slot, outcome)
    case .awaiting:
      lost(slot, connections[slot].pointee.tuple.transport == .udp ? outcome : .reset)
    case .idle:
      if connections[slot].pointee.requestsLeft > 0, !isInPool(slot) {
        lost(slot, .reset)
      } else {
        leavePool(slot)
        endClient(slot, says: nil, lingers: false)
      }
    case .closing, .abandoned, .free:
      break
    }
  }

  func isInPool(_ slot: UInt32) -> Bool {
    instances[Int(connections[slot].pointee.instance)].idle.contains(slot)
  }

  private mutating func leavePool(_ slot: UInt32) {
    instances[Int(connections[slot].pointee.instance)].idle.removeAll { $0 == slot }
  }

  /// The attempt is lost, and its connection with it.
  private mutating func lost(_ slot: UInt32, _ outcome: Outcome) {
    if connections[slot].pointee.failure.isNone { blame(slot, .slowServer(node: backendNode(slot))) }
    recordLoss(slot, outcome, Recorder.causes[Int(connections[slot].pointee.failure.cause)])
    let c = connections[slot].pointee
    let target = groups[instances[Int(c.instance)].group].target
    let start = SimTime(nanoseconds: c.attemptStart)
    recorder.latency(
      target: target, phase: c.wasEstablished ? .request : .connect, outcome: outcome, now - start,
      start: start)
    let isSilent = outcome == .broken || outcome == .requestTimeout
    decide(slot, isLost: true)
    endClient(slot, says: isSilent && c.tuple.transport != .udp ? .clientFin : nil, lingers: isSilent)
  }

  /// The client has done with the connection, and says so or not.
  mutating func endClient(_ slot: UInt32, says last: PacketKind?, lingers: Bool) {
    let c = connections[slot]
    let instance = Int(c.pointee.instance)
    releasePort(slot, lingers: lingers && c.pointee.tuple.transport == .tcp)
    if c.pointee.isPooled {
      instances[instance].poolOpen -= 1
      connections[slot].pointee.isPooled = false
    }
    connections[slot].pointee.phase = .closing
    connections[slot].pointee.deadline = .max
    if let last, c.pointee.tuple.transport != .udp {
      send(last, slot, from: instances[Int(c.pointee.instance)].host, tuple: c.pointee.tuple)
    } else {
      endClosing(slot)
    }
    if groups[instances[instance].group].poolSize > 0 { admitFromQueue(instance) }
  }

  /// Nothing of the client's end is left. The slot lives on while the server still works on a request.
  mutating func endClosing(_ slot: UInt32) {
    detachFromServer(slot)
    if connections[slot].pointee.isBeingServed {
      connections[slot].pointee.phase = .abandoned
    } else {
      connections.close(slot)
    }
  }

  /// The client's pod or node has gone in the middle of whatever it did.
  mutating func clientVanished(_ slot: UInt32) {
    let c = connections[slot].pointee
    if c.isLookup { return }
    switch c.phase {
    case .connecting, .awaiting:
      abandonAttempt(slot)
    case .idle:
      if isInPool(slot) { leavePool(slot) } else { abandonAttempt(slot) }
    case .closing, .abandoned, .free:
      return
    }
    releasePort(slot, lingers: false)
    endClosing(slot)
  }

  private mutating func abandonAttempt(_ slot: UInt32) {
    let c = connections[slot].pointee
    abandon(
      WaitingOperation(
        instance: c.instance, ordinal: c.ordinal, attempt: c.attempt, intended: c.intended,
        attemptStart: c.attemptStart))
  }

  // MARK: Timers

  /// Something may not arrive: makes sure that the client looks again when its next timer is due.
  mutating func armTimer(_ slot: UInt32) {
    let c = connections[slot]
    switch c.pointee.phase {
    case .connecting, .awaiting, .idle: break
    case .closing, .abandoned, .free: return
    }
    let hasLost = !c.pointee.failure.isNone
    let next = hasLost ? min(c.pointee.retransmitAt, c.pointee.deadline) : c.pointee.deadline
    let due = c.pointee.phase == .idle ? now.nanoseconds : max(next, now.nanoseconds)
    // One that is pending for an earlier time will look again; one for a later time, of an earlier phase,
    // would come too late.
    guard due < c.pointee.timerAt else { return }
    c.pointee.timerAt = due
    let rank = EventRank.connection(
      .client, instance: c.pointee.instance, ordinal: c.pointee.ordinal, counter: 0xff_ffff)
    queue.push(at: SimTime(nanoseconds: due), rank: rank, .timer(slot, c.pointee.generation))
  }

  mutating func timerFired(_ slot: UInt32) {
    guard connections[slot].pointee.timerAt == now.nanoseconds else { return }
    connections[slot].pointee.timerAt = .max
    let c = connections[slot].pointee
    switch c.phase {
    case .connecting:
      if now.nanoseconds >= c.deadline { return lost(slot, .connectTimeout) }
      if !c.failure.isNone, now.nanoseconds >= c.retransmitAt { retransmit(slot) }
    case .awaiting:
      if now.nanoseconds >= c.deadline { return gaveUp(slot) }
      if !c.failure.isNone, now.nanoseconds >= c.retransmitAt { retransmit(slot) }
    case .idle:
      // A keepalive probe of a pooled connection was lost: the client drops the connection unused.
      if isInPool(slot) {
        leavePool(slot)
        endClient(slot, says: nil, lingers: false)
      }
      return
    case .closing, .abandoned, .free:
      return
    }
    if connections.isCurrent(slot, c.generation) { armTimer(slot) }
  }

  private mutating func retransmit(_ slot: UInt32) {
    connections[slot].pointee.retransmissions += 1
    if connections[slot].pointee.phase == .connecting { sendSyn(slot) } else { transmitRequest(slot) }
  }

  private mutating func gaveUp(_ slot: UInt32) {
    let c = connections[slot].pointee
    if c.tuple.transport == .udp {
      lost(slot, .noReply)
    } else if c.failure.isNone || c.failure.cause == Recorder.causeIndex[.serverTimeout] {
      lost(slot, .requestTimeout)
    } else {
      lost(slot, .broken)
    }
  }

  // MARK: Pooled connections without work

  private mutating func becomeIdle(_ slot: UInt32) {
    let i = Int(connections[slot].pointee.instance)
    connections[slot].pointee.phase = .idle
    connections[slot].pointee.phaseStart = now.nanoseconds
    connections[slot].pointee.deadline = .max
    connections[slot].pointee.requestsLeft = 0
    instances[i].idle.append(slot)
    scheduleIdleCheck(slot)
  }

  private mutating func scheduleIdleCheck(_ slot: UInt32) {
    let c = connections[slot].pointee
    let settings = groups[instances[Int(c.instance)].group].settings
    var wait = SimDuration.max
    if case .pool(_, let idle?, _) = settings.connections { wait = min(wait, idle) }
    if let keepalive = settings.keepalive { wait = min(wait, keepalive) }
    if c.server != .max, let idle = serverSettings[servers[Int(c.server)].settings].idleTimeout {
      wait = min(wait, idle)
    }
    guard wait != .max else { return }
    let rank = EventRank.connection(.client, instance: c.instance, ordinal: c.ordinal, counter: 0xff_fffe)
    queue.push(at: now + wait, rank: rank, .idle(slot, c.generation))
  }

  mutating func idleCheck(_ slot: UInt32) {
    guard connections[slot].pointee.phase == .idle, isInPool(slot) else { return }
    let c = connections[slot].pointee
    let idle = now - SimTime(nanoseconds: c.phaseStart)
    let settings = groups[instances[Int(c.instance)].group].settings
    if case .pool(_, let limit?, _) = settings.connections, idle >= limit {
      leavePool(slot)
      return endClient(slot, says: .clientFin, lingers: true)
    }
    if c.server != .max, let limit = serverSettings[servers[Int(c.server)].settings].idleTimeout,
      idle >= limit
    {
      return serverCloses(slot, .serverClosedIdle(node: backendNode(slot)))
    }
    if let keepalive = settings.keepalive, idle >= keepalive {
      send(.keepalive, slot, from: instances[Int(c.instance)].host, tuple: c.tuple)
    }
    if connections.isCurrent(slot, c.generation), connections[slot].pointee.phase == .idle {
      scheduleIdleCheck(slot)
    }
  }
}
