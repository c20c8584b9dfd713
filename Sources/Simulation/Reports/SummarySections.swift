// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the summary says, section by section, before it is laid out as text or as Markdown: the same words and
// tables in both. The order is what a reader asks: how many were lost, why, who got the load, how long did it
// take, and how old were the tables.

import NetworkTypes
import SimKernel
import SimStatistics

/// A heading, some sentences and a table; each part may be empty.
struct SummarySection: Sendable {
  var title: String
  var table: TextTable?
  var remarks: [String] = []
}

extension RunSummary {
  /// - Parameter rowsMax: rows per table at most; what is left out is counted in a remark.
  func sections(rowsMax: Int) -> [SummarySection] {
    [
      thresholds.section,
      causeSection("Lost by cause", rowsMax, misdelivered: false) { $0.lost },
      causeSection("Misdelivered by cause", rowsMax, misdelivered: true) { $0.misdelivered },
      spreadSection(rowsMax), latencySection(rowsMax), steadyState.section(rowsMax: rowsMax),
      stalenessSection,
    ].compactMap { $0 }
  }

  /// Name, mode, length, seed and run, in one line.
  var headline: String {
    var parts = [
      identity.proxyMode, "\(ReadableNumber.seconds(duration)) simulated", "seed \(identity.seed)",
    ]
    if identity.variant != "base" { parts.insert("variant \(identity.variant)", at: 0) }
    if replications > 1 { parts.append("\(replications) replications") }
    if !identity.runID.isEmpty { parts.append("run \(identity.runID)") }
    return parts.joined(separator: ", ")
  }

  /// The counts, as name and value.
  var facts: [(name: String, value: String)] {
    if replications > 1 { return factsPerReplication }
    let share = { (part: Int, whole: Int) in
      whole > 0 ? " (\(ReadableNumber.percent(Double(part) / Double(whole))))" : ""
    }
    var facts = [
      ("attempted", "\(ReadableNumber.grouped(attempted)) connections"),
      ("completed", ReadableNumber.grouped(count(.completed)) + share(count(.completed), attempted)),
      ("lost", ReadableNumber.grouped(lost) + lossWords),
    ]
    if lost > 0 { facts.append(("", outcomeWords)) }
    facts.append(("operations", operationWords))
    let apart = [Outcome.misdelivered, .clientGone, .unfinished].filter {
      count($0) > 0 || $0 == .misdelivered
    }
    let words = apart.map { "\($0.rawValue) \(ReadableNumber.grouped(count($0)))" }
    facts.append(("neither", words.joined(separator: ", ")))
    return facts.map { (name: $0.0, value: $0.1) }
  }

  /// Means per replication with half of their 95 % interval.
  private var factsPerReplication: [(name: String, value: String)] {
    let count = { (name: String) in PlusMinus.text(pooled.estimate(name)) }
    let share = { (name: String) in PlusMinus.text(pooled.estimate(name), isPercent: true) }
    var facts = [
      ("per run", "mean ± half of the 95 % interval, Student's t over \(replications) replications"),
      ("attempted", "\(count("attempted")) connections"),
      ("completed", count("outcome.completed")),
      ("lost", "\(count("lost")), loss ratio \(share("loss_ratio"))"),
    ]
    let seen = outcomes.filter { $0.outcome.isLost && $0.count > 0 }.sorted { $0.count > $1.count }
    if lost > 0 {
      facts.append(
        (
          "",
          seen.map { "\($0.outcome.rawValue) \(count("outcome.\($0.outcome.rawValue)"))" }.joined(
            separator: ", ")
        )
      )
    }
    facts.append(
      (
        "operations",
        "\(count("operations")), of which \(count("operations_lost")) (\(share("operation_loss_ratio"))) "
          + "lost after \(count("retries")) retries"
      ))
    let apart = [Outcome.misdelivered, .clientGone, .unfinished].filter {
      self.count($0) > 0 || $0 == .misdelivered
    }
    facts.append(
      ("neither", apart.map { "\($0.rawValue) \(count("outcome.\($0.rawValue)"))" }.joined(separator: ", ")))
    if let precision { facts.append(("precision", Self.words(precision, replications))) }
    return facts.map { (name: $0.0, value: $0.1) }
  }

