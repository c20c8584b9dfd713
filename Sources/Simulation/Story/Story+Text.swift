// SPDX-License-Identifier: GPL-3.0-or-later
//
// The story for a terminal and as Markdown: the question, the answer, what happened, then each incident that
// cost connections with its chain of news and the price of every gap.

import NetworkTypes
import SimKernel

extension Story {
  /// - Parameters:
  ///   - strandsMax: pods, nodes and paths told per incident; the others are summed up.
  ///   - isColoured: with the control sequences of a terminal (text only).
  public func text(strandsMax: Int = 4, isColoured: Bool = false, width: Int = 110) -> String {
    let style = TextStyle(isColoured: isColoured)
    var lines = [style.bold(scenario) + "  " + style.dim(headline), ""]
    lines += fact("Question", question, width) + fact("Issues", issues, width)
    lines += fact("Answer", answer, width).map { lost.count > 0 ? style.red($0) : style.green($0) }
    if let replications = answerReplications {
      lines += fact("", "(this run; sim answers has the figures of \(replications) replications)", width)
    }
    if hasOverview {
      lines += ["", style.bold("What happened")] + overview.lines(width: width, style: style)
    }
    for (number, incident) in incidents.enumerated() where incident.losses.count > 0 {
      lines += ["", style.bold("\(number + 1). " + heading(incident))]
      lines += Trace.wrapped(split(incident.losses), "   ", width: width)
      for strand in incident.strands.prefix(strandsMax) {
        lines += [""] + text(strand, from: incident.time, style, width)
      }
      if let rest = rest(incident, strandsMax) { lines += [""] + Trace.wrapped(rest, "   ", width: width) }
    }
    if let table = remedyTable {
      lines += ["", style.bold("What would have saved them")] + table.lines(width: width, style: style)
    }
    lines += [""] + Trace.wrapped(total, "", width: width)
    return lines.joined(separator: "\n") + "\n"
  }

  private var headline: String {
    let run = replication > 0 ? ", replication \(replication)" : ""
    return "seed \(seed)\(run), \(ReadableNumber.seconds(duration)), \(mode)"
  }

  private func fact(_ name: String, _ value: String, _ width: Int) -> [String] {
    value.isEmpty ? [] : fact(name, [value], width)
  }

  private func fact(_ name: String, _ values: [String], _ width: Int) -> [String] {
    let indent = 10
    let lines = values.flatMap { TextTable.wrap($0, width: width - indent) }
    return lines.enumerated().map { index, line in
      let head = index == 0 ? name : ""
      return head + String(repeating: " ", count: indent - head.count) + line
    }
  }

  /// What this run says to the question.
  var answer: String {
    guard lost.count > 0 else {
      return "None of \(ReadableNumber.grouped(attempted)) connections was lost in this run."
    }
    let ratio = lossRatio.map { " (\(ReadableNumber.percent($0)))" } ?? ""
    var text =
      "\(ReadableNumber.grouped(lost.count)) of \(ReadableNumber.grouped(attempted)) connections were lost"
      + "\(ratio): \(Losses.words(lost.byCause))."
    let dear = incidents.filter { $0.losses.count > 0 }
    if let first = dear.first {
      let at = ReadableNumber.seconds(first.time)
      let cost = ReadableNumber.grouped(first.losses.count)
      let share = first.losses.count == lost.count ? "them all" : cost
      text +=
        dear.count == 1
        ? " One incident cost \(share): \(first.title), at \(at)."
        : " The dearest of \(dear.count) incidents: \(first.title), at \(at), with \(cost)."
    }
    return text
  }

  private var hasOverview: Bool { !incidents.isEmpty || unattributed.count > 0 }

  /// Every incident in order of time.
  private var overview: TextTable {
    var table = TextTable([
      .right("AT"), .left("WHAT", least: 24), .right("LOST"), .left("CAUSES", least: 20),
    ])
    let order = incidents.indices.sorted {
      incidents[$0].time == incidents[$1].time ? $0 < $1 : incidents[$0].time < incidents[$1].time
    }
    // A long list of what cost nothing tells nobody anything.
    let isLong = incidents.count > 40
    for index in order where !isLong || incidents[index].losses.count > 0 {
      let incident = incidents[index]
      table.add([
        ReadableNumber.seconds(incident.time), incident.title, ReadableNumber.grouped(incident.losses.count),
        incident.losses.count == 0 ? "-" : Losses.words(incident.losses.byCause, most: 2),
      ])
    }
    if isLong {
      let quiet = incidents.count { $0.losses.count == 0 }
      table.add(["", "\(quiet) other incidents cost nothing", "0", "-"])
    }
    if unattributed.count > 0 {
      table.add([
        "-", "nothing in particular", ReadableNumber.grouped(unattributed.count),
        Losses.words(unattributed.byCause, most: 2),
      ])
    }
    return table
  }

