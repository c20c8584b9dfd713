// SPDX-License-Identifier: GPL-3.0-or-later
//
// The event loop: the earliest event, the clock, the digest, and whose event it is.

import SimKernel

extension World {
  /// Runs until every attempt is decided: arrivals stop at `end`, then the run drains.
  mutating func run(observer: (any RunObserver)?) throws {
    while now < end || undecided > 0 {
      guard let entry = queue.popMin() else { break }
      if entry.time > end.nanoseconds, undecided == 0 { break }
      now = SimTime(nanoseconds: entry.time)
      eventCount += 1
      digest.mix(UInt64(bitPattern: entry.time) ^ entry.rank)
      handle(entry.event)
      if eventCount & 0xffff == 0, let observer,
        !observer.progress(now: now, end: end, events: eventCount)
      {
        throw RunInterrupted(at: now)
      }
    }
    precondition(undecided == 0, "\(undecided) operations were never decided")
  }

  @inline(__always) mutating func handle(_ event: Event) {
    switch event {
    case .packet(let slot): arrive(slot)
    case .served(let slot): requestDone(slot)
    case .arrival(let instance): operationDue(instance)
    case .timer(let slot, let generation):
      if connections.isCurrent(slot, generation) { timerFired(slot) }
    case .nextRequest(let slot, let generation):
      if connections.isCurrent(slot, generation) { nextRequestDue(slot) }
    case .resume(let operation): resume(operation)
    case .user(let instance): userDue(instance)
    case .idle(let slot, let generation):
      if connections.isCurrent(slot, generation) { idleCheck(slot) }
    case .cluster(let index): clusterEvent(clusterEvents.take(index))
    case .proxy(let index): proxyEvent(proxyEvents.take(index))
    case .bin(let index): endOfBin(Int(index))
    }
  }
}
