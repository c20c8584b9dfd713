// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which node a pod gets: among those that are ready, schedulable and match its nodeSelector, the one with
// the fewest pods, the first by name among equals. Resources, affinity and spreading constraints are not
// modelled.

import SimKernel

enum PodScheduler {
  /// Taints that a DaemonSet's pods tolerate (k/k pkg/controller/daemon/util
  /// AddOrUpdateDaemonPodTolerations).
  static let daemonTolerates: Set<String> = [
    "node.kubernetes.io/not-ready:NoExecute", "node.kubernetes.io/unreachable:NoExecute",
    "node.kubernetes.io/unschedulable:NoSchedule",
  ]

  static func admits(_ node: Node, selector: Labels, tolerations: [Toleration] = []) -> Bool {
    node.ready == .ready && !node.isUnschedulable
      && !node.taints.contains { repels($0) && !isCovered($0, by: tolerations) }
      && LabelSelector(selector).matches(node.metadata.labels)
  }

  static func admitsDaemon(_ node: Node, selector: Labels, tolerations: [Toleration] = []) -> Bool {
    !node.taints.contains {
      repels($0) && !daemonTolerates.contains($0) && !isCovered($0, by: tolerations)
    } && LabelSelector(selector).matches(node.metadata.labels)
  }

  private static func isCovered(_ taint: String, by tolerations: [Toleration]) -> Bool {
    tolerations.contains { $0.covers(taint) }
  }

  /// Taints are written `key[=value]:effect`; PreferNoSchedule repels nobody.
  private static func repels(_ taint: String) -> Bool {
    taint.hasSuffix(":NoSchedule") || taint.hasSuffix(":NoExecute")
  }

  /// - Parameter candidates: Node objects with the number of pods that each has.
  static func choose(
    _ candidates: [(id: NodeID, node: Node, pods: Int)], selector: Labels, tolerations: [Toleration] = []
  ) -> NodeID? {
    candidates.filter { admits($0.node, selector: selector, tolerations: tolerations) }
      .min { ($0.pods, $0.node.metadata.name) < ($1.pods, $1.node.metadata.name) }?.id
  }
}
