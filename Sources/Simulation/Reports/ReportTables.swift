// SPDX-License-Identifier: GPL-3.0-or-later
//
// The list of all tables, and the one that holds the run's metrics. The others are beside this file, by what
// they are about.

import NetworkTypes

/// Every CSV file of a run, in the order in which documents list them.
public enum ReportTables {
  public static let all: [ReportTable] = [
    summary, connectionLoss, lostConnections, lossLedger, loadBalance, loadBalanceStats, latency, staleness,
    timeline, proxySync, proxyMetrics, events, theory,
  ]

  /// Those of one run.
  static func files(isSteadyState: Bool) -> [ReportTable] { isSteadyState ? all + [steadyState] : all }

  static let summary = ReportTable(
    file: "summary.csv",
    rowMeaning: "metric × replication; of several replications also metric over all of them",
    rows: { SummaryMetric.values(of: $0) },
    columns: [
      .text("metric", "Name of the metric.") { row, _ in row.metric },
      .text("unit", "Unit of value, ci_low and ci_high.", allowed: SummaryMetric.units) { row, _ in row.unit
      },
      .number("value", unit: nil, "Its value; empty where nothing was observed.", optional: true) {
        row, _ in row.value
      },
      .number("ci_low", unit: nil, "Lower end of its 95 % interval, where it has one.", optional: true) {
        row, _ in row.low
      },
      .number("ci_high", unit: nil, "Upper end of its 95 % interval, where it has one.", optional: true) {
        row, _ in row.high
      },
      .count(
        "n",
        "Observations behind the value, where it is no plain count; of all replications together: those with a "
          + "value.", optional: true
      ) { row, _ in row.n },
    ], isPooled: true)

  static let serviceMeaning = "Service as namespace/name, or the address or DNS name that clients call."
  static let portMeaning = "Port as the Service names it: name, or number where it has no name."
  static let outcomes = Outcome.allCases.map(\.rawValue)
  static let causes = Cause.allCases.map(\.rawValue)
}
