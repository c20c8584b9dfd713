// SPDX-License-Identifier: GPL-3.0-or-later
//
// PodDisruptionBudgets: the disruption controller, which counts from the API's pods a delay after they
// changed, and the eviction subresource, which asks what was counted last
// (k/k pkg/controller/disruption, pkg/registry/core/pod/storage/eviction.go).

import SimKernel

/// A PodDisruptionBudget and what its controller wrote into its status.
struct BudgetRecord: Sendable {
  var object: PodDisruptionBudget
  var status = DisruptionCount()
  /// Pods whose eviction was granted and which are not gone yet, with the time.
  var disrupted: [(pod: PodID, since: SimTime)] = []
  var isDeleted = false
  var isSyncPending = false
  var draws: UInt64 = 0
}

/// What the API server answers to an eviction.
enum EvictionAnswer: Equatable {
  case granted
  /// 429 TooManyRequests: it would violate the budget with this index.
  case refused(budget: Int)
  /// 500: two budgets select the pod.
  case ambiguous
}

extension ControlPlane {
  // MARK: Objects

  mutating func apply(_ budget: PodDisruptionBudget, _ out: inout ControlPlaneOutput) {
    let name = budget.metadata.namespacedName
    if let index = budgetIndex(name) {
      let old = budgets[index].object.metadata
      budgets[index].object = budget
      budgets[index].object.metadata.uid = old.uid
      budgets[index].object.metadata.creationTimestamp = old.creationTimestamp
      queueBudget(index, &out)
      return log("poddisruptionbudget/\(name)", "updated", "", &out)
    }
    var object = budget
    object.metadata.creationTimestamp = now > .zero ? now : budget.metadata.creationTimestamp
    if object.metadata.uid.isEmpty {
      object.metadata.uid = Self.uid(of: name, number: 3_000_000 + budgets.count)
    }
    store.addNamespace(name.namespace)
    budgets.append(BudgetRecord(object: object))
    queueBudget(budgets.count - 1, &out)
    log("poddisruptionbudget/\(name)", "created", "", &out)
  }

  mutating func deleteBudget(_ name: NamespacedName, _ out: inout ControlPlaneOutput) -> Bool {
    guard let index = budgetIndex(name) else { return false }
    budgets[index].isDeleted = true
    log("poddisruptionbudget/\(name)", "deleted", "", &out)
    return true
  }

  private func budgetIndex(_ name: NamespacedName) -> Int? {
    budgets.firstIndex { !$0.isDeleted && $0.object.metadata.namespacedName == name }
  }

  // MARK: Controller

  /// Something about the pod, or its controller's size, changed.
  mutating func budgetsHear(of pod: PodID, _ out: inout ControlPlaneOutput) {
    for index in budgets.indices where selects(budgets[index], pod) { queueBudget(index, &out) }
  }

  private func selects(_ budget: BudgetRecord, _ pod: PodID) -> Bool {
    !budget.isDeleted && budget.object.metadata.namespace == pods[pod.index].name.namespace
      && (budget.object.selector?.matches(pods[pod.index].labels) ?? false)
  }

  private mutating func queueBudget(_ index: Int, _ out: inout ControlPlaneOutput) {
    guard !budgets[index].isSyncPending else { return }
    budgets[index].isSyncPending = true
    let entity = StableHash.of("budget/\(budgets[index].object.metadata.namespacedName)")
    let delay = draws.duration(.workloadController, entity: entity, number: budgets[index].draws)
    budgets[index].draws += 1
    out.schedule.append((now + delay, .syncBudget(UInt32(index))))
  }

  mutating func syncBudget(_ index: Int, _ out: inout ControlPlaneOutput) {
    budgets[index].isSyncPending = false
    let memory = DisruptionCount.evictionMemory
    let forgotten = budgets[index].disrupted.filter { entry in
      guard let object = store.pod(entry.pod) else { return true }
      return object.metadata.deletionTimestamp != nil || now >= entry.since + memory
    }
    budgets[index].disrupted.removeAll { entry in forgotten.contains { $0.pod == entry.pod } }
    count(budget: index)
    if let next = budgets[index].disrupted.map(\.since).min() {
      out.schedule.append((next + memory, .syncBudget(UInt32(index))))
    }
  }

  /// Writes the status from the pods that the API has.
  mutating func count(budget index: Int) {
    let budget = budgets[index]
    var matching = 0
    var healthy = 0
    var controllers: Set<WorkloadID> = []
    var scale = 0
    for pod in store.pods(in: budget.object.metadata.namespace) where selects(budget, pod) {
      let object = store.pod(pod)!
      matching += 1
      let owner = topOwner(of: pod)
      if !owner.isNone, controllers.insert(owner).inserted { scale += desiredScale(owner) }
      let isDisrupted = budget.disrupted.contains { $0.pod == pod }
      if object.status.isReady, object.metadata.deletionTimestamp == nil, !isDisrupted { healthy += 1 }
    }
    budgets[index].status = DisruptionCount(
      budget.object, matching: matching, scale: scale, healthy: healthy)
  }

  /// A DaemonSet has no scale, so budgets over it with percentages or maxUnavailable count nothing of it.
  private func desiredScale(_ owner: WorkloadID) -> Int {
    let object = workloads[owner.index].object
    return object.kind == .daemonSet || workloads[owner.index].isDeleted ? 0 : object.replicas
  }

  // MARK: Evictions

  /// `POST …/pods/NAME/eviction`
  mutating func evict(_ pod: PodID, grace: SimDuration?, _ out: inout ControlPlaneOutput) -> EvictionAnswer {
    guard let object = store.pod(pod) else { return .granted }
    let ignoresBudgets =
      object.metadata.deletionTimestamp != nil || object.status.phase == .pending
      || object.status.phase == .succeeded || object.status.phase == .failed
    let concerned = ignoresBudgets ? [] : budgets.indices.filter { selects(budgets[$0], pod) }
    if concerned.count > 1 { return .ambiguous }
    if let index = concerned.first {
      let policy = budgets[index].object.unhealthyPodEviction
      switch budgets[index].status.answer(podIsReady: object.status.isReady, policy: policy) {
      case .refused: return .refused(budget: index)
      case .granted(let counts):
        if counts {
          budgets[index].status.allowed -= 1
          budgets[index].disrupted.append((pod, now))
        }
      }
    }
    requestDeletion(pod, grace: grace, &out)
    return .granted
  }
}
