// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the summary says, section by section, before it is laid out as text or as Markdown: the same words and
// tables in both. The order is what a reader asks: how many were lost, why, who got the load, how long did it
// take, and how old were the tables.

import NetworkTypes
import SimKernel

/// A heading, some sentences and a table; each part may be empty.
struct SummarySection: Sendable {
  var title: String
  var table: TextTable?
  var remarks: [String] = []
}

extension RunSummary {
  /// - Parameter rowsMax: rows per table at most; what is left out is counted in a remark.
  func sections(rowsMax: Int) -> [SummarySection] {
    [causeSection(rowsMax), spreadSection(rowsMax), latencySection(rowsMax), stalenessSection].compactMap { $0 }
  }

  /// Name, mode, length, seed and run, in one line.
  var headline: String {
    var parts = [identity.proxyMode, "\(ReadableNumber.seconds(duration)) simulated", "seed \(identity.seed)"]
    if identity.variant != "base" { parts.insert("variant \(identity.variant)", at: 0) }
    if replications > 1 { parts.append("\(replications) replications") }
    if !identity.runID.isEmpty { parts.append("run \(identity.runID)") }
    return parts.joined(separator: ", ")
  }

  /// The counts, as name and value.
  var facts: [(name: String, value: String)] {
    let share = { (part: Int, whole: Int) in
      whole > 0 ? " (\(ReadableNumber.percent(Double(part) / Double(whole))))" : ""
    }
    var facts = [
      ("attempted", "\(ReadableNumber.grouped(attempted)) connections"),
      ("completed", ReadableNumber.grouped(count(.completed)) + share(count(.completed), attempted)),
      ("lost", ReadableNumber.grouped(lost) + lossWords),
      ("operations", operationWords),
    ]
    let apart = [Outcome.misdelivered, .clientGone, .unfinished].filter { count($0) > 0 || $0 == .misdelivered }
    let words = apart.map { "\($0.rawValue) \(ReadableNumber.grouped(count($0)))" }
    facts.append(("neither", words.joined(separator: ", ")))
    return facts.map { (name: $0.0, value: $0.1) }
  }

  private var lossWords: String {
    guard let ratio = lossRatio else { return "" }
    let interval = ReadableNumber.percent(ratio.low...ratio.high)
    var words = ", loss ratio \(ReadableNumber.percent(ratio.estimate)) (95 % interval \(interval))"
    let seen = outcomes.filter { $0.outcome.isLost && $0.count > 0 }.sorted { $0.count > $1.count }
    if !seen.isEmpty {
      words += ": " + seen.map { "\($0.outcome.rawValue) \(ReadableNumber.grouped($0.count))" }.joined(separator: ", ")
    }
    return words
  }

  private var operationWords: String {
    guard operations > 0 else { return "0" }
    return "\(ReadableNumber.grouped(operations)), of which \(ReadableNumber.grouped(operationsLost)) "
      + "(\(ReadableNumber.percent(Double(operationsLost) / Double(operations)))) lost after "
      + "\(ReadableNumber.grouped(retries)) retries"
  }

  private func causeSection(_ rowsMax: Int) -> SummarySection? {
    let causes = causes
    guard !causes.isEmpty else { return nil }
    let hasMisdelivered = causes.contains { $0.misdelivered > 0 }
    var table = TextTable(
      [.left("cause"), .right("lost"), .right("share")] + (hasMisdelivered ? [.right("misdelivered")] : [])
        + [.left("worst: node, client -> target", least: 24), .right("of these"), .left("began at")])
    for count in causes.prefix(rowsMax) {
      let share = lost > 0 ? ReadableNumber.percent(Double(count.lost) / Double(lost)) : "-"
      let offender = offenders.worst(of: count.cause)
      table.add(
        [count.cause.rawValue, ReadableNumber.grouped(count.lost), share]
          + (hasMisdelivered ? [ReadableNumber.grouped(count.misdelivered)] : [])
          + [
            offender?.place ?? "-", offender.map { ReadableNumber.grouped($0.connections) } ?? "-",
            offender?.when ?? "-",
          ])
    }
    var remarks = leftOut(causes.count, rowsMax, "connection_loss.csv")
    if lostNotListed > 0 {
      remarks.append(
        "The worst are those of the connections listed in lost_connections.csv; "
          + "\(ReadableNumber.grouped(lostNotListed)) more are counted but not listed.")
    }
    return SummarySection(title: "Lost by cause", table: table, remarks: remarks)
  }

