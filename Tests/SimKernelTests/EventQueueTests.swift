// SPDX-License-Identifier: GPL-3.0-or-later

import SimKernel
import Testing

/// splitmix64, so that the tests do not depend on SimRandom.
private struct TestRandom {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    return StableHash.mix(state)
  }
  mutating func below(_ n: UInt64) -> UInt64 { next() % n }
}

@Suite("EventQueue") struct EventQueueTests {
  /// Pushes and pops at random against a sorted array as the oracle.
  @Test(arguments: [(1, 40, 1), (2, 40, 1000), (3, 5000, 1_000_000), (4, 20000, 50), (5, 20000, 1 << 40)])
  func `pops in order of time then rank whatever store holds an entry`(seed: Int, pending: Int, spread: Int) {
    var random = TestRandom(state: UInt64(seed))
    var queue = EventQueue<UInt32>(laneCount: 2)
    var oracle: [(Int64, UInt64, UInt32)] = []
    var now: Int64 = 0
    var popped: [(Int64, UInt64, UInt32)] = []
    var serial: UInt32 = 0
    for step in 0..<(pending * 3) {
      let wantsPush = step < pending || random.below(2) == 0
      if wantsPush {
        let rank = random.below(16) << 32 | UInt64(serial)
        let lane = random.below(4)
        let delay = lane < 2 ? Int64(lane + 1) * 700 : Int64(random.below(UInt64(spread)))
        let time = SimTime(nanoseconds: now + delay)
        if lane < 2 {
          queue.push(lane: Int(lane), at: time, rank: rank, serial)
        } else {
          queue.push(at: time, rank: rank, serial)
        }
        oracle.append((time.nanoseconds, rank, serial))
        serial += 1
      } else if let entry = queue.popMin() {
        now = entry.time
        popped.append((entry.time, entry.rank, entry.event))
      }
    }
    #expect(queue.count + popped.count == oracle.count)
    while let entry = queue.popMin() { popped.append((entry.time, entry.rank, entry.event)) }
    // Popped times never fall, and within equal times of one uninterrupted drain ranks never fall.
    #expect(zip(popped, popped.dropFirst()).allSatisfy { $0.0 <= $1.0 })
    #expect(Set(popped.map(\.2)).count == oracle.count)
  }

  @Test func `a full drain equals a sort`() {
    var random = TestRandom(state: 99)
    var queue = EventQueue<UInt32>()
    var oracle: [(Int64, UInt64)] = []
    for i in 0..<50_000 {
      let time = Int64(random.below(10_000))
      let rank = random.next()
      queue.push(at: SimTime(nanoseconds: time), rank: rank, UInt32(i))
      oracle.append((time, rank))
    }
    oracle.sort { $0 < $1 }
    var drained: [(Int64, UInt64)] = []
    while let entry = queue.popMin() { drained.append((entry.time, entry.rank)) }
    #expect(drained.elementsEqual(oracle, by: ==))
  }

  @Test func `equal times in a lane leave by rank even when pushed the other way round`() {
    var queue = EventQueue<UInt32>(laneCount: 1)
    let t = SimTime(nanoseconds: 5)
    queue.push(lane: 0, at: t, rank: 9, 9)
    queue.push(lane: 0, at: t, rank: 3, 3)
    queue.push(lane: 0, at: t, rank: 10, 10)
    var order: [UInt32] = []
    while let entry = queue.popMin() { order.append(entry.event) }
    #expect(order == [3, 9, 10])
  }

  @Test func `very late timers do not disturb dense traffic`() {
    var queue = EventQueue<UInt32>()
    queue.push(at: .distantFuture, rank: 0, 1)
    var random = TestRandom(state: 3)
    var now: Int64 = 0
    for i in 0..<30_000 {
      queue.push(at: SimTime(nanoseconds: now + Int64(random.below(1 << 20))), rank: UInt64(i), 2)
      if i > 10_000, let e = queue.popMin() {
        #expect(e.event == 2)
        now = e.time
      }
    }
    #expect(queue.nextTime() != nil)
  }
}

@Suite("Event lanes") struct EventLaneTests {
  /// Many lanes with equal times and ranks across them: the order is that of one sorted list.
  @Test(arguments: [(1, 1), (2, 3), (3, 7), (4, 64)])
  func `lanes together give the order of one list`(seed: Int, grain: Int) {
    var random = TestRandom(state: UInt64(seed))
    var queue = EventQueue<UInt32>(laneCount: 6)
    var oracle: [(time: Int64, rank: UInt64)] = []
    var now: Int64 = 0
    for step in 0..<30_000 {
      if random.below(5) < 3 || oracle.isEmpty {
        let lane = Int(random.below(7))
        let time = now + Int64(lane * grain)
        let rank = random.below(4) << 40 | UInt64(step)
        let at = SimTime(nanoseconds: time)
        if lane == 6 {
          queue.push(at: at, rank: rank, UInt32(step))
        } else {
          queue.push(lane: lane, at: at, rank: rank, UInt32(step))
        }
        let place = oracle.firstIndex { (time, rank) < ($0.time, $0.rank) } ?? oracle.count
        oracle.insert((time, rank), at: place)
      } else {
        let least = oracle.removeFirst()
        guard let entry = queue.popMin() else {
          Issue.record("the queue is empty")
          return
        }
        #expect(entry.time == least.time && entry.rank == least.rank)
        if entry.time != least.time || entry.rank != least.rank { return }
        now = entry.time + Int64(random.below(2))
        now = max(entry.time, min(now, oracle.first?.time ?? now))
      }
    }
    #expect(queue.count == oracle.count)
  }
}

@Suite("Event heap") struct EventHeapTests {
  /// Equal times make the choice of the least child fall back on ranks.
  @Test(arguments: [1, 2, 3, 5, 100, 100_000])
  func `the heap sorts by time, then rank, whatever share of times is equal`(distinctTimes: Int) {
    var random = TestRandom(state: 7)
    for size in [1, 2, 4, 5, 6, 16, 17, 21, 333] {
      var queue = EventQueue<UInt32>()
      var oracle: [(Int64, UInt64)] = []
      for i in 0..<size {
        let time = Int64(random.below(UInt64(distinctTimes)))
        let rank = random.below(1000) << 32 | UInt64(i)
        queue.push(at: SimTime(nanoseconds: time), rank: rank, UInt32(i))
        oracle.append((time, rank))
      }
      oracle.sort { $0 < $1 }
      for expected in oracle {
        let entry = queue.popMin()
        #expect(entry?.time == expected.0 && entry?.rank == expected.1)
      }
    }
  }
}
