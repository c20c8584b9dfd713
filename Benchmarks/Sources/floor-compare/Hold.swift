// SPDX-License-Identifier: GPL-3.0-or-later
//
// The hold model: n pending events, each pop schedules one Exp(1) ahead (Jones, CACM 29(4), 1986).

import SimKernel
import SimRandom

enum Hold {
  /// Holds per user-CPU second; `check` is the mean spacing of events times n, 1 by theory.
  static func measure(pending n: Int, holds: Int) -> (rate: Double, check: Double) {
    var queue = EventQueue<UInt32>()
    var stream = RandomStream(
      key: RandomKey(seed: 1, replication: 0, purpose: RandomPurpose("hold"), entity: 0))
    let gap = Sampler(.exponential(mean: 1))
    for i in 0..<n {
      queue.push(at: .zero + gap.duration(&stream), rank: UInt64(i), UInt32(truncatingIfNeeded: i))
    }
    func run(_ count: Int) -> Int64 {
      var now: Int64 = 0
      for i in 0..<count {
        guard let entry = queue.popMin() else { break }
        now = entry.time
        queue.push(
          at: SimTime(nanoseconds: now) + gap.duration(&stream), rank: UInt64(n + i), entry.event)
      }
      return now
    }
    let start = run(holds / 10 + 1)
    let before = Usage.userSeconds()
    let end = run(holds)
    let user = Usage.userSeconds() - before
    return (Double(holds) / user, Double(end - start) / 1e9 * Double(n) / Double(holds))
  }
}
