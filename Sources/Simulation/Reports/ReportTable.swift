// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a CSV file of a run is: its name, its columns with type, unit and meaning, and how each cell is taken
// from a result. The writer, datapackage.json and docs/results.md all read this one declaration, so that a
// description cannot differ from what is written. The tables themselves are in ReportTables*.swift.

/// One cell of a report table.
public enum ReportValue: Sendable, Equatable {
  case text(String)
  case integer(Int)
  case unsigned(UInt64)
  case number(Double)
  /// Written as an empty cell.
  case missing

  static func optional(_ value: Int?) -> ReportValue { value.map { .integer($0) } ?? .missing }
  static func optional(_ value: Double?) -> ReportValue { value.map { .number($0) } ?? .missing }
  /// Empty text is missing: a quoted empty cell would say the same in more bytes.
  static func name(_ value: String) -> ReportValue { value.isEmpty ? .missing : .text(value) }
}

/// Type of a column in the words of Frictionless Table Schema.
public enum ReportColumnType: String, Sendable {
  case string
  case integer
  case number

  func admits(_ value: ReportValue) -> Bool {
    switch (self, value) {
    case (_, .missing), (.string, .text), (.integer, .integer), (.integer, .unsigned), (.number, .number):
      true
    default: false
    }
  }
}

/// What is known of a column without its rows.
public struct ReportColumnDescription: Sendable, Equatable {
  public var name: String
  public var type: ReportColumnType
  /// `s`, `ms`, `ratio`, or nil for names and counts.
  public var unit: String?
  public var meaning: String
  /// The closed list of its values, where there is one.
  public var allowed: [String]
  /// False: no row leaves it empty.
  public var isOptional: Bool
}

/// A column of a table whose rows are `Row`.
struct ReportColumn<Row>: Sendable {
  var description: ReportColumnDescription
  var value: @Sendable (Row, RunResult) -> ReportValue

  static func text(
    _ name: String, _ meaning: String, allowed: [String] = [], optional: Bool = false,
    _ value: @escaping @Sendable (Row, RunResult) -> String
  ) -> ReportColumn {
    let description = ReportColumnDescription(
      name: name, type: .string, unit: nil, meaning: meaning, allowed: allowed, isOptional: optional)
    return ReportColumn(description: description) { .name(value($0, $1)) }
  }

  static func count(
    _ name: String, _ meaning: String, optional: Bool = false,
    _ value: @escaping @Sendable (Row, RunResult) -> Int?
  ) -> ReportColumn {
    let description = ReportColumnDescription(
      name: name, type: .integer, unit: nil, meaning: meaning, allowed: [], isOptional: optional)
    return ReportColumn(description: description) { .optional(value($0, $1)) }
  }

  static func number(
    _ name: String, unit: String?, _ meaning: String, optional: Bool = false,
    _ value: @escaping @Sendable (Row, RunResult) -> Double?
  ) -> ReportColumn {
    let description = ReportColumnDescription(
      name: name, type: .number, unit: unit, meaning: meaning, allowed: [], isOptional: optional)
    return ReportColumn(description: description) { .optional(value($0, $1)) }
  }
}

/// One CSV file of a run.
public struct ReportTable: Sendable {
  /// File name, e.g. `latency.csv`.
  public let file: String
  /// What one row stands for.
  public let rowMeaning: String
  /// Identity columns first.
  public let columns: [ReportColumnDescription]
  /// Calls back once per row, in the order in which rows are written.
  public let forEachRow: @Sendable (RunResult, (_ cells: [ReportValue]) throws -> Void) throws -> Void

  init<Row>(
    file: String, rowMeaning: String, rows: @escaping @Sendable (RunResult) -> [Row],
    columns: [ReportColumn<Row>], isPooled: Bool = false
  ) {
    self.file = file
    self.rowMeaning = rowMeaning
    var identity = Self.identityColumns.map(\.description)
    if isPooled, let index = identity.firstIndex(where: { $0.name == "replication" }) {
      identity[index].isOptional = true
      identity[index].meaning = "Number of the replication, from 0; empty: all replications together."
    }
    self.columns = identity + columns.map(\.description)
    let descriptions = self.columns
    forEachRow = { result, emit in
      let identity = Self.identityColumns.map { $0.value(result.identity, result) }
      for row in rows(result) {
        let cells = identity + columns.map { $0.value(row, result) }
        assert(zip(descriptions, cells).allSatisfy { $0.type.admits($1) }, "cell of another type in \(file)")
        try emit(cells)
      }
    }
  }

  /// The columns with which every row of every file starts.
  static let identityColumns: [ReportColumn<RunIdentity>] = [
    .text(
      "run_id", "Hash of the scenario after --set, of the seed and of the version: 16 hex digits.",
      optional: true
    ) {
      row, _ in row.runID
    },
    .text("scenario", "Name of the scenario.") { row, _ in row.scenario },
    .text("variant", "Name of the variant; base where there is none.") { row, _ in row.variant },
    .text("proxy_mode", "Proxy mode of the nodes; mixed while nodes differ.") { row, _ in row.proxyMode },
    .count("replication", "Number of the replication, from 0.") { row, _ in row.replication },
    ReportColumn(
      description: ReportColumnDescription(
        name: "seed", type: .integer, unit: nil, meaning: "Seed of the run.", allowed: [], isOptional: false)
    ) { row, _ in .unsigned(row.seed) },
  ]
}

extension RunResult {
  func service(_ target: Int) -> String { targets[target].service }
  func port(_ target: Int) -> String { targets[target].port }
  func client(_ client: Int) -> String { clients[client] }
}
