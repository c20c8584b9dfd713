// SPDX-License-Identifier: GPL-3.0-or-later
//
// datapackage.json: a Frictionless Data Package (profile tabular-data-resource) of the CSV files, made from
// the declarations in ReportTables, so that it describes exactly the columns that are written.

/// Describes the CSV files of a results folder.
public enum DataPackage {
  public static let fileName = "datapackage.json"

  /// - Parameters:
  ///   - isComparison: the folder holds comparison.csv, too.
  ///   - hasThresholds: it holds thresholds.csv, too.
  ///   - isSteadyState: it holds steady_state.csv, too.
  ///   - digests: of the files, by their names, so that a reader can tell an edited or cut one.
  public static func document(
    scenario: String, question: String, version: String, isComparison: Bool = false,
    hasThresholds: Bool = false, isSteadyState: Bool = false, digests: [String: FileDigest] = [:]
  ) -> JSONText {
    let tables = ReportTables.files(isSteadyState: isSteadyState).map { ($0.file, $0.rowMeaning, $0.columns) }
    let comparison = isComparison ? [ComparisonTable.description] : []
    let thresholds = hasThresholds ? [ThresholdTable.description] : []
    return document(
      scenario: scenario, question: question, version: version, tables: tables + thresholds + comparison,
      digests: digests)
  }

  /// A package of any tables.
  static func document(
    scenario: String, question: String, version: String,
    tables: [(file: String, rowMeaning: String, columns: [ReportColumnDescription])],
    digests: [String: FileDigest] = [:]
  ) -> JSONText {
    .members([
      "profile": .string("tabular-data-package"),
      "name": .string(packageName(scenario)),
      "title": .string("Results of the scenario \(scenario)"),
      "description": .string(question),
      "version": .string(version),
      "resources": .array(
        tables.map {
          resource(file: $0.file, rowMeaning: $0.rowMeaning, columns: $0.columns, digest: digests[$0.file])
        }),
    ])
  }

  /// Data packages allow lower-case letters, digits, `-`, `_` and `.` in names.
  private static func packageName(_ scenario: String) -> String {
    String(
      scenario.lowercased().map { character in
        character.isASCII && (character.isLetter || character.isNumber || "-_.".contains(character))
          ? character : "-"
      })
  }

  private static func resource(
    file: String, rowMeaning: String, columns: [ReportColumnDescription], digest: FileDigest?
  ) -> JSONText {
    var members: [JSONText.Member] = [.init("profile", .string("tabular-data-resource"))]
    members += description(file: file, rowMeaning: rowMeaning)
    if let digest {
      members.append(.init("bytes", .integer(digest.bytes)))
      members.append(.init("hash", .string("sha256:" + digest.sha256)))
    }
    members.append(
      .init(
        "schema",
        .members([
          "fields": .array(columns.map(field)), "missingValues": .array([.string("")]),
        ])))
    return .object(members)
  }

  private static func description(file: String, rowMeaning: String) -> [JSONText.Member] {
    let members: KeyValuePairs<String, JSONText> = [
      "name": .string(String(file.dropLast(".csv".count))),
      "path": .string(file),
      "description": .string("One row per \(rowMeaning)."),
      "format": .string("csv"),
      "mediatype": .string("text/csv"),
      "encoding": .string("utf-8"),
      "dialect": .members([
        "delimiter": .string(","), "lineTerminator": .string("\n"), "quoteChar": .string("\""),
        "doubleQuote": .bool(true), "header": .bool(true),
      ]),
    ]
    return members.map { JSONText.Member($0.key, $0.value) }
  }

  private static func field(_ column: ReportColumnDescription) -> JSONText {
    var members: [JSONText.Member] = [
      .init("name", .string(column.name)), .init("type", .string(column.type.rawValue)),
    ]
    if let unit = column.unit { members.append(.init("unit", .string(unit))) }
    members.append(.init("description", .string(column.meaning)))
    var constraints: [JSONText.Member] = []
    if !column.isOptional { constraints.append(.init("required", .bool(true))) }
    if !column.allowed.isEmpty {
      constraints.append(.init("enum", .array(column.allowed.map { .string($0) })))
    }
    if !constraints.isEmpty { members.append(.init("constraints", .object(constraints))) }
    return .object(members)
  }
}
