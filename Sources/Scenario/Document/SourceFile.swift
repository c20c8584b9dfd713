// SPDX-License-Identifier: GPL-3.0-or-later
//
// Where input text comes from: a file as the user named it, its text, and a place in it. Decides which
// bytes are text at all (size, NUL bytes, UTF-8); what the text means is decided elsewhere.

import Foundation

/// A file's text under the name by which the user knows it.
public struct SourceFile: Sendable, Equatable {
  /// As the user wrote it, or as a scenario led to it.
  public var path: String
  public var text: String

  public init(path: String, text: String) {
    self.path = path
    self.text = text
  }

  /// Largest file that is read, in bytes.
  public static let sizeLimit = 64 << 20

  /// Reads a file of UTF-8 text.
  ///
  /// - Throws: exit code 66 if it is missing, a directory or unreadable; 65 if it is empty, too large or not
  ///   UTF-8 text.
  public static func load(path: String) throws(ScenarioError) -> SourceFile {
    let bytes = try readBytes(path: path)
    return SourceFile(path: path, text: try decode(bytes, path: path))
  }

  private static func readBytes(path: String) throws(ScenarioError) -> Data {
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) else {
      throw ScenarioError(.unreadable(path, "no such file"))
    }
    if isDirectory.boolValue {
      throw ScenarioError(.unreadable(path, "is a directory, expected a file"))
    }
    guard let handle = FileHandle(forReadingAtPath: path) else {
      throw ScenarioError(.unreadable(path, "cannot be opened for reading"))
    }
    defer { try? handle.close() }
    var bytes = Data()
    do {
      // A pipe hands out its content piecemeal.
      while bytes.count <= sizeLimit, let part = try handle.read(upToCount: sizeLimit + 1 - bytes.count),
        !part.isEmpty
      {
        bytes.append(part)
      }
    } catch {
      throw ScenarioError(.unreadable(path, "cannot be read"))
    }
    return bytes
  }

  private static func decode(_ bytes: Data, path: String) throws(ScenarioError) -> String {
    let start = SourcePosition(file: path, line: 0, column: 0)
    if bytes.isEmpty { throw ScenarioError(Diagnostic(position: start, message: "the file is empty")) }
    if bytes.count > sizeLimit {
      let message = "the file is larger than the limit of \(sizeLimit >> 20) MB"
      throw ScenarioError(Diagnostic(position: start, message: message))
    }
    if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
      throw ScenarioError(Diagnostic(position: start, message: "the file is UTF-16, expected UTF-8"))
    }
    if let offset = bytes.firstIndex(of: 0) {
      let place = SourcePosition.of(byteOffset: offset, in: bytes, file: path)
      throw ScenarioError(Diagnostic(position: place, message: "not a text file: NUL byte"))
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      let place = SourcePosition.of(byteOffset: firstInvalidOffset(bytes), in: bytes, file: path)
      throw ScenarioError(Diagnostic(position: place, message: "not a text file: invalid UTF-8"))
    }
    return text
  }

  private static func firstInvalidOffset(_ bytes: Data) -> Int {
    var offset = 0
    var iterator = bytes.makeIterator()
    var decoder = Unicode.UTF8()
    while case .scalarValue(let scalar) = decoder.decode(&iterator) {
      offset += UTF8.width(scalar)
    }
    return offset
  }
}

/// A place in a file. Line and column count from 1, columns in Unicode scalars; line 0 is the file as a whole.
public struct SourcePosition: Hashable, Sendable, CustomStringConvertible {
  public var file: String
  public var line: Int
  public var column: Int

  public init(file: String, line: Int, column: Int) {
    self.file = file
    self.line = line
    self.column = column
  }

  /// The place of a byte of UTF-8 text. O(offset).
  static func of(byteOffset: Int, in bytes: some Sequence<UInt8>, file: String) -> SourcePosition {
    var line = 1
    var column = 1
    for byte in bytes.prefix(byteOffset) {
      if byte == 0x0A {
        line += 1
        column = 1
      } else if byte & 0xC0 != 0x80 {
        column += 1
      }
    }
    return SourcePosition(file: file, line: line, column: column)
  }

  public var description: String { line == 0 ? file : "\(file):\(line):\(column)" }
}
