// SPDX-License-Identifier: GPL-3.0-or-later
//
// The StatefulSet controller. What it does at one look is StatefulSetPlan's rule; here are the pods it looks
// at, and which template a pod gets.

import SimKernel

extension ControlPlane {
  mutating func syncStatefulSet(_ workload: WorkloadID, _ out: inout ControlPlaneOutput) {
    let record = workloads[workload.index]
    let plan = plan(of: record)
    lookAgainWhenAvailable(record.pods, record.object.minReady, workload, &out)
    for step in plan.steps() {
      switch step {
      case .create(let ordinal): createMember(workload, ordinal, &out)
      case .delete(let ordinal):
        let name = NamespacedName(namespace: record.name.namespace, name: "\(record.name.name)-\(ordinal)")
        if let pod = store.podID(name) { requestDeletion(pod, &out) }
      }
    }
    let status = counted(workloads[workload.index].pods, record)
    workloads[workload.index].status = status
    let replicas = record.object.replicas
    if !record.object.updatesOnDelete, status.updated == replicas, status.ready == replicas,
      status.replicas == replicas
    {
      workloads[workload.index].currentRevision = record.templateRevision
      workloads[workload.index].currentTemplate = nil
    }
  }

  private func plan(of record: WorkloadRecord) -> StatefulSetPlan {
    var members: [Int: StatefulSetPlan.Member] = [:]
    for pod in record.pods {
      guard let ordinal = ordinal(of: pod, record), let object = store.pod(pod) else { continue }
      members[ordinal] = .init(
        isTerminating: object.metadata.deletionTimestamp != nil, isReady: object.status.isReady,
        isAvailable: isAvailable(pod, record.object.minReady),
        isUpdated: pods[pod.index].templateRevision == record.templateRevision,
        hasEnded: object.status.phase == .succeeded || object.status.phase == .failed)
    }
    return StatefulSetPlan(
      replicas: record.object.replicas, members: members, isParallel: record.object.isParallel,
      updatesOnDelete: record.object.updatesOnDelete, partition: record.object.partition,
      maxUnavailable: maxUnavailable(of: record.object))
  }

  /// MaxUnavailableStatefulSet is on by default from 1.35; before, the field is dropped
  /// (k/k pkg/features/kube_features.go).
  private func maxUnavailable(of object: Workload) -> Int? {
    guard Behaviours.statefulSetMaxUnavailable.value(in: settings.minorVersion) else { return nil }
    return max(1, RollingUpdate.number(object.maxUnavailable, of: object.replicas, roundingUp: false))
  }

  private func ordinal(of pod: PodID, _ record: WorkloadRecord) -> Int? {
    Int(pods[pod.index].name.name.dropFirst(record.name.name.count + 1))
  }

  /// Below the partition the template before the present one (newVersionedStatefulSetPod).
  private mutating func createMember(
    _ workload: WorkloadID, _ ordinal: Int, _ out: inout ControlPlaneOutput
  ) {
    let record = workloads[workload.index]
    let name = "\(record.name.name)-\(ordinal)"
    guard store.podID(NamespacedName(namespace: record.name.namespace, name: name)) == nil else { return }
    let keepsOld =
      !record.object.updatesOnDelete && ordinal < record.object.partition
      && record.currentRevision != record.templateRevision
    let pod = createPod(
      of: workload, name: name, revision: keepsOld ? record.currentRevision : nil,
      template: keepsOld ? record.currentTemplate : nil, &out)
    queueScheduling(pod, &out)
  }
}
