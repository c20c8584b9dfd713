// SPDX-License-Identifier: GPL-3.0-or-later
//
// How many pods each ReplicaSet of a Deployment is to have: one look of the controller in a rolling update,
// and the proportional scaling of all of them when the number of replicas changes meanwhile
// (k/k pkg/controller/deployment/rolling.go, sync.go, util/deployment_util.go; FACTS F2 for the defaults).

/// The bounds of a rolling update, as numbers.
struct RollingUpdate: Sendable, Equatable {
  var replicas: Int
  var maxSurge: Int
  var maxUnavailable: Int

  /// Percentages are of `replicas`: surge rounds up, unavailable rounds down; both zero would never move, so
  /// one pod may then be unavailable (ResolveFenceposts).
  init(replicas: Int, maxSurge: IntOrString, maxUnavailable: IntOrString) {
    self.replicas = replicas
    self.maxSurge = Self.number(maxSurge, of: replicas, roundingUp: true)
    var unavailable = Self.number(maxUnavailable, of: replicas, roundingUp: false)
    if self.maxSurge == 0 && unavailable == 0 { unavailable = 1 }
    self.maxUnavailable = min(replicas, unavailable)
  }

  /// An absolute number or a percentage of `total`.
  static func number(_ value: IntOrString, of total: Int, roundingUp: Bool) -> Int {
    switch value {
    case .int(let number): return max(0, number)
    case .string(let text):
      guard text.hasSuffix("%"), let percent = Int(text.dropLast()), (0...1_000_000).contains(percent) else {
        return 0
      }
      let product = percent * total
      return roundingUp ? (product + 99) / 100 : product / 100
    }
  }
}

/// The ReplicaSets of a Deployment as its controller sees them, and what it makes of their sizes.
struct DeploymentScaling: Sendable, Equatable {
  struct Size: Sendable, Equatable {
    /// `spec.replicas`.
    var replicas: Int
    /// `status.availableReplicas`, as old as the ReplicaSet's last status.
    var available: Int
    /// Annotation deployment.kubernetes.io/desired-replicas.
    var desired: Int
    /// Annotation deployment.kubernetes.io/max-replicas.
    var most: Int
  }

  let bounds: RollingUpdate
  /// Recreate has no surge and scales nothing in proportion.
  var recreates = false
  /// In order of creation.
  var sets: [Size]
  /// The set of the present template.
  var newest: Int?

  private var old: [Int] { sets.indices.filter { $0 != newest } }
  private var total: Int { sets.reduce(0) { $0 + $1.replicas } }
  private var surge: Int { recreates ? 0 : bounds.maxSurge }
  private var unavailable: Int { recreates ? 0 : bounds.maxUnavailable }

  /// The number of replicas was changed since a set that has pods was last looked at (isScalingEvent).
  var isScalingEvent: Bool { sets.contains { $0.replicas > 0 && $0.desired != bounds.replicas } }

  private mutating func set(_ index: Int, to replicas: Int) {
    sets[index].replicas = replicas
    sets[index].desired = bounds.replicas
    sets[index].most = bounds.replicas + surge
  }

  // MARK: Rolling

  /// Pods with which the set of the present template is to go on: as many as the surge leaves room for
  /// (NewRSNewReplicas).
  func sizeOfNewest(from present: Int) -> Int {
    if recreates { return bounds.replicas }
    let most = bounds.replicas + bounds.maxSurge
    if total >= most { return present }
    return present + min(most - total, bounds.replicas - present)
  }

  /// First grows the new set; at a look at which that was not needed, shrinks the old ones.
  mutating func roll() {
    guard let newest else { return }
    let before = sets[newest].replicas
    if before > bounds.replicas {
      set(newest, to: bounds.replicas)
    } else if before < bounds.replicas {
      set(newest, to: sizeOfNewest(from: before))
    }
    if sets[newest].replicas == before { shrinkOld(newest) }
  }

