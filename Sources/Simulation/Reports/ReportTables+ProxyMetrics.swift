// SPDX-License-Identifier: GPL-3.0-or-later
//
// proxy_metrics.csv: what the nodes' kube-proxies would say under /metrics, by their own names.

extension ReportTables {
  static let proxyMetrics = ReportTable(
    file: "proxy_metrics.csv", rowMeaning: "bucket of a metric of kube-proxy's own",
    rows: { $0.proxyMetrics },
    columns: [
      .text("metric", "Name of the metric as kube-proxy exports it.") { row, _ in row.metric },
      .text("node", "Name of the node; empty: all nodes together.", optional: true) { row, _ in row.node },
      .number(
        "le_s", unit: "s", "Upper bound of the bucket (the label le); empty: no bound.", optional: true
      ) { row, _ in row.bound },
      .count("count", "Observations up to the bound.") { row, _ in row.count },
      .number("sum_s", unit: "s", "Sum of all observations, in the row without a bound.", optional: true) {
        row, _ in row.sum
      },
    ])
}
