// SPDX-License-Identifier: GPL-3.0-or-later
//
// The stores behind `EventQueue`: heap, list, buckets, lanes. All unsafe memory of the kernel is in this
// file; entries are trivial types, so nothing is retained, and capacity grows by doubling.

/// Growable memory for trivial entries.
@frozen @usableFromInline struct EntryList<Event: BitwiseCopyable>: ~Copyable {
  @usableFromInline typealias Entry = EventEntry<Event>
  @usableFromInline var base: UnsafeMutablePointer<Entry>
  @usableFromInline var capacity: Int
  @usableFromInline var count = 0

  @inlinable init(capacity: Int) {
    self.capacity = capacity
    base = .allocate(capacity: capacity)
  }
  @inlinable deinit { base.deallocate() }

  @inlinable subscript(_ i: Int) -> Entry {
    get {
      assert(i < count)
      return base[i]
    }
    set {
      assert(i < count)
      base[i] = newValue
    }
  }
  @inlinable mutating func append(_ entry: Entry) {
    if count == capacity { grow() }
    base[count] = entry
    count += 1
  }
  @inlinable mutating func truncate(to n: Int) {
    assert(n <= count)
    count = n
  }
  @inlinable @inline(never) mutating func grow() {
    let larger = UnsafeMutablePointer<Entry>.allocate(capacity: capacity * 2)
    larger.moveInitialize(from: base, count: count)
    base.deallocate()
    base = larger
    capacity *= 2
  }
}

/// 4-ary min-heap: half as deep as a binary one, and the four children share one or two cache lines.
@frozen @usableFromInline struct EntryHeap<Event: BitwiseCopyable>: ~Copyable {
  @usableFromInline typealias Entry = EventEntry<Event>
  @usableFromInline var list: EntryList<Event>

  @inlinable init(capacity: Int) { list = EntryList(capacity: capacity) }

  @inlinable var count: Int { list.count }
  @inlinable var top: Entry {
    assert(list.count > 0)
    return list.base[0]
  }

  @inlinable mutating func push(_ entry: Entry) {
    list.append(entry)
    let base = list.base
    var hole = list.count - 1
    while hole > 0 {
      let parent = (hole - 1) >> 2
      if !entry.precedes(base[parent]) { break }
      base[hole] = base[parent]
      hole = parent
    }
    base[hole] = entry
  }

  @inlinable mutating func popMin() -> Entry {
    assert(list.count > 0)
    let base = list.base
    let result = base[0]
    let count = list.count - 1
    list.count = count
    if count > 0 { siftDown(base[count], count: count) }
    return result
  }

  /// Places `entry` in the heap of `count` whose root is a hole. Which of four children is least is chance,
  /// so the choice is made without branches: a wrongly predicted one costs as much as the rest of the level.
  @inlinable func siftDown(_ entry: Entry, count: Int) {
    let base = list.base
    var hole = 0
    var first = 1
    while first + 3 < count {
      let children = base + first
      let least = Self.leastOfFour(children)
      if !children[least].precedes(entry) { break }
      base[hole] = children[least]
      hole = first + least
      first = hole * 4 + 1
    }
    if first < count, first + 3 >= count {
      // The last family of the heap may be incomplete.
      var least = first
      for child in first..<count where base[child].precedes(base[least]) { least = child }
      if base[least].precedes(entry) {
        base[hole] = base[least]
        hole = least
      }
    }
    base[hole] = entry
  }

  @inlinable @inline(__always) static func leastOfFour(_ c: UnsafeMutablePointer<Entry>) -> Int {
    // Sign masks instead of comparisons, which the compiler would turn into branches again. Times of a run
    // lie less than 2^63 apart, so differences do not overflow.
    let left = c[1].time &- c[0].time
    let right = c[3].time &- c[2].time
    let leftTime = c[0].time &+ (left & (left &>> 63))
    let rightTime = c[2].time &+ (right & (right &>> 63))
    let across = rightTime &- leftTime
    if left == 0 || right == 0 || across == 0 { return leastOfEqualTimes(c) }
    let inLeft = (left &>> 63) & 1
    let inRight = ((right &>> 63) & 1) | 2
    return Int(truncatingIfNeeded: inLeft ^ ((inLeft ^ inRight) & (across &>> 63)))
  }

  /// As `leastOfFour`, by time and rank.
  @inlinable @inline(never) static func leastOfEqualTimes(_ c: UnsafeMutablePointer<Entry>) -> Int {
    var least = 0
    for i in 1..<4 where c[i].precedes(c[least]) { least = i }
    return least
  }

