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
    let index = event.index
    switch event.kind {
    case .packet: arrive(index)
    case .served: requestDone(index)
    case .arrival: operationDue(index)
    case .timer:
      if connections.isCurrent(index, event.generation) { timerFired(index) }
    case .nextRequest:
      if connections.isCurrent(index, event.generation) { nextRequestDue(index) }
    case .resume: resume(index)
    case .user: userDue(index)
    case .idle:
      if connections.isCurrent(index, event.generation) { idleCheck(index) }
    case .cluster: clusterEvent(clusterEvents.take(index))
    case .proxy: proxyEvent(proxyEvents.take(index))
    case .bin: endOfBin(Int(index))
    case .lookupTimer: lookupTimerFired(index, event.generation)
    case .query: queryDue(index, event.generation)
    }
  }
}
