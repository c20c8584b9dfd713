// SPDX-License-Identifier: GPL-3.0-or-later
//
// A comparison as people read it: whether the variants saw the same arrivals, one table with a column per
// variant and its difference from the first one, and the sentences that the intervals allow.

import NetworkTypes
import SimKernel
import SimStatistics

extension Comparison {
  /// - Parameters:
  ///   - files: the folder of the reports.
  ///   - isColoured: with the control sequences of a terminal (text only).
  public func text(_ format: SummaryFormat, files: String?, isColoured: Bool = false) -> String {
    switch format {
    case .text: plainText(files: files, style: TextStyle(isColoured: isColoured))
    case .markdown: markdown(files: files)
    case .json: json(files: files).document
    }
  }

  /// Characters per line of the plain text, as far as the table allows.
  static let textWidth = 118

  private func plainText(files: String?, style: TextStyle) -> String {
    let width = Self.textWidth
    var lines = [style.bold(scenario) + "  " + style.dim(headline)]
    lines += TextTable.wrap(question, width: width)
    lines.append("")
    lines += synchronyWords.flatMap { TextTable.wrap($0, width: width) }
    lines.append("")
    lines += table.lines(width: width, style: style)
    lines += tableWords.flatMap { TextTable.wrap($0, width: width - 2) }.map { style.dim("  " + $0) }
    for (title, sentences) in [("What the intervals allow to say", conclusions), ("Notes", notes)]
    where !sentences.isEmpty {
      lines += ["", style.bold(title)]
      for sentence in sentences {
        lines += TextTable.wrap(sentence, width: width - 4).enumerated().map {
          ($0 == 0 ? "  - " : "    ") + $1
        }
      }
    }
    if let files {
      lines += ["", "\(style.bold("Files"))  \(files)/", "       \(Self.filesWords)"]
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private func markdown(files: String?) -> String {
    var lines = ["# \(scenario)", "", headline, ""]
    if !question.isEmpty { lines += ["> \(question)", ""] }
    lines += synchronyWords + [""] + table.markdown() + [""] + tableWords
    if !conclusions.isEmpty {
      lines += ["", "## What the intervals allow to say", ""] + conclusions.map { "- \($0)" }
    }
    if !notes.isEmpty { lines += ["", "## Notes", ""] + notes.map { "- \($0)" } }
    if let files { lines += ["", "Files: `\(files)/` (\(Self.filesWords))"] }
    return lines.joined(separator: "\n") + "\n"
  }

  private static var filesWords: String {
    "\(ComparisonTable.file), \(ReportTables.all.count) more CSV files of all runs, \(RunRecord.fileName), "
      + DataPackage.fileName
  }

  var headline: String {
    let seed = sides[0].identity.map { ", seed \($0.seed)" } ?? ""
    let names = sides.map(\.name).joined(separator: ", ")
    return "\(names); \(ReadableNumber.seconds(duration)) simulated\(seed), "
      + "\(replications) \(replications == 1 ? "replication" : "replications") each"
  }

  // MARK: The same arrivals

  /// Whether differences are those of the variants alone.
  var synchronyWords: [String] {
    var words: [String] = []
    let differing = desynchronised
    if differing.isEmpty {
      words.append(
        "Same arrivals in all variants: the digests of open-loop arrivals agree in "
          + "\(replications == 1 ? "the replication" : "all \(replications) replications") "
          + "(\(ReadableNumber.grouped(sides[0].operations.reduce(0, +))) operations each).")
    }
    for other in differing {
      words.append(
        "NOT the same arrivals: \(other.variant) differs from \(sides[0].name) in "
          + "\(other.replications.count) of \(replications) replications "
          + "(first in replication \(other.replications[0])). Clients came or went at other times there, "
          + "so that these pairs differ by more than what is compared.")
    }
    if !closedLoopClients.isEmpty {
      words.append(
        "Not synchronised, because each next operation waits for an answer: closed-loop users of "
          + closedLoopClients.joined(separator: ", ") + ".")
    }
    if !autoscalers.isEmpty {
      words.append(
        "Not synchronised, because each variant scales by the load that it has: autoscalers "
          + autoscalers.joined(separator: ", ") + ".")
    }
    return words
  }

  // MARK: The table

  var table: TextTable {
    var columns: [TextTable.Column] = [.left("mean per replication"), .right(sides[0].name)]
    for side in sides.dropFirst() { columns += [.right(side.name), .right("- \(sides[0].name)")] }
    var table = TextTable(columns)
    for row in ComparisonRow.rows(of: self) {
      var cells = [row.label, row.text(row.metric.means[0])]
      for index in sides.indices.dropFirst() {
        cells += [row.text(row.metric.means[index]), row.difference(row.metric.pair(0, index))]
      }
      table.add(cells)
    }
    return table
  }

  private var tableWords: [String] {
    guard replications > 1 else {
      return ["One replication: no intervals, so that no difference is shown to be more than chance."]
    }
    return [
      "± is half of the 95 % interval of the paired difference (Student's t over \(replications) replications); "
        + "* where it excludes 0, corrected for the number of pairs (Holm)."
    ]
  }

  /// What is to be known of the modes, then what variants had to say, with the names of those that said it.
  var notes: [String] {
    var all: [String] = []
    for side in sides { for note in side.notes where !all.contains(note) { all.append(note) } }
    return modeRemarks
      + all.map { note in
        let names = sides.filter { $0.notes.contains(note) }.map(\.name)
        return names.count == sides.count ? note : "\(names.joined(separator: ", ")): \(note)"
      }
  }
}
