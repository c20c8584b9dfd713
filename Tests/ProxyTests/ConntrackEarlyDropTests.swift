// SPDX-License-Identifier: GPL-3.0-or-later
//
// A full connection tracking table (early_drop and gc_worker in Linux net/netfilter/nf_conntrack_core.c).

import Cluster
import NetworkTypes
import SimKernel
import Testing

@testable import Proxy

struct ConntrackEarlyDropTests {
  static func flow(_ port: Int) -> FlowTuple {
    FlowTuple(
      source: IPv4Address("10.0.0.1")!, sourcePort: UInt16(1000 + port),
      destination: IPv4Address("10.0.0.2")!,
      destinationPort: 80, transport: .tcp)
  }

  static func at(_ seconds: Double) -> SimTime { .zero + SimDuration(seconds: seconds) }

  /// A table of 100 with flows that have come as far as `packets` say.
  static func full(_ packets: [(SegmentKind, isReply: Bool)]) -> ConntrackTable {
    var table = ConntrackTable(capacity: 100)
    for port in 0..<100 {
      guard
        case .inserted(let slot) = table.insert(
          original: flow(port), reply: flow(port).reversed, state: .synSent, tag: .max, now: at(0))
      else { preconditionFailure("room for 100") }
      for (segment, isReply) in packets {
        _ = table.update(ConntrackHit(slot: slot, isReply: isReply), segment, now: at(0))
      }
    }
    return table
  }

  static func takes(_ table: inout ConntrackTable, at seconds: Double) -> Bool {
    let new = flow(200 + Int(seconds * 10))
    if case .inserted = table.insert(
      original: new, reply: new.reversed, state: .synSent, tag: .max, now: at(seconds))
    {
      return true
    }
    return false
  }

  /// Packets of the flows that fill the table; whether a new flow finds room at once, and after the
  /// collector's pass.
  static let cases: [(String, [(SegmentKind, isReply: Bool)], Bool, Bool)] = [
    ("SYN_SENT", [], true, true),
    ("SYN_RECV", [(.synAck, true)], true, true),
    ("ESTABLISHED", [(.synAck, true), (.ack, false)], false, false),
    ("TIME_WAIT", [(.synAck, true), (.ack, false), (.closed, false)], false, true),
  ]

  @Test(arguments: cases)
  func onlyFlowsThatAreNotAssuredGoAtOnceAndClosingOnesWithTheCollector(
    _ name: String, _ packets: [(SegmentKind, isReply: Bool)], _ atOnce: Bool, _ later: Bool
  ) {
    var table = Self.full(packets)
    let hasRoom = table.hasRoom(now: Self.at(1))
    let isTaken = Self.takes(&table, at: 1)
    #expect(hasRoom == atOnce && isTaken == atOnce, "\(name)")
    guard !atOnce else { return }
    let isTakenBefore = Self.takes(&table, at: 59)
    let hasRoomLater = table.hasRoom(now: Self.at(61))
    let isTakenLater = Self.takes(&table, at: 61)
    #expect(!isTakenBefore && hasRoomLater == later && isTakenLater == later, "\(name)")
    // 95 % of the limit, and the new one.
    let count = table.count
    if later { #expect(count == 96) }
    let broken = table.brokenInvariants()
    #expect(broken == [])
  }

  @Test func aFlowIsBeingInsertedForTheWindowAndUntilItsAnswer() {
    var table = ConntrackTable(capacity: 10)
    let flow = Self.flow(1)
    guard
      case .inserted(let slot) = table.insert(
        original: flow, reply: flow.reversed, state: .synSent, tag: .max, now: Self.at(1))
    else { return #expect(Bool(false)) }
    let window = SimDuration.milliseconds(1)
    let isWithin = table.isBeingInserted(flow.reversed, now: Self.at(1.0005), window: window)
    let isAfter = table.isBeingInserted(flow.reversed, now: Self.at(1.002), window: window)
    _ = table.update(ConntrackHit(slot: slot, isReply: true), .synAck, now: Self.at(1.0001))
    let isAnswered = !table.isBeingInserted(flow.reversed, now: Self.at(1.0002), window: window)
    #expect(isWithin && !isAfter && isAnswered)
  }

  @Test func sysctlsReplaceTheKernelsTimeouts() {
    var kernel = KernelSettings()
    kernel.timeouts = [.timeWait: .seconds(30), .udpStream: .seconds(180)]
    let timeouts = ConntrackTimeouts(kernel)
    #expect(timeouts.timeWait == .seconds(30) && timeouts.udpStream == .seconds(180))
    #expect(timeouts.established == .seconds(432_000) && timeouts.closeWait == .seconds(60))
  }
}
