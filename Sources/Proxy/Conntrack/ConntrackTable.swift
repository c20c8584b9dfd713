// SPDX-License-Identifier: GPL-3.0-or-later
//
// One node's connection tracking table: which flows it remembers and how it translates their packets.
//
// An entry holds both tuples of a flow, as the kernel does: `original` as the first packet arrived, `reply`
// as answers will arrive. NAT is the difference between `reply` and the reverse of `original`. The index
// knows a flow by its initiator's end, and by the masqueraded end if that differs: a packet is looked up by
// both its ends. Entries expire when looked at; a clock hand frees two stale slots per insertion, so memory
// stays within about twice the live entries. Storage is flat and unsafe, and confined to this file and
// ConntrackIndex.swift.

import NetworkTypes
import SimKernel

/// One flow. 40 bytes: small words fill the gaps that the alignment of the tuples leaves.
public struct ConntrackEntry: BitwiseCopyable {
  public var original: PackedTuple
  /// Whatever the owner wants to find again: the backend that NAT chose, `.max` for none.
  public var tag: UInt32
  public var reply: PackedTuple
  public var state: ConntrackState
  public var transport: TransportProtocol
  /// Bit 0: replies seen. Bit 1: in use. Bit 2: has NAT. Bit 3: ipvs scheduled it.
  var flags: UInt8
  var unused: UInt8 = 0
  /// `.min` for an entry that is not in use.
  public var expires: Int64

  public var hasSeenReply: Bool { flags & 1 != 0 }
  var isInUse: Bool { flags & 2 != 0 }
  public var isTranslated: Bool { flags & 4 != 0 }
  /// The connection table of ipvs decides about the flow's packets too.
  public var isScheduled: Bool { flags & 8 != 0 }
}

/// Addresses and ports of a tuple without the protocol, as `FlowTuple` keeps them. 12 bytes.
public struct PackedTuple: Hashable, BitwiseCopyable, Sendable {
  var addresses: UInt64
  var ports: UInt32

  @inline(__always) public init(_ t: FlowTuple) {
    addresses = t.addresses
    ports = t.ports
  }
  public var source: UInt32 { UInt32(truncatingIfNeeded: addresses) }
  public var destination: UInt32 { UInt32(truncatingIfNeeded: addresses >> 32) }
  public var sourcePort: UInt16 { UInt16(truncatingIfNeeded: ports) }
  public var destinationPort: UInt16 { UInt16(truncatingIfNeeded: ports >> 16) }

  @inline(__always) public static func == (a: PackedTuple, b: PackedTuple) -> Bool {
    a.addresses == b.addresses && a.ports == b.ports
  }
  @inline(__always) public func tuple(_ transport: TransportProtocol) -> FlowTuple {
    FlowTuple(addresses: addresses, ports: ports, transport: transport)
  }
  /// Index key of one end. Eight neighbouring ports share a cache line of the index, because a host's
  /// ephemeral ports are handed out in turn.
  @inline(__always) static func endKey(_ address: UInt32, _ port: UInt16, _ transport: TransportProtocol)
    -> UInt32
  {
    var h =
      (UInt64(address) << 24 | UInt64(port >> 3) << 8 | UInt64(transport.rawValue)) &* 0x9e37_79b9_7f4a_7c15
    h ^= h >> 32
    h = h &* 0xbf58_476d_1ce4_e5b9
    return UInt32(truncatingIfNeeded: h >> 32) << 3 | UInt32(port & 7)
  }
  @inline(__always) func sourceKey(_ transport: TransportProtocol) -> UInt32 {
    Self.endKey(source, sourcePort, transport)
  }
  @inline(__always) func destinationKey(_ transport: TransportProtocol) -> UInt32 {
    Self.endKey(destination, destinationPort, transport)
  }
}

/// Where a packet's flow was found.
public struct ConntrackHit: BitwiseCopyable {
  public var slot: Int32
  public var isReply: Bool
  public init(slot: Int32, isReply: Bool) {
    self.slot = slot
    self.isReply = isReply
  }
}

/// What became of a new entry.
public enum ConntrackInsertion: BitwiseCopyable {
  case inserted(slot: Int32)
  /// nf_conntrack_max reached and nothing could be evicted: the packet is dropped.
  case tableFull
  /// The reply tuple belongs to another flow: NAT must choose another source port.
  case replyTaken
}