  private mutating func shrinkOld(_ newest: Int) {
    guard old.contains(where: { sets[$0].replicas > 0 }) else { return }
    let least = bounds.replicas - bounds.maxUnavailable
    let missing = sets[newest].replicas - sets[newest].available
    let spare = total - least - missing
    guard spare > 0 else { return }
    cleanUpUnhealthy(spare)
    let available = sets.reduce(0) { $0 + $1.available }
    var surplus = available - least
    for index in old where surplus > 0 && sets[index].replicas > 0 {
      let taken = min(sets[index].replicas, surplus)
      set(index, to: sets[index].replicas - taken)
      surplus -= taken
    }
  }

  /// Old pods that are not available serve nobody and go first (cleanupUnhealthyReplicas).
  private mutating func cleanUpUnhealthy(_ most: Int) {
    var left = most
    for index in old where left > 0 {
      let unhealthy = sets[index].replicas - sets[index].available
      // A status that still counts pods which have been given up is no reason to add any.
      guard unhealthy > 0 else { continue }
      let taken = min(left, unhealthy)
      set(index, to: sets[index].replicas - taken)
      left -= taken
    }
  }

  // MARK: Recreate

  /// Scales the old sets to nothing.
  /// - Returns: whether one had pods.
  mutating func emptyOld() -> Bool {
    let busy = old.filter { sets[$0].replicas > 0 }
    for index in busy { set(index, to: 0) }
    return !busy.isEmpty
  }

  // MARK: Scaling

  /// After a change of the number of replicas, or while paused.
  mutating func scale() {
    let active = sets.indices.filter { sets[$0].replicas > 0 }
    if active.count <= 1, let only = active.first ?? newest ?? sets.indices.last {
      if sets[only].replicas != bounds.replicas { set(only, to: bounds.replicas) }
      return refreshAnnotations(of: [only])
    }
    if let newest, isSaturated(newest) {
      for index in old where sets[index].replicas > 0 { set(index, to: 0) }
      return
    }
    if !recreates { scaleInProportion(active) }
  }

  private mutating func refreshAnnotations(of indices: [Int]) {
    for index in indices { set(index, to: sets[index].replicas) }
  }

  private func isSaturated(_ index: Int) -> Bool {
    let size = sets[index]
    return size.replicas == bounds.replicas && size.desired == bounds.replicas
      && size.available == bounds.replicas
  }

  /// Shares what is to be added or taken away by the sizes that the sets have; what rounding leaves over goes
  /// to the largest.
  private mutating func scaleInProportion(_ active: [Int]) {
    let allowed = bounds.replicas > 0 ? bounds.replicas + bounds.maxSurge : 0
    let change = allowed - total
    // The largest first; among equals the newest when adding, the oldest when taking away.
    let order = active.sorted { a, b in
      if sets[a].replicas != sets[b].replicas { return sets[a].replicas > sets[b].replicas }
      return change > 0 ? a > b : a < b
    }
    var sizes = order.map { sets[$0].replicas }
    var done = 0
    if change != 0 {
      for (place, index) in order.enumerated() {
        let part = proportion(of: index, change: change, done: done)
        sizes[place] += part
        done += part
      }
      sizes[0] = max(0, sizes[0] + change - done)
    }
    for (place, index) in order.enumerated() { set(index, to: sizes[place]) }
  }

  private func proportion(of index: Int, change: Int, done: Int) -> Int {
    if sets[index].replicas == 0 || change == 0 || change == done { return 0 }
    let fraction = fraction(of: index)
    return change > 0 ? min(fraction, change - done) : max(fraction, change - done)
  }

  private func fraction(of index: Int) -> Int {
    let size = sets[index]
    if bounds.replicas == 0 { return -size.replicas }
    guard size.most > 0 else { return 0 }
    let share = Double(size.replicas * (bounds.replicas + bounds.maxSurge)) / Double(size.most)
    return Int(share.rounded(.toNearestOrAwayFromZero)) - size.replicas
  }
}