  @inlinable mutating func moveAll(into other: inout EntryList<Event>) {
    for i in 0..<list.count { other.append(list.base[i]) }
    list.count = 0
  }
}

/// Buckets of equal width, unsorted, as chains of chunks from one pool.
@frozen @usableFromInline struct BucketRung<Event: BitwiseCopyable>: ~Copyable {
  @usableFromInline typealias Entry = EventEntry<Event>
  /// Entries per chunk.
  @inlinable static var chunk: Int { 16 }
  @inlinable static var noChunk: Int32 { -1 }

  /// First instant after the last bucket; entries from here on do not belong here.
  @usableFromInline var end: Int64 = .min
  @usableFromInline var count = 0
  @usableFromInline var start: Int64 = 0
  @usableFromInline var width: Int64 = 1
  @usableFromInline var next = 0
  @usableFromInline var buckets = 0
  @usableFromInline var heads: [Int32] = []
  @usableFromInline var filled: [Int32] = []
  @usableFromInline var links: [Int32] = []
  @usableFromInline var freeChunk: Int32 = -1
  @usableFromInline var pool: UnsafeMutablePointer<Entry>
  @usableFromInline var poolChunks = 0

  @inlinable init() { pool = .allocate(capacity: 1) }
  @inlinable deinit { pool.deallocate() }

  @inlinable mutating func reset(start: Int64, width: Int64, buckets: Int) {
    assert(count == 0, "a rung is rebuilt only when it is empty")
    self.start = start
    self.width = width
    self.buckets = buckets
    next = 0
    let (span, tooWide) = width.multipliedReportingOverflow(by: Int64(buckets))
    let (limit, overflow) = start.addingReportingOverflow(span)
    end = tooWide || overflow ? .max : limit
    heads = [Int32](repeating: Self.noChunk, count: buckets)
    filled = [Int32](repeating: 0, count: buckets)
  }

  @inlinable mutating func append(_ entry: Entry) {
    let bucket = Int((entry.time - start) / width)
    assert(bucket >= next && bucket < buckets, "bucket \(bucket) of \(buckets), next is \(next)")
    let used = filled[bucket]
    if used & Int32(Self.chunk - 1) == 0 {
      let fresh = takeChunk()
      links[Int(fresh)] = heads[bucket]
      heads[bucket] = fresh
    }
    pool[Int(heads[bucket]) * Self.chunk + (Int(used) & (Self.chunk - 1))] = entry
    filled[bucket] = used + 1
    count += 1
  }

  @inlinable mutating func takeChunk() -> Int32 {
    if freeChunk < 0 { growPool() }
    let taken = freeChunk
    freeChunk = links[Int(taken)]
    return taken
  }

  @inlinable mutating func growPool() {
    let larger = max(64, poolChunks * 2)
    let memory = UnsafeMutablePointer<Entry>.allocate(capacity: larger * Self.chunk)
    memory.moveInitialize(from: pool, count: poolChunks * Self.chunk)
    pool.deallocate()
    pool = memory
    for i in poolChunks..<larger {
      links.append(freeChunk)
      freeChunk = Int32(i)
    }
    poolChunks = larger
  }

  /// Calls `body` with each entry of a bucket and gives its chunks back.
  @inlinable mutating func drain(_ bucket: Int, _ body: (Entry) -> Void) {
    var left = Int(filled[bucket])
    var chunk = heads[bucket]
    while left > 0 {
      let inChunk = ((left - 1) & (Self.chunk - 1)) + 1
      for i in 0..<inChunk { body(pool[Int(chunk) * Self.chunk + i]) }
      left -= inChunk
      count -= inChunk
      let following = links[Int(chunk)]
      links[Int(chunk)] = freeChunk
      freeChunk = chunk
      chunk = following
    }
    heads[bucket] = Self.noChunk
    filled[bucket] = 0
  }

  /// Moves the next non-empty bucket into the heap.
  /// - Returns: the first instant that is not in the heap now.
  @inlinable mutating func drainNext(into heap: inout EntryHeap<Event>) -> Int64 {
    assert(count > 0)
    while filled[next] == 0 { next += 1 }
    drain(next) { heap.push($0) }
    next += 1
    return next == buckets ? end : start + Int64(next) * width
  }

  @inlinable mutating func moveAll(into list: inout EntryList<Event>) {
    while count > 0 {
      drain(next) { list.append($0) }
      next += 1
    }
    end = .min
  }
}

/// Rings of entries, one per constant delay, and the order of their heads.
@frozen @usableFromInline struct LaneSet<Event: BitwiseCopyable>: ~Copyable {
  @usableFromInline typealias Entry = EventEntry<Event>

