// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which metrics the table of a comparison shows, under which names, and how their values are written.

import Foundation
import NetworkTypes

/// A row of the table.
struct ComparisonRow {
  var label: String
  var metric: MetricComparison
  /// Values are shown multiplied by this: 100 for percentages.
  var scale = 1.0

  func text(_ value: Double?) -> String { ReadableNumber.short(value.map { $0 * scale }) }

  /// `-31.2 ±4.1*`; without an interval the difference alone.
  func difference(_ pair: MetricPair?) -> String {
    // A blank in the place of the star keeps the digits of a column below each other.
    guard let pair, let difference = pair.difference else { return "- " }
    if pair.isAlwaysEqual { return "0 " }
    guard let interval = pair.interval else {
      return Self.signed(difference.mean * scale, decimals: Self.decimals(difference.mean * scale, digits: 3))
        + " "
    }
    let reach = interval.halfWidth * scale
    // Two digits of the error say where the difference ends; without error there is no such place.
    // … and no more decimals than the values have, plus one.
    let size = max(abs(pair.firstMean ?? 0), abs(pair.secondMean ?? 0)) * scale
    let decimals = min(
      Self.decimals(reach > 0 ? reach : difference.mean * scale, digits: reach > 0 ? 2 : 3),
      Self.decimals(size, digits: 3) + 1)
    return Self.signed(difference.mean * scale, decimals: decimals)
      + " ±\(Self.grouped(reach, decimals: decimals))" + (pair.isDifferent ? "*" : " ")
  }

  private static func decimals(_ value: Double, digits: Int) -> Int {
    guard value != 0, value.isFinite else { return 0 }
    return min(9, max(0, digits - 1 - Int(log10(abs(value)).rounded(.down))))
  }

  private static func signed(_ value: Double, decimals: Int) -> String {
    let text = grouped(value, decimals: decimals)
    return (value > 0 && text.contains { ("1"..."9").contains($0) } ? "+" : "") + text
  }

  static func grouped(_ value: Double, decimals: Int) -> String {
    let rounded = String(format: "%.*f", decimals, value)
    // What rounds to zero has no sign.
    let text = Double(rounded) == 0 && rounded.hasPrefix("-") ? String(rounded.dropFirst()) : rounded
    let parts = text.split(separator: ".", maxSplits: 1)
    guard let whole = Int(parts[0]) else { return text }
    // "-0.3" has a whole part of 0, whose sign Int forgets.
    let sign = text.hasPrefix("-") && whole == 0 ? "-" : ""
    return sign + ReadableNumber.grouped(whole) + (parts.count > 1 ? "." + parts[1] : "")
  }

  // MARK: The rows

  static func rows(of comparison: Comparison) -> [ComparisonRow] {
    func row(_ label: String, _ metric: String, scale: Double = 1) -> ComparisonRow {
      ComparisonRow(label: label, metric: comparison.metric(metric), scale: scale)
    }
    let causes = Cause.allCases.map { row("  \($0.rawValue)", "cause.\($0.rawValue)") }
      .filter { !$0.metric.isZero }
    let misdelivered = row("misdelivered", "outcome.misdelivered")
    var rows = [
      row("attempts", "attempted"), row("lost", "lost"),
    ]
    rows += causes
    if !misdelivered.metric.isZero { rows.append(misdelivered) }
    rows += [
      row("loss ratio, %", "loss_ratio", scale: 100),
      row("operations lost after retries", "operations_lost"),
      row("connect p50, ms", "connect_p50"), row("connect p99, ms", "connect_p99"),
      row("request mean, ms", "request_mean"), row("request p99, ms", "request_p99"),
      row("load max/mean", "load_max_over_mean"), row("load CV", "load_cv"),
      row("load CV expected", "load_expected_cv"),
      row("table age mean, s", "staleness_mean"), row("table age max, s", "staleness_max"),
      row("Services wrong mean", "services_wrong_mean"), row("Services wrong max", "services_wrong_max"),
      row("programming latency, ms", "programming_latency_mean"),
      row("rules per node", "rules_per_node"),
      row("syncs", "syncs"), row("sync time mean, ms", "sync_duration_mean"),
    ]
    return rows.filter { row in row.metric.means.contains { $0 != nil } }
  }
}
