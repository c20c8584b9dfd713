// SPDX-License-Identifier: GPL-3.0-or-later
//
// From a file to document trees. Files called `.json` must be strict JSON; everything else is YAML, of which
// JSON is a subset. Both readers obey the limits here, so that no input costs more than its size suggests.

/// Bounds on what is read, beside `SourceFile.sizeLimit`.
enum DocumentLimits {
  /// Collections inside each other.
  static let depth = 100
  static let depthMessage = "nested more than \(depth) levels deep"
  /// Values in a file, each alias counted as all that it stands for.
  static let nodes = 1_000_000
}

/// Reads YAML and JSON.
public enum DocumentReader {
  /// All documents of a file that hold something, at least one.
  ///
  /// - Throws: the first syntax error of each document, or why the file cannot be read.
  public static func read(path: String) throws(ScenarioError) -> [DocumentNode] {
    try read(SourceFile.load(path: path))
  }

  public static func read(text: String, path: String) throws(ScenarioError) -> [DocumentNode] {
    try read(SourceFile(path: path, text: text))
  }

  public static func read(_ file: SourceFile) throws(ScenarioError) -> [DocumentNode] {
    let documents: [DocumentNode]
    if file.path.lowercased().hasSuffix(".json") {
      documents = [try JSONReader.read(file)]
    } else {
      documents = try YAMLReader.read(file)
    }
    let whole = SourcePosition(file: file.path, line: 0, column: 0)
    guard !documents.isEmpty else {
      throw ScenarioError(Diagnostic(position: whole, message: "the file holds no document"))
    }
    return documents
  }
}