  @frozen @usableFromInline struct Lane {
    @usableFromInline var base: UnsafeMutablePointer<Entry>
    /// Capacity − 1; the capacity is a power of two.
    @usableFromInline var mask: Int
    @usableFromInline var head = 0
    @usableFromInline var tail = 0
    @inlinable init(base: UnsafeMutablePointer<Entry>, mask: Int) {
      self.base = base
      self.mask = mask
    }
  }
  /// What the head of a lane is waiting for.
  @frozen @usableFromInline struct Front: BitwiseCopyable {
    @usableFromInline var time: Int64
    @usableFromInline var rank: UInt64
    @usableFromInline var lane: Int
    @inlinable init(_ entry: Entry, lane: Int) {
      time = entry.time
      rank = entry.rank
      self.lane = lane
    }
    @inlinable @inline(__always) func precedes(_ other: Front) -> Bool {
      time < other.time || (time == other.time && (rank, lane) < (other.rank, other.lane))
    }
  }
  @usableFromInline var lanes: UnsafeMutablePointer<Lane>
  @usableFromInline let laneCount: Int
  /// Fronts of the lanes that hold something, earliest first: a run uses two or three lanes most of the time,
  /// and keeping those in order is cheaper than looking at all of them for each event.
  @usableFromInline var fronts: UnsafeMutablePointer<Front>
  @usableFromInline var filled = 0
  @usableFromInline var count = 0

  @inlinable init(count laneCount: Int) {
    self.laneCount = laneCount
    lanes = .allocate(capacity: max(1, laneCount))
    fronts = .allocate(capacity: max(1, laneCount))
    for i in 0..<laneCount {
      (lanes + i).initialize(to: Lane(base: .allocate(capacity: 256), mask: 255))
    }
  }
  @inlinable deinit {
    for i in 0..<laneCount { lanes[i].base.deallocate() }
    lanes.deallocate()
    fronts.deallocate()
  }

  @inlinable @inline(__always) var isEmpty: Bool { filled == 0 }

  /// The earliest front. Undefined when all lanes are empty.
  @inlinable @inline(__always) var earliest: Front {
    assert(filled > 0)
    return fronts[0]
  }

  /// - Returns: false if the entry would not come last in its lane.
  @inlinable mutating func append(_ entry: Entry, to lane: Int) -> Bool {
    let l = lanes + lane
    let tail = l.pointee.tail
    let used = tail - l.pointee.head
    if used == 0 {
      enter(Front(entry, lane: lane))
    } else {
      if entry.precedes(l.pointee.base[(tail - 1) & l.pointee.mask]) { return false }
      if used > l.pointee.mask {
        grow(l)
        return append(entry, to: lane)
      }
    }
    l.pointee.base[tail & l.pointee.mask] = entry
    l.pointee.tail = tail + 1
    count += 1
    return true
  }

  /// Puts the front of a lane that was empty in its place.
  @inlinable mutating func enter(_ front: Front) {
    var i = filled
    while i > 0, front.precedes(fronts[i - 1]) {
      fronts[i] = fronts[i - 1]
      i -= 1
    }
    fronts[i] = front
    filled += 1
  }

  @inlinable @inline(__always) mutating func removeEarliest() -> Entry {
    assert(filled > 0)
    let lane = fronts[0].lane
    let l = lanes + lane
    let head = l.pointee.head
    let entry = l.pointee.base[head & l.pointee.mask]
    l.pointee.head = head + 1
    count -= 1
    if head + 1 == l.pointee.tail {
      leave()
    } else {
      sink(Front(l.pointee.base[(head + 1) & l.pointee.mask], lane: lane))
    }
    return entry
  }

  /// The first lane has become empty.
  @inlinable mutating func leave() {
    filled -= 1
    var i = 0
    while i < filled {
      fronts[i] = fronts[i + 1]
      i += 1
    }
  }

  /// The first lane has a new front.
  @inlinable @inline(__always) mutating func sink(_ front: Front) {
    var i = 0
    while i + 1 < filled, fronts[i + 1].precedes(front) {
      fronts[i] = fronts[i + 1]
      i += 1
    }
    fronts[i] = front
  }

  @inlinable @inline(never) func grow(_ lane: UnsafeMutablePointer<Lane>) {
    let old = lane.pointee
    let capacity = (old.mask + 1) * 2
    let memory = UnsafeMutablePointer<Entry>.allocate(capacity: capacity)
    for i in old.head..<old.tail { (memory + (i - old.head)).initialize(to: old.base[i & old.mask]) }
    old.base.deallocate()
    lane.pointee = Lane(base: memory, mask: capacity - 1)
    lane.pointee.tail = old.tail - old.head
  }
}
