// SPDX-License-Identifier: GPL-3.0-or-later
//
// Files that cannot be read, and files that are no text.

import Foundation
import Testing

@testable import Scenario

@Suite struct SourceFileTests {
  /// A file in a directory of its own, removed when the value goes.
  final class TemporaryFile {
    let directory: URL
    let path: String
    init(_ name: String, _ bytes: [UInt8]) throws {
      directory = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
      try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
      path = directory.appendingPathComponent(name).path
      try Data(bytes).write(to: URL(fileURLWithPath: path))
    }
    deinit { try? FileManager.default.removeItem(at: directory) }
  }

  @Test(arguments: [
    ("empty", [UInt8](), "the file is empty", 0, 0),
    ("NUL", Array("ab\nc\0".utf8), "not a text file: NUL byte", 2, 2),
    ("invalid UTF-8", Array("ä: ".utf8) + [0xFF], "not a text file: invalid UTF-8", 1, 4),
    ("UTF-16", [0xFF, 0xFE, 0x61, 0], "the file is UTF-16, expected UTF-8", 0, 0),
  ])
  func whatIsNoTextIsRefused(name: String, bytes: [UInt8], message: String, line: Int, column: Int) throws {
    let file = try TemporaryFile("x.yaml", bytes)
    let error = try #require(throws: ScenarioError.self) { try DocumentReader.read(path: file.path) }
    #expect(error.exitCode == 65)
    #expect(error.diagnostics.map(\.message) == [message])
    #expect(error.diagnostics[0].position == SourcePosition(file: file.path, line: line, column: column))
  }

  @Test func aMissingFileAndADirectoryCannotBeRead() throws {
    let file = try TemporaryFile("x.yaml", [0x61])
    let missing = try #require(throws: ScenarioError.self) {
      try DocumentReader.read(path: file.path + ".no")
    }
    #expect(missing.exitCode == 66)
    #expect(missing.description == "\(file.path).no: no such file")
    let directory = try #require(throws: ScenarioError.self) {
      try DocumentReader.read(path: file.directory.path)
    }
    #expect(directory.exitCode == 66)
    #expect(directory.description == "\(file.directory.path): is a directory, expected a file")
  }
}
