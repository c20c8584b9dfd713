// SPDX-License-Identifier: GPL-3.0-or-later
//
// The conntrack table against a list that is searched from end to end: the same flows, states, timeouts and
// translations after thousands of random packets.

import NetworkTypes
import SimKernel
import Testing

@testable import Proxy

/// What a table should do, said plainly.
private struct SlowTable {
  struct Flow {
    var original: FlowTuple
    var reply: FlowTuple
    var state: ConntrackState
    var expires: Int64
    var tag: UInt32
    var hasSeenReply = false
  }
  var flows: [Flow] = []
  var timeouts = ConntrackTimeouts()

  func find(_ tuple: FlowTuple, _ now: SimTime) -> (index: Int, isReply: Bool)? {
    for (i, flow) in flows.enumerated() where flow.expires > now.nanoseconds {
      if flow.original == tuple { return (i, false) }
      if flow.reply == tuple { return (i, true) }
    }
    return nil
  }
  mutating func insert(
    _ original: FlowTuple, _ reply: FlowTuple, _ state: ConntrackState, _ tag: UInt32, _ now: SimTime
  ) {
    flows.removeAll { $0.expires <= now.nanoseconds }
    flows.append(
      Flow(
        original: original, reply: reply, state: state, expires: (now + timeouts.timeout(state)).nanoseconds,
        tag: tag))
  }
  /// The translated tuple; nil if the packet is INVALID.
  mutating func pass(_ hit: (index: Int, isReply: Bool), _ segment: SegmentKind, _ now: SimTime) -> FlowTuple?
  {
    guard let next = flows[hit.index].state.after(segment, isReply: hit.isReply) else { return nil }
    flows[hit.index].state = next
    flows[hit.index].expires = (now + timeouts.timeout(next)).nanoseconds
    if hit.isReply { flows[hit.index].hasSeenReply = true }
    return (hit.isReply ? flows[hit.index].original : flows[hit.index].reply).reversed
  }
}

@Suite struct ConntrackTableTests {
  private static func address(_ n: Int) -> IPv4Address { IPv4Address(bits: 0x0A00_0000 + UInt32(n)) }

  /// Few hosts and ports, so that flows meet again; some UDP, so that the protocol matters.
  private static func randomFlow(_ random: inout TestRandom) -> FlowTuple {
    FlowTuple(
      source: address(random.below(4)), sourcePort: UInt16(1000 + random.below(40)),
      destination: address(10 + random.below(3)), destinationPort: UInt16(80 + random.below(2)),
      transport: random.chance(25) ? .udp : .tcp)
  }

  /// With and without destination NAT and masquerade.
  private static func randomReply(_ flow: FlowTuple, _ random: inout TestRandom) -> FlowTuple {
    var leaving = flow
    if random.chance(60) {
      leaving.destination = address(20 + random.below(5))
      leaving.destinationPort = 8080
    }
    if random.chance(30) {
      leaving.source = address(30)
      leaving.sourcePort = UInt16(1024 + random.below(300))
    }
    return leaving.reversed
  }

  private static func randomSegment(_ flow: FlowTuple, _ random: inout TestRandom) -> SegmentKind {
    if flow.transport == .udp { return .datagram }
    let kinds: [SegmentKind] = [.syn, .synAck, .ack, .ack, .fin, .rst, .closed]
    return kinds[random.below(kinds.count)]
  }

