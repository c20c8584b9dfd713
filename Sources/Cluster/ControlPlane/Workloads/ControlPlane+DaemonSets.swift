// SPDX-License-Identifier: GPL-3.0-or-later
//
// The DaemonSet controller. What it does at one look is DaemonSetPlan's rule; here are the nodes and pods it
// looks at. Upstream goes through nodes in the order of a Go map; here they come in the order in which they
// joined.

import SimKernel

extension ControlPlane {
  mutating func syncDaemonSet(_ workload: WorkloadID, _ out: inout ControlPlaneOutput) {
    let record = workloads[workload.index]
    var byNode: [NodeID: [PodID]] = [:]
    for pod in record.pods { byNode[nodeOfDaemon(pod), default: []].append(pod) }
    let places = nodes.indices.map { place(NodeID($0), byNode[NodeID($0)] ?? [], record) }
    let wanted = places.count(where: \.shouldRun)
    let surge = RollingUpdate.number(record.object.maxSurge, of: wanted, roundingUp: true)
    var unavailable = RollingUpdate.number(record.object.maxUnavailable, of: wanted, roundingUp: true)
    if surge == 0, unavailable == 0 { unavailable = 1 }
    let plan = DaemonSetPlan<PodID>(
      places: places, maxSurge: surge, maxUnavailable: unavailable,
      updatesOnDelete: record.object.updatesOnDelete)
    lookAgainWhenAvailable(record.pods, record.object.minReady, workload, &out)
    for step in plan.steps() {
      switch step {
      case .create(let index): createDaemon(workload, on: NodeID(index), &out)
      case .delete(let pod): requestDeletion(pod, &out)
      }
    }
    workloads[workload.index].status = counted(workloads[workload.index].pods, record)
    workloads[workload.index].object.replicas = wanted
  }

  private func place(_ node: NodeID, _ all: [PodID], _ record: WorkloadRecord) -> DaemonSetPlan<PodID>.Place {
    let decision = store.node(node).map { PodScheduler.daemon(on: $0, record.object.template) }
    var place = DaemonSetPlan<PodID>.Place(
      shouldRun: decision?.shouldRun ?? false, mayStay: decision?.mayStay ?? true)
    for pod in all {
      guard isActive(pod) else {
        place.isLeaving = true
        continue
      }
      place.pods.append(
        .init(
          pod: pod, isAvailable: isAvailable(pod, record.object.minReady),
          isUpdated: pods[pod.index].templateRevision == record.templateRevision))
    }
    return place
  }

  private func nodeOfDaemon(_ pod: PodID) -> NodeID {
    let pinned = pods[pod.index].pinnedNode
    return pinned.isNone ? pods[pod.index].node : pinned
  }

  mutating func createDaemon(_ workload: WorkloadID, on node: NodeID, _ out: inout ControlPlaneOutput) {
    let pod = createPod(of: workload, name: freePodName(workload), &out)
    pods[pod.index].pinnedNode = node
    queueScheduling(pod, &out)
  }
}
