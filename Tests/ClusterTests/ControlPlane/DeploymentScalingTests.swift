// SPDX-License-Identifier: GPL-3.0-or-later
//
// One look of the Deployment controller: sizes of its ReplicaSets before and after.

import Testing

@testable import Cluster

@Suite struct DeploymentScalingTests {
  typealias Size = DeploymentScaling.Size

  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    /// replicas, maxSurge, maxUnavailable
    var bounds: (Int, Int, Int)
    /// replicas and available of each set, the oldest first; the last one is the present template's.
    var before: [(Int, Int)]
    var after: [Int]
  }

  func scaling(_ bounds: (Int, Int, Int), _ sizes: [(Int, Int)]) -> DeploymentScaling {
    DeploymentScaling(
      bounds: RollingUpdate(
        replicas: bounds.0, maxSurge: .int(bounds.1), maxUnavailable: .int(bounds.2)),
      sets: sizes.map {
        Size(replicas: $0.0, available: $0.1, desired: bounds.0, most: bounds.0 + bounds.1)
      }, newest: sizes.count - 1)
  }

  static let rolling = [
    Case(
      testDescription: "starts with the surge", bounds: (4, 1, 1), before: [(4, 4), (0, 0)], after: [4, 1]),
    Case(
      testDescription: "takes away what may be unavailable while the new one starts", bounds: (4, 1, 1),
      before: [(4, 4), (1, 0)], after: [3, 1]),
    Case(
      testDescription: "fills the room that this makes", bounds: (4, 1, 1), before: [(3, 4), (1, 0)],
      after: [3, 2]),
    Case(
      testDescription: "waits while nothing new is available and nothing may be missing", bounds: (3, 1, 0),
      before: [(3, 3), (1, 0)], after: [3, 1]),
    Case(
      testDescription: "takes one old for each new that is available", bounds: (3, 1, 0),
      before: [(3, 3), (1, 1)], after: [2, 1]),
    Case(
      testDescription: "old pods that serve nobody go first", bounds: (4, 1, 1), before: [(4, 2), (1, 0)],
      after: [3, 1]),
    Case(
      testDescription: "without surge it deletes before it creates", bounds: (3, 0, 1),
      before: [(3, 3), (0, 0)], after: [2, 0]),
    Case(
      testDescription: "a rollover takes from the oldest set first", bounds: (4, 2, 1),
      before: [(2, 2), (2, 2), (2, 1)], after: [0, 2, 2]),
    Case(
      testDescription: "a rollover cleans up the set that never became ready", bounds: (4, 1, 1),
      before: [(3, 3), (2, 0), (0, 0)], after: [3, 0, 0]),
    Case(
      testDescription: "a status that lags behind takes nothing away twice", bounds: (10, 0, 2),
      before: [(8, 10), (0, 0)], after: [8, 2]),
    Case(
      testDescription: "the new set is cut to the number of replicas", bounds: (2, 1, 0),
      before: [(1, 1), (3, 3)], after: [1, 2]),
  ]

  @Test(arguments: rolling) func `one look in a rolling update`(_ test: Case) {
    var scaling = scaling(test.bounds, test.before)
    scaling.roll()
    #expect(scaling.sets.map(\.replicas) == test.after)
  }

  struct ScaleCase: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var from: Int
    var to: Int
    var surge: Int
    var before: [Int]
    var after: [Int]
  }

  /// The documentation's example: 10 replicas, surge 3; 8 old and 5 new; scaled to 15: 5 more are shared out as
  /// 3 and 2 (k8s.io, Deployments, proportional scaling).
  static let scaled = [
    ScaleCase(
      testDescription: "up in proportion, the larger set gets more", from: 10, to: 15, surge: 3,
      before: [8, 5], after: [11, 7]),
    ScaleCase(
      testDescription: "down in proportion", from: 10, to: 5, surge: 0, before: [6, 4], after: [3, 2]),
    ScaleCase(
      testDescription: "the largest bears what rounding leaves over", from: 10, to: 9, surge: 0,
      before: [4, 3, 3], after: [3, 3, 3]),
    ScaleCase(testDescription: "to nothing", from: 10, to: 0, surge: 3, before: [8, 5], after: [0, 0]),
    ScaleCase(testDescription: "one set alone", from: 3, to: 7, surge: 1, before: [0, 3], after: [0, 7]),
  ]

  @Test(arguments: scaled) func `scaling during a rollout`(_ test: ScaleCase) {
    var scaling = scaling((test.to, test.surge, 0), test.before.map { ($0, $0) })
    for index in scaling.sets.indices {
      scaling.sets[index].desired = test.from
      scaling.sets[index].most = test.from + test.surge
    }
    #expect(scaling.isScalingEvent)
    scaling.scale()
    #expect(scaling.sets.map(\.replicas) == test.after)
    #expect(!scaling.isScalingEvent)
  }

  @Test func `Recreate empties the old sets and fills the new one whole`() {
    var scaling = scaling((4, 1, 1), [(3, 3), (1, 1), (0, 0)])
    scaling.recreates = true
    let hadOld = scaling.emptyOld()
    #expect(hadOld)
    #expect(scaling.sets.map(\.replicas) == [0, 0, 0])
    let hasOld = scaling.emptyOld()
    #expect(!hasOld)
    scaling.roll()
    #expect(scaling.sets.map(\.replicas) == [0, 0, 4])
  }
}
