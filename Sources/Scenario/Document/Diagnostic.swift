// SPDX-License-Identifier: GPL-3.0-or-later
//
// What is wrong with an input, in the form in which the user gets it: one line per mistake, with its place,
// the path to it, what was expected and the nearest thing that would have been right.

/// One mistake in an input.
public struct Diagnostic: Sendable, Hashable, CustomStringConvertible {
  public enum Kind: Sendable, Hashable {
    /// The content is wrong: exit code 65.
    case wrong
    /// A file cannot be read: exit code 66.
    case unreadable
  }
  public var kind: Kind
  public var position: SourcePosition
  /// Such as `clients[0].rate`; empty for the document as a whole.
  public var path: String
  /// What was expected.
  public var message: String
  /// The offending value as written, shortened.
  public var value: String?
  /// The nearest known key or name.
  public var suggestion: String?

  public init(
    kind: Kind = .wrong, position: SourcePosition, path: String = "", message: String, value: String? = nil,
    suggestion: String? = nil
  ) {
    self.kind = kind
    self.position = position
    self.path = path
    self.message = message
    self.value = value.map { shortened($0) }
    self.suggestion = suggestion
  }

  /// A mistake at a node, with the node's own text as the offending value if it is a scalar.
  public init(
    at node: DocumentNode, path: DocumentPath, message: String, suggestion: String? = nil
  ) {
    self.init(
      position: node.position, path: path.text, message: message, value: node.summary, suggestion: suggestion)
  }

  static func unreadable(_ file: String, _ message: String) -> Diagnostic {
    Diagnostic(
      kind: .unreadable, position: SourcePosition(file: file, line: 0, column: 0), message: message)
  }

  /// `file:line:column: clients[0].rat: unknown key "rat"; did you mean "rate"?`
  public var description: String {
    var text = "\(position): "
    if !path.isEmpty { text += "\(shortened(path, limit: 200)): " }
    text += message
    if let value { text += ", found \(value)" }
    if let suggestion { text += "; did you mean \"\(suggestion)\"?" }
    return text
  }
}

/// At most `limit` characters of a text on one line, an ellipsis for the rest.
func shortened(_ text: String, limit: Int = 60) -> String {
  let cut = text.prefix(limit)
  let rest = cut.endIndex == text.endIndex ? "" : "…"
  return String(cut.map { $0.isNewline || $0 == "\t" ? " " : $0 }) + rest
}

/// All mistakes that were found in a scenario and the files that it names.
public struct ScenarioError: Error, Sendable, Equatable, CustomStringConvertible {
  public var diagnostics: [Diagnostic]

  public init(_ diagnostics: [Diagnostic]) {
    precondition(!diagnostics.isEmpty, "an error without a mistake")
    self.diagnostics = diagnostics
  }
  public init(_ diagnostic: Diagnostic) { self.init([diagnostic]) }

  /// Lines that `description` has at most.
  public static let printLimit = 100

  /// 66 if a file cannot be read, else 65 (sysexits.h: EX_NOINPUT, EX_DATAERR).
  public var exitCode: Int32 { diagnostics.contains { $0.kind == .unreadable } ? 66 : 65 }

  /// One line per mistake, the first hundred, and how many more there are.
  public var description: String {
    var lines = diagnostics.prefix(Self.printLimit).map(\.description)
    let more = diagnostics.count - lines.count
    if more > 0 { lines.append("… and \(more) more") }
    return lines.joined(separator: "\n")
  }
}