  private func spreadSection(_ rowsMax: Int) -> SummarySection? {
    let lines = spreadLines.filter { $0.connections > 0 }
    guard !lines.isEmpty else { return nil }
    var table = TextTable([
      .left("target", least: 20), .right("endpoints"), .right("connections"), .right("share of each"),
      .right("expected"), .right("max/mean"), .right("p-value"),
    ])
    for line in lines.prefix(rowsMax) {
      table.add([
        line.target.words, ReadableNumber.grouped(line.endpoints), ReadableNumber.grouped(line.connections),
        ReadableNumber.percent(line.observed), ReadableNumber.percent(line.expected),
        ReadableNumber.short(line.maxOverMean), ReadableNumber.short(line.pValue),
      ])
    }
    let remarks = leftOut(lines.count, rowsMax, "load_balance_stats.csv")
    return SummarySection(title: "Load on endpoints", table: table, remarks: remarks)
  }

  private func latencySection(_ rowsMax: Int) -> SummarySection? {
    guard !latencyLines.isEmpty else { return nil }
    var table = TextTable([
      .left("target", least: 20), .left("phase"), .right("count"), .right("p50"), .right("p90"), .right("p99"),
      .right("max"),
    ])
    let lines = latencyLines.filter { $0.phase != .dns } + latencyLines.filter { $0.phase == .dns }
    let targets = lines.reduce(into: [TargetName]()) { if !$0.contains($1.target) { $0.append($1.target) } }
    for target in targets.prefix(rowsMax) {
      for line in lines where line.target == target {
        let histogram = line.histogram
        table.add(
          [target.words, line.phase.rawValue, ReadableNumber.grouped(histogram.count)]
            + [0.5, 0.9, 0.99].map { ReadableNumber.short(histogram.milliseconds(quantile: $0)) }
            + [ReadableNumber.short(histogram.maxMilliseconds)])
      }
    }
    let remarks = leftOut(targets.count, rowsMax, "latency.csv")
    return SummarySection(title: "Latency of completed attempts, ms", table: table, remarks: remarks)
  }

  private var stalenessSection: SummarySection? {
    guard staleness.rows > 0 || staleness.syncs > 0 else { return nil }
    var remarks: [String] = []
    if let worst = staleness.worst {
      let share = ReadableNumber.percent(Double(staleness.staleRows) / Double(staleness.rows))
      remarks.append(
        "Worst: \(worst.node) with a table \(ReadableNumber.seconds(worst.age)) behind the API at "
          + "\(ReadableNumber.seconds(worst.at)), \(worst.servicesWrong) Services wrong. "
          + "\(share) of all node-bins ended with a change not programmed.")
    } else {
      remarks.append("At the end of no time bin did a node have a change not programmed.")
    }
    if let mean = staleness.programmingLatencyMean, let slowest = staleness.slowest {
      remarks.append(
        "Programming latency: mean \(ReadableNumber.short(mean)) s over \(ReadableNumber.grouped(staleness.syncsWithChanges)) "
          + "syncs with changes, worst \(ReadableNumber.seconds(slowest.latency)) on \(slowest.node) at "
          + "\(ReadableNumber.seconds(slowest.at)).")
    }
    return SummarySection(title: "Age of the nodes' tables", table: nil, remarks: remarks)
  }

  private func leftOut(_ count: Int, _ rowsMax: Int, _ file: String) -> [String] {
    count > rowsMax ? ["\(count - rowsMax) more in \(file)."] : []
  }
}

extension TargetName {
  /// `shop/web:80`
  var words: String { port.isEmpty ? service : "\(service):\(port)" }
}

extension Offender {
  fileprivate var place: String { (node.isEmpty ? "" : "\(node), ") + "\(client) -> \(target.words)" }
  fileprivate var when: String {
    let (first, last) = (ReadableNumber.short(from.seconds), ReadableNumber.short(to.seconds))
    return first == last ? "\(first) s" : "\(first)..\(last) s"
  }
}
