// SPDX-License-Identifier: GPL-3.0-or-later
//
// Files that a scenario names: where they are, and columns of CSV files. Manifests are read elsewhere.

/// Finds and reads what a scenario refers to, relative to the scenario's own folder.
struct ReferencedFiles {
  /// The scenario's folder as the user wrote it, with a slash at its end; empty for the current one.
  private let folder: String
  private let source: any FileSource

  /// Numbers that are read from one column.
  static let rowLimit = 1_000_000

  init(scenarioPath: String, source: any FileSource = DiskFiles()) {
    self.source = source
    let slash = scenarioPath.lastIndex(of: "/")
    folder = slash.map { String(scenarioPath[...$0]) } ?? ""
  }

  func path(of reference: String) -> String { reference.hasPrefix("/") ? reference : folder + reference }

  /// A file, or the manifests directly inside a folder in the order of their names.
  func manifestPaths(of reference: String) throws(ScenarioError) -> [String] {
    let path = path(of: reference)
    guard let names = try source.entries(of: path) else { return [path] }
    let endings = [".yaml", ".yml", ".json"]
    let manifests = names.filter { name in endings.contains { name.hasSuffix($0) } }
    if manifests.isEmpty {
      throw ScenarioError(.unreadable(path, "the folder holds no .yaml, .yml or .json file"))
    }
    let base = path.hasSuffix("/") ? path : path + "/"
    return manifests.map { base + $0 }
  }

  /// All documents of a file; as `DocumentReader.read`.
  func documents(_ path: String) throws(ScenarioError) -> [DocumentNode] {
    try DocumentReader.read(source.file(path))
  }

  /// The numbers of a CSV column with a header; empty fields are left out.
  func column(_ name: String, of reference: String) throws(ScenarioError) -> [Double] {
    let file = try source.file(path(of: reference))
    var table = CSVRows(file.text)
    func wrong(_ message: String, suggestion: String? = nil) -> ScenarioError {
      let place = SourcePosition(file: file.path, line: table.line, column: 1)
      return ScenarioError(Diagnostic(position: place, message: message, suggestion: suggestion))
    }
    guard let header = table.next() else { throw wrong("expected a header") }
    guard let index = header.firstIndex(of: name) else {
      throw wrong("no column \"\(shortened(name))\"", suggestion: nearestName(to: name, in: header))
    }
    var values: [Double] = []
    while let row = table.next() {
      guard index < row.count, !row[index].isEmpty else { continue }
      guard let value = Double(row[index]), value.isFinite, value >= 0 else {
        throw wrong("column \"\(name)\": expected a number from 0 on, found \"\(shortened(row[index]))\"")
      }
      values.append(value)
      if values.count > Self.rowLimit { throw wrong("more than \(Self.rowLimit) rows") }
    }
    if values.isEmpty { throw wrong("column \"\(name)\" holds no number") }
    return values
  }
}

/// Rows of CSV text by RFC 4180, line ends LF or CRLF.
public struct CSVRows {
  private let bytes: [UInt8]
  private var offset = 0
  private var nextLine = 1
  /// Line on which the row last given begins.
  public private(set) var line = 1

  public init(_ text: String) { bytes = Array(text.utf8) }

  /// The next row; nil at the end.
  public mutating func next() -> [String]? {
    guard offset < bytes.count else { return nil }
    line = nextLine
    var row: [String] = []
    var field: [UInt8] = []
    var isQuoted = false
    while offset < bytes.count {
      let byte = bytes[offset]
      offset += 1
      if byte == 0x0A { nextLine += 1 }
      switch byte {
      case UInt8(ascii: "\"") where isQuoted && offset < bytes.count && bytes[offset] == byte:
        field.append(byte)
        offset += 1
      case UInt8(ascii: "\""): isQuoted.toggle()
      case UInt8(ascii: ",") where !isQuoted:
        row.append(String(decoding: field, as: UTF8.self))
        field.removeAll()
      case 0x0A where !isQuoted:
        if field.last == 0x0D { field.removeLast() }
        return row + [String(decoding: field, as: UTF8.self)]
      default: field.append(byte)
      }
    }
    return row + [String(decoding: field, as: UTF8.self)]
  }
}
