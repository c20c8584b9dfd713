// SPDX-License-Identifier: GPL-3.0-or-later
//
// The world at an instant: a run that is stopped instead of drained.

import Scenario
import SimKernel

extension World {
  /// The world of a run at `time`.
  static func make(
    _ scenario: ScenarioFile, replication: UInt32, upTo time: SimTime, observer: (any RunObserver)?
  ) throws -> World {
    var world = try make(scenario, replication: replication)
    try world.run(upTo: time, observer: observer)
    return world
  }

  /// Handles everything before `time`, and of `time` itself what packets of that instant already see: changes
  /// of the cluster and of the proxies' tables. At zero the cluster has converged and nothing has happened
  /// yet.
  mutating func run(upTo time: SimTime, observer: (any RunObserver)?) throws {
    guard time > .zero else { return }
    let packets = EventRank.make(.packet, entity: 0, counter: 0)
    while let next = queue.nextTime(), next <= time, let entry = queue.popMin() {
      if entry.time == time.nanoseconds, entry.rank >= packets {
        queue.push(at: time, rank: entry.rank, entry.event)
        break
      }
      now = SimTime(nanoseconds: entry.time)
      eventCount += 1
      handle(entry.event)
      if eventCount & 0xffff == 0, let observer,
        !observer.progress(now: now, end: time, events: eventCount)
      {
        throw RunInterrupted(at: now)
      }
    }
    now = time
  }
}
