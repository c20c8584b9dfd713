// SPDX-License-Identifier: GPL-3.0-or-later
//
// How many pods of the new and the old template a rolling update creates and deletes now
// (k/k pkg/controller/deployment/rolling.go, util/deployment_util.go; FACTS F2 for the defaults).

/// The bounds of a rolling update, as numbers.
struct RollingUpdate: Sendable, Equatable {
  var replicas: Int
  var maxSurge: Int
  var maxUnavailable: Int

  /// Pods not on their way out, and those among them that are available.
  struct Count: Sendable, Equatable {
    var all: Int
    var available: Int
  }

  struct Step: Sendable, Equatable {
    var create = 0
    /// Of the old template, not available.
    var deleteUnavailable = 0
    /// Of the old template, available.
    var deleteAvailable = 0
  }

  /// Percentages are of `replicas`: surge rounds up, unavailable rounds down; both zero would never move, so
  /// one pod may then be unavailable.
  init(replicas: Int, maxSurge: IntOrString, maxUnavailable: IntOrString) {
    self.replicas = replicas
    self.maxSurge = Self.number(maxSurge, of: replicas, roundingUp: true)
    self.maxUnavailable = min(replicas, Self.number(maxUnavailable, of: replicas, roundingUp: false))
    if self.maxSurge == 0 && self.maxUnavailable == 0 { self.maxUnavailable = 1 }
  }

  /// An absolute number or a percentage of `total`.
  static func number(_ value: IntOrString, of total: Int, roundingUp: Bool) -> Int {
    switch value {
    case .int(let number): return max(0, number)
    case .string(let text):
      guard text.hasSuffix("%"), let percent = Int(text.dropLast()), percent >= 0 else { return 0 }
      let product = percent * total
      return roundingUp ? (product + 99) / 100 : product / 100
    }
  }

  /// One look of the controller: it first adds new pods, and takes old ones away at a look at which it added
  /// none.
  func step(new: Count, old: Count) -> Step {
    var step = Step()
    let room = replicas + maxSurge - (new.all + old.all)
    step.create = max(0, min(room, replicas - new.all))
    if step.create > 0 { return step }
    let minAvailable = replicas - maxUnavailable
    let spare = new.all + old.all - minAvailable - (new.all - new.available)
    guard spare > 0 else { return step }
    step.deleteUnavailable = min(spare, old.all - old.available)
    let surplus = new.available + old.available - minAvailable
    step.deleteAvailable = max(0, min(surplus, old.available, spare - step.deleteUnavailable))
    return step
  }
}
