// SPDX-License-Identifier: GPL-3.0-or-later
//
// The tables' part of docs/results.md, made from the declarations; a test keeps the document equal to it.

/// Markdown that describes every file, column and metric.
public enum ReportDocumentation {
  /// Stands before and after the generated part of the document.
  public static let marker = "<!-- declared by ReportTables -->"

  public static var markdown: String {
    var lines = ["## Columns of every file", "", "Each row of each file starts with these:", ""]
    let identityCount = ReportTable.identityColumns.count
    lines += columns(ReportTables.summary.columns.prefix(identityCount))
    for table in ReportTables.all + [ReportTables.steadyState] {
      lines += ["", "## " + table.file, "", "One row per \(table.rowMeaning).", ""]
      lines += columns(table.columns.dropFirst(identityCount))
    }
    for table in [ThresholdTable.description, ComparisonTable.description] {
      lines += ["", "## " + table.file, "", "One row per \(table.rowMeaning).", ""]
      lines += columns(table.columns[...])
    }
    lines += ["", "## Metrics of summary.csv", "", "| metric | unit | meaning |", "| --- | --- | --- |"]
    lines += SummaryMetric.catalogue.map { "| `\($0.metric)` | \($0.unit) | \($0.meaning) |" }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func columns(_ columns: ArraySlice<ReportColumnDescription>) -> [String] {
    ["| column | type | unit | meaning |", "| --- | --- | --- | --- |"]
      + columns.map { "| `\($0.name)` | \($0.type.rawValue) | \($0.unit ?? "") | \($0.meaning) |" }
  }
}
