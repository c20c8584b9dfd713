// SPDX-License-Identifier: GPL-3.0-or-later
//
// The workload controllers: they keep the number of pods, scale, and replace pods of an older template.
// Each looks once, a delay after something of its own changed. How fast a rolling update goes is
// RollingUpdate's rule.

import SimKernel

extension ControlPlane {
  mutating func queueSync(_ workload: WorkloadID, _ out: inout ControlPlaneOutput) {
    guard !workloads[workload.index].isSyncPending else { return }
    workloads[workload.index].isSyncPending = true
    let entity = StableHash.of("workload/\(workloads[workload.index].name)")
    let number = workloads[workload.index].draws
    workloads[workload.index].draws += 1
    let delay = draws.duration(.workloadController, entity: entity, number: number)
    out.schedule.append((now + delay, .syncWorkload(workload)))
  }

  mutating func syncWorkload(_ workload: WorkloadID, _ out: inout ControlPlaneOutput) {
    workloads[workload.index].isSyncPending = false
    let record = workloads[workload.index]
    if record.isDeleted {
      for pod in record.pods { requestDeletion(pod, &out) }
      return
    }
    switch record.object.kind {
    case .deployment, .replicaSet: syncReplicas(workload, &out)
    case .statefulSet: syncStatefulSet(workload, &out)
    case .daemonSet: syncDaemonSet(workload, &out)
    }
  }

  // MARK: Deployment and ReplicaSet

  private mutating func syncReplicas(_ workload: WorkloadID, _ out: inout ControlPlaneOutput) {
    let record = workloads[workload.index]
    let active = record.pods.filter { isActive($0) }
    let new = active.filter { pods[$0.index].templateRevision == record.templateRevision }
    let old = active.filter { pods[$0.index].templateRevision != record.templateRevision }
    let replicas = record.object.replicas
    if record.object.kind == .replicaSet {
      // A ReplicaSet does not touch pods of an older template.
      return keepNumber(workload, active: active, replicas: replicas, &out)
    }
    if record.object.recreates {
      for pod in old { requestDeletion(pod, &out) }
      // New ones only when nothing of the old is left (strategy Recreate).
      let remains = record.pods.contains { pods[$0.index].templateRevision != record.templateRevision }
      if !remains { keepNumber(workload, active: new, replicas: replicas, &out) }
      return
    }
    if old.isEmpty { return keepNumber(workload, active: new, replicas: replicas, &out) }
    rollOn(workload, new: new, old: old, &out)
  }

  /// Creates what is missing or deletes what is too many.
  private mutating func keepNumber(
    _ workload: WorkloadID, active: [PodID], replicas: Int, _ out: inout ControlPlaneOutput
  ) {
    for _ in active.count..<max(active.count, replicas) { createReplica(workload, &out) }
    guard active.count > replicas else { return }
    for pod in inOrderOfDeletion(active).prefix(active.count - replicas) { requestDeletion(pod, &out) }
  }

  private mutating func rollOn(
    _ workload: WorkloadID, new: [PodID], old: [PodID], _ out: inout ControlPlaneOutput
  ) {
    let object = workloads[workload.index].object
    let update = RollingUpdate(
      replicas: object.replicas, maxSurge: object.maxSurge, maxUnavailable: object.maxUnavailable)
    if new.count > object.replicas {
      return keepNumber(workload, active: new, replicas: object.replicas, &out)
    }
    let step = update.step(
      new: .init(all: new.count, available: new.filter { isAvailable($0, object.minReady) }.count),
      old: .init(all: old.count, available: old.filter { isAvailable($0, object.minReady) }.count))
    for _ in 0..<step.create { createReplica(workload, &out) }
    // Looks again at once, as the controller does after each write of its own.
    if step.create > 0 { return queueSync(workload, &out) }
    let unavailable = inOrderOfDeletion(old.filter { !isAvailable($0, object.minReady) })
    for pod in unavailable.prefix(step.deleteUnavailable) { requestDeletion(pod, &out) }
    let available = inOrderOfDeletion(old.filter { isAvailable($0, object.minReady) })
    for pod in available.prefix(step.deleteAvailable) { requestDeletion(pod, &out) }
    lookAgainWhenAvailable(new, object.minReady, workload, &out)
  }

  private mutating func createReplica(_ workload: WorkloadID, _ out: inout ControlPlaneOutput) {
    let namespace = workloads[workload.index].name.namespace
    var name = workloads[workload.index].nextPodName()
    while store.podID(NamespacedName(namespace: namespace, name: name)) != nil {
      name = workloads[workload.index].nextPodName()
    }
    let pod = createPod(of: workload, name: name, &out)
    queueScheduling(pod, &out)
  }

  /// Surplus pods in the order in which a ReplicaSet gives them up: not scheduled, not ready, then the newest
  /// (k/k pkg/controller ActivePodsWithRanks; ranks by node and restarts left out).
  func inOrderOfDeletion(_ candidates: [PodID]) -> [PodID] {
    func rank(_ pod: PodID) -> Int {
      if pods[pod.index].node.isNone { return 0 }
      return store.pod(pod)!.status.isReady ? 2 : 1
    }
    return candidates.sorted { (rank($0), $1) < (rank($1), $0) }
  }

  // MARK: StatefulSet

