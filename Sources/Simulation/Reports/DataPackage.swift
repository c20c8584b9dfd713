// SPDX-License-Identifier: GPL-3.0-or-later
//
// datapackage.json: a Frictionless Data Package (profile tabular-data-resource) of the CSV files, made from
// the declarations in ReportTables, so that it describes exactly the columns that are written.

/// Describes the CSV files of a results folder.
public enum DataPackage {
  public static let fileName = "datapackage.json"

  public static func document(scenario: String, question: String, version: String) -> JSONText {
    .members([
      "profile": .string("tabular-data-package"),
      "name": .string(packageName(scenario)),
      "title": .string("Results of the scenario \(scenario)"),
      "description": .string(question),
      "version": .string(version),
      "resources": .array(ReportTables.all.map(resource)),
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

  private static func resource(_ table: ReportTable) -> JSONText {
    .members([
      "profile": .string("tabular-data-resource"),
      "name": .string(String(table.file.dropLast(".csv".count))),
      "path": .string(table.file),
      "description": .string("One row per \(table.rowMeaning)."),
      "format": .string("csv"),
      "mediatype": .string("text/csv"),
      "encoding": .string("utf-8"),
      "dialect": .members([
        "delimiter": .string(","), "lineTerminator": .string("\n"), "quoteChar": .string("\""),
        "doubleQuote": .bool(true), "header": .bool(true),
      ]),
      "schema": .members([
        "fields": .array(table.columns.map(field)), "missingValues": .array([.string("")]),
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