/// The conntrack table of one node.
public struct ConntrackTable: ~Copyable {
  /// Makes the type address-only. Swift 6.3.1 passes a large loadable noncopyable `self` by value to each
  /// non-mutating method, which costs a memcpy of the whole struct per call; an existential field forbids
  /// that.
  private let byAddress: Any? = nil
  public let capacity: Int
  public var timeouts: ConntrackTimeouts {
    didSet { lifetimes.set(timeouts) }
  }
  /// Entries in memory: the live ones and expired ones not yet looked at.
  public private(set) var count = 0
  /// The most entries at any time.
  public private(set) var peak = 0

  var entries: ChunkedEntries
  var index: ConntrackIndex
  /// Where the clock hand looks next for expired entries.
  var hand: Int32 = 0
  private var inserted: UInt32 = 0
  private var lifetimes: StateLifetimes
  private let successors: UnsafePointer<ConntrackState?>
  /// nil: the kernel's own table; otherwise Cilium's maps.
  private let limits: CiliumLimits?
  var counts = CiliumCounts()
  /// Next pass of the collector that makes room; `.max`: the table has not been full since the last one.
  var collectsAt = Int64.max
  /// A full table looks for what has expired in all of it, once a second at most.
  var sweepsFullyAt = Int64.min
  /// The table is Cilium's.
  public var isCilium: Bool { limits != nil }
  /// When a live flow last had to go for a new one in Cilium's maps.
  public internal(set) var latestEviction = SimTime(nanoseconds: .min)

  /// - Parameter capacity: nf_conntrack_max, in flows.
  public init(capacity: Int, timeouts: ConntrackTimeouts = ConntrackTimeouts()) {
    self.init(capacity: capacity, timeouts: timeouts, limits: nil)
  }

  init(capacity: Int, timeouts: ConntrackTimeouts, limits: CiliumLimits?) {
    precondition(capacity > 0, "conntrack capacity \(capacity)")
    self.capacity = capacity
    self.limits = limits
    successors = limits == nil ? ConntrackState.successors : ConntrackState.ciliumSuccessors
    self.timeouts = timeouts
    lifetimes = StateLifetimes(timeouts)
    entries = ChunkedEntries()
    index = ConntrackIndex()
  }

  /// The live flow that a packet belongs to. O(1).
  public mutating func find(_ tuple: FlowTuple, now: SimTime) -> ConntrackHit? {
    let key = PackedTuple(tuple)
    // The initiator's end is the source of a packet in the original direction, the destination of a reply.
    if let hit = find(key, tuple.transport, at: key.sourceKey(tuple.transport), now: now) { return hit }
    return find(key, tuple.transport, at: key.destinationKey(tuple.transport), now: now)
  }

  /// Says that a new flow with this tuple is about to come. A table of many flows is larger than the caches,
  /// so without this each new flow waits for memory (a fifth of the time of a run with a million of them).
  public func expect(_ tuple: FlowTuple) { index.prefetch(PackedTuple(tuple).sourceKey(tuple.transport)) }

  @inline(__always) private mutating func find(
    _ key: PackedTuple, _ transport: TransportProtocol, at end: UInt32, now: SimTime
  ) -> ConntrackHit? {
    var probe = index.firstProbe(end)
    while let slot = index.next(&probe, key: end) {
      let e = entries.pointer(slot)
      if e.pointee.transport != transport { continue }
      let isOriginal = e.pointee.original == key
      guard isOriginal || e.pointee.reply == key else { continue }
      if e.pointee.expires <= now.nanoseconds {
        remove(slot)
        return nil
      }
      return ConntrackHit(slot: slot, isReply: !isOriginal)
    }
    return nil
  }

  /// As `find`, looking at one entry first.
  /// - Parameter hint: a slot of this table, −1 for none.
  public mutating func find(_ tuple: FlowTuple, now: SimTime, hint: Int32) -> ConntrackHit? {
    if hint >= 0, hint < entries.used {
      let e = entries.pointer(hint)
      if e.pointee.isInUse, e.pointee.expires > now.nanoseconds, e.pointee.transport == tuple.transport {
        let key = PackedTuple(tuple)
        if e.pointee.original == key { return ConntrackHit(slot: hint, isReply: false) }
        if e.pointee.reply == key { return ConntrackHit(slot: hint, isReply: true) }
      }
    }
    return find(tuple, now: now)
  }