  private static func words(_ rule: PrecisionRule, _ replications: Int) -> String {
    let reached = rule.reached.map { "± \(rule.words($0))" } ?? "no interval"
    return rule.isContent
      ? "\(rule.query) \(reached), wanted ± \(rule.words(rule.wanted)): enough after \(replications)"
      : "NOT reached: \(rule.query) \(reached) after \(replications), wanted ± \(rule.words(rule.wanted))"
  }

  /// What was noted in the run, then what makes intervals weak.
  var allNotes: [String] {
    notes + weaknesses.map { "\($0.what): \($0.weakness)." }
  }

  private var lossWords: String {
    guard let ratio = lossRatio else { return "" }
    let words = ", loss ratio \(ReadableNumber.percent(ratio))"
    guard let interval = lossInterval else { return words }
    return words + " (95 % interval \(ReadableNumber.percent(max(0, interval.low)...interval.high)))"
  }

  /// What the clients of lost connections saw, most frequent first.
  private var outcomeWords: String {
    let seen = outcomes.filter { $0.outcome.isLost && $0.count > 0 }.sorted { $0.count > $1.count }
    return seen.map { "\($0.outcome.rawValue) \(ReadableNumber.grouped($0.count))" }.joined(separator: ", ")
  }

  private var operationWords: String {
    guard operations > 0 else { return "0" }
    return "\(ReadableNumber.grouped(operations)), of which \(ReadableNumber.grouped(operationsLost)) "
      + "(\(ReadableNumber.percent(Double(operationsLost) / Double(operations)))) lost after "
      + "\(ReadableNumber.grouped(retries)) retries"
  }

  /// Causes of what was lost, or of what was misdelivered.
  private func causeSection(
    _ title: String, _ rowsMax: Int, misdelivered: Bool, count: (CauseCount) -> Int
  ) -> SummarySection? {
    let causes = causes(count)
    let total = causes.reduce(0) { $0 + count($1) }
    guard total > 0 else { return nil }
    var table = TextTable([
      .left("cause"), .right(replications > 1 ? "per run" : "number"), .right("share"),
      .left("worst: node, client -> target", least: 24), .right("of these"), .left("began at"),
    ])
    for cause in causes.prefix(rowsMax) {
      let offender = offenders.worst(of: cause.cause, misdelivered: misdelivered)
      table.add([
        cause.cause.rawValue, causeWords(cause.cause, count(cause)),
        ReadableNumber.roughPercent(Double(count(cause)) / Double(total)), offender?.place ?? "-",
        offender.map { ReadableNumber.grouped($0.connections) } ?? "-", offender?.when ?? "-",
      ])
    }
    var remarks = leftOut(causes.count, rowsMax, "connection_loss.csv")
    if lostNotListed > 0 {
      remarks.append(
        "Worst offenders are found among the connections of lost_connections.csv; "
          + "\(ReadableNumber.grouped(lostNotListed)) more are counted but not listed.")
    }
    return SummarySection(title: title, table: table, remarks: remarks)
  }

  /// Lost and misdelivered together are in one metric; where both occur the count stands alone.
  private func causeWords(_ cause: Cause, _ count: Int) -> String {
    guard replications > 1 else { return ReadableNumber.grouped(count) }
    let estimate = pooled.estimate("cause.\(cause.rawValue)")
    let isWhole = Int(estimate.values.reduce(0, +).rounded()) == count
    return isWhole
      ? PlusMinus.text(estimate) : ReadableNumber.short(Double(count) / Double(replications))
  }

