// SPDX-License-Identifier: GPL-3.0-or-later
//
// comparison.csv: every metric of summary.csv, and those asked for, for every pair of variants.

import SimStatistics

/// The file of a comparison.
public enum ComparisonTable {
  public static let file = "comparison.csv"

  /// As in datapackage.json and docs/results.md.
  static var description: (file: String, rowMeaning: String, columns: [ReportColumnDescription]) {
    (file, "metric × pair of variants", columns)
  }

  private static let columns: [ReportColumnDescription] = {
    func column(
      _ name: String, _ type: ReportColumnType, _ meaning: String, allowed: [String] = [],
      optional: Bool = false
    ) -> ReportColumnDescription {
      ReportColumnDescription(
        name: name, type: type, unit: nil, meaning: meaning, allowed: allowed, isOptional: optional)
    }
    return [
      column("run_id", .string, "Of the variant's runs: 16 hex digits.", optional: true),
      column("scenario", .string, "Name of the scenario."),
      column("variant", .string, "Name of the variant that is compared."),
      column("proxy_mode", .string, "Its proxy mode; mixed while nodes differ."),
      column("replication", .integer, "Always empty: a row is about all of them.", optional: true),
      column("seed", .integer, "Seed of the runs."),
      column("baseline", .string, "Name of the variant that it is compared with."),
      column("metric", .string, "Name of the metric, as in summary.csv, or with labels as asked for."),
      column(
        "unit", .string, "Unit of the means, the difference and its interval.",
        allowed: SummaryMetric.units),
      column("mean", .number, "Mean of the variant over replications.", optional: true),
      column("baseline_mean", .number, "Mean of the baseline over the same replications.", optional: true),
      column("difference", .number, "Mean of variant - baseline within each replication.", optional: true),
      column(
        "ci_low", .number,
        "Lower end of the difference's 95 % interval over replications, by `method`; empty below two.",
        optional: true),
      column("ci_high", .number, "Upper end.", optional: true),
      column(
        "ratio", .number,
        "Sum of the variant / sum of the baseline over replications; empty where the latter is 0.",
        optional: true),
      column(
        "ratio_ci_low", .number, "Lower end of the ratio's 95 % interval: delta method, by `method`.",
        optional: true),
      column("ratio_ci_high", .number, "Upper end.", optional: true),
      column("p_value", .number, "Two-sided, of no difference, by `method`.", optional: true),
      column(
        "p_adjusted", .number, "The same, by Holm's method for all pairs of variants of the metric.",
        optional: true),
      column("replications", .integer, "Replications in which both variants have a value."),
    ] + pairColumns
  }()

  private static let pairColumns: [ReportColumnDescription] = {
    func column(
      _ name: String, _ type: ReportColumnType, _ meaning: String, allowed: [String] = []
    ) -> ReportColumnDescription {
      ReportColumnDescription(
        name: name, type: type, unit: nil, meaning: meaning, allowed: allowed,
        isOptional: allowed.isEmpty)
    }
    return [
      column(
        "method", .string,
        "paired: Student's t of differences within replications; unpaired: arrivals differ in every replication, "
          + "Welch's t, or the paired interval where that is wider.",
        allowed: MetricPair.Method.allCases.map(\.rawValue)),
      column("correlation", .number, "Of the two variants over replications; empty where one does not vary."),
      column(
        "variance_reduction", .number,
        "(variance of the variant + of the baseline) / variance of the difference: how many times the "
          + "replications independent runs would need; empty where differences never vary."),
      column("smaller", .integer, "Replications in which the variant's value is smaller."),
      column("equal", .integer, "Replications in which the two are equal."),
      column("larger", .integer, "Replications in which the variant's value is larger."),
      column(
        "standardized_difference", .number,
        "Hedges' g: the difference in standard deviations of replications; empty where nothing varies."),
    ]
  }()

  /// Writes all rows.
  static func write(_ comparison: Comparison, to file: ResultFile) throws {
    var writer = CSVWriter(columns: columns.map(\.name)) { try file.append($0) }
    for metric in comparison.metrics {
      for pair in metric.pairs where pair.replications > 0 {
        put(pair, of: metric, in: comparison, to: &writer)
        try writer.endRow()
      }
    }
    try writer.finish()
    try file.close()
  }

  private static func put(
    _ pair: MetricPair, of metric: MetricComparison, in comparison: Comparison, to writer: inout CSVWriter
  ) {
    let side = comparison.sides[pair.second]
    writer.cell(side.identity?.runID)
    writer.cell(side.identity?.scenario ?? comparison.scenario)
    writer.cell(side.name)
    writer.cell(side.identity?.proxyMode)
    writer.emptyCell()
    writer.cell(side.identity.map { String($0.seed) })
    writer.cell(comparison.sides[pair.first].name)
    writer.cell(metric.metric)
    writer.cell(metric.unit)
    writer.cell(pair.secondMean)
    writer.cell(pair.firstMean)
    writer.cell(pair.difference?.mean)
    let (interval, ratio) = (pair.interval, pair.ratioInterval)
    writer.cell(interval?.low)
    writer.cell(interval?.high)
    writer.cell(pair.ratio?.ratio)
    writer.cell(ratio?.low)
    writer.cell(ratio?.high)
    writer.cell(pair.pValue)
    writer.cell(pair.adjustedPValue)
    writer.cell(pair.replications)
    writer.cell(pair.method.rawValue)
    writer.cell(pair.gain?.correlation)
    writer.cell(pair.savedReplications)
    writer.cell(pair.superiority?.smaller)
    writer.cell(pair.superiority?.equal)
    writer.cell(pair.superiority?.larger)
    writer.cell(pair.standardizedDifference)
  }
}
