// SPDX-License-Identifier: GPL-3.0-or-later
//
// One row of proxy_metrics.csv.

/// A bucket, or the count and sum, of one of kube-proxy's own metrics.
public struct ProxyMetricRow: Sendable, Equatable {
  public var metric: String
  /// Empty: all nodes together.
  public var node: String
  /// Upper bound of the bucket in seconds; nil: +Inf.
  public var bound: Double?
  /// Observations up to the bound.
  public var count: Int
  /// Of all observations, in seconds; only beside +Inf.
  public var sum: Double?
  public init(metric: String, node: String, bound: Double?, count: Int, sum: Double?) {
    self.metric = metric
    self.node = node
    self.bound = bound
    self.count = count
    self.sum = sum
  }
}
