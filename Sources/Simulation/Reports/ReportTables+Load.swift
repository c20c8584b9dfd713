// SPDX-License-Identifier: GPL-3.0-or-later
//
// Tables of how the load was spread over endpoints and of how long clients waited.

import NetworkTypes
import SimKernel
import SimStatistics

extension ReportTables {
  static let loadBalance = ReportTable(
    file: "load_balance.csv", rowMeaning: "service × port × endpoint", rows: { LoadShare.rows(of: $0) },
    columns: [
      .text("service", serviceMeaning) { row, run in run.service(row.endpoint.target) },
      .text("port", portMeaning, optional: true) { row, run in run.port(row.endpoint.target) },
      .text("pod", "Pod behind the endpoint as namespace/name; empty where there is none.", optional: true) {
        row, _ in row.endpoint.pod
      },
      .text("ip", "Address of the endpoint.") { row, _ in row.endpoint.ip },
      .text("node", "Its node; empty outside the cluster.", optional: true) { row, _ in row.endpoint.node },
      .count("connections", "Connections that were sent to it.") { row, _ in row.endpoint.connections },
      .count("requests", "Requests that it was sent.") { row, _ in row.endpoint.requests },
      .number(
        "share", unit: "ratio", "connections / all connections of the service and port.", optional: true
      ) {
        row, _ in row.share
      },
      .number(
        "expected_share", unit: "ratio",
        "The same of the expected connections: each decision's probability for this endpoint, summed.",
        optional: true
      ) { row, _ in row.expectedShare },
    ])

  static let loadBalanceStats = ReportTable(
    file: "load_balance_stats.csv", rowMeaning: "service × port", rows: { $0.spread },
    columns: [
      .text("service", serviceMeaning) { row, run in run.service(row.target) },
      .text("port", portMeaning, optional: true) { row, run in run.port(row.target) },
      .count("endpoints", "Endpoints that any decision could choose.") { row, _ in row.endpoints },
      .count("connections", "Decisions made.") { row, _ in row.connections },
      .number(
        "statistic", unit: nil,
        "Chi-square against the expectation; empty where draws depend on each other (affinity, pools) or are "
          + "too few.", optional: true
      ) { row, _ in row.statistic },
      .count("degrees_of_freedom", "Of the statistic.", optional: true) { row, _ in row.degreesOfFreedom },
      .number("p_value", unit: "ratio", "Of the statistic.", optional: true) { row, _ in row.pValue },
      .number(
        "jain_index", unit: "ratio", "Jain's fairness index: 1 = even, 1/endpoints = all on one.",
        optional: true
      ) {
        row, _ in row.jain
      },
      .number("gini", unit: "ratio", "Gini coefficient: 0 = even.", optional: true) { row, _ in row.gini },
      .number("cv", unit: "ratio", "Standard deviation / mean of connections per endpoint.", optional: true) {
        row, _ in row.cv
      },
      .number(
        "expected_cv", unit: "ratio", "cv that the decisions' probabilities make one expect.", optional: true
      ) {
        row, _ in row.expectedCV
      },
      .number("max_over_mean", unit: "ratio", "Most connections of an endpoint / mean.", optional: true) {
        row, _ in row.maxOverMean
      },
    ])

  static let latency = ReportTable(
    file: "latency.csv", rowMeaning: "service × port × phase × outcome", rows: { $0.latency },
    columns: [
      .text("service", serviceMeaning) { row, run in run.service(row.target) },
      .text("port", portMeaning, optional: true) { row, run in run.port(row.target) },
      .text("phase", "Phase of the attempt.", allowed: LatencyPhase.allCases.map(\.rawValue)) {
        row, _ in row.phase.rawValue
      },
      .text("outcome", "What became of the attempts that were timed.", allowed: outcomes) {
        row, _ in row.outcome.rawValue
      },
      .count("count", "Observations.") { row, _ in row.histogram.count },
      latency("mean_ms", "Mean, from the intended start of the phase.") { $0.meanMilliseconds },
      latency("p50_ms", "Median.") { $0.milliseconds(quantile: 0.5) },
      latency("p90_ms", "90th percentile.") { $0.milliseconds(quantile: 0.9) },
      latency("p99_ms", "99th percentile.") { $0.milliseconds(quantile: 0.99) },
      latency("p999_ms", "99.9th percentile.") { $0.milliseconds(quantile: 0.999) },
      latency("max_ms", "Longest.") { $0.maxMilliseconds },
    ])

  private static func latency(
    _ name: String, _ meaning: String, _ value: @escaping @Sendable (LatencyHistogram) -> Double?
  ) -> ReportColumn<LatencyRow> {
    .number(name, unit: "ms", meaning, optional: true) { row, _ in value(row.histogram) }
  }
}

/// An endpoint's connections with the totals of its target.
struct LoadShare {
  var endpoint: EndpointShare
  var connections: Int
  var expected: Double

  var share: Double? { connections > 0 ? Double(endpoint.connections) / Double(connections) : nil }
  var expectedShare: Double? { expected > 0 ? endpoint.expectedConnections / expected : nil }

  static func rows(of result: RunResult) -> [LoadShare] {
    var connections = [Int](repeating: 0, count: result.targets.count)
    var expected = [Double](repeating: 0, count: result.targets.count)
    for share in result.shares {
      connections[share.target] += share.connections
      expected[share.target] += share.expectedConnections
    }
    return result.shares.map {
      LoadShare(endpoint: $0, connections: connections[$0.target], expected: expected[$0.target])
    }
  }
}
