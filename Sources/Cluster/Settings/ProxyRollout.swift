// SPDX-License-Identifier: GPL-3.0-or-later
//
// A new configuration of kube-proxy that reaches the nodes in turn.

import SimKernel

/// The pace at which kube-proxy gets another configuration, group of nodes after group.
public struct ProxyRollout: Sendable, Equatable {
  /// From one group of nodes to the next; zero: all at once. A DaemonSet's rolling update deletes the next
  /// pod once the last one is available, which with kube-proxy, which has no readiness probe, is its start.
  public var every: SimDuration
  /// Nodes of a group: maxUnavailable of the DaemonSet, 1 unless set (k/k cmd/kubeadm manifests, apps/v1).
  public var maxUnavailable: Int
  /// A node is drained for so long before its turn, and takes pods again afterwards; nil: not drained.
  public var drain: SimDuration?
  /// From the restart of a drained node's kube-proxy until the node takes pods again.
  public var uncordonAfter: SimDuration

  public init(
    every: SimDuration, maxUnavailable: Int = 1, drain: SimDuration? = nil,
    uncordonAfter: SimDuration = .seconds(10)
  ) {
    self.every = every
    self.maxUnavailable = maxUnavailable
    self.drain = drain
    self.uncordonAfter = uncordonAfter
  }
}