  private func spreadSection(_ rowsMax: Int) -> SummarySection? {
    let lines = spreadLines.filter { $0.connections > 0 }
    guard !lines.isEmpty else { return nil }
    var table = TextTable([
      .left("target", least: 20), .right("endpoints"), .right("connections"), .right("observed share"),
      .right("expected share"), .right("max/mean"), .right("p-value"),
    ])
    for line in lines.prefix(rowsMax) {
      table.add([
        line.target.words, ReadableNumber.grouped(line.endpoints), ReadableNumber.grouped(line.connections),
        ReadableNumber.percent(line.observed), ReadableNumber.percent(line.expected),
        line.maxOverMeans.count > 1
          ? PlusMinus.text(line.maxOverMeans) : ReadableNumber.short(line.maxOverMean),
        replications > 1 ? "-" : ReadableNumber.short(line.pValue),
      ])
    }
    let remarks = leftOut(lines.count, rowsMax, "load_balance_stats.csv")
    return SummarySection(title: "Load on endpoints", table: table, remarks: remarks)
  }

  private func latencySection(_ rowsMax: Int) -> SummarySection? {
    guard !latencyLines.isEmpty else { return nil }
    var table = TextTable([
      .left("target", least: 20), .left("phase"), .right("count"), .right("p50"), .right("p90"),
      .right("p99"),
      .right("max"),
    ])
    func add(
      _ target: String, _ phase: LatencyPhase, _ histogram: LatencyHistogram, _ quantiles: [Double: [Double]]
    ) {
      table.add(
        [target, phase.rawValue, ReadableNumber.grouped(histogram.count)]
          + LatencyLine.shown.map { quantile in
            let values = quantiles[quantile] ?? []
            return values.count > 1
              ? PlusMinus.text(values) : ReadableNumber.short(histogram.milliseconds(quantile: quantile))
          }
          + [ReadableNumber.short(histogram.maxMilliseconds)])
    }
    let lines = latencyLines.filter { $0.phase != .dns }
    let targets = lines.reduce(into: [TargetName]()) { if !$0.contains($1.target) { $0.append($1.target) } }
    for target in targets.prefix(rowsMax) {
      for line in lines where line.target == target {
        add(target.words, line.phase, line.histogram, line.quantiles)
      }
    }
    // One resolver answers for all names, so that one line says it all.
    var dns = LatencyHistogram()
    for line in latencyLines where line.phase == .dns { dns.merge(line.histogram) }
    if dns.count > 0 { add("all names", .dns, dns, [:]) }
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
          + "Over all nodes and time bins, \(share) ended with a change not programmed.")
    } else {
      remarks.append("At the end of no time bin did a node have a change not programmed.")
    }
    let changes = staleness.syncsWithChanges
    if let mean = staleness.programmingLatencyMean, let slowest = staleness.slowest {
      remarks.append(
        "Programming latency: mean \(ReadableNumber.short(mean)) s over \(ReadableNumber.grouped(changes)) "
          + "\(changes == 1 ? "sync" : "syncs") with changes, worst "
          + "\(ReadableNumber.seconds(slowest.latency)) on \(slowest.node) at "
          + "\(ReadableNumber.seconds(slowest.at)).")
    }
    if replications > 1 {
      let (worst, mean) = (pooled.estimate("staleness_max"), pooled.estimate("staleness_mean"))
      remarks.append(
        "Per run: mean age \(PlusMinus.text(mean)) s, oldest \(PlusMinus.text(worst)) s.")
    }
    return SummarySection(title: "Age of the nodes' tables", table: nil, remarks: remarks)
  }

  private func leftOut(_ count: Int, _ rowsMax: Int, _ file: String) -> [String] {
    count > rowsMax ? ["\(count - rowsMax) more in \(file)."] : []
  }
}

extension TargetName {
  /// `shop/web:80`; `web:80` in the namespace `default`, which kubectl does not show either.
  var words: String {
    let prefix = "default/"
    let name = service.hasPrefix(prefix) ? String(service.dropFirst(prefix.count)) : service
    return port.isEmpty ? name : "\(name):\(port)"
  }
}

extension Offender {
  fileprivate var place: String { (node.isEmpty ? "" : "\(node), ") + "\(client) -> \(target.words)" }
  fileprivate var when: String {
    let (first, last) = (ReadableNumber.short(from.seconds), ReadableNumber.short(to.seconds))
    return first == last ? "\(first) s" : "\(first)..\(last) s"
  }
}
