// SPDX-License-Identifier: GPL-3.0-or-later
//
// thresholds.csv: every threshold of a run, or of each variant of a comparison, with its verdict.

import Scenario
import SimStatistics

/// The verdicts of the runs of one variant.
public struct ThresholdResults: Sendable {
  public var identity: RunIdentity
  public var outcomes: [ThresholdOutcome]
  public init(identity: RunIdentity, outcomes: [ThresholdOutcome]) {
    (self.identity, self.outcomes) = (identity, outcomes)
  }
}

/// The file of thresholds.
public enum ThresholdTable {
  public static let file = "thresholds.csv"

  /// As in datapackage.json and docs/results.md.
  static var description: (file: String, rowMeaning: String, columns: [ReportColumnDescription]) {
    (file, "threshold, in runs that have any", columns)
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
      column("run_id", .string, "Of the runs: 16 hex digits.", optional: true),
      column("scenario", .string, "Name of the scenario."),
      column("variant", .string, "Name of the variant; base where there is none."),
      column("proxy_mode", .string, "Proxy mode of the nodes; mixed while nodes differ."),
      column("replication", .integer, "Always empty: a row is about several.", optional: true),
      column("seed", .integer, "Seed of the runs."),
      column("threshold", .string, "Its name; the condition as written where it has none."),
      column("metric", .string, "Name of the metric, as written."),
      column("labels", .string, "Its labels, as in service=web,client=browsers.", optional: true),
      column(
        "operator", .string, "How the metric must stand to the limit.",
        allowed: MetricCondition.Relation.allCases.map(\.rawValue)),
      column("limit", .number, "The limit; what was written in percent is divided by 100."),
      column(
        "unit", .string, "Unit of limit, observed, ci_low and ci_high.", allowed: SummaryMetric.units),
      column(
        "observed", .number,
        "Mean over the replications behind the verdict; of a ratio the ratio of sums; of a quantile the mean "
          + "of the replications' quantiles. Empty where none has a value.", optional: true),
      column(
        "ci_low", .number,
        "Lower end of the interval that decides, widened for the number of thresholds and of looks; empty "
          + "where there is none.", optional: true),
      column("ci_high", .number, "Upper end.", optional: true),
      column(
        "confidence", .number,
        "Of the verdicts together; this one's error is (1 - confidence) / number of thresholds."),
      column("replications", .integer, "Replications up to the verdict."),
      column(
        "verdict", .string, "Whether it holds.", allowed: ThresholdVerdict.allCases.map(\.rawValue)),
    ]
  }()

  /// Writes all rows.
  static func write(_ results: [ThresholdResults], to file: ResultFile) throws {
    var writer = CSVWriter(columns: columns.map(\.name)) { try file.append($0) }
    for result in results {
      for outcome in result.outcomes {
        put(result.identity, to: &writer)
        put(outcome, to: &writer)
        try writer.endRow()
      }
    }
    try writer.finish()
    try file.close()
  }

  private static func put(_ identity: RunIdentity, to writer: inout CSVWriter) {
    writer.cell(identity.runID.isEmpty ? nil : identity.runID)
    writer.cell(identity.scenario)
    writer.cell(identity.variant)
    writer.cell(identity.proxyMode)
    writer.emptyCell()
    writer.cell(String(identity.seed))
  }

  private static func put(_ outcome: ThresholdOutcome, to writer: inout CSVWriter) {
    let condition = outcome.condition
    let labels = condition.selector.labels.map { "\($0.name)=\($0.value)" }
    writer.cell(outcome.name)
    writer.cell(condition.selector.name)
    writer.cell(labels.isEmpty ? nil : labels.joined(separator: ","))
    writer.cell(condition.relation.rawValue)
    writer.cell(condition.limit)
    writer.cell(outcome.unit)
    writer.cell(outcome.observed)
    writer.cell(outcome.interval?.low)
    writer.cell(outcome.interval?.high)
    writer.cell(outcome.confidence)
    writer.cell(outcome.replications)
    writer.cell(outcome.verdict.rawValue)
  }
}
