// SPDX-License-Identifier: GPL-3.0-or-later
//
// What an autoscaler makes of utilisations, and how fast it may go.

import SimKernel
import Testing

@testable import Cluster

@Suite struct ReplicaCalculatorTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    /// Usage in millis of ready pods; each asks for 1000.
    var ready: [Int64]
    var missing = 0
    var unready = 0
    var target = 50
    var current: Int
    var replicas: Int?
  }

  static let cases = [
    Case(testDescription: "twice the target doubles", ready: [1000, 1000], current: 2, replicas: 4),
    Case(testDescription: "rounds up", ready: [600, 600, 600], current: 3, replicas: 4),
    Case(testDescription: "within the tolerance stays", ready: [550, 550], current: 2, replicas: 2),
    Case(testDescription: "half the target halves", ready: [250, 250, 250, 250], current: 4, replicas: 2),
    Case(
      testDescription: "unready pods count as idle when scaling up", ready: [1000], unready: 1, current: 2,
      replicas: 2),
    Case(
      testDescription: "and hold back a scale-up", ready: [1000, 1000, 1000], unready: 1, current: 4,
      replicas: 6),
    Case(
      testDescription: "unready pods do not matter when scaling down", ready: [100, 100], unready: 1,
      current: 3, replicas: 1),
    Case(
      testDescription: "missing metrics count as full when scaling down", ready: [100, 100, 100],
      missing: 1, current: 4, replicas: 3),
    Case(
      testDescription: "missing metrics count as idle when scaling up", ready: [1000, 1000], missing: 2,
      current: 4, replicas: 4),
    Case(testDescription: "no metrics, no decision", ready: [], unready: 2, current: 2, replicas: nil),
  ]

  @Test(arguments: cases) func `desired replicas`(_ test: Case) {
    var members = test.ready.map { ReplicaCalculator.Member(usage: $0, request: 1000) }
    members += (0..<test.missing).map { _ in .init(usage: nil, request: 1000) }
    members += (0..<test.unready).map { _ in .init(usage: 900, request: 1000, isUnready: true) }
    members.append(.init(usage: 1000, request: 1000, isIgnored: true))
    let answer = ReplicaCalculator(members: members, target: test.target).desired(current: test.current)
    #expect(answer?.replicas == test.replicas)
  }
}

@Suite struct ScalingPaceTests {
  static func scaler(_ change: (inout HorizontalPodAutoscaler) -> Void = { _ in }) -> HorizontalPodAutoscaler
  {
    var scaler = HorizontalPodAutoscaler(
      metadata: ObjectMeta(name: "web"), targetKind: "Deployment", targetName: "web", maxReplicas: 100)
    change(&scaler)
    return scaler
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var scaler = ScalingPaceTests.scaler()
    var start: Int
    /// Seconds, recommendation, what is done.
    var looks: [(Int64, Int, Int)]
  }

  static let cases = [
    Case(
      testDescription: "four pods or double in 15 s, whichever is more", start: 2,
      looks: [(0, 50, 6), (15, 50, 12), (30, 50, 24), (45, 50, 48), (60, 50, 50)]),
    Case(
      testDescription: "down only after 300 s of lower recommendations", start: 10,
      looks: [(0, 3, 10), (150, 3, 10), (299, 3, 10), (300, 3, 3)]),
    Case(
      testDescription: "the highest recommendation of the window holds", start: 10,
      looks: [(0, 3, 10), (150, 8, 10), (310, 3, 8), (460, 3, 3)]),
    Case(
      testDescription: "one pod a minute down",
      scaler: scaler {
        $0.scaleDown.stabilization = .zero
        $0.scaleDown.policies = [.init(.pods, value: 1, period: .seconds(60))]
      }, start: 5, looks: [(0, 1, 4), (30, 1, 4), (60, 1, 3)]),
    Case(
      testDescription: "never above maxReplicas nor below minReplicas",
      scaler: scaler {
        $0.maxReplicas = 5
        $0.minReplicas = 2
        $0.scaleDown.stabilization = .zero
      }, start: 4, looks: [(0, 50, 5), (15, 1, 2)]),
    Case(
      testDescription: "scale-down disabled",
      scaler: scaler {
        $0.scaleDown.stabilization = .zero
        $0.scaleDown.selection = .disabled
      }, start: 4, looks: [(0, 1, 4)]),
    Case(
      testDescription: "a window for scaling up waits for the lowest recommendation",
      scaler: scaler { $0.scaleUp.stabilization = .seconds(60) }, start: 4,
      looks: [(0, 8, 4), (30, 8, 4), (60, 8, 8)]),
  ]

  @Test(arguments: cases) func `looks and what follows`(_ test: Case) {
    var pace = ScalingPace()
    var current = test.start
    for (second, recommended, expected) in test.looks {
      let now = SimTime.zero + .seconds(second)
      let next = pace.next(current: current, recommended: recommended, of: test.scaler, at: now)
      if next != current { pace.changed(from: current, to: next, at: now) }
      current = next
      #expect(current == expected, "at \(second) s")
    }
  }
}
