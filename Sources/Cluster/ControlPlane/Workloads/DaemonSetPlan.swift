// SPDX-License-Identifier: GPL-3.0-or-later
//
// One look of the DaemonSet controller: which nodes get a pod and which pods go (k/k pkg/controller/daemon
// manage and update.go rollingUpdate).

/// A DaemonSet's pods by node and what is to be done about them. `Pod` names a pod.
struct DaemonSetPlan<Pod: Sendable & Equatable>: Sendable {
  struct Member: Sendable, Equatable {
    var pod: Pod
    var isAvailable: Bool
    /// Made from the present template.
    var isUpdated: Bool
  }
  struct Place: Sendable, Equatable {
    /// A pod should be there; one that is there may stay (`mayStay`) even where none would be put.
    var shouldRun: Bool
    var mayStay: Bool
    /// Pods that are not on their way out, oldest first.
    var pods: [Member] = []
    /// One is on its way out: nothing is created until it has gone, unless surging.
    var isLeaving = false
  }
  enum Step: Equatable {
    /// At the place with this index.
    case create(Int)
    case delete(Pod)
  }

  var places: [Place]
  var maxSurge: Int
  var maxUnavailable: Int
  var updatesOnDelete = false

  func steps() -> [Step] {
    var steps = managed()
    // The controller rolls on only when what it asked for has been seen.
    if steps.isEmpty, !updatesOnDelete { steps = maxSurge > 0 ? surging() : rolling() }
    return steps
  }

  /// A pod where one should be and none is, and none where it may not be.
  private func managed() -> [Step] {
    var steps: [Step] = []
    for (index, place) in places.enumerated() {
      if place.shouldRun, place.pods.isEmpty {
        if !place.isLeaving { steps.append(.create(index)) }
      } else if !place.mayStay {
        steps += place.pods.map { .delete($0.pod) }
      } else {
        steps += superfluous(place.pods).map { .delete($0) }
      }
    }
    return steps
  }

  /// Two pods may share a node only while one replaces the other; of equals the oldest stays.
  private func superfluous(_ pods: [Member]) -> [Pod] {
    let old = pods.filter { !$0.isUpdated }
    let new = pods.filter(\.isUpdated)
    if maxSurge == 0 { return pods.dropFirst().map(\.pod) }
    // An old pod that is not available, or whose successor is, has no more to do.
    let isReplaced =
      new.contains(where: \.isAvailable) || (!new.isEmpty && !old.contains(where: \.isAvailable))
    return (isReplaced ? old[...] : old.dropFirst()).map(\.pod) + new.dropFirst().map(\.pod)
  }

  private func rolling() -> [Step] {
    var unavailable = 0
    var replaced: [Pod] = []
    var candidates: [Pod] = []
    for place in places where place.shouldRun {
      guard let pod = place.pods.first else {
        unavailable += 1
        continue
      }
      if !pod.isAvailable { unavailable += 1 }
      if pod.isUpdated { continue }
      if pod.isAvailable { candidates.append(pod.pod) } else { replaced.append(pod.pod) }
    }
    let room = max(0, maxUnavailable - unavailable)
    return (replaced + candidates.prefix(room)).map { .delete($0) }
  }

  private func surging() -> [Step] {
    var surged = 0
    var allowed: [Int] = []
    var candidates: [Int] = []
    for (index, place) in places.enumerated() where place.shouldRun {
      let old = place.pods.first { !$0.isUpdated }
      let new = place.pods.first(where: \.isUpdated)
      guard let old else { continue }
      if let new {
        if !new.isAvailable { surged += 1 }
      } else if old.isAvailable {
        candidates.append(index)
      } else {
        allowed.append(index)
      }
    }
    return (allowed + candidates.prefix(max(0, maxSurge - surged))).map { .create($0) }
  }
}