  /// The way of a packet whose flow the hinted entry holds: state, timeout and translation in one look.
  /// Nearly every packet but the first two of a connection goes this way.
  /// - Parameter tuple: the packet's; translated if the answer is true, else left as it was.
  /// - Returns: false if the entry does not hold the flow, or if the packet needs more than that (a SYN on a
  ///   closed entry, an INVALID packet): then the caller goes the long way.
  public mutating func passHinted(
    _ tuple: inout FlowTuple, _ segment: SegmentKind, now: SimTime, hint: Int32
  ) -> Bool {
    guard hint >= 0, hint < entries.used else { return false }
    let e = entries.pointer(hint)
    let key = PackedTuple(tuple)
    let isOriginal = e.pointee.original == key
    // An entry that is not in use has expired long ago.
    guard isOriginal || e.pointee.reply == key, e.pointee.expires > now.nanoseconds,
      e.pointee.transport == tuple.transport, segment != .syn
    else { return false }
    let index = ConntrackState.successorIndex(e.pointee.state, segment, isReply: !isOriginal)
    guard let state = successors[index] else { return false }
    e.pointee.state = state
    e.pointee.flags |= isOriginal ? 0 : 1
    e.pointee.expires = lifetimes.end(of: state, from: now)
    tuple = (isOriginal ? e.pointee.reply : e.pointee.original).tuple(tuple.transport).reversed
    return true
  }

  public subscript(_ slot: Int32) -> ConntrackEntry { entries.pointer(slot).pointee }

  /// Remembers a new flow. Both tuples must be free; an expired holder of one makes room.
  /// - Parameters:
  ///   - tag: kept with the entry, see `ConntrackEntry.tag`.
  ///   - isScheduled: see `ConntrackEntry.isScheduled`.
  public mutating func insert(
    original: FlowTuple, reply: FlowTuple, state: ConntrackState, tag: UInt32, now: SimTime,
    isScheduled: Bool = false
  ) -> ConntrackInsertion {
    assert(find(original, now: now) == nil, "flow is tracked already")
    let replyKey = PackedTuple(reply)
    let isTranslated = replyKey != PackedTuple(original.reversed)
    if isTranslated, find(reply, now: now) != nil { return .replyTaken }
    if inserted & 7 == 0 { sweep(now: now, steps: 16) }
    inserted &+= 1
    if let limits {
      let isMasqueraded =
        replyKey.destination != original.source.bits || replyKey.destinationPort != original.sourcePort
      let isTCP = original.transport == .tcp
      evictLeastRecent(limits, isTCP: isTCP, isMasqueraded: isMasqueraded, now: now)
    } else if count >= capacity, !makeRoom(now: now) {
      return .tableFull
    }
    let slot = entries.take()
    let e = entries.pointer(slot)
    e.initialize(
      to: ConntrackEntry(
        original: PackedTuple(original), tag: tag, reply: replyKey, state: state,
        transport: original.transport, flags: (isTranslated ? 6 : 2) | (isScheduled ? 8 : 0),
        expires: lifetimes.end(of: state, from: now)))
    let initiator = e.pointee.original.sourceKey(original.transport)
    index.insert(initiator, slot: slot)
    let translated = replyKey.destinationKey(original.transport)
    if translated != initiator { index.insert(translated, slot: slot) }
    count += 1
    if limits != nil { countFlow(e.pointee, by: 1) }
    peak = max(peak, count)
    return .inserted(slot: slot)
  }

  /// Takes note of a packet of a known flow.
  /// - Returns: false if the packet is INVALID for the flow's state; the entry is then left as it was.
  public mutating func update(_ hit: ConntrackHit, _ segment: SegmentKind, now: SimTime) -> Bool {
    let e = entries.pointer(hit.slot)
    let index = ConntrackState.successorIndex(e.pointee.state, segment, isReply: hit.isReply)
    guard let state = successors[index] else { return false }
    e.pointee.state = state
    if hit.isReply { e.pointee.flags |= 1 }
    e.pointee.expires = lifetimes.end(of: state, from: now)
    return true
  }

  /// The tuple with which a packet of this flow leaves the node.
  public func translated(_ hit: ConntrackHit) -> FlowTuple {
    let e = entries.pointer(hit.slot)
    let t = hit.isReply ? e.pointee.original : e.pointee.reply
    return t.tuple(e.pointee.transport).reversed
  }

