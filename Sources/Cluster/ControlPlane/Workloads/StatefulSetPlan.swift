// SPDX-License-Identifier: GPL-3.0-or-later
//
// One look of the StatefulSet controller: which ordinal it creates or deletes now, and for what it waits
// (k/k pkg/controller/statefulset/stateful_set_control.go updateStatefulSet).

/// A StatefulSet's pods by ordinal and what is to be done about them.
struct StatefulSetPlan: Sendable, Equatable {
  struct Member: Sendable, Equatable {
    var isTerminating = false
    var isReady = false
    /// Ready for at least minReadySeconds.
    var isAvailable = false
    /// Made from the present template.
    var isUpdated = true
    /// Phase Failed or Succeeded.
    var hasEnded = false
  }
  enum Step: Equatable {
    case create(Int)
    case delete(Int)
  }

  var replicas: Int
  /// Those that exist, replicas and surplus ones.
  var members: [Int: Member]
  var isParallel = false
  var updatesOnDelete = false
  var partition = 0
  /// nil: pods are replaced one at a time from the highest ordinal down, and only while the ones above are
  /// healthy (before MaxUnavailableStatefulSet, 1.35).
  var maxUnavailable: Int?

  private func isUnavailable(_ ordinal: Int) -> Bool {
    guard let member = members[ordinal] else { return true }
    return member.isTerminating || !member.isAvailable
  }

  /// What is done at this look, in order.
  func steps() -> [Step] {
    var steps: [Step] = []
    for ordinal in 0..<max(0, replicas) {
      guard let member = members[ordinal] else {
        steps.append(.create(ordinal))
        if isParallel { continue }
        return steps
      }
      if member.hasEnded, !member.isTerminating {
        steps.append(.delete(ordinal))
        if isParallel { continue }
        return steps
      }
      if !isParallel, isUnavailable(ordinal) { return steps }
    }
    let surplus = members.keys.filter { $0 >= replicas }.sorted(by: >)
    let firstUnavailable =
      (0..<max(0, replicas)).first(where: isUnavailable) ?? surplus.reversed().first(where: isUnavailable)
    for ordinal in surplus {
      if members[ordinal]!.isTerminating {
        if isParallel { continue }
        return steps
      }
      if !isParallel, isUnavailable(ordinal), ordinal != firstUnavailable { return steps }
      steps.append(.delete(ordinal))
      if !isParallel { return steps }
    }
    if !updatesOnDelete { replaceOld(&steps) }
    return steps
  }

  private func replaceOld(_ steps: inout [Step]) {
    let targets = stride(from: replicas - 1, through: max(0, partition), by: -1)
    guard let maxUnavailable else {
      for ordinal in targets {
        guard let member = members[ordinal] else { return }
        if !member.isUpdated, !member.isTerminating { return steps.append(.delete(ordinal)) }
        if isUnavailable(ordinal) { return }
      }
      return
    }
    var room = maxUnavailable - (0..<max(0, replicas)).count(where: isUnavailable)
    for ordinal in targets where room > 0 {
      guard let member = members[ordinal], !member.isUpdated, !member.isTerminating else { continue }
      steps.append(.delete(ordinal))
      room -= 1
    }
  }
}