  @Test(arguments: [1, 2, 3, 4])
  func `the table does what a searched list does`(seed: Int) {
    var random = TestRandom(seed: UInt64(seed))
    var timeouts = ConntrackTimeouts()
    timeouts.established = .seconds(300)
    var table = ConntrackTable(capacity: 100_000, timeouts: timeouts)
    var model = SlowTable()
    model.timeouts = timeouts
    var now = SimTime.zero
    var lastSlot: Int32 = -1
    for step in 0..<20_000 {
      now += .milliseconds(Int64(random.below(400)))
      let flow = Self.randomFlow(&random)
      var asked = flow
      let known = model.flows.last { $0.original == flow }
      if random.chance(50), let known { asked = known.reply }
      let expected = model.find(asked, now)
      // With and without a hint, right or wrong.
      let found =
        random.chance(50) ? table.find(asked, now: now) : table.find(asked, now: now, hint: lastSlot)
      #expect((found == nil) == (expected == nil) && found?.isReply == expected?.isReply, "step \(step)")
      guard (found == nil) == (expected == nil) else { return }
      if let found, let expected {
        lastSlot = found.slot
        let segment = Self.randomSegment(flow, &random)
        let wanted = model.pass(expected, segment, now)
        var tuple = asked
        if table.passHinted(&tuple, segment, now: now, hint: found.slot) {
          #expect(tuple == wanted, "step \(step)")
        } else {
          #expect(tuple == asked, "a refused packet is left as it was")
          let isValid = table.update(found, segment, now: now)
          #expect(isValid == (wanted != nil), "step \(step)")
          let translated = table.translated(found)
          if let wanted { #expect(translated == wanted) }
        }
        let flow = model.flows[expected.index]
        let entry = table[found.slot]
        #expect(entry.state == flow.state && entry.expires == flow.expires && entry.tag == flow.tag)
        #expect(entry.hasSeenReply == flow.hasSeenReply)
        if random.chance(10) {
          table.remove(found.slot)
          model.flows.remove(at: expected.index)
        }
      } else if asked == flow {
        let reply = Self.randomReply(flow, &random)
        let isTaken = reply != flow.reversed && model.find(reply, now) != nil
        let state: ConntrackState = flow.transport == .udp ? .unreplied : .synSent
        switch table.insert(original: flow, reply: reply, state: state, tag: UInt32(step), now: now) {
        case .inserted(let slot):
          #expect(!isTaken)
          lastSlot = slot
          model.insert(flow, reply, state, UInt32(step), now)
        case .replyTaken: #expect(isTaken)
        case .tableFull: Issue.record("full with \(table.count) of \(table.capacity)")
        }
      }
    }
    let count = table.count
    #expect(count >= model.flows.count { $0.expires > now.nanoseconds })
    #expect(model.flows.count > 50, "the test has seen flows live side by side")
  }

  @Test func `a removal leaves every other flow where it can be found`() {
    var random = TestRandom(seed: 9)
    var table = ConntrackTable(capacity: 100_000)
    // Neighbouring ports of a few hosts fill whole groups of the index.
    var flows: [FlowTuple] = []
    for host in 0..<20 {
      for port in 0..<400 {
        let flow = FlowTuple(
          source: Self.address(host), sourcePort: UInt16(32768 + port), destination: Self.address(100),
          destinationPort: 80)
        _ = table.insert(original: flow, reply: flow.reversed, state: .synSent, tag: 0, now: .zero)
        flows.append(flow)
      }
    }
    while flows.count > 10 {
      let flow = flows.remove(at: random.below(flows.count))
      guard let hit = table.find(flow, now: .zero) else {
        Issue.record("\(flow) is not there")
        return
      }
      table.remove(hit.slot)
      let isGone = table.find(flow, now: .zero) == nil
      #expect(isGone)
    }
    for flow in flows {
      let (there, back) = (table.find(flow, now: .zero), table.find(flow.reversed, now: .zero))
      #expect(there?.isReply == false && back?.isReply == true && there?.slot == back?.slot)
    }
    let count = table.count
    #expect(count == 10)
  }

  private static func numbered(_ n: Int) -> FlowTuple {
    FlowTuple(
      source: address(n >> 8), sourcePort: UInt16(40000 + n & 255), destination: address(1000),
      destinationPort: 80)
  }

  @Test func `a full table drops a flow that is not assured early, and an open one never`() {
    var table = ConntrackTable(capacity: 64)
    for n in 0..<64 {
      _ = table.insert(
        original: Self.numbered(n), reply: Self.numbered(n).reversed, state: .synSent, tag: 0, now: .zero)
    }
    let extra = table.insert(
      original: Self.numbered(64), reply: Self.numbered(64).reversed, state: .synSent, tag: 0, now: .zero)
    guard case .inserted = extra else {
      Issue.record("no room was made: \(extra)")
      return
    }
    let count = table.count
    #expect(count == 64)
    for n in 0..<65 {
      guard let hit = table.find(Self.numbered(n).reversed, now: .zero) else { continue }
      let isValid = table.update(hit, .synAck, now: .zero)
      let isOpen = table.update(ConntrackHit(slot: hit.slot, isReply: false), .ack, now: .zero)
      #expect(isValid && isOpen)
    }
    let refused = table.insert(
      original: Self.numbered(65), reply: Self.numbered(65).reversed, state: .synSent, tag: 0, now: .zero)
    guard case .tableFull = refused else {
      Issue.record("an answered flow was dropped: \(refused)")
      return
    }
    // Once they have expired, there is room.
    let later = SimTime.zero + .hours(25)
    let late = table.insert(
      original: Self.numbered(65), reply: Self.numbered(65).reversed, state: .synSent, tag: 0, now: later)
    guard case .inserted = late else {
      Issue.record("expired flows hold their places: \(late)")
      return
    }
  }

  @Test func `changed timeouts count from the next packet on`() {
    var table = ConntrackTable(capacity: 8)
    let flow = Self.numbered(1)
    _ = table.insert(original: flow, reply: flow.reversed, state: .synSent, tag: 0, now: .zero)
    table.timeouts.synReceived = .seconds(7)
    guard let hit = table.find(flow.reversed, now: .zero) else {
      Issue.record("the flow is not there")
      return
    }
    let isValid = table.update(hit, .synAck, now: .zero)
    let expires = table[hit.slot].expires
    #expect(isValid && expires == SimDuration.seconds(7).nanoseconds)
  }

  // MARK: States

  /// Rows of tcp_conntracks (Linux net/netfilter/nf_conntrack_proto_tcp.c), nil for INVALID.
  @Test(arguments: [
    (ConntrackState.synSent, SegmentKind.synAck, true, ConntrackState.synReceived as ConntrackState?),
    (.synSent, .ack, false, nil),
    (.synReceived, .ack, false, .established),
    (.synReceived, .ack, true, .synReceived),
    (.established, .ack, true, .established),
    (.established, .fin, false, .finWait),
    (.established, .syn, true, nil),
    (.finWait, .ack, true, .closeWait),
    (.finWait, .fin, true, .lastAck),
    (.closeWait, .fin, true, .lastAck),
    (.lastAck, .ack, false, .timeWait),
    (.timeWait, .syn, false, .synSent),
    (.established, .rst, true, .close),
    (.close, .ack, false, .close),
    (.established, .closed, false, .timeWait),
    (.unreplied, .datagram, false, .unreplied),
    (.unreplied, .datagram, true, .stream),
    (.stream, .datagram, false, .stream),
  ])
  func `a segment leads from state to state`(
    state: ConntrackState, segment: SegmentKind, isReply: Bool, next: ConntrackState?
  ) {
    #expect(state.after(segment, isReply: isReply) == next)
  }

  @Test(arguments: ConntrackState.allCases)
  func `the flat table of successors says what the rules say`(state: ConntrackState) {
    for segment in SegmentKind.allCases {
      for isReply in [false, true] {
        let index = ConntrackState.successorIndex(state, segment, isReply: isReply)
        #expect(ConntrackState.successors[index] == state.after(segment, isReply: isReply))
      }
    }
  }
}
