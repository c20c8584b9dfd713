// SPDX-License-Identifier: GPL-3.0-or-later
//
// A comparison as people read it in a terminal: whether the variants saw the same arrivals, losses with all
// that is known of their differences, every other metric in as many columns as fit, the sentences that the
// intervals allow, and where they are weak.

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
  static let textWidth = 100

  private func plainText(files: String?, style: TextStyle) -> String {
    let width = Self.textWidth
    let latencies = replications > 1 ? self.latencies() : []
    var lines = [style.bold(title) + "  " + style.dim(headline)]
    lines += TextTable.wrap(question, width: width)
    lines.append("")
    lines += synchronyWords.flatMap { TextTable.wrap($0, width: width) }
    func add(_ table: TextTable, _ words: [String]) {
      lines += [""] + table.lines(width: width, style: style)
      lines += words.flatMap { TextTable.wrap($0, width: width - 2) }.map { style.dim("  " + $0) }
    }
    if replications > 1 { add(lossTable, [lossWords]) }
    add(table(width: width), tableWords)
    if replications > 1, !loadBalance.isEmpty { add(loadTable, [loadWords]) }
    if !latencies.isEmpty { add(latencyTable(latencies), [latencyWords]) }
    for (title, sentences) in [
      ("What the intervals allow to say", conclusions(latencies)),
      ("Where the statistics are weak", weaknessWords), ("Notes", notes),
    ] where !sentences.isEmpty {
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

  static var filesWords: String {
    "\(ComparisonTable.file), \(ReportTables.all.count) more CSV files of all runs, \(RunRecord.fileName), "
      + DataPackage.fileName
  }

  /// The scenario, or all of them.
  var title: String { scenarioNames.count > 1 ? scenarioNames.joined(separator: " vs ") : scenario }

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
    words += differing.map(words(of:))
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

  private func words(of other: Desynchronised) -> String {
    let start = "NOT the same arrivals: \(other.variant) differs from \(sides[0].name) in "
    if other.replications.count == replications {
      return start
        + "\(replications == 1 ? "the replication" : "all \(replications) replications"): other clients, "
        + "rates or durations. Its pairs are not synchronised: intervals are those of independent runs "
        + "(Welch), and its differences are those of the load, too."
    }
    return start
      + "\(other.replications.count) of \(replications) replications (first in replication "
      + "\(other.replications[0])). Clients came or went at other times there, so that these pairs differ by "
      + "more than what is compared."
  }

  // MARK: The tables

  /// Losses by variant, with all that is known of each difference from the first one.
  var lossTable: TextTable {
    let base = sides[0].name
    var table = TextTable([
      .left("lost per replication", least: 12), .right("mean"), .right("- \(base)"), .right("ratio"),
      .right("fewer in"), .right("saved"), .right("p"),
    ])
    let row = ComparisonRow(label: "", metric: metric("lost"))
    for index in sides.indices {
      guard let pair = row.metric.pair(0, index) else {
        table.add([sides[index].name, row.text(row.metric.means[index])] + Array(repeating: "", count: 5))
        continue
      }
      table.add([
        sides[index].name, row.text(row.metric.means[index]), row.difference(pair),
        ComparisonRow.ratio(pair, withError: true),
        pair.superiority.map { "\($0.smaller) of \($0.count)" } ?? "-", ComparisonRow.saved(pair),
        pair.isAlwaysEqual ? "-" : pair.adjustedPValue.map { ComparisonRow.probability($0) } ?? "-",
      ])
    }
    return table
  }

  var lossWords: String {
    "saved: pairing saved so many times the replications that independent runs would have taken. "
      + "p: of no difference, corrected for the number of pairs (Holm)."
  }

  /// Every metric, in the fullest layout that fits.
  func table(width: Int) -> TextTable {
    let layouts: [Layout] = [.all, .valuesAndDifferences, .differences]
    let tables = layouts.lazy.map { table($0) }
    return tables.first { $0.lines(width: .max, style: TextStyle(isColoured: false))[0].count <= width }
      ?? table(.differences)
  }

  /// What is shown of a variant beside the first.
  enum Layout {
    /// Value, difference, ratio, and what pairing saved.
    case all
    case valuesAndDifferences
    case differences
  }

  func table(_ layout: Layout) -> TextTable {
    let base = sides[0].name
    var columns: [TextTable.Column] = [.left("mean per replication"), .right(base)]
    for side in sides.dropFirst() {
      switch layout {
      case .all: columns += [.right(side.name), .right("- \(base)"), .right("ratio"), .right("saved")]
      case .valuesAndDifferences: columns += [.right(side.name), .right("- \(base)")]
      case .differences: columns.append(.right("\(side.name) - \(base)"))
      }
    }
    var table = TextTable(columns)
    for row in ComparisonRow.rows(of: self) {
      var cells = [row.label, row.text(row.metric.means[0])]
      for index in sides.indices.dropFirst() {
        let pair = row.metric.pair(0, index)
        if layout != .differences { cells.append(row.text(row.metric.means[index])) }
        cells.append(row.difference(pair))
        if layout == .all {
          cells += [ComparisonRow.ratio(pair, withError: false), ComparisonRow.saved(pair)]
        }
      }
      table.add(cells)
    }
    return table
  }

  var tableWords: [String] {
    guard replications > 1 else {
      return ["One replication: no intervals, so that no difference is shown to be more than chance."]
    }
    let hasUnpaired = sides.indices.dropFirst().contains { !arePaired(0, $0) }
    return [
      "± is half of the 95 % interval of the \(hasUnpaired ? "" : "paired ")difference (Student's t over "
        + "\(replications) replications\(hasUnpaired ? "; Welch where pairs are not synchronised" : "")); * where it "
        + "excludes 0, corrected for the number of pairs (Holm)."
    ]
  }

  /// What is to be known of the run, of the modes, then what variants had to say, with the names of those
  /// that said it.
  var notes: [String] {
    var all: [String] = []
    for side in sides { for note in side.notes where !all.contains(note) { all.append(note) } }
    return remarks + modeRemarks
      + all.map { note in
        let names = sides.filter { $0.notes.contains(note) }.map(\.name)
        return names.count == sides.count ? note : "\(names.joined(separator: ", ")): \(note)"
      }
  }
}
