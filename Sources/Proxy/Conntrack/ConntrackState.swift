// SPDX-License-Identifier: GPL-3.0-or-later
//
// What connection tracking remembers of a flow's progress, and for how long. Pure tables: no storage here.
// Source of the transitions: Linux net/netfilter/nf_conntrack_proto_tcp.c (tcp_conntracks) and
// nf_conntrack_proto_udp.c; of the timeouts: Documentation/networking/nf_conntrack-sysctl.rst (FACTS E1).

import SimKernel

/// State of an entry; UDP and SCTP use the two last ones.
@frozen public enum ConntrackState: UInt8, BitwiseCopyable, Sendable, CaseIterable {
  case synSent
  case synReceived
  case established
  case finWait
  case closeWait
  case lastAck
  case timeWait
  case close
  /// One direction seen.
  case unreplied
  /// Both directions seen, older than two seconds.
  case stream
}

/// What a packet means to connection tracking.
@frozen public enum SegmentKind: UInt8, BitwiseCopyable, Sendable, CaseIterable {
  case syn
  case synAck
  case ack
  case fin
  case rst
  /// Both FINs and the last ACK in one: the last two segments of an orderly close are not sent one by one.
  case closed
  case datagram
  /// TCP data outside of the flow's window.
  case outOfWindow
}

/// Timeouts per state. Kernel defaults with kube-proxy's two overrides.
public struct ConntrackTimeouts: Sendable, Equatable, BitwiseCopyable {
  public var synSent = SimDuration.seconds(120)
  public var synReceived = SimDuration.seconds(60)
  public var established = SimDuration.hours(24)
  public var finWait = SimDuration.seconds(120)
  public var closeWait = SimDuration.hours(1)
  public var lastAck = SimDuration.seconds(30)
  public var timeWait = SimDuration.seconds(120)
  public var close = SimDuration.seconds(10)
  public var udp = SimDuration.seconds(30)
  public var udpStream = SimDuration.seconds(120)

  public init() {}

  public func timeout(_ state: ConntrackState) -> SimDuration {
    switch state {
    case .synSent: synSent
    case .synReceived: synReceived
    case .established: established
    case .finWait: finWait
    case .closeWait: closeWait
    case .lastAck: lastAck
    case .timeWait: timeWait
    case .close: close
    case .unreplied: udp
    case .stream: udpStream
    }
  }
}

extension ConntrackState {
  /// The state after a packet of an existing flow; nil = INVALID for this state.
  public func after(_ segment: SegmentKind, isReply: Bool) -> ConntrackState? {
    switch segment {
    case .ack: afterAck(isReply: isReply)
    case .syn: afterSyn(isReply: isReply)
    case .synAck: isReply && (self == .synSent || self == .synReceived) ? .synReceived : isReply ? self : nil
    case .fin: afterFin()
    case .rst: .close
    case .closed: self == .close ? .close : .timeWait
    case .datagram: isReply || self == .stream ? .stream : .unreplied
    case .outOfWindow: nil
    }
  }

  func afterAck(isReply: Bool) -> ConntrackState? {
    switch self {
    case .synSent: nil
    case .synReceived: isReply ? .synReceived : .established
    case .established: .established
    case .finWait, .closeWait: .closeWait
    case .lastAck, .timeWait: .timeWait
    case .close: .close
    case .unreplied, .stream: nil
    }
  }

  func afterSyn(isReply: Bool) -> ConntrackState? {
    if isReply { return nil }
    switch self {
    case .synSent: return .synSent
    // A SYN on a closed entry opens a new flow: the caller replaces the entry before it asks.
    case .timeWait, .close: return .synSent
    case .synReceived, .established, .finWait, .closeWait, .lastAck: return self
    case .unreplied, .stream: return nil
    }
  }

  func afterFin() -> ConntrackState? {
    switch self {
    case .synReceived, .established: .finWait
    case .finWait, .closeWait, .lastAck: .lastAck
    case .timeWait: .timeWait
    case .close: .close
    case .synSent, .unreplied, .stream: nil
    }
  }
}

extension ConntrackState {
  /// `after` for every case, worked out once: one load per packet instead of a chain of branches. By
  /// `successorIndex`. Written once, never freed.
  nonisolated(unsafe) static let successors: UnsafePointer<ConntrackState?> = {
    let table = UnsafeMutablePointer<ConntrackState?>.allocate(capacity: allCases.count << 4)
    table.initialize(repeating: nil, count: allCases.count << 4)
    for state in allCases {
      for segment in SegmentKind.allCases {
        for isReply in [false, true] {
          table[successorIndex(state, segment, isReply: isReply)] = state.after(segment, isReply: isReply)
        }
      }
    }
    return UnsafePointer(table)
  }()

  @inline(__always) static func successorIndex(
    _ state: ConntrackState, _ segment: SegmentKind, isReply: Bool
  ) -> Int {
    Int(state.rawValue) << 4 | Int(segment.rawValue) << 1 | (isReply ? 1 : 0)
  }
}

/// Timeouts by state in memory of their own, for one load per packet instead of a switch.
struct StateLifetimes: ~Copyable {
  private let nanoseconds: UnsafeMutablePointer<Int64>

  init(_ timeouts: ConntrackTimeouts) {
    nanoseconds = .allocate(capacity: ConntrackState.allCases.count)
    nanoseconds.initialize(repeating: 0, count: ConntrackState.allCases.count)
    set(timeouts)
  }
  deinit { nanoseconds.deallocate() }

  func set(_ timeouts: ConntrackTimeouts) {
    for state in ConntrackState.allCases {
      nanoseconds[Int(state.rawValue)] = timeouts.timeout(state).nanoseconds
    }
  }

  func length(of state: ConntrackState) -> Int64 { nanoseconds[Int(state.rawValue)] }

  /// When an entry that enters `state` now expires.
  @inline(__always) func end(of state: ConntrackState, from now: SimTime) -> Int64 {
    (now + SimDuration(nanoseconds: nanoseconds[Int(state.rawValue)])).nanoseconds
  }
}
