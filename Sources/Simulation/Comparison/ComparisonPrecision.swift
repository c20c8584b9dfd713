// SPDX-License-Identifier: GPL-3.0-or-later
//
// When a comparison has enough replications: once the difference of a metric between every variant and the
// first one has an interval as narrow as asked for. It is looked at after each whole replication, in their
// order, so that the number of threads decides nothing.

import Scenario

/// A width that the intervals of differences are to come down to.
public struct ComparisonPrecision: Sendable {
  /// Half of the width.
  public enum HalfWidth: Sendable, Equatable {
    /// In shares of the first variant's mean, not of the difference, which may be none.
    case relative(Double)
    /// In the metric's unit.
    case absolute(Double)
  }

  /// One of the comparison.
  public let metric: String
  public let halfWidth: HalfWidth
  /// Replications below which nothing is looked at: intervals of a handful that happen to be alike are narrow
  /// by chance (Law, Simulation Modeling and Analysis, 2015, 9.4.1).
  public let least: Int

  public init(metric: String, halfWidth: HalfWidth, least: Int = 10) {
    (self.metric, self.halfWidth, self.least) = (metric, halfWidth, least)
  }

  /// Looks are at most 1 % of the replications apart, which spares long comparisons most of them.
  public func isReached(by comparison: Comparison) -> Bool {
    let count = comparison.replications
    guard count >= max(2, least), count.isMultiple(of: max(1, count / 100)) else { return false }
    return excess(of: comparison).map { $0 <= 1 } ?? false
  }

  /// Widest half width over the one asked for; nil where there is no interval.
  private func excess(of comparison: Comparison) -> Double? {
    let metric = comparison.metric(metric)
    var largest = 0.0
    for index in comparison.sides.indices.dropFirst() {
      guard let pair = metric.pair(0, index), let reach = pair.interval?.halfWidth, let mean = pair.firstMean
      else { return nil }
      let target = limit(mean)
      guard reach > 0 || target > 0 else { continue }
      guard target > 0 else { return .infinity }
      largest = max(largest, reach / target)
    }
    return largest
  }

  private func limit(_ mean: Double) -> Double {
    switch halfWidth {
    case .relative(let share): share * abs(mean)
    case .absolute(let value): value
    }
  }

  /// What was asked for and whether the replications were enough.
  public func words(_ comparison: Comparison) -> String {
    let asked =
      switch halfWidth {
      case .relative(let share): "\(ReadableNumber.percent(share)) of \(comparison.sides[0].name)'s mean"
      case .absolute(let value): "\(ReadableNumber.trimmed(value))"
      }
    let reached = isReachedNow(by: comparison)
    return "Replications until the differences of \(metric) are known to ± \(asked): "
      + (reached
        ? "\(comparison.replications) were enough."
        : "NOT reached within \(comparison.replications); more replications are needed.")
  }

  private func isReachedNow(by comparison: Comparison) -> Bool {
    excess(of: comparison).map { $0 <= 1 } ?? false
  }

  /// From `5%` or `2.5`; nil if it is neither, or not positive.
  public static func halfWidth(_ text: String) -> HalfWidth? {
    let isShare = text.hasSuffix("%")
    let digits = isShare ? String(text.dropLast()) : text
    guard digits.allSatisfy({ "0123456789.".contains($0) }), let value = Double(digits), value > 0,
      value.isFinite
    else { return nil }
    return isShare ? .relative(value / 100) : .absolute(value)
  }
}
