// SPDX-License-Identifier: GPL-3.0-or-later
//
// The pending events of a run, in the order (time, rank).
//
// `rank` says what an event is about (phase, entity, the entity's own counter; see `EventRank`), so that ties
// never depend on when something happened to be scheduled. Three stores behind one order:
//
//     near     4-ary heap: everything earlier than `nearEnd`              O(log near)
//     rung     unsorted buckets of equal width from `nearEnd` on          O(1) in, sorted when its turn comes
//     far      unsorted list: everything after the rung                   spread into a new rung in its turn
//     lanes    rings for constant delays: what goes in last comes out last O(1)
//
// Small queues live in `near` alone. The rung is the two-level relative of Brown's calendar queue (CACM
// 31(10), 1988) and of the ladder queue (Tang et al., TOMACS 15(3), 2005); the order does not depend on which
// store holds an event, so bucket widths are free to adapt.

/// One pending event. 16 bytes plus the event.
@frozen public struct EventEntry<Event: BitwiseCopyable>: BitwiseCopyable {
  public var time: Int64
  public var rank: UInt64
  public var event: Event

  @inlinable public init(time: Int64, rank: UInt64, event: Event) {
    self.time = time
    self.rank = rank
    self.event = event
  }

  @inlinable @inline(__always) func precedes(_ other: EventEntry) -> Bool {
    time < other.time || (time == other.time && rank < other.rank)
  }
}

/// Priority queue of events. `push` and `popMin` are O(log n) for small queues and O(1) amortised for large
/// ones.
@frozen public struct EventQueue<Event: BitwiseCopyable>: ~Copyable {
  public typealias Entry = EventEntry<Event>

  @usableFromInline var near: EntryHeap<Event>
  @usableFromInline var rung: BucketRung<Event>
  @usableFromInline var far: EntryList<Event>
  @usableFromInline var lanes: LaneSet<Event>
  /// Entries earlier than this are in `near`; `.max` while there is no rung.
  @usableFromInline var nearEnd: Int64 = .max
  /// When `near` outgrows this, its content is spread over a new rung.
  @usableFromInline var spillLimit = EventQueue.smallQueue
  @usableFromInline var lastTime: Int64 = .min

  /// Up to this many entries a heap that stays in the first-level cache is faster than buckets.
  @inlinable static var smallQueue: Int { 1024 }

  @inlinable public init(laneCount: Int = 0) {
    near = EntryHeap(capacity: 256)
    rung = BucketRung()
    far = EntryList(capacity: 64)
    lanes = LaneSet(count: laneCount)
  }

  @inlinable public var count: Int { near.count + rung.count + far.count + lanes.count }
  @inlinable public var isEmpty: Bool {
    near.count == 0 && lanes.count == 0 && rung.count == 0 && far.count == 0
  }

  /// Adds an event. Its time must not lie before the last one popped.
  @inlinable public mutating func push(at time: SimTime, rank: UInt64, _ event: Event) {
    assert(time.nanoseconds >= lastTime, "event at \(time) scheduled after \(lastTime) ns was handled")
    let entry = Entry(time: time.nanoseconds, rank: rank, event: event)
    if entry.time < nearEnd {
      near.push(entry)
      if near.count > spillLimit { spill() }
    } else if entry.time < rung.end {
      rung.append(entry)
    } else {
      far.append(entry)
    }
  }

  /// Adds an event that is due a constant delay from now, the same for every event of the lane. An event that
  /// would not come last in its lane (equal time, lower rank) goes to the heap instead.
  @inlinable public mutating func push(lane: Int, at time: SimTime, rank: UInt64, _ event: Event) {
    let entry = Entry(time: time.nanoseconds, rank: rank, event: event)
    if !lanes.append(entry, to: lane) { push(at: time, rank: rank, event) }
  }

  /// The earliest pending time, without removing anything.
  @inlinable public mutating func nextTime() -> SimTime? {
    if near.count == 0 { refill() }
    if near.count == 0 { return lanes.isEmpty ? nil : SimTime(nanoseconds: lanes.earliest.time) }
    if lanes.isEmpty { return SimTime(nanoseconds: near.top.time) }
    return SimTime(nanoseconds: min(near.top.time, lanes.earliest.time))
  }

  /// Removes and returns the earliest event; nil when nothing is pending.
  @inlinable public mutating func popMin() -> Entry? {
    if near.count == 0 { refill() }
    let entry: Entry
    if !lanes.isEmpty, near.count == 0 || isLaneFirst {
      entry = lanes.removeEarliest()
    } else if near.count > 0 {
      entry = near.popMin()
    } else {
      return nil
    }
    assert(entry.time >= lastTime, "time ran backwards: \(entry.time) after \(lastTime)")
    lastTime = entry.time
    return entry
  }

  /// The earliest front of the lanes comes before the top of the heap; neither is empty.
  @inlinable @inline(__always) var isLaneFirst: Bool {
    let front = lanes.earliest
    let top = near.list.base[0].time
    return front.time < top || (front.time == top && front.rank < near.list.base[0].rank)
  }

  /// Moves the next bucket that holds something into `near`.
  @inlinable @inline(never) mutating func refill() {
    while near.count == 0 {
      if rung.count > 0 {
        nearEnd = rung.drainNext(into: &near)
      } else if far.count > 0 {
        buildRung()
      } else {
        nearEnd = .max
        return
      }
    }
  }

  /// `near` has become large: its entries and those of the rung are spread over a finer rung.
  @inlinable @inline(never) mutating func spill() {
    near.moveAll(into: &far)
    rung.moveAll(into: &far)
    buildRung()
    refill()
    spillLimit = max(Self.smallQueue, near.count * 4)
  }

  /// Spreads `far` over buckets that start at its minimum and reach about three mean distances from there:
  /// nearly everything of an exponential mix, while a few very late timers do not stretch the buckets.
  @inlinable mutating func buildRung() {
    var first = Int64.max
    for i in 0..<far.count { first = min(first, far[i].time) }
    var sum = 0.0
    for i in 0..<far.count { sum += Double(far[i].time - first) }
    let reach = sum / Double(far.count) * 3
    let buckets = max(16, far.count / 16)
    let width = max(1, Int64(min(reach / Double(buckets), 1e17)) + 1)
    rung.reset(start: first, width: width, buckets: buckets)
    nearEnd = first
    var kept = 0
    for i in 0..<far.count {
      let entry = far[i]
      if entry.time < rung.end {
        rung.append(entry)
      } else {
        far[kept] = entry
        kept += 1
      }
    }
    far.truncate(to: kept)
  }
}
