// SPDX-License-Identifier: GPL-3.0-or-later
//
// Files of the report tests: temporary folders, recorded output, and a reader of RFC 4180 that shares no code
// with the writer.

import Foundation
import Testing

enum TestFiles {
  private static let here = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
  /// Folder of the package.
  static let package = here.deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().path
  static let golden = here.appendingPathComponent("Golden").path

  static func data(_ path: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }
  static func text(_ path: String) throws -> String { String(decoding: try data(path), as: UTF8.self) }
  static func names(_ folder: String) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
  }
  static func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
  }
  static func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }
}

enum TemporaryFolder {
  static func with<Result>(_ body: (String) throws -> Result) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
      "sim-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try body(folder.path)
  }
}

enum Golden {
  static var isRecording: Bool { ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1" }

  /// Compares with the recorded text, or records it.
  static func compare(_ text: String, with name: String, _ location: SourceLocation = #_sourceLocation) throws
  {
    let path = TestFiles.golden + "/" + name
    if isRecording {
      try FileManager.default.createDirectory(atPath: TestFiles.golden, withIntermediateDirectories: true)
      try text.write(toFile: path, atomically: true, encoding: .utf8)
      return
    }
    let recorded = try TestFiles.text(path)
    let lines = zip(
      text.split(separator: "\n", omittingEmptySubsequences: false),
      recorded.split(separator: "\n", omittingEmptySubsequences: false))
    if let (mine, theirs) = lines.first(where: { $0 != $1 }) {
      Issue.record("\(name) differs:\n  is       \(mine)\n  recorded \(theirs)", sourceLocation: location)
    }
    #expect(text == recorded, "\(name) is as recorded", sourceLocation: location)
  }
}

/// A CSV text, parsed.
struct ParsedCSV {
  var rows: [[String]] = []

  init(_ text: String) {
    var (row, cell, isQuoted) = ([String](), "", false)
    var characters = Array(text.unicodeScalars)[...]
    while let character = characters.popFirst() {
      switch (character, isQuoted) {
      case ("\"", true) where characters.first == "\"":
        cell.append("\"")
        characters.removeFirst()
      case ("\"", _): isQuoted.toggle()
      case (",", false):
        row.append(cell)
        cell = ""
      case ("\n", false):
        rows.append(row + [cell])
        (row, cell) = ([], "")
      default: cell.unicodeScalars.append(character)
      }
    }
  }

  /// Cells of a column, without its heading.
  func column(_ name: String) -> [String] {
    guard let index = rows.first?.firstIndex(of: name) else { return [] }
    return rows.dropFirst().map { $0[index] }
  }
}
