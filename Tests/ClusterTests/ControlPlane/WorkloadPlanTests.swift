// SPDX-License-Identifier: GPL-3.0-or-later
//
// One look of the StatefulSet and the DaemonSet controller, and the order in which a ReplicaSet gives up pods.

import SimKernel
import Testing

@testable import Cluster

@Suite struct StatefulSetPlanTests {
  /// `+` ready and new, `o` ready and old, `-` not ready and new, `x` not ready and old, `t` terminating,
  /// `.` missing; the string's places are ordinals.
  static func members(_ text: String) -> [Int: StatefulSetPlan.Member] {
    var members: [Int: StatefulSetPlan.Member] = [:]
    for (ordinal, letter) in text.enumerated() where letter != "." {
      members[ordinal] = .init(
        isTerminating: letter == "t", isReady: "+ot".contains(letter), isAvailable: "+ot".contains(letter),
        isUpdated: "+-".contains(letter))
    }
    return members
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var replicas: Int
    var members: String
    var isParallel = false
    var partition = 0
    var updatesOnDelete = false
    var maxUnavailable: Int?
    var steps: [StatefulSetPlan.Step]
  }

  static let cases = [
    Case(testDescription: "creates in order", replicas: 3, members: "+..", steps: [.create(1)]),
    Case(testDescription: "waits for the one before", replicas: 3, members: "+-.", steps: []),
    Case(testDescription: "waits for a terminating one", replicas: 3, members: "t++", steps: []),
    Case(
      testDescription: "Parallel creates all at once", replicas: 3, members: "-..", isParallel: true,
      steps: [.create(1), .create(2)]),
    Case(testDescription: "scales down from the top", replicas: 1, members: "+++", steps: [.delete(2)]),
    Case(testDescription: "one at a time", replicas: 1, members: "++t", steps: []),
    Case(
      testDescription: "a surplus pod that is not ready holds up the others above it", replicas: 1,
      members: "+-+", steps: [.delete(2)]),
    Case(
      testDescription: "the highest not ready waits while a lower one is unhealthy", replicas: 1,
      members: "+--", steps: []),
    Case(
      testDescription: "Parallel scales down all at once", replicas: 1, members: "+++", isParallel: true,
      steps: [.delete(2), .delete(1)]),
    Case(testDescription: "updates from the top", replicas: 3, members: "ooo", steps: [.delete(2)]),
    Case(testDescription: "goes on below what is new", replicas: 3, members: "oo+", steps: [.delete(1)]),
    Case(testDescription: "waits for the new one", replicas: 3, members: "oo-", steps: []),
    Case(
      testDescription: "the known stuck roll: a broken old pod is never replaced", replicas: 3,
      members: "oox", steps: []),
    Case(
      testDescription: "Parallel replaces the broken old pod", replicas: 3, members: "oox",
      isParallel: true, steps: [.delete(2)]),
    Case(testDescription: "partition", replicas: 3, members: "oo+", partition: 2, steps: []),
    Case(testDescription: "OnDelete", replicas: 3, members: "ooo", updatesOnDelete: true, steps: []),
    Case(
      testDescription: "maxUnavailable 2", replicas: 4, members: "oooo", maxUnavailable: 2,
      steps: [.delete(3), .delete(2)]),
    Case(
      testDescription: "Parallel with maxUnavailable counts what is missing already", replicas: 4,
      members: "ooo-", isParallel: true, maxUnavailable: 2, steps: [.delete(2)]),
  ]

  @Test(arguments: cases) func `one look`(_ test: Case) {
    let plan = StatefulSetPlan(
      replicas: test.replicas, members: Self.members(test.members), isParallel: test.isParallel,
      updatesOnDelete: test.updatesOnDelete, partition: test.partition, maxUnavailable: test.maxUnavailable)
    #expect(plan.steps() == test.steps)
  }
}

@Suite struct DaemonSetPlanTests {
  typealias Plan = DaemonSetPlan<Int>

