// SPDX-License-Identifier: GPL-3.0-or-later
//
// The files of a merged sweep: sweep.csv with every sample, sweep_summary.csv with what the samples of a
// combination say together.

import SimStatistics

/// The tables of a merged sweep.
public enum SweepTables {
  public static let samplesFile = "sweep.csv"
  public static let summaryFile = "sweep_summary.csv"
  static let confidence = 0.95

  /// In the column `variant`.
  static func variant(_ point: Int) -> String { "p\(point)" }

  static func descriptions(_ header: SweepHeader)
    -> [(file: String, rowMeaning: String, columns: [ReportColumnDescription])]
  {
    [
      (samplesFile, "job × replication × metric", columns(header, samples: true)),
      (summaryFile, "combination of the axes' values × metric", columns(header, samples: false)),
    ]
  }

  private static func column(
    _ name: String, _ type: ReportColumnType, _ meaning: String, optional: Bool = false
  ) -> ReportColumnDescription {
    ReportColumnDescription(
      name: name, type: type, unit: nil, meaning: meaning, allowed: [], isOptional: optional)
  }

  private static func columns(_ header: SweepHeader, samples: Bool) -> [ReportColumnDescription] {
    var columns = [
      column("run_id", .string, "Of the combination's runs: 16 hex digits.", optional: true),
      column("scenario", .string, "Name of the scenario."),
      column("variant", .string, "The combination: p and its number."),
      column("proxy_mode", .string, "Proxy mode of the nodes; mixed while nodes differ."),
      samples
        ? column("replication", .integer, "Number of the replication, from 0.")
        : column("replication", .integer, "Always empty: a row is about all of them.", optional: true),
      column("seed", .integer, "Seed of the runs."),
      column("point", .integer, "Number of the combination, from 0; the last axis runs fastest."),
    ]
    for path in header.paths { columns.append(column(path, .string, "Value of this axis.")) }
    columns += [
      column("metric", .string, "Name of the metric, with its labels."),
      column("unit", .string, "Unit of the values."),
    ]
    if samples {
      columns += [
        column("value", .number, "The replication's value.", optional: true),
        column("part", .number, "Of a ratio of sums: what is counted.", optional: true),
        column("whole", .number, "Of a ratio of sums: of what it is a part.", optional: true),
      ]
    } else {
      columns += [
        column("mean", .number, "Mean over replications; of a ratio the ratio of sums.", optional: true),
        column(
          "ci_low", .number, "Lower end of its 95 % interval, Student's t over replications.", optional: true),
        column("ci_high", .number, "Upper end.", optional: true),
        column("n", .integer, "Replications with a value."),
      ]
    }
    return columns
  }

  static func writeSamples(_ merge: SweepMerge, to file: ResultFile) throws {
    let names = columns(merge.plan.header, samples: true).map(\.name)
    var writer = CSVWriter(columns: names) { try file.append($0) }
    for (point, files) in merge.files.enumerated() {
      let values = merge.values(point: point)
      for row in files.flatMap(\.samples) {
        identity(row.runID, merge, point, row.proxyMode, row.replication, values, &writer)
        writer.cell(row.metric)
        writer.cell(row.unit)
        put(row.sample, &writer)
        try writer.endRow()
      }
    }
    try writer.finish()
    try file.close()
  }

  private static func put(_ sample: MetricSample, _ writer: inout CSVWriter) {
    switch sample {
    case .value(let value):
      writer.cell(value)
      writer.emptyCell()
      writer.emptyCell()
    case .ratio(let part, let whole):
      writer.cell(whole > 0 ? part / whole : nil)
      writer.cell(part)
      writer.cell(whole)
    }
  }

  static func writeSummary(_ merge: SweepMerge, to file: ResultFile) throws {
    let names = columns(merge.plan.header, samples: false).map(\.name)
    var writer = CSVWriter(columns: names) { try file.append($0) }
    let metrics = merge.metrics
    for (point, files) in merge.files.enumerated() {
      guard let first = files.first?.samples.first else { continue }
      let values = merge.values(point: point)
      for metric in metrics {
        let estimate = merge.estimate(metric.name, point: point)
        identity(first.runID, merge, point, first.proxyMode, nil, values, &writer)
        writer.cell(metric.name)
        writer.cell(metric.unit)
        writer.cell(estimate.mean)
        let interval = estimate.interval(confidence: confidence)
        writer.cell(interval?.low)
        writer.cell(interval?.high)
        writer.cell(estimate.count)
        try writer.endRow()
      }
    }
    try writer.finish()
    try file.close()
  }

  private static func identity(
    _ runID: String, _ merge: SweepMerge, _ point: Int, _ mode: String, _ replication: Int?,
    _ values: [String], _ writer: inout CSVWriter
  ) {
    writer.cell(runID)
    writer.cell(merge.plan.header.scenario)
    writer.cell(variant(point))
    writer.cell(mode)
    if let replication { writer.cell(replication) } else { writer.emptyCell() }
    writer.cell(String(merge.plan.header.seed))
    writer.cell(point)
    for value in values { writer.cell(value) }
  }
}
