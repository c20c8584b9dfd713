// SPDX-License-Identifier: GPL-3.0-or-later

import SimKernel
import Testing

@testable import Cluster

@Suite struct TriggerTimeTests {
  private let service = ServiceID(0)
  private let x = PodID(0)
  private let y = PodID(1)
  private func at(_ seconds: Double) -> SimTime { .zero + SimDuration(seconds: seconds) }

  @Test func aNewServiceTellsItsCreationAndLaterTheOldestChangeSinceTheLastSync() {
    var tracker = TriggerTimeTracker()
    tracker.note(x, isReady: true, at: at(3.7))
    let pods = [("x", x), ("y", y)].map { (name: $0.0, id: $0.1) }
    let time1 = tracker.triggerTime(service, created: at(1.9), pods: pods)
    #expect(time1 == at(1))
    let time2 = tracker.triggerTime(service, created: at(1.9), pods: pods)
    #expect(time2 == nil, "nothing has changed")
    tracker.note(y, isReady: true, at: at(7.2))
    tracker.note(x, isReady: false, at: at(8.9))
    let time3 = tracker.triggerTime(service, created: at(1.9), pods: pods)
    #expect(time3 == at(7), "whole seconds")
    tracker.note(x, isReady: false, at: at(12))
    let time4 = tracker.triggerTime(service, created: at(1.9), pods: pods)
    #expect(time4 == nil, "the same condition")
  }

  @Test func twoChangesWithinASecondAreOneToTheTracker() {
    var tracker = TriggerTimeTracker()
    let pods = [(name: "x", id: x)]
    _ = tracker.triggerTime(service, created: at(0), pods: [])
    tracker.note(x, isReady: true, at: at(5.1))
    let time1 = tracker.triggerTime(service, created: at(0), pods: pods)
    #expect(time1 == at(5))
    tracker.note(x, isReady: false, at: at(5.8))
    let time2 = tracker.triggerTime(service, created: at(0), pods: pods)
    #expect(time2 == nil)
  }
}
