// SPDX-License-Identifier: GPL-3.0-or-later
//
// The summary as plain text for a terminal or a log, as Markdown for an issue, and as JSON for a program.

import NetworkTypes
import SimKernel

/// The layouts in which a summary can be asked for.
public enum SummaryFormat: String, CaseIterable, Sendable {
  case text
  case json
  case markdown
}

extension RunSummary {
  /// Characters per line of the plain text at most, unless names that must not be cut need more.
  public static let textWidth = 100

  /// - Parameters:
  ///   - files: the folder of the reports; nil if none were written.
  ///   - isVerbose: every row of every table instead of the first few.
  ///   - isColoured: with the control sequences of a terminal (text only).
  public func text(
    _ format: SummaryFormat, files: String?, isVerbose: Bool = false, isColoured: Bool = false
  ) -> String {
    switch format {
    case .text:
      plainText(files: files, rowsMax: isVerbose ? .max : 8, style: TextStyle(isColoured: isColoured))
    case .markdown: markdown(files: files, rowsMax: isVerbose ? .max : 8)
    case .json: json(files: files).document
    }
  }

  private func plainText(files: String?, rowsMax: Int, style: TextStyle) -> String {
    let width = Self.textWidth
    var lines = [style.bold(identity.scenario) + "  " + style.dim(headline)]
    lines += TextTable.wrap(question, width: width)
    lines.append("")
    for fact in facts { lines += factLines(fact, style) }
    for section in sections(rowsMax: rowsMax) {
      lines += ["", style.bold(section.title)]
      lines += section.table?.lines(width: width, style: style) ?? []
      lines += section.remarks.flatMap { TextTable.wrap($0, width: width - 2) }.map { "  " + $0 }
    }
    if !allNotes.isEmpty {
      lines += ["", style.bold("Notes")]
      for note in allNotes {
        lines += TextTable.wrap(note, width: width - 4).enumerated().map { ($0 == 0 ? "  - " : "    ") + $1 }
      }
    }
    if !changes.isEmpty {
      lines += ["", style.bold("Since the last run")]
      for change in changes {
        lines += TextTable.wrap(change, width: width - 4).enumerated().map {
          ($0 == 0 ? "  - " : "    ") + $1
        }
      }
    }
    if let files { lines += ["", "\(style.bold("Files"))  \(files)/  (\(filesWords))"] }
    return lines.joined(separator: "\n") + "\n"
  }

  private func factLines(_ fact: (name: String, value: String), _ style: TextStyle) -> [String] {
    let indent = 12
    let wrapped = TextTable.wrap(fact.value, width: Self.textWidth - 2 - indent)
    return wrapped.enumerated().map { index, line in
      guard index == 0 else { return "  " + String(repeating: " ", count: indent) + line }
      let name = fact.name + String(repeating: " ", count: indent - fact.name.count)
      guard fact.name == "lost" else { return "  " + name + line }
      return "  " + (lost > 0 ? style.red(name + line) : style.green(name + line))
    }
  }

  private var filesWords: String {
    let tables = ReportTables.files(isSteadyState: !steadyState.isEmpty).count
    return "\(tables + (thresholds.isEmpty ? 0 : 1)) CSV files, \(RunRecord.fileName); "
      + "\(DataPackage.fileName) describes every column"
  }

  private func markdown(files: String?, rowsMax: Int) -> String {
    var lines = ["# \(identity.scenario)", "", headline, ""]
    if !question.isEmpty { lines += ["> \(question)", ""] }
    for fact in facts {
      if fact.name.isEmpty {
        lines[lines.count - 1] += ": " + fact.value
      } else {
        lines.append("- **\(fact.name)** \(fact.value)")
      }
    }
    for section in sections(rowsMax: rowsMax) {
      lines += ["", "## \(section.title)"]
      if let table = section.table { lines += [""] + table.markdown() }
      for remark in section.remarks { lines += ["", remark] }
    }
    if !allNotes.isEmpty { lines += ["", "## Notes", ""] + allNotes.map { "- \($0)" } }
    if !changes.isEmpty { lines += ["", "## Since the last run", ""] + changes.map { "- \($0)" } }
    if let files { lines += ["", "Files: `\(files)/` (\(filesWords))"] }
    return lines.joined(separator: "\n") + "\n"
  }
}
