// SPDX-License-Identifier: GPL-3.0-or-later
//
// What one long run that is declared to be in a steady state says of one metric.

import SimKernel
import SimStatistics

/// The steady-state mean of one metric of one replication.
public struct SteadyStateEstimate: Sendable, Equatable {
  /// As in summary.csv: `connect_mean`, `request_mean` or `loss_ratio`.
  public var metric: String
  /// Of mean and intervals.
  public var unit: String
  /// All of them, those that were cut off included; what a given warm-up left out is not.
  public var observations: Int
  /// Where the part begins that is averaged, from the start of the run.
  public var warmUp: SimDuration
  /// By the scenario; otherwise MSER-5 found it.
  public var isWarmUpGiven: Bool
  /// Observations at the beginning that MSER-5 cut off.
  public var truncated: Int
  /// Nil where fewer than 100 observations are left.
  public var run: LongRunEstimate?

  public init(
    metric: String, unit: String, observations: Int, warmUp: SimDuration, isWarmUpGiven: Bool,
    truncated: Int, run: LongRunEstimate?
  ) {
    (self.metric, self.unit, self.observations, self.warmUp) = (metric, unit, observations, warmUp)
    (self.isWarmUpGiven, self.truncated, self.run) = (isWarmUpGiven, truncated, run)
  }

  /// Observations that a mean with an interval needs after the warm-up: ten batches of ten.
  static let least = 100

  public var mean: Double? { run?.mean }

  /// No loss at all gives an interval of width 0, which would say that there never is one; it says nothing
  /// (the rule of three does, over replications).
  private var batches: BatchMeans? {
    guard let run, metric != "loss_ratio" || run.batchMeans.standardError > 0 else { return nil }
    return run.batchMeans
  }

  /// By batch means, 95 %; nil without enough observations or losses.
  public var interval: ConfidenceInterval? { batches?.interval(confidence: PooledMetrics.confidence) }
  /// By overlapping batch means.
  public var overlappingInterval: ConfidenceInterval? {
    batches?.overlappingInterval(confidence: PooledMetrics.confidence)
  }

  /// The interval for a mean over the whole run: only where nothing was cut off, as value and interval would
  /// otherwise be about different samples.
  /// - Parameter value: the mean over all observations; that of the batches may lack some at the beginning
  ///   that fill no batch.
  func interval(ofWhole value: Double?) -> ConfidenceInterval? {
    guard truncated == 0, let value, let interval, interval.contains(value) else { return nil }
    return interval
  }
}
