// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a second run of a scenario says of the first: the results that were in the folder before are read
// ahead of their replacement, and the summary ends with what is different. Earlier results that cannot be
// read say nothing; they never stop a run.

import Foundation
import Scenario
import SimStatistics

/// The main numbers of the results in a folder.
public struct EarlierResults: Sendable, Equatable {
  /// A metric of summary.csv.
  struct Figure: Sendable, Equatable {
    var value: Double
    var low: Double?
    var high: Double?
  }

  var runID = ""
  var version = ""
  var scenarioHash = ""
  var proxyMode = ""
  var seed = ""
  var replications = 0
  var digests: [String] = []
  /// By metric: over all replications where there are several.
  var figures: [String: Figure] = [:]

  /// What is compared.
  static let metrics = [
    "lost", "loss_ratio", "operations_lost", "connect_p99", "request_p99", "staleness_max",
  ]

  /// Nil if there are no results of a run, or none that can be read.
  public init?(folder: String) {
    guard let record = FileManager.default.contents(atPath: FilePaths.join(folder, RunRecord.fileName)),
      let json = try? JSONSerialization.jsonObject(with: record) as? [String: Any],
      let run = json["run"] as? [String: Any], let list = run["replications"] as? [[String: Any]],
      let data = FileManager.default.contents(atPath: FilePaths.join(folder, ReportTables.summary.file))
    else { return nil }
    runID = run["run_id"] as? String ?? ""
    version = run["version"] as? String ?? ""
    scenarioHash = run["scenario_hash"] as? String ?? ""
    proxyMode = run["proxy_mode"] as? String ?? ""
    seed = (run["seed"] as? NSNumber)?.stringValue ?? ""
    replications = list.count
    digests = list.map { $0["digest"] as? String ?? "" }
    guard readFigures(String(decoding: data, as: UTF8.self)) else { return nil }
  }

  private mutating func readFigures(_ text: String) -> Bool {
    var rows = CSVRows(text)
    guard let header = rows.next(), let metric = header.firstIndex(of: "metric"),
      let value = header.firstIndex(of: "value"), let low = header.firstIndex(of: "ci_low"),
      let high = header.firstIndex(of: "ci_high"), let replication = header.firstIndex(of: "replication")
    else { return false }
    while let row = rows.next() {
      guard row.count == header.count, Self.metrics.contains(row[metric]) else { continue }
      // Of several replications the row of all of them; of one its own.
      guard replications == 1 || row[replication].isEmpty, let number = Double(row[value]) else { continue }
      figures[row[metric]] = Figure(value: number, low: Double(row[low]), high: Double(row[high]))
    }
    return true
  }
}

extension RunSummary {
  /// Notes what is different from earlier results.
  public mutating func compare(with earlier: EarlierResults?) {
    guard let earlier else { return }
    if earlier.runID == identity.runID, earlier.proxyMode == identity.proxyMode,
      earlier.replications == replications, earlier.digests == digests
    {
      changes = ["Nothing: the same scenario, seed, version and replications, and the same results."]
      return
    }
    changes = settingChanges(earlier) + figureChanges(earlier)
  }

  private func settingChanges(_ earlier: EarlierResults) -> [String] {
    var words: [String] = []
    func note(_ name: String, _ old: String, _ new: String) {
      if old != new { words.append("\(name) \(old) -> \(new)") }
    }
    note("version", earlier.version, SimulationRun.version)
    note("seed", earlier.seed, String(identity.seed))
    note("proxy mode", earlier.proxyMode, identity.proxyMode)
    note("replications", String(earlier.replications), String(replications))
    let isSameSeed = earlier.seed == String(identity.seed) && earlier.version == SimulationRun.version
    if isSameSeed, earlier.runID != identity.runID { words.insert("the scenario's settings", at: 0) }
    return words.isEmpty ? [] : ["Changed: " + words.joined(separator: ", ") + "."]
  }

  private func figureChanges(_ earlier: EarlierResults) -> [String] {
    var lines: [String] = []
    for name in EarlierResults.metrics {
      guard let old = earlier.figures[name], let new = pooled.estimate(name).mean else { continue }
      let unit = SummaryMetric.catalogue.first { $0.metric == name }?.unit ?? ""
      let isPercent = unit == "ratio"
      func text(_ value: Double, _ half: Double?) -> String {
        PlusMinus.text(value, halfWidth: half, isPercent: isPercent)
          + (["s", "ms"].contains(unit) ? " \(unit)" : "")
      }
      guard old.value != new else { continue }
      let interval = pooled.estimate(name).interval(confidence: PooledMetrics.confidence)
      let oldHalf = old.low.flatMap { low in old.high.map { ($0 - low) / 2 } }
      lines.append(
        "\(name): \(text(old.value, oldHalf)) -> \(text(new, interval?.halfWidth)), "
          + judgement(old, oldHalf, new, interval) + ".")
    }
    return lines.isEmpty ? ["The main numbers are the same."] : lines
  }

  /// Whether two estimates differ by more than chance, as far as their intervals say.
  private func judgement(
    _ old: EarlierResults.Figure, _ oldHalf: Double?, _ new: Double, _ interval: ConfidenceInterval?
  ) -> String {
    guard let oldHalf, let newHalf = interval?.halfWidth else {
      return "which one replication cannot tell from chance"
    }
    let reach = (oldHalf * oldHalf + newHalf * newHalf).squareRoot()
    return abs(new - old.value) > reach ? "more than chance" : "within chance"
  }
}
