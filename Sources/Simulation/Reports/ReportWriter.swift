// SPDX-License-Identifier: GPL-3.0-or-later
//
// Writes the files of a run: rows as each replication ends, so that no more than one result is held, and the
// two JSON files at the end. Nothing is to be seen in the target folder before `finish`.

import SimStatistics

/// Writes one run's files. End it with `finish` or `discard`.
public final class ReportWriter {
  private let folder: ResultFolder
  private let tables: [TableFile]
  private var replications: [ReplicationRecord] = []
  /// By variant, in the order of their first replication.
  private var pooled: [PooledMetrics] = []
  private let comparisonFile: ResultFile?
  private let thresholdFile: ResultFile?
  private let isSteadyState: Bool

  /// Where the files are going to be: `results/<scenario name>`.
  public var target: String { folder.target }

  /// Opens every file, so that a place that cannot be written is known before a run spends its time.
  /// - Parameters:
  ///   - isComparison: the results are of several variants, and comparison.csv is one of the files.
  ///   - hasThresholds: thresholds.csv is one of the files.
  ///   - isSteadyState: steady_state.csv is one of the files.
  public init(
    folder: ResultFolder, isComparison: Bool = false, hasThresholds: Bool = false,
    isSteadyState: Bool = false
  ) throws(ResultFolderError) {
    self.folder = folder
    self.isSteadyState = isSteadyState
    comparisonFile = isComparison ? try folder.file(ComparisonTable.file) : nil
    thresholdFile = hasThresholds ? try folder.file(ThresholdTable.file) : nil
    var tables: [TableFile] = []
    for table in ReportTables.files(isSteadyState: isSteadyState) {
      tables.append(TableFile(table, try folder.file(table.file)))
    }
    self.tables = tables
  }

  /// Adds the rows of one replication.
  public func append(_ result: RunResult) throws {
    for table in tables { try table.append(result) }
    replications.append(ReplicationRecord(result))
    if let index = pooled.firstIndex(where: { $0.identity?.variant == result.identity.variant }) {
      pooled[index].add(result)
    } else {
      var metrics = PooledMetrics()
      metrics.add(result)
      pooled.append(metrics)
    }
  }

  /// Rows of summary.csv that are about all replications of a variant together.
  private func appendPooled() throws {
    guard let summary = tables.first(where: { $0.name == ReportTables.summary.file }) else { return }
    for metrics in pooled where metrics.replications > 1 { try summary.append(metrics) }
  }

  /// Writes what is left and puts the new results in the place of the old ones.
  /// - Parameters:
  ///   - comparison: what comparison.csv says, if that is one of the files.
  ///   - thresholds: what thresholds.csv says, if that is one of the files.
  /// - Precondition: at least one replication was appended.
  public func finish(
    _ record: RunRecord, host: HostRecord, comparison: Comparison? = nil, thresholds: [ThresholdResults] = []
  ) throws {
    precondition(!replications.isEmpty, "a run without replications has no results")
    precondition((comparison != nil) == (comparisonFile != nil), "comparison.csv and nothing to say in it")
    if let comparison, let comparisonFile { try ComparisonTable.write(comparison, to: comparisonFile) }
    if let thresholdFile { try ThresholdTable.write(thresholds, to: thresholdFile) }
    try appendPooled()
    for table in tables { try table.finish() }
    let first = replications[0]
    let package = DataPackage.document(
      scenario: first.identity.scenario, question: first.question, version: SimulationRun.version,
      isComparison: comparison != nil, hasThresholds: thresholdFile != nil, isSteadyState: isSteadyState,
      digests: try digests())
    try folder.write(DataPackage.fileName, package.document)
    try folder.write(RunRecord.fileName, record.document(replications, host: host).document)
    try folder.commit()
  }

  private func digests() throws -> [String: FileDigest] {
    var names = tables.map(\.name)
    if comparisonFile != nil { names.append(ComparisonTable.file) }
    if thresholdFile != nil { names.append(ThresholdTable.file) }
    var digests: [String: FileDigest] = [:]
    for name in names { digests[name] = try folder.digest(of: name) }
    return digests
  }

  /// Removes what was written; earlier results stay as they were.
  public func discard() { folder.discard() }
}

/// One table on its way into its file.
private final class TableFile {
  private let table: ReportTable
  private let file: ResultFile
  private var writer: CSVWriter?

  init(_ table: ReportTable, _ file: ResultFile) {
    self.table = table
    self.file = file
    writer = CSVWriter(columns: table.columns.map(\.name)) { try file.append($0) }
  }

  var name: String { table.file }

  func append(_ metrics: PooledMetrics) throws {
    guard let identity = metrics.identity else { return }
    for row in metrics.rows {
      let cells: [ReportValue] = [
        .name(identity.runID), .name(identity.scenario), .name(identity.variant), .name(identity.proxyMode),
        .missing, .unsigned(identity.seed), .text(row.metric), .text(row.unit), .optional(row.value),
        .optional(row.low), .optional(row.high), .optional(row.n),
      ]
      for cell in cells { put(cell) }
      try writer!.endRow()
    }
  }

  func append(_ result: RunResult) throws {
    try table.forEachRow(result) { cells in
      for cell in cells { put(cell) }
      try writer!.endRow()
    }
  }

  func finish() throws {
    guard var writer = writer.take() else { return }
    try writer.finish()
    try file.close()
  }

  private func put(_ value: ReportValue) {
    switch value {
    case .text(let text): writer!.cell(text)
    case .integer(let number): writer!.cell(number)
    case .unsigned(let number): writer!.cell(String(number))
    case .number(let number): writer!.cell(number)
    case .missing: writer!.emptyCell()
    }
  }
}
