// SPDX-License-Identifier: GPL-3.0-or-later
//
// A comparison for a pull request: one sentence, the table of losses, what else can be said, and the rest
// folded away. Whatever a scenario calls its parts stays text.

import SimKernel
import SimStatistics

extension Comparison {
  func markdown(files: String?) -> String {
    let latencies = replications > 1 ? self.latencies() : []
    func text(_ words: String) -> String { MarkdownText.escaped(words) }
    func list(_ sentences: [String]) -> [String] { sentences.map { "- " + text($0) } }
    var lines = ["**\(text(headlineSentence))**", "", "\(text(title)): \(text(headline)).", ""]
    if !question.isEmpty { lines += ["> " + text(question), ""] }
    lines += synchronyWords.flatMap { [text($0), ""] }
    if replications > 1 { lines += MarkdownText.table(lossTable) + ["", text(lossWords), ""] }
    let sentences = conclusions(latencies)
    if !sentences.isEmpty { lines += ["#### What the intervals allow to say", ""] + list(sentences) + [""] }
    if !weaknessWords.isEmpty {
      lines += ["#### Where the statistics are weak", ""] + list(weaknessWords) + [""]
    }
    lines += MarkdownText.folded(
      "All metrics", MarkdownText.table(table(.valuesAndDifferences)) + [""] + tableWords.map(text))
    if replications > 1, !loadBalance.isEmpty {
      lines += MarkdownText.folded(
        "Load balance, against what the decisions' candidates give",
        MarkdownText.table(loadTable) + ["", text(loadWords)])
    }
    if !latencies.isEmpty {
      lines += MarkdownText.folded(
        "Latency distributions",
        MarkdownText.table(latencyTable(latencies)) + ["", text(latencyWords)])
    }
    if !notes.isEmpty { lines += MarkdownText.folded("Notes", list(notes)) }
    lines += MarkdownText.folded("Run it again", again(files: files))
    return lines.joined(separator: "\n")
  }

  private func again(files: String?) -> [String] {
    var lines = command.isEmpty ? [] : MarkdownText.code(command) + [""]
    let ids = sides.map { "\($0.name) \($0.identity?.runID ?? "-")" }.joined(separator: ", ")
    lines.append(MarkdownText.escaped("sim \(SimulationRun.version); run ids: \(ids)."))
    if let files { lines.append(MarkdownText.escaped("Files: \(files)/ (\(Self.filesWords))")) }
    return lines
  }
}

/// Text that is not markup, whatever it holds.
enum MarkdownText {
  /// Inert in GitHub's Markdown: no emphasis, code, link, tag, table cell, mention or reference.
  static func escaped(_ text: String) -> String {
    var out = ""
    for character in text {
      switch character {
      case "&": out += "&amp;"
      case "<": out += "&lt;"
      case ">": out += "&gt;"
      // Mentions and references are made of text, whatever is escaped in it, unless a comment parts them.
      case "@", "#": out += "\(character)<!-- -->"
      case "\\", "`", "*", "_", "[", "]", "|", "~", "!", "$", "{", "}": out += "\\\(character)"
      default: out += character.isNewline || character == "\t" ? " " : String(character)
      }
    }
    return out
  }

  static func table(_ table: TextTable) -> [String] {
    func line(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |" }
    func cell(_ text: String) -> String {
      let indentation = text.prefix { $0 == " " }.count / 2
      let words = text.split(separator: " ").joined(separator: " ")
      return String(repeating: "&emsp;", count: indentation) + escaped(words)
    }
    let rule = table.columns.map { $0.alignment == .right ? "---:" : "---" }
    return [line(table.columns.map { cell($0.heading) }), line(rule)]
      + table.rows.map { line($0.map(cell)) }
  }

  /// A block that is closed until somebody opens it.
  static func folded(_ title: String, _ lines: [String]) -> [String] {
    ["<details><summary>\(title)</summary>", ""] + lines + ["", "</details>", ""]
  }

  /// A block of code, fenced with more backticks than it holds in a row.
  static func code(_ text: String) -> [String] {
    let longest = text.split { $0 != "`" }.map(\.count).max() ?? 0
    let fence = String(repeating: "`", count: max(3, longest + 1))
    return [fence + "sh", text, fence]
  }
}
