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

  @inline(__always) public func timeout(_ state: ConntrackState) -> SimDuration {
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
  @inline(__always) public func after(_ segment: SegmentKind, isReply: Bool) -> ConntrackState? {
    switch segment {
    case .ack: afterAck(isReply: isReply)
    case .syn: afterSyn(isReply: isReply)
    case .synAck: isReply && (self == .synSent || self == .synReceived) ? .synReceived : isReply ? self : nil
    case .fin: afterFin()
    case .rst: .close
    case .closed: self == .close ? .close : .timeWait
    case .datagram: isReply || self == .stream ? .stream : .unreplied
    }
  }

  @inline(__always) func afterAck(isReply: Bool) -> ConntrackState? {
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

  @inline(__always) func afterSyn(isReply: Bool) -> ConntrackState? {
    if isReply { return nil }
    switch self {
    case .synSent: return .synSent
    // A SYN on a closed entry opens a new flow: the caller replaces the entry before it asks.
    case .timeWait, .close: return .synSent
    case .synReceived, .established, .finWait, .closeWait, .lastAck: return self
    case .unreplied, .stream: return nil
    }
  }

  @inline(__always) func afterFin() -> ConntrackState? {
    switch self {
    case .synReceived, .established: .finWait
    case .finWait, .closeWait, .lastAck: .lastAck
    case .timeWait: .timeWait
    case .close: .close
    case .synSent, .unreplied, .stream: nil
    }
  }
}
