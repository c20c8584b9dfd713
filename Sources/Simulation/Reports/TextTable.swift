// SPDX-License-Identifier: GPL-3.0-or-later
//
// Tables as plain text and as Markdown, and the few styles that a terminal may show. Widths are counted in
// characters before any style is added, so that colour never moves a column.

/// Bold and colour, or nothing at all.
struct TextStyle: Sendable {
  var isColoured: Bool

  func bold(_ text: String) -> String { wrap(text, "1") }
  func dim(_ text: String) -> String { wrap(text, "2") }
  func red(_ text: String) -> String { wrap(text, "31") }
  func green(_ text: String) -> String { wrap(text, "32") }
  /// A tinted row of a table.
  enum Tint: String, Sendable {
    case red = "31"
    case green = "32"
    case yellow = "33"
  }
  func tinted(_ text: String, _ tint: Tint?) -> String { tint.map { wrap(text, $0.rawValue) } ?? text }
  private func wrap(_ text: String, _ code: String) -> String {
    isColoured && !text.isEmpty ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
  }
}

/// Rows of text under headings.
struct TextTable: Sendable {
  enum Alignment { case left, right }
  struct Column: Sendable {
    var heading: String
    var alignment: Alignment
    /// Characters that remain when the table must shrink; nil = never shrinks.
    var least: Int?

    static func left(_ heading: String, least: Int? = nil) -> Column {
      Column(heading: heading, alignment: .left, least: least)
    }
    static func right(_ heading: String) -> Column { Column(heading: heading, alignment: .right, least: nil) }
  }

  var columns: [Column]
  var rows: [[String]] = []
  /// Of the first rows; the others have none.
  var tints: [TextStyle.Tint] = []

  init(_ columns: [Column]) { self.columns = columns }

  mutating func add(_ cells: [String]) {
    precondition(cells.count == columns.count, "\(cells.count) cells for \(columns.count) columns")
    rows.append(cells)
  }

  /// Lines with two spaces of indentation and two between columns, no longer than `width` as far as columns
  /// may shrink.
  func lines(width: Int, style: TextStyle) -> [String] {
    let widths = fittedWidths(width: width)
    let heading = line(columns.map(\.heading), widths)
    return [style.dim(heading)]
      + rows.enumerated().map { index, row in
        style.tinted(line(row, widths), index < tints.count ? tints[index] : nil)
      }
  }

  func markdown() -> [String] {
    let escaped = { (cells: [String]) in
      "| "
        + cells.map { $0.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|") }
        .joined(separator: " | ") + " |"
    }
    let rule = columns.map { $0.alignment == .right ? "---:" : "---" }
    return [escaped(columns.map(\.heading)), "| " + rule.joined(separator: " | ") + " |"] + rows.map(escaped)
  }

  private func fittedWidths(width: Int) -> [Int] {
    var widths = columns.indices.map { index in
      rows.reduce(columns[index].heading.count) { max($0, $1[index].count) }
    }
    var excess = 2 + widths.reduce(0, +) + 2 * (widths.count - 1) - width
    while excess > 0 {
      let shrinkable = widths.indices.filter { index in
        columns[index].least.map { widths[index] > $0 } ?? false
      }
      guard let widest = shrinkable.max(by: { widths[$0] < widths[$1] }) else { break }
      widths[widest] -= 1
      excess -= 1
    }
    return widths
  }

  private func line(_ cells: [String], _ widths: [Int]) -> String {
    var text = "  "
    for (index, cell) in cells.enumerated() {
      let shown = Self.shorten(cell, to: widths[index])
      let padding = String(repeating: " ", count: widths[index] - shown.count)
      text += columns[index].alignment == .right ? padding + shown : shown + padding
      if index < cells.count - 1 { text += "  " }
    }
    while text.hasSuffix(" ") { text.removeLast() }
    return text
  }

  /// Cuts in the middle, where names of a kind differ least often.
  static func shorten(_ text: String, to width: Int) -> String {
    guard text.count > width else { return text }
    guard width > 2 else { return String(text.prefix(width)) }
    let kept = width - 2
    return String(text.prefix((kept + 1) / 2)) + ".." + String(text.suffix(kept / 2))
  }

  /// Breaks at spaces so that no line is longer than `width`, unless a word is.
  static func wrap(_ text: String, width: Int) -> [String] {
    var lines: [String] = []
    for word in text.split(separator: " ") {
      if let last = lines.last, last.count + 1 + word.count <= width {
        lines[lines.count - 1] = last + " " + word
      } else {
        lines.append(String(word))
      }
    }
    return lines
  }
}