  /// Pods come and go one at a time in order of their ordinals (podManagementPolicy OrderedReady; k/k
  /// pkg/controller/statefulset/stateful_set_control.go).
  private mutating func syncStatefulSet(_ workload: WorkloadID, _ out: inout ControlPlaneOutput) {
    let record = workloads[workload.index]
    let minReady = record.object.minReady
    lookAgainWhenAvailable(record.pods, minReady, workload, &out)
    for ordinal in 0..<max(0, record.object.replicas) {
      let name = NamespacedName(namespace: record.name.namespace, name: "\(record.name.name)-\(ordinal)")
      guard let pod = store.podID(name) else {
        let created = createPod(of: workload, name: name.name, &out)
        return queueScheduling(created, &out)
      }
      guard isActive(pod), isAvailable(pod, minReady) else { return }
    }
    let byOrdinal = record.pods.sorted { ordinal(of: $0, record) > ordinal(of: $1, record) }
    for pod in byOrdinal where ordinal(of: pod, record) >= record.object.replicas {
      return requestDeletion(pod, &out)
    }
    for pod in byOrdinal where pods[pod.index].templateRevision != record.templateRevision {
      return requestDeletion(pod, &out)
    }
  }

  private func ordinal(of pod: PodID, _ record: WorkloadRecord) -> Int {
    Int(pods[pod.index].name.name.dropFirst(record.name.name.count + 1)) ?? Int.max
  }

  // MARK: DaemonSet

  private mutating func syncDaemonSet(_ workload: WorkloadID, _ out: inout ControlPlaneOutput) {
    let record = workloads[workload.index]
    var unavailable = 0
    var old: [PodID] = []
    for index in nodes.indices {
      let node = NodeID(index)
      guard let object = store.node(node),
        PodScheduler.admitsDaemon(
          object, selector: record.object.template.nodeSelector,
          tolerations: record.object.template.tolerations)
      else { continue }
      guard let pod = record.pods.first(where: { nodeOfDaemon($0) == node }) else {
        unavailable += 1
        createDaemon(workload, on: node, &out)
        continue
      }
      let isUp = isActive(pod) && isAvailable(pod, record.object.minReady)
      if !isUp { unavailable += 1 }
      guard isActive(pod), pods[pod.index].templateRevision != record.templateRevision else { continue }
      if isUp { old.append(pod) } else { requestDeletion(pod, &out) }
    }
    lookAgainWhenAvailable(record.pods, record.object.minReady, workload, &out)
    let limit = max(1, daemonMaxUnavailable(record.object, nodes: nodes.count))
    for pod in old.prefix(max(0, limit - unavailable)) { requestDeletion(pod, &out) }
  }

  private func nodeOfDaemon(_ pod: PodID) -> NodeID {
    let pinned = pods[pod.index].pinnedNode
    return pinned.isNone ? pods[pod.index].node : pinned
  }

  mutating func createDaemon(_ workload: WorkloadID, on node: NodeID, _ out: inout ControlPlaneOutput) {
    let name = workloads[workload.index].nextPodName()
    let pod = createPod(of: workload, name: name, &out)
    pods[pod.index].pinnedNode = node
    queueScheduling(pod, &out)
  }

  /// A DaemonSet's default is 1 (API documentation of RollingUpdateDaemonSet), not the Deployment's 25 %.
  private func daemonMaxUnavailable(_ object: Workload, nodes: Int) -> Int {
    if object.maxUnavailable == .string("25%") { return 1 }
    return RollingUpdate.number(object.maxUnavailable, of: nodes, roundingUp: true)
  }

  // MARK: Common

  /// In the API, not on its way out and not at its end (k/k pkg/controller FilterActivePods).
  func isActive(_ pod: PodID) -> Bool {
    guard let object = store.pod(pod), object.metadata.deletionTimestamp == nil else { return false }
    return object.status.phase != .succeeded && object.status.phase != .failed
  }

  /// Ready in the API for at least `minReady`.
  func isAvailable(_ pod: PodID, _ minReady: SimDuration) -> Bool {
    pods[pod.index].readySince.map { now - $0 >= minReady } ?? false
  }

  private mutating func lookAgainWhenAvailable(
    _ candidates: [PodID], _ minReady: SimDuration, _ workload: WorkloadID, _ out: inout ControlPlaneOutput
  ) {
    let next = candidates.compactMap { pods[$0.index].readySince }.map { $0 + minReady }.filter { $0 > now }
      .min()
    if let next { out.schedule.append((next, .syncWorkload(workload))) }
  }

  /// Writes the Pod object that the workload's template describes.
  mutating func createPod(
    of workload: WorkloadID, name: String, _ out: inout ControlPlaneOutput
  ) -> PodID {
    let record = workloads[workload.index]
    var meta = ObjectMeta(name: name, namespace: record.name.namespace, labels: record.object.templateLabels)
    var spec = record.object.template
    switch record.object.kind {
    case .deployment: meta.labels["pod-template-hash"] = record.templateHash
    case .statefulSet:
      meta.labels["statefulset.kubernetes.io/pod-name"] = name
      spec.hostname = spec.hostname ?? name
    case .replicaSet, .daemonSet: break
    }
    meta.generateName = String(name.prefix(through: name.lastIndex(of: "-") ?? name.startIndex))
    meta.creationTimestamp = now
    let pod = createPod(
      Pod(metadata: meta, spec: spec), owner: workload, templateRevision: record.templateRevision, &out)
    workloads[workload.index].pods.append(pod)
    log(object(pod), "created", "by \(record.object.kind.rawValue) \(record.name.name)", &out)
    return pod
  }
}
