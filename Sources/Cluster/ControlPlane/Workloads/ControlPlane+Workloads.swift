// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the workload controllers have in common: each looks once, a delay after something of its own changed,
// and makes pods from a template.

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
      for set in record.sets {
        workloads[set.index].isDeleted = true
        queueSync(set, &out)
      }
      for pod in record.pods { requestDeletion(pod, &out) }
      return
    }
    switch record.object.kind {
    case .deployment: syncDeployment(workload, &out)
    case .replicaSet: syncReplicaSet(workload, &out)
    case .statefulSet: syncStatefulSet(workload, &out)
    case .daemonSet: syncDaemonSet(workload, &out)
    }
  }

  /// Somebody changed a workload's object.
  mutating func workloadChanged(_ workload: WorkloadID, old: Workload, _ out: inout ControlPlaneOutput) {
    let new = workloads[workload.index].object
    passOnMinReady(workload)
    if old.template != new.template || old.templateLabels != new.templateLabels {
      if !reuseSet(workload) { templateChanged(workload, old: old) }
    }
    queueSync(workload, &out)
  }

  /// A Deployment whose template is again that of an older ReplicaSet goes on with it (FindNewReplicaSet).
  private mutating func reuseSet(_ workload: WorkloadID) -> Bool {
    let new = workloads[workload.index]
    let same = new.sets.last { set in
      var labels = workloads[set.index].object.templateLabels
      labels["pod-template-hash"] = nil
      return workloads[set.index].object.template == new.object.template
        && labels == new.object.templateLabels
    }
    guard let same else { return false }
    let latest = new.sets.map { workloads[$0.index].rolloutRevision }.max() ?? 0
    workloads[same.index].rolloutRevision = latest + 1
    workloads[workload.index].templateRevision = workloads[same.index].templateRevision
    workloads[workload.index].progress = .progressing(now)
    return true
  }

  /// From now on pods are made from another template.
  mutating func templateChanged(_ workload: WorkloadID, old: Workload) {
    if workloads[workload.index].object.kind == .statefulSet,
      workloads[workload.index].currentRevision == workloads[workload.index].templateRevision
    {
      workloads[workload.index].currentTemplate = (old.templateLabels, old.template)
    }
    workloads[workload.index].templateRevision += 1
  }

  // MARK: Pods

  /// In the API, not on its way out and not at its end (k/k pkg/controller FilterActivePods).
  func isActive(_ pod: PodID) -> Bool {
    guard let object = store.pod(pod), object.metadata.deletionTimestamp == nil else { return false }
    return object.status.phase != .succeeded && object.status.phase != .failed
  }

  /// Ready in the API for at least `minReady`.
  func isAvailable(_ pod: PodID, _ minReady: SimDuration) -> Bool {
    pods[pod.index].readySince.map { now - $0 >= minReady } ?? false
  }

  mutating func lookAgainWhenAvailable(
    _ candidates: [PodID], _ minReady: SimDuration, _ workload: WorkloadID, _ out: inout ControlPlaneOutput
  ) {
    if minReady == .zero { return }
    let next = candidates.compactMap { pods[$0.index].readySince }.map { $0 + minReady }.filter { $0 > now }
      .min()
    if let next { out.schedule.append((next, .syncWorkload(workload))) }
  }

  /// What the controller writes into `status`.
  func counted(_ candidates: [PodID], _ workload: WorkloadRecord) -> WorkloadRecord.Status {
    var status = WorkloadRecord.Status()
    for pod in candidates where isActive(pod) {
      status.replicas += 1
      if store.pod(pod)!.status.isReady { status.ready += 1 }
      if isAvailable(pod, workload.object.minReady) { status.available += 1 }
      if pods[pod.index].templateRevision == workload.templateRevision { status.updated += 1 }
    }
    return status
  }

  /// Writes the Pod object that the workload's template describes, or an older template if one is given.
  mutating func createPod(
    of workload: WorkloadID, name: String, revision: Int? = nil,
    template: (labels: Labels, spec: PodSpec)? = nil, _ out: inout ControlPlaneOutput
  ) -> PodID {
    let record = workloads[workload.index]
    let labels = template?.labels ?? record.object.templateLabels
    var meta = ObjectMeta(name: name, namespace: record.name.namespace, labels: labels)
    var spec = template?.spec ?? record.object.template
    if record.object.kind == .statefulSet {
      meta.labels["statefulset.kubernetes.io/pod-name"] = name
      spec.hostname = spec.hostname ?? name
    }
    meta.generateName = String(name.prefix(through: name.lastIndex(of: "-") ?? name.startIndex))
    meta.creationTimestamp = now
    let pod = createPod(
      Pod(metadata: meta, spec: spec), owner: workload,
      templateRevision: revision ?? record.templateRevision, &out)
    workloads[workload.index].pods.append(pod)
    let owner = record.parent.isNone ? record : workloads[record.parent.index]
    log(object(pod), "created", "by \(owner.object.kind.rawValue) \(owner.name.name)", &out)
    return pod
  }

  /// The workload at the top: a pod's Deployment rather than its ReplicaSet.
  func topOwner(of pod: PodID) -> WorkloadID {
    let owner = pods[pod.index].owner
    if owner.isNone { return owner }
    let parent = workloads[owner.index].parent
    return parent.isNone ? owner : parent
  }

  /// `deployment/default/web`
  func object(_ workload: WorkloadID) -> String {
    let record = workloads[workload.index]
    return "\(record.object.kind.rawValue.lowercased())/\(record.name)"
  }
}
