// SPDX-License-Identifier: GPL-3.0-or-later
//
// Taints that somebody puts on a node by hand or by another controller: pods that do not tolerate a NoExecute
// taint go, and on a node declared out of service their objects go too, though no kubelet confirms it. (k/k
// pkg/controller/tainteviction; pkg/controller/podgc gcTerminating.)

import SimKernel

extension ControlPlane {
  /// Declares that a node is off and will stay so.
  static var outOfServiceTaint: String { "node.kubernetes.io/out-of-service" }

  mutating func addTaint(_ taint: String, _ node: NodeID, _ out: inout ControlPlaneOutput) {
    guard var object = store.node(node), !object.taints.contains(taint) else { return }
    object.taints.append(taint)
    write(object, node, &out)
    log(self.object(node), "tainted", taint, &out)
    readinessChanged(&out)
    guard taint.hasSuffix(":NoExecute") else { return }
    for pod in podsInAPI(on: node) where patience(of: pod, with: taint) == .zero {
      requestDeletion(pod, &out)
    }
    if taint.hasPrefix(Self.outOfServiceTaint) {
      out.schedule.append((nextCollection(), .collectTerminating(node, nodes[node.index].deletions)))
    }
  }

  mutating func removeTaint(_ taint: String, _ node: NodeID, _ out: inout ControlPlaneOutput) {
    guard var object = store.node(node), object.taints.contains(taint) else { return }
    object.taints.removeAll { $0 == taint }
    write(object, node, &out)
    log(self.object(node), "untainted", taint, &out)
    readinessChanged(&out)
    nodeBecameUsable(&out)
  }

  /// The next look of pod garbage collection, which has one phase for all nodes.
  private func nextCollection() -> SimTime {
    var stream = draws.stream(.phase, entity: StableHash.of("pod garbage collection"), number: 0)
    let phase = SimDuration(seconds: stream.uniform() * Self.orphanPeriod.seconds)
    return HeartbeatMonitor(period: Self.orphanPeriod, grace: .zero, phase: phase).look(after: now)
  }

  /// Terminating pods of a node that is not ready and was declared out of service are removed by force.
  mutating func collectTerminating(_ node: NodeID, _ deletion: UInt16, _ out: inout ControlPlaneOutput) {
    guard nodes[node.index].deletions == deletion, let object = store.node(node),
      object.taints.contains(where: { $0.hasPrefix(Self.outOfServiceTaint) })
    else { return }
    if object.ready != .ready {
      for pod in podsInAPI(on: node) where store.pod(pod)?.metadata.deletionTimestamp != nil {
        removePod(pod, &out)
      }
    }
    out.schedule.append((now + Self.orphanPeriod, .collectTerminating(node, deletion)))
  }
}
