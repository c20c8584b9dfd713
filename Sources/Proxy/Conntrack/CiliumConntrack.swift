// SPDX-License-Identifier: GPL-3.0-or-later
//
// Connection tracking as Cilium's programs do it in place of the kernel's: plainer states, timeouts of its
// own, and LRU maps in which a new flow always finds room at the cost of the one used longest ago
// (bpf/lib/conntrack.h; FACTS D4). Nothing is INVALID.

import Cluster
import NetworkTypes
import SimKernel

/// What Cilium's maps have room for, in flows.
struct CiliumLimits {
  var tcp: Int
  var other: Int
  /// A flow with a replaced source takes two entries of the NAT map.
  var masqueraded: Int
}

/// How many flows of each kind a table of limits holds.
struct CiliumCounts {
  var tcp = 0
  var other = 0
  var masqueraded = 0
}

extension ConntrackTimeouts {
  /// Cilium's four numbers as the states of this table.
  init(_ cilium: EBPFConntrackTimeouts) {
    self.init()
    synSent = cilium.tcpSyn
    // A SYN-ACK carries the SYN flag, so that only the third segment makes the flow a long-lived one.
    synReceived = cilium.tcpSyn
    established = cilium.tcp
    finWait = cilium.tcp
    closeWait = cilium.tcp
    lastAck = cilium.tcpFin
    timeWait = cilium.tcpFin
    close = cilium.tcpFin
    udp = cilium.other
    udpStream = cilium.other
  }
}

extension ConntrackState {
  /// The state after a packet of a flow that Cilium knows.
  func afterInCilium(_ segment: SegmentKind, isReply: Bool) -> ConntrackState {
    switch segment {
    case .syn: return self
    case .synAck: return self == .synSent ? .synReceived : self
    case .datagram: return isReply || self == .stream ? .stream : .unreplied
    case .ack, .outOfWindow:
      return self == .close || self == .unreplied || self == .stream ? self : .established
    // One FIN closes one direction and leaves the lifetime as it was.
    case .fin: return self == .close ? .close : .established
    case .rst, .closed: return .close
    }
  }

  /// As `successors`, in Cilium. Written once, never freed.
  nonisolated(unsafe) static let ciliumSuccessors: UnsafePointer<ConntrackState?> = {
    let table = UnsafeMutablePointer<ConntrackState?>.allocate(capacity: allCases.count << 4)
    table.initialize(repeating: nil, count: allCases.count << 4)
    for state in allCases {
      for segment in SegmentKind.allCases {
        for isReply in [false, true] {
          let next = state.afterInCilium(segment, isReply: isReply)
          table[successorIndex(state, segment, isReply: isReply)] = next
        }
      }
    }
    return UnsafePointer(table)
  }()
}

extension ConntrackTable {
  /// The conntrack and NAT maps of a node with Cilium.
  public init(sizes: EBPFMapSizes, timeouts: EBPFConntrackTimeouts) {
    self.init(
      capacity: sizes.conntrackTCP + sizes.conntrackOther, timeouts: ConntrackTimeouts(timeouts),
      limits: CiliumLimits(
        tcp: sizes.conntrackTCP, other: sizes.conntrackOther, masqueraded: max(1, sizes.nat / 2)))
  }

  /// Frees places until a flow of this kind fits.
  mutating func evictLeastRecent(_ limits: CiliumLimits, isTCP: Bool, isMasqueraded: Bool, now: SimTime) {
    if isTCP ? counts.tcp >= limits.tcp : counts.other >= limits.other {
      evictOne(now: now) { ($0.transport == .tcp) == isTCP }
    }
    if isMasqueraded, counts.masqueraded >= limits.masqueraded { evictOne(now: now) { $0.isMasqueraded } }
  }

  /// The kernel's LRU lists are approximate too (kernel/bpf/bpf_lru_list.c): the oldest of up to 128 flows
  /// that the clock hand meets goes; in a map of no more it is the oldest of all.
  private mutating func evictOne(now: SimTime, where isEligible: (ConntrackEntry) -> Bool) {
    var oldest: Int32 = -1
    var oldestUse = Int64.max
    var seen = 0
    for _ in 0..<entries.used where seen < 128 {
      if hand >= entries.used { hand = 0 }
      let entry = entries.pointer(hand).pointee
      if entry.isInUse, isEligible(entry) {
        seen += 1
        let use = lastUse(of: entry)
        if use < oldestUse { (oldest, oldestUse) = (hand, use) }
      }
      hand += 1
    }
    guard oldest >= 0 else { return }
    if entries.pointer(oldest).pointee.expires > now.nanoseconds { latestEviction = now }
    remove(oldest)
  }
}

extension ConntrackEntry {
  var isMasqueraded: Bool {
    reply.destination != original.source || reply.destinationPort != original.sourcePort
  }
}
