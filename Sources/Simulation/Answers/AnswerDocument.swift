// SPDX-License-Identifier: GPL-3.0-or-later
//
// The table of answers inside a Markdown file: between two marks, everything else stays.

/// A Markdown file with a place for the table of answers.
public struct AnswerDocument: Sendable {
  public static let begin = "<!-- answers: made by make answers -->"
  public static let end = "<!-- end of answers -->"

  private let before: Substring
  private let after: Substring

  /// Nil unless the text has both marks once, in order.
  public init?(_ text: String) {
    let parts = text.ranges(of: Self.begin)
    let ends = text.ranges(of: Self.end)
    guard parts.count == 1, ends.count == 1, parts[0].upperBound <= ends[0].lowerBound else { return nil }
    before = text[..<parts[0].upperBound]
    after = text[ends[0].lowerBound...]
  }

  /// The file with this table in its place.
  public func text(with table: String) -> String { before + "\n" + table + after }
}