  /// Places of a text such as `o + ox .`: `o` old and available, `x` old and not, `+` new and available, `-`
  /// new and not, `.` none, `t` one that is leaving, `!` before it: no pod should be there. Pods are numbered.
  static func places(_ text: String) -> [Plan.Place] {
    var number = 0
    return text.split(separator: " ").map { word in
      var place = Plan.Place(shouldRun: !word.hasPrefix("!"), mayStay: !word.hasPrefix("!"))
      for letter in word where letter != "." && letter != "!" {
        if letter == "t" {
          place.isLeaving = true
          continue
        }
        place.pods.append(
          .init(pod: number, isAvailable: "o+".contains(letter), isUpdated: "+-".contains(letter)))
        number += 1
      }
      return place
    }
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var places: String
    var surge = 0
    var unavailable = 1
    var updatesOnDelete = false
    var steps: [Plan.Step]
  }

  static let cases = [
    Case(testDescription: "a pod for each node", places: ". + .", steps: [.create(0), .create(2)]),
    Case(testDescription: "none where it may not be", places: "!+ +", steps: [.delete(0)]),
    Case(testDescription: "no second one while the first leaves", places: "t +", steps: []),
    Case(testDescription: "one at a time", places: "o o o", steps: [.delete(0)]),
    Case(testDescription: "waits for the new one", places: "- o o", steps: []),
    Case(testDescription: "what is not available goes at once", places: "x o o", steps: [.delete(0)]),
    Case(
      testDescription: "two at a time", places: "+ o o o", unavailable: 2, steps: [.delete(1), .delete(2)]),
    Case(testDescription: "OnDelete", places: "o o", updatesOnDelete: true, steps: []),
    Case(
      testDescription: "surge creates beside the old one", places: "o o", surge: 1, unavailable: 0,
      steps: [.create(0)]),
    Case(testDescription: "surge waits for it", places: "o- o", surge: 1, unavailable: 0, steps: []),
    Case(
      testDescription: "surge then takes the old one", places: "o+ o", surge: 1, unavailable: 0,
      steps: [.delete(0)]),
    Case(
      testDescription: "surge: a broken old one may be doubled at once", places: "x o", surge: 1,
      unavailable: 0, steps: [.create(0), .create(1)]),
  ]

  @Test(arguments: cases) func `one look`(_ test: Case) {
    let plan = Plan(
      places: Self.places(test.places), maxSurge: test.surge, maxUnavailable: test.unavailable,
      updatesOnDelete: test.updatesOnDelete)
    #expect(plan.steps() == test.steps)
  }
}

@Suite struct PodDeletionOrderTests {
  static let base = PodDeletionOrder(
    isAssigned: true, phase: 2, isReady: true, cost: 0, neighbours: 1, readyFor: .seconds(1000), restarts: 0,
    age: .seconds(2000), uid: "m")

  static func changed(_ change: (inout PodDeletionOrder) -> Void) -> PodDeletionOrder {
    var order = base
    change(&order)
    return order
  }

  /// Each goes before `base`, whatever speaks for it further down the list.
  static let earlier: [(String, PodDeletionOrder)] = [
    (
      "not assigned",
      changed {
        $0.isAssigned = false; $0.cost = 9; $0.uid = "z"
      }
    ),
    (
      "pending",
      changed {
        $0.phase = 0; $0.cost = 9; $0.uid = "z"
      }
    ),
    (
      "not ready",
      changed {
        $0.isReady = false; $0.readyFor = nil; $0.cost = 9; $0.uid = "z"
      }
    ),
    (
      "cheaper",
      changed {
        $0.cost = -1; $0.neighbours = 0; $0.uid = "z"
      }
    ),
    (
      "more of its kind on the node",
      changed {
        $0.neighbours = 2; $0.readyFor = .seconds(9000)
      }
    ),
    (
      "ready for a shorter time",
      changed {
        $0.readyFor = .seconds(100); $0.uid = "z"
      }
    ),
    (
      "about as long, first by uid",
      changed {
        $0.readyFor = .seconds(1010); $0.uid = "a"
      }
    ),
    (
      "more restarts",
      changed {
        $0.restarts = 3; $0.age = .seconds(90_000); $0.uid = "z"
      }
    ),
    (
      "younger",
      changed {
        $0.age = .seconds(20); $0.uid = "z"
      }
    ),
  ]

  @Test(arguments: earlier) func `goes first`(_ name: String, _ order: PodDeletionOrder) {
    #expect(order < Self.base)
    #expect(!(Self.base < order))
  }
}