  public mutating func remove(_ slot: Int32) {
    let e = entries.pointer(slot)
    assert(e.pointee.isInUse)
    let initiator = e.pointee.original.sourceKey(e.pointee.transport)
    index.remove(initiator, slot: slot)
    let translated = e.pointee.reply.destinationKey(e.pointee.transport)
    if translated != initiator { index.remove(translated, slot: slot) }
    if limits != nil { countFlow(e.pointee, by: -1) }
    e.pointee.flags = 0
    e.pointee.expires = .min
    entries.giveBack(slot)
    decrementCount()
  }

  mutating func decrementCount() { count -= 1 }

  private mutating func countFlow(_ entry: ConntrackEntry, by step: Int) {
    if entry.transport == .tcp { counts.tcp += step } else { counts.other += step }
    if entry.isMasqueraded { counts.masqueraded += step }
  }

  /// When the flow's last packet passed.
  func lastUse(of entry: ConntrackEntry) -> Int64 { entry.expires - lifetimes.length(of: entry.state) }

  /// Removes the live flows for which `matches` says so, in slot order. O(table).
  public mutating func removeAll(where matches: (ConntrackEntry) -> Bool) -> Int {
    var removed = 0
    for slot in 0..<entries.used where entries.pointer(slot).pointee.isInUse {
      if matches(entries.pointer(slot).pointee) {
        remove(slot)
        removed += 1
      }
    }
    return removed
  }

  /// Forgets everything, as a reboot does.
  public mutating func clear() {
    _ = removeAll { _ in true }
  }

  mutating func sweep(now: SimTime, steps: Int32) {
    guard entries.used > 0 else { return }
    for _ in 0..<min(steps, entries.used) {
      if hand >= entries.used { hand = 0 }
      let e = entries.pointer(hand)
      if e.pointee.isInUse, e.pointee.expires <= now.nanoseconds { remove(hand) }
      hand += 1
    }
    // Entries that old are in no cache any more.
    entries.prefetch(from: hand, count: steps)
  }

  /// The table is full: frees what has expired; failing that, one flow that is not assured among a few near the
  /// hand (early_drop: nf_conntrack_core.c, NF_CT_EVICTION_RANGE 8). What is in closing goes only with the
  /// garbage collector, which a full table tells to make room (gc_worker, early_drop).
  mutating func makeRoom(now: SimTime) -> Bool {
    let before = count
    sweep(now: now, steps: 64)
    if count == before, now.nanoseconds >= sweepsFullyAt {
      sweepsFullyAt = (now + .seconds(1)).nanoseconds
      sweep(now: now, steps: entries.used)
    }
    if now.nanoseconds >= collectsAt { collectEarly() }
    if count < before { return true }
    for _ in 0..<min(8, entries.used) {
      if hand >= entries.used { hand = 0 }
      let e = entries.pointer(hand).pointee
      if e.isInUse, !e.isAssured {
        remove(hand)
        return true
      }
      hand += 1
    }
    if collectsAt == .max { collectsAt = (now + Self.collectionInterval).nanoseconds }
    return false
  }

  /// GC_SCAN_INTERVAL_MAX in nf_conntrack_core.c, from which the collector departs only where entries live for
  /// less than a minute on average.
  static var collectionInterval: SimDuration { .seconds(60) }

  /// One pass of the collector with early_drop: down to 95 % of the limit (nf_conntrack_max95), whatever is not
  /// assured or in closing (tcp_can_early_drop).
  private mutating func collectEarly() {
    collectsAt = .max
    let target = capacity / 100 * 95
    for slot in 0..<entries.used where count > target {
      let e = entries.pointer(slot).pointee
      if e.isInUse, !e.isAssured || e.state.isClosing { remove(slot) }
    }
  }
}

extension ConntrackEntry {
  /// IPS_ASSURED: TCP after the handshake's last ACK, UDP as a stream; what was picked up in mid-stream once it
  /// has been answered (nf_conntrack_proto_tcp.c, nf_conntrack_proto_udp.c).
  var isAssured: Bool {
    switch state {
    case .synSent, .synReceived, .unreplied: false
    case .established: hasSeenReply
    case .finWait, .closeWait, .lastAck, .timeWait, .close, .stream: true
    }
  }
}

extension ConntrackState {
  var isClosing: Bool {
    switch self {
    case .finWait, .closeWait, .lastAck, .timeWait, .close: true
    case .synSent, .synReceived, .established, .unreplied, .stream: false
    }
  }
}
