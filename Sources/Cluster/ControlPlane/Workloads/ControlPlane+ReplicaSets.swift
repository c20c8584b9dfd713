// SPDX-License-Identifier: GPL-3.0-or-later
//
// The ReplicaSet controller: it keeps the number of pods, creates them in batches that double, and gives up
// those that are worth least (k/k pkg/controller/replicaset/replica_set.go).

import SimKernel

extension ControlPlane {
  /// Pods that one look creates or deletes at most (BurstReplicas).
  static var burstReplicas: Int { 500 }
  /// A batch of creations → the next one, twice as large (slowStartBatch waits for the answers). Assumed: one
  /// write to etcd and back.
  static var creationRound: SimDuration { .milliseconds(10) }

  mutating func syncReplicaSet(_ workload: WorkloadID, _ out: inout ControlPlaneOutput) {
    let record = workloads[workload.index]
    let active = record.pods.filter { isActive($0) }
    // What it asked for and has not seen yet it does not ask for again (expectations).
    if record.creationsUnderWay == 0 {
      let missing = record.object.replicas - active.count
      if missing > 0 {
        workloads[workload.index].creationsUnderWay = min(missing, Self.burstReplicas)
        createReplicas(workload, batch: 1, &out)
      } else if missing < 0 {
        let surplus = min(-missing, Self.burstReplicas)
        for pod in inOrderOfDeletion(active, of: workload).prefix(surplus) { requestDeletion(pod, &out) }
      }
    }
    lookAgainWhenAvailable(active, record.object.minReady, workload, &out)
    let status = counted(active, record)
    guard status != record.status else { return }
    workloads[workload.index].status = status
    if !record.parent.isNone { queueSync(record.parent, &out) }
  }

  /// One batch, and the next one after its answers have come.
  mutating func createReplicas(_ workload: WorkloadID, batch: Int, _ out: inout ControlPlaneOutput) {
    let wanted = workloads[workload.index].isDeleted ? 0 : workloads[workload.index].creationsUnderWay
    for _ in 0..<min(batch, wanted) { createReplica(workload, &out) }
    let left = wanted - min(batch, wanted)
    workloads[workload.index].creationsUnderWay = left
    if left > 0 {
      let next = UInt16(clamping: batch * 2)
      out.schedule.append((now + Self.creationRound, .createReplicas(workload, next)))
    } else {
      queueSync(workload, &out)
    }
  }

  private mutating func createReplica(_ workload: WorkloadID, _ out: inout ControlPlaneOutput) {
    let pod = createPod(of: workload, name: freePodName(workload), &out)
    queueScheduling(pod, &out)
  }

  /// A generated name that no pod has.
  mutating func freePodName(_ workload: WorkloadID) -> String {
    let namespace = workloads[workload.index].name.namespace
    var name = workloads[workload.index].nextPodName()
    while store.podID(NamespacedName(namespace: namespace, name: name)) != nil {
      name = workloads[workload.index].nextPodName()
    }
    return name
  }

  /// Surplus pods in the order in which a ReplicaSet gives them up.
  func inOrderOfDeletion(_ candidates: [PodID], of workload: WorkloadID) -> [PodID] {
    let parent = workloads[workload.index].parent
    let related = parent.isNone ? [workload] : workloads[parent.index].sets
    var neighbours: [NodeID: Int] = [:]
    for set in related {
      for pod in workloads[set.index].pods where isActive(pod) {
        neighbours[pods[pod.index].node, default: 0] += 1
      }
    }
    let ranked = candidates.map { pod -> (order: PodDeletionOrder, pod: PodID) in
      (deletionOrder(pod, neighbours: neighbours[pods[pod.index].node] ?? 0), pod)
    }
    return ranked.sorted { $0.order < $1.order }.map(\.pod)
  }

  private func deletionOrder(_ pod: PodID, neighbours: Int) -> PodDeletionOrder {
    let object = store.pod(pod)!
    let record = pods[pod.index]
    let cost = object.metadata.annotations[PodDeletionOrder.costAnnotation].flatMap { Int($0) }
    return PodDeletionOrder(
      isAssigned: !record.node.isNone, phase: PodDeletionOrder.phaseOrdinal(object.status.phase),
      isReady: object.status.isReady, cost: cost ?? 0, neighbours: neighbours,
      readyFor: record.readySince.map { now - $0 }, restarts: object.status.restartCount,
      age: now - object.metadata.creationTimestamp, uid: object.metadata.uid)
  }
}
