// SPDX-License-Identifier: GPL-3.0-or-later
//
// The scheduler's timing: a pending pod is looked at a delay after it appears, and again when a node becomes
// usable.

import SimKernel

extension ControlPlane {
  mutating func queueScheduling(_ pod: PodID, _ out: inout ControlPlaneOutput) {
    out.schedule.append((now + draw(.scheduler, pod: pod), .schedulePod(pod)))
  }

  mutating func schedule(_ pod: PodID, _ out: inout ControlPlaneOutput) {
    guard let object = store.pod(pod), pods[pod.index].node.isNone else { return }
    if let node = nodeFor(pod, object) {
      bind(pod, to: node, &out)
    } else if !unschedulable.contains(pod) {
      unschedulable.append(pod)
      log(self.object(pod), "unschedulable", "no node fits", &out)
    }
  }

  /// The node that the pod gets now; nil: none fits.
  func nodeFor(_ pod: PodID, _ object: Pod) -> NodeID? {
    let pinned = pods[pod.index].pinnedNode
    if !pinned.isNone { return store.node(pinned) == nil ? nil : pinned }
    if let name = object.spec.nodeName {
      return nodeIndex[name].flatMap { store.node($0) == nil ? nil : $0 }
    }
    var choice = PodScheduler.Choice(selector: object.spec.nodeSelector, tolerations: object.spec.tolerations)
    for index in nodes.indices {
      let id = NodeID(index)
      if hasHostPortConflict(object, on: id) { continue }
      choice.consider(id, name: nodes[index].name, pods: nodes[index].livePods) { store.node(id) }
    }
    return choice.best
  }
}
