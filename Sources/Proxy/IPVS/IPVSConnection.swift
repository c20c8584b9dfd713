// SPDX-License-Identifier: GPL-3.0-or-later
//
// A connection as ipvs remembers it, apart from conntrack: its states, how long each lives, and what counts
// as active. Linux net/netfilter/ipvs/ip_vs_proto_tcp.c (tcp_states, tcp_timeouts), ip_vs_proto_udp.c.

import Cluster
import NetworkTypes
import SimKernel

/// States that a packet of the model can lead to. SYN_SENT, LISTEN and SYNACK need a SYN from the server
/// first, or defences against floods.
enum IPVSState: UInt8, BitwiseCopyable, CaseIterable {
  case none, synReceived, established, finWait, closeWait, timeWait, lastAck, close
  /// UDP and SCTP.
  case datagram

  /// The state after a packet; `isReply`: from the real server.
  func after(_ segment: SegmentKind, isReply: Bool) -> IPVSState {
    switch segment {
    case .syn, .synAck: isReply ? (self == .none ? .synReceived : self) : afterSyn
    case .ack, .outOfWindow: afterAck(isReply: isReply)
    case .fin: afterFin(isReply: isReply)
    case .rst: afterReset(isReply: isReply)
    // Both FINs and the last ACK: whoever was first, both tables end in TIME_WAIT.
    case .closed: self == .close ? .close : .timeWait
    case .datagram: .datagram
    }
  }

  private var afterSyn: IPVSState { self == .established || self == .datagram ? self : .synReceived }

  private func afterAck(isReply: Bool) -> IPVSState {
    switch self {
    case .none: isReply ? .established : .close
    case .synReceived, .established: .established
    case .finWait, .closeWait, .timeWait, .close: self
    case .lastAck: isReply ? .lastAck : .close
    case .datagram: .datagram
    }
  }

  private func afterFin(isReply: Bool) -> IPVSState {
    switch self {
    case .none: isReply ? .timeWait : .close
    case .established: isReply ? .finWait : .closeWait
    case .finWait: isReply ? .finWait : .timeWait
    case .closeWait: isReply ? .timeWait : .closeWait
    case .synReceived: .timeWait
    case .timeWait, .lastAck, .close, .datagram: self
    }
  }

  private func afterReset(isReply: Bool) -> IPVSState {
    switch self {
    case .synReceived: isReply ? .close : .synReceived
    case .timeWait: isReply ? .timeWait : .close
    case .lastAck: isReply ? .close : .lastAck
    case .datagram: .datagram
    default: .close
    }
  }
}

/// Lifetimes of idle connections, by state: `tcp_timeouts` in ip_vs_proto_tcp.c and `udp_timeouts` in
/// ip_vs_proto_udp.c, unless kube-proxy's configuration sets them.
struct IPVSTimeouts {
  var established = SimDuration.minutes(15)
  var finWait = SimDuration.minutes(2)
  var udp = SimDuration.minutes(5)
  /// ESTABLISHED of SCTP (ip_vs_proto_sctp.c). The model knows no other state of SCTP.
  static var sctp: SimDuration { .minutes(15) }

  /// kube-proxy writes what is set and leaves the rest (ConfigureTimeouts in pkg/proxy/ipvs/proxier.go).
  init(_ settings: IPVSSettings) {
    if settings.tcpTimeout > .zero { established = settings.tcpTimeout }
    if settings.tcpFinTimeout > .zero { finWait = settings.tcpFinTimeout }
    if settings.udpTimeout > .zero { udp = settings.udpTimeout }
  }

  func timeout(_ state: IPVSState, _ transport: TransportProtocol) -> SimDuration {
    switch state {
    case .none: .seconds(2)
    case .synReceived, .closeWait: .seconds(60)
    case .established: established
    case .finWait: finWait
    case .timeWait: .seconds(120)
    case .lastAck: .seconds(30)
    case .close: .seconds(10)
    case .datagram: transport == .udp ? udp : Self.sctp
    }
  }
}

/// One entry of the connection table. Its place is reused when it is gone.
struct IPVSConnection: BitwiseCopyable {
  /// As the client sent its first packet.
  var flow: FlowTuple
  /// Place of the virtual server, and of the real server in it.
  var virtualServer: Int32
  var server: Int32
  /// Persistence template that controls it, −1: none.
  var template: Int32
  var state: IPVSState
  /// Counts as active: ESTABLISHED. A new connection is inactive, and a UDP one stays so
  /// (__ip_vs_update_dest sets IP_VS_CONN_F_INACTIVE for all).
  var isActive = false
  var isInUse = true
  var expires: SimTime
  /// The deadline that holds; others of the same place are left over from longer lives.
  var deadline = SimTime.distantFuture
}

/// <client, 0, virtual address and port> → real server (ip_vs_sched_persist).
struct IPVSTemplate: BitwiseCopyable {
  var client: IPv4Address
  var virtualServer: Int32
  var server: Int32
  /// Of the real server when the template was made.
  var generation: UInt32
  var timeout: SimDuration
  var expires: SimTime
  /// Connections that it controls: it outlives its time while there are any.
  var controlled: Int32 = 0
  var isInUse = true
  /// Its server has gone or is quiescent: no new connection finds it.
  var isInvalid = false
}

/// Something in the table that may expire; looked at when its time comes and put back if it was used since.
struct IPVSDeadline: BitwiseCopyable, Comparable {
  var at: SimTime
  /// Place of a connection, or −1 − place of a template.
  var place: Int32
  static func < (a: Self, b: Self) -> Bool { (a.at, a.place) < (b.at, b.place) }
}

/// A binary heap of deadlines.
struct IPVSDeadlines {
  private var heap: ContiguousArray<IPVSDeadline> = []
  var first: IPVSDeadline? { heap.first }

  mutating func push(_ deadline: IPVSDeadline) {
    heap.append(deadline)
    var child = heap.count - 1
    while child > 0, heap[child] < heap[(child - 1) / 2] {
      heap.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  mutating func removeFirst() {
    heap.swapAt(0, heap.count - 1)
    heap.removeLast()
    sink()
  }

  /// The first entry is due later than was thought.
  mutating func postponeFirst(to at: SimTime) {
    heap[0].at = at
    sink()
  }

  private mutating func sink() {
    var parent = 0
    while true {
      var least = parent
      for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && heap[child] < heap[least] {
        least = child
      }
      if least == parent { return }
      heap.swapAt(parent, least)
      parent = least
    }
  }
}
