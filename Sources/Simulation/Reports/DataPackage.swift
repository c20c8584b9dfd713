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
  public static func document(
    scenario: String, question: String, version: String, isComparison: Bool = false,
    hasThresholds: Bool = false
  ) -> JSONText {
    let tables = ReportTables.all.map { ($0.file, $0.rowMeaning, $0.columns) }
    let comparison = isComparison ? [ComparisonTable.description] : []
    let thresholds = hasThresholds ? [ThresholdTable.description] : []
    return .members([
      "profile": .string("tabular-data-package"),
      "name": .string(packageName(scenario)),
      "title": .string("Results of the scenario \(scenario)"),
      "description": .string(question),
      "version": .string(version),
      "resources": .array((tables + thresholds + comparison).map(resource)),
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
    file: String, rowMeaning: String, columns: [ReportColumnDescription]
  ) -> JSONText {
    .members([
      "profile": .string("tabular-data-resource"),
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
      "schema": .members([
        "fields": .array(columns.map(field)), "missingValues": .array([.string("")]),
      ]),
    ])
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
