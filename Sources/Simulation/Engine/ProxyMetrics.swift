// SPDX-License-Identifier: GPL-3.0-or-later
//
// What every kube-proxy would say under /metrics: its histograms, by its own names and buckets
// (k/k pkg/proxy/metrics/metrics.go). Counted sync by sync, so that no sync need be kept for it.

import Cluster
import Proxy
import SimKernel
import SimStatistics

/// A histogram as Prometheus has it.
struct PrometheusHistogram {
  /// Upper bounds in seconds, ascending, without +Inf.
  let bounds: [Double]
  /// By bucket, not cumulative; the last one is beyond all bounds.
  private(set) var counts: [Int]
  private(set) var sum = 0.0

  init(bounds: [Double]) {
    self.bounds = bounds
    counts = Array(repeating: 0, count: bounds.count + 1)
  }

  /// A value belongs to the first bucket whose bound is not less than it.
  mutating func observe(_ seconds: Double) {
    var (low, high) = (0, bounds.count)
    while low < high {
      let middle = (low + high) / 2
      if bounds[middle] < seconds { low = middle + 1 } else { high = middle }
    }
    counts[low] += 1
    sum += seconds
  }

  var count: Int { counts.reduce(0, +) }
}

/// kube-proxy's metrics of all nodes together, and their counts and sums by node.
struct ProxyMetrics {
  enum Metric: Int, CaseIterable {
    case programming, sync, fullSync, partialSync
    var name: String {
      switch self {
      case .programming: "kubeproxy_network_programming_duration_seconds"
      case .sync: "kubeproxy_sync_proxy_rules_duration_seconds"
      case .fullSync: "kubeproxy_sync_full_proxy_rules_duration_seconds"
      case .partialSync: "kubeproxy_sync_partial_proxy_rules_duration_seconds"
      }
    }
    /// 0, 0.25 s, 0.5 s, then 1 s to 59 s each second, to 115 s each five, to 300 s each thirty; syncs from 1
    /// ms doubling to 16.384 s.
    var bounds: [Double] {
      guard self == .programming else { return (0..<15).map { 0.001 * Double(1 << $0) } }
      return [0, 0.25, 0.5] + (1...59).map { Double($0) } + (0..<12).map { 60 + 5 * Double($0) }
        + (0..<7).map { 120 + 30 * Double($0) }
    }
  }

  private var all = Metric.allCases.map { PrometheusHistogram(bounds: $0.bounds) }
  /// By NodeID, then by metric: count and sum.
  private var nodes: [[(count: Int, sum: Double)]] = []
  private var failures = 0
  /// The same latencies, for exact quantiles.
  private(set) var programming = LatencyHistogram()

  mutating func synced(_ record: SyncRecord) {
    let index = record.node.index
    while nodes.count <= index {
      nodes.append(Array(repeating: (0, 0), count: Metric.allCases.count))
    }
    let duration = (record.end - record.start).seconds
    observe(.sync, index, duration)
    observe(record.kind == .full ? .fullSync : .partialSync, index, duration)
    if record.hasFailed { return failures += 1 }
    for latency in record.programming {
      observe(.programming, index, latency.seconds)
      programming.record(latency)
    }
  }

  private mutating func observe(_ metric: Metric, _ node: Int, _ seconds: Double) {
    all[metric.rawValue].observe(seconds)
    nodes[node][metric.rawValue].count += 1
    nodes[node][metric.rawValue].sum += seconds
  }

  /// Rows of proxy_metrics.csv: all buckets of all nodes together, then the count and sum of each node.
  func rows(nodeNames: [String]) -> [ProxyMetricRow] {
    var rows: [ProxyMetricRow] = []
    for metric in Metric.allCases {
      let histogram = all[metric.rawValue]
      var count = 0
      for (bound, inBucket) in zip(histogram.bounds, histogram.counts) {
        count += inBucket
        rows.append(ProxyMetricRow(metric: metric.name, node: "", bound: bound, count: count, sum: nil))
      }
      rows.append(
        ProxyMetricRow(
          metric: metric.name, node: "", bound: nil, count: histogram.count, sum: histogram.sum))
      for (node, values) in nodes.enumerated() where values[metric.rawValue].count > 0 {
        let value = values[metric.rawValue]
        rows.append(
          ProxyMetricRow(
            metric: metric.name, node: nodeNames[node], bound: nil, count: value.count, sum: value.sum))
      }
    }
    rows.append(
      ProxyMetricRow(
        metric: "kubeproxy_sync_proxy_rules_failures_total", node: "", bound: nil, count: failures, sum: nil))
    return rows
  }
}