  private func heading(_ incident: Incident) -> String {
    "\(incident.title), at \(ReadableNumber.seconds(incident.time)): "
      + "\(ReadableNumber.grouped(incident.losses.count)) lost"
  }

  private func split(_ losses: Losses) -> String {
    "by Service: \(Losses.words(losses.byService)); by client: \(Losses.words(losses.byClient))"
  }

  private func text(_ strand: Strand, from start: SimTime, _ style: TextStyle, _ width: Int) -> [String] {
    var lines = ["   \(strand.title): \(ReadableNumber.grouped(strand.losses.count)) lost"]
    for step in strand.steps {
      let time = Self.offset(step.time - start)
      let prefix = "   " + String(repeating: " ", count: max(0, 10 - time.count)) + time + "  "
      let blank = String(repeating: " ", count: prefix.count)
      let block = TextTable.wrap(step.what, width: width - prefix.count)
      lines += block.enumerated().map { $0 == 0 ? style.dim(prefix) + $1 : blank + $1 }
      if step.lostUntilNext.count > 0 {
        let price = "\(ReadableNumber.grouped(step.lostUntilNext.count)) lost: "
        let text = price + Losses.words(step.lostUntilNext.byCause)
        lines += Trace.wrapped(text, blank + "|  ", width: width).map { style.red($0) }
      }
    }
    return lines
  }

  private static func offset(_ span: SimDuration) -> String { "+" + ReadableNumber.span(span) }

  private func rest(_ incident: Incident, _ strandsMax: Int) -> String? {
    let others = incident.strands.dropFirst(strandsMax)
    guard !others.isEmpty else { return nil }
    let count = others.reduce(0) { $0 + $1.losses.count }
    let names = others.map { "\($0.title) \(ReadableNumber.grouped($0.losses.count))" }
    return "and \(others.count) more that cost \(ReadableNumber.grouped(count)): "
      + names.joined(separator: ", ")
  }

  private var total: String {
    let counted = incidents.reduce(0) { $0 + $1.losses.count }
    var text =
      "total \(ReadableNumber.grouped(lost.count)) lost = \(ReadableNumber.grouped(counted)) in incidents + "
      + "\(ReadableNumber.grouped(unattributed.count)) without one, as in loss_ledger.csv"
    if misdelivered > 0 { text += "; \(ReadableNumber.grouped(misdelivered)) misdelivered besides" }
    return text
  }

  /// What a run with one thing changed saves, and what it loses that was not lost before.
  private var remedyTable: TextTable? {
    guard let remedies else { return nil }
    var table = TextTable([.left("WITH"), .right("SAVED"), .right("LOST ONLY THEN"), .right("LOST IN ALL")])
    for row in remedies {
      let mark = row.hasSameArrivals ? "" : " (other arrivals)"
      table.add([
        row.change.name + mark, ReadableNumber.grouped(row.saved), ReadableNumber.grouped(row.alsoLost),
        ReadableNumber.grouped(row.lost),
      ])
    }
    return table
  }

  // MARK: Markdown

  /// As Markdown, for an issue or a post-mortem.
  public func markdown(strandsMax: Int = 4) -> String {
    var lines = ["# \(scenario)", "", headline, ""]
    if !question.isEmpty { lines += ["> \(question)", ""] }
    lines += ["**\(answer)**", ""]
    if !issues.isEmpty { lines += ["Issues: " + issues.map { "<\($0)>" }.joined(separator: ", "), ""] }
    if hasOverview { lines += ["## What happened", ""] + overview.markdown() }
    for (number, incident) in incidents.enumerated() where incident.losses.count > 0 {
      lines += ["", "## \(number + 1). \(heading(incident))", "", split(incident.losses)]
      for strand in incident.strands.prefix(strandsMax) {
        lines += ["", "### \(strand.title): \(ReadableNumber.grouped(strand.losses.count)) lost", ""]
        var table = TextTable([.right("AFTER"), .left("WHAT"), .right("LOST UNTIL NEXT"), .left("CAUSES")])
        for step in strand.steps {
          let losses = step.lostUntilNext
          table.add([
            Self.offset(step.time - incident.time), step.what, ReadableNumber.grouped(losses.count),
            Losses.words(losses.byCause),
          ])
        }
        lines += table.markdown()
      }
      if let rest = rest(incident, strandsMax) { lines += ["", rest] }
    }
    if let table = remedyTable { lines += ["", "## What would have saved them", ""] + table.markdown() }
    return (lines + ["", total]).joined(separator: "\n") + "\n"
  }
}
