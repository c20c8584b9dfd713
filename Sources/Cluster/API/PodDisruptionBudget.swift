// SPDX-License-Identifier: GPL-3.0-or-later
//
// policy/v1 PodDisruptionBudget: how many pods of a selection evictions must leave healthy. The numbers that
// follow from it are DisruptionCount's business.

/// A PodDisruptionBudget. Exactly one of `minAvailable` and `maxUnavailable` is set.
public struct PodDisruptionBudget: Sendable, Equatable {
  public enum UnhealthyPodEviction: String, Sendable, CaseIterable {
    /// The default: a pod that is not Ready may be evicted only while the rest is healthy enough.
    case ifHealthyBudget = "IfHealthyBudget"
    case alwaysAllow = "AlwaysAllow"
  }
  public var metadata: ObjectMeta
  /// nil selects no pod, an empty selector all of the namespace (policy/v1).
  public var selector: LabelSelector?
  public var minAvailable: IntOrString?
  public var maxUnavailable: IntOrString?
  public var unhealthyPodEviction = UnhealthyPodEviction.ifHealthyBudget

  public init(metadata: ObjectMeta, selector: LabelSelector?) {
    self.metadata = metadata
    self.selector = selector
  }
}
