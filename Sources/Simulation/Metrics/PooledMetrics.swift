// SPDX-License-Identifier: GPL-3.0-or-later
//
// Every metric of summary.csv over the replications of one variant: what is written in the rows without a
// replication, and what the summary prints with a ±.

import SimStatistics

/// Estimates of all metrics of summary.csv.
public struct PooledMetrics: Sendable {
  /// Share of intervals that cover the truth.
  public static let confidence = 0.95

  /// In the order of `SummaryMetric.catalogue`.
  public private(set) var estimates = SummaryMetric.catalogue.map { _ in MetricEstimate() }
  /// Of the first replication, without its number.
  public private(set) var identity: RunIdentity?

  public init() {}

  public mutating func add(_ result: RunResult) {
    add(SummaryMetric.values(of: result), of: result.identity)
  }

  mutating func add(_ rows: [SummaryMetric], of identity: RunIdentity) {
    if self.identity == nil { self.identity = identity }
    for (index, row) in rows.enumerated() { estimates[index].add(row.sample) }
  }

  public var replications: Int { estimates.first?.samples.count ?? 0 }

  /// The estimate of a metric.
  /// - Precondition: summary.csv has it.
  public func estimate(_ name: String) -> MetricEstimate {
    guard let index = SummaryMetric.catalogue.firstIndex(where: { $0.metric == name }) else {
      preconditionFailure("no metric \(name)")
    }
    return estimates[index]
  }

  /// Rows with an interval: the mean over replications, or the ratio of sums.
  var rows: [SummaryMetric] {
    zip(SummaryMetric.catalogue, estimates).map { entry, estimate in
      let interval = estimate.interval(confidence: Self.confidence)
      return SummaryMetric(
        metric: entry.metric, unit: entry.unit, value: estimate.mean, low: interval?.low,
        high: interval?.high, n: estimate.count)
    }
  }
}

extension SummaryMetric {
  /// What this replication says: a share as part and whole, so that replications are added up before
  /// dividing.
  var sample: MetricSample {
    guard unit == "ratio", let n else { return .value(value) }
    return .ratio(part: ((value ?? 0) * Double(n)).rounded(), whole: Double(n))
  }
}
