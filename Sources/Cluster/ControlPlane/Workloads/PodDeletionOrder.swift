// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which of its pods a ReplicaSet gives up first (k/k pkg/controller/controller_utils.go
// ActivePodsWithRanks, with LogarithmicScaleDown, on by default since 1.22).

import SimKernel

/// What the order looks at. The smaller goes first.
struct PodDeletionOrder: Comparable, Sendable {
  var isAssigned: Bool
  /// 0 Pending, 1 Unknown, 2 Running.
  var phase: Int
  var isReady: Bool
  /// Annotation controller.kubernetes.io/pod-deletion-cost, 0 without.
  var cost: Int
  /// Active pods of the same controller's ReplicaSets on its node.
  var neighbours: Int
  /// How long it has been Ready; nil: it is not.
  var readyFor: SimDuration?
  var restarts: Int
  /// Since its creation.
  var age: SimDuration
  var uid: String

  static let costAnnotation = "controller.kubernetes.io/pod-deletion-cost"

  static func phaseOrdinal(_ phase: PodStatus.Phase) -> Int {
    switch phase {
    case .pending: 0
    case .unknown: 1
    case .running, .succeeded, .failed: 2
    }
  }

  static func < (a: PodDeletionOrder, b: PodDeletionOrder) -> Bool {
    if a.isAssigned != b.isAssigned { return !a.isAssigned }
    if a.phase != b.phase { return a.phase < b.phase }
    if a.isReady != b.isReady { return !a.isReady }
    if a.cost != b.cost { return a.cost < b.cost }
    if a.neighbours != b.neighbours { return a.neighbours > b.neighbours }
    if a.isReady, b.isReady, let first = a.readyFor, let second = b.readyFor, first != second {
      return isYounger(first, second) ?? (a.uid < b.uid)
    }
    if a.restarts != b.restarts { return a.restarts > b.restarts }
    if a.age != b.age { return isYounger(a.age, b.age) ?? (a.uid < b.uid) }
    return a.uid < b.uid
  }

  /// Spans are compared by the power of two of their nanoseconds; nil: they are of one power.
  private static func isYounger(_ a: SimDuration, _ b: SimDuration) -> Bool? {
    let (first, second) = (power(a), power(b))
    return first == second ? nil : first < second
  }

  private static func power(_ span: SimDuration) -> Int {
    let nanoseconds = span.nanoseconds
    return nanoseconds <= 0 ? -1 : Int64.bitWidth - 1 - nanoseconds.leadingZeroBitCount
  }
}
