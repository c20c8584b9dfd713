// SPDX-License-Identifier: GPL-3.0-or-later
//
// How a node is drained: what `kubectl drain` takes as flags, or the cluster autoscaler's own way.

import SimKernel

/// Options of a drain.
public struct DrainOptions: Sendable, Equatable {
  /// Who drains.
  public enum Drainer: String, Sendable, CaseIterable {
    /// Cordon, then evictions that are tried again every 5 s (k/k staging kubectl/pkg/drain).
    case kubectl
    /// Taint ToBeDeletedByClusterAutoscaler, 5 s of waiting, evictions tried again every 10 s for two minutes
    /// (kubernetes/autoscaler cluster-autoscaler/core/scaledown/actuation).
    case autoscaler
  }
  public var by = Drainer.kubectl
  /// `--timeout`; nil: kubectl waits for ever, the autoscaler 2 min for evictions (--max-pod-eviction-time).
  public var timeout: SimDuration?
  /// `--grace-period`; nil: each pod's own.
  public var gracePeriod: SimDuration?
  /// `--disable-eviction`: deletions that no PodDisruptionBudget stops.
  public var disablesEviction = false
  /// `--force`. False: with a pod that no controller would replace kubectl refuses to drain at all.
  public var force = true
  /// The machine and its Node object go when its pods have left.
  public var deletesNode = false

  public init() {}
}
