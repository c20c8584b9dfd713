// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which metrics the table of a comparison shows, under which names, and how their values are written.

import Foundation
import NetworkTypes
import SimStatistics

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
    let size = max(abs(pair.firstMean ?? 0), abs(pair.secondMean ?? 0))
    let text = Self.difference(difference.mean, pair.interval, size: size, scale: scale)
    return text + (pair.isDifferent ? "*" : " ")
  }

  /// `-31.2 ±4.1`
  /// - Parameter size: of the values that differ.
  static func difference(
    _ mean: Double, _ interval: ConfidenceInterval?, size: Double, scale: Double = 1
  ) -> String {
    guard let interval else {
      return signed(mean * scale, decimals: decimals(mean * scale, digits: 3))
    }
    let reach = interval.halfWidth * scale
    // Two digits of the error say where the difference ends; without error there is no such place.
    // … and no more decimals than the values have, plus one.
    let decimals = min(
      decimals(reach > 0 ? reach : mean * scale, digits: reach > 0 ? 2 : 3),
      decimals(size * scale, digits: 3) + 1)
    return signed(mean * scale, decimals: decimals) + " ±\(grouped(reach, decimals: decimals))"
  }

  /// `×0.970 ±0.011`; in the table without the error: `×0.970`.
  static func ratio(_ pair: MetricPair?, withError: Bool) -> String {
    guard let pair, let ratio = pair.ratio?.ratio else { return "-" }
    if pair.isAlwaysEqual { return "×1" }
    guard withError, let interval = pair.ratioInterval, interval.halfWidth > 0 else {
      return "×" + ReadableNumber.short(ratio)
    }
    let places = min(decimals(interval.halfWidth, digits: 2), decimals(ratio, digits: 3) + 1)
    return "×\(grouped(ratio, decimals: places)) ±\(grouped(interval.halfWidth, decimals: places))"
  }

  /// How many times the replications pairing saved: `4.1`, `same` where differences never vary.
  static func saved(_ pair: MetricPair?) -> String {
    guard let pair, let factor = pair.gain?.factor, pair.method == .paired else { return "-" }
    return factor.isFinite ? two(factor) : "∞"
  }

  /// Two digits, no more than are worth reading.
  private static func two(_ value: Double) -> String { grouped(value, decimals: value < 9.95 ? 1 : 0) }

  /// `0.034`, `<0.001`
  static func probability(_ value: Double) -> String {
    value < 0.001 ? "<0.001" : value > 0.999 ? "1" : grouped(value, decimals: 3)
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
    rows += comparison.askedMetrics.map { metric in
      let isShare = metric.unit == "ratio" && metric.metric.contains("loss_ratio")
      let unit = isShare ? ", %" : ["ms", "s"].contains(metric.unit) ? ", \(metric.unit)" : ""
      return ComparisonRow(label: metric.metric + unit, metric: metric, scale: isShare ? 100 : 1)
    }
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
