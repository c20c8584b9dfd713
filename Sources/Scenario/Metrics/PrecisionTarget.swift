// SPDX-License-Identifier: GPL-3.0-or-later
//
// How many replications: a number, or as many as it takes until the interval of a metric is narrow enough.

/// A metric whose interval is to be narrow.
public struct PrecisionTarget: Sendable, Equatable {
  /// Half the width of the interval.
  public enum HalfWidth: Sendable, Equatable {
    /// A share of the estimate, such as 0.05 for `5%`.
    case relative(Double)
    /// In the metric's unit.
    case absolute(Double)
  }

  public var metric: MetricSelector
  public var halfWidth: HalfWidth
  /// Between 0 and 1.
  public var confidence: Double
  /// Of the metric's text in the file.
  public var position: SourcePosition

  public init(
    metric: MetricSelector, halfWidth: HalfWidth, confidence: Double = 0.95, position: SourcePosition
  ) {
    (self.metric, self.halfWidth, self.confidence, self.position) = (metric, halfWidth, confidence, position)
  }
}

/// The number of replications that a scenario asks for.
public struct ReplicationSettings: Sendable, Equatable {
  /// No fewer than these, even if the interval is narrow before: an interval from a handful of replications
  /// that happen to be alike is narrow by chance (Law, Simulation Modeling and Analysis, 9.4.1).
  public var least: Int
  public var most: Int
  /// nil: `most` replications.
  public var target: PrecisionTarget?

  public init(least: Int, most: Int, target: PrecisionTarget? = nil) {
    (self.least, self.most, self.target) = (least, most, target)
  }

  /// Exactly so many.
  public init(_ number: Int) { self.init(least: number, most: number) }
}
