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
    "node.kubernetes.io/unschedulable:NoSchedule", "node.kubernetes.io/unreachable:NoSchedule",
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

  /// The choice for one pod: nodes are considered one after the other, and a Node object is looked at only if
  /// it would win.
  struct Choice {
    let selector: Labels
    let tolerations: [Toleration]
    private(set) var best: NodeID?
    private var bestPlace: (pods: Int, name: String) = (Int.max, "")

    init(selector: Labels, tolerations: [Toleration] = []) {
      self.selector = selector
      self.tolerations = tolerations
    }

    /// - Parameter pods: number of pods that the node has.
    mutating func consider(_ id: NodeID, name: String, pods: Int, object: () -> Node?) {
      guard best == nil || (pods, name) < bestPlace, let node = object(),
        PodScheduler.admits(node, selector: selector, tolerations: tolerations)
      else { return }
      best = id
      bestPlace = (pods, name)
    }
  }
}
