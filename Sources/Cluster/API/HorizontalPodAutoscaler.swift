// SPDX-License-Identifier: GPL-3.0-or-later
//
// autoscaling/v2 HorizontalPodAutoscaler with one metric: the mean cpu utilisation of the pods. How many
// replicas follow from it is ReplicaCalculator's business.

import SimKernel

/// A HorizontalPodAutoscaler that looks at cpu utilisation.
public struct HorizontalPodAutoscaler: Sendable, Equatable {
  public var metadata: ObjectMeta
  public var targetKind: String
  public var targetName: String
  /// Default 1 (autoscaling/v2).
  public var minReplicas = 1
  public var maxReplicas: Int
  /// Per cent of the pods' cpu request; default 80 (k/k pkg/apis/autoscaling/v2 defaults).
  public var targetUtilization = 80
  public var scaleUp = ScalingRules.up
  public var scaleDown = ScalingRules.down

  public init(metadata: ObjectMeta, targetKind: String, targetName: String, maxReplicas: Int) {
    self.metadata = metadata
    self.targetKind = targetKind
    self.targetName = targetName
    self.maxReplicas = maxReplicas
  }
}

/// `behavior.scaleUp` or `behavior.scaleDown`.
public struct ScalingRules: Sendable, Equatable {
  public enum Selection: String, Sendable, CaseIterable {
    case max = "Max"
    case min = "Min"
    case disabled = "Disabled"
  }
  /// So much change within a period.
  public struct Policy: Sendable, Equatable {
    public enum Kind: String, Sendable, CaseIterable {
      case pods = "Pods"
      case percent = "Percent"
    }
    public var kind: Kind
    public var value: Int
    public var period: SimDuration
    public init(_ kind: Kind, value: Int, period: SimDuration) {
      self.kind = kind
      self.value = value
      self.period = period
    }
  }
  public var stabilization: SimDuration
  public var selection: Selection
  public var policies: [Policy]
  /// Relative difference from the target that is put up with
  /// (`--horizontal-pod-autoscaler-tolerance`, 0.1).
  public var tolerance = 0.1

  /// Doubling or four pods in 15 s, whichever is more (k/k pkg/apis/autoscaling/v2 defaults).
  public static var up: ScalingRules {
    ScalingRules(
      stabilization: .zero, selection: .max,
      policies: [
        Policy(.pods, value: 4, period: .seconds(15)), Policy(.percent, value: 100, period: .seconds(15)),
      ])
  }
  /// Down to the least, after the highest recommendation of the last 300 s (the same place).
  public static var down: ScalingRules {
    ScalingRules(
      stabilization: .seconds(300), selection: .max,
      policies: [Policy(.percent, value: 100, period: .seconds(15))])
  }
}
