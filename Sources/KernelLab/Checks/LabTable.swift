// SPDX-License-Identifier: GPL-3.0-or-later
//
// The table of checks that people look at: one row per address, one column per vantage point.

import Foundation
import SimStatistics

enum LabText {
  /// Three significant digits.
  static func number(_ value: Double) -> String {
    value != 0 && abs(value) < 0.001 ? String(format: "%.1e", value) : String(format: "%.3g", value)
  }

  static func pad(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }
}

/// Lays out a judgement.
public struct LabTable {
  public var judgement: LabJudgement

  public init(_ judgement: LabJudgement) { self.judgement = judgement }

  /// What a cell says: `2 p=.43` answered by two pods with this p-value, `1` by one, `1*` sticky, or the kind
  /// of failure; `!` for a disagreement.
  func cell(_ index: Int) -> String {
    let check = judgement.checks[index]
    let mark = judgement.problems(index).isEmpty ? "" : "!"
    let ways = check.prediction.ways
    guard check.prediction.mayAnswer else {
      let views = LabView.allCases.filter { view in ways.contains { $0.view == view } }
      return mark + views.map(\.rawValue).joined(separator: "/")
    }
    let pods = Set(ways.compactMap(\.server)).count
    if check.prediction.isSticky { return "\(mark)\(pods)*" }
    guard let test = check.test else { return "\(mark)\(pods)" }
    return "\(mark)\(pods) p=" + String(format: "%.2f", test.pValue)
  }

  /// Rows in the order in which targets first come, columns in that of the vantage points.
  public var text: String {
    var rows: [String] = []
    var columns: [String] = []
    var cells: [String: [String: String]] = [:]
    for (index, check) in judgement.checks.enumerated() {
      if cells[check.target] == nil { rows.append(check.target) }
      if !columns.contains(check.vantage) { columns.append(check.vantage) }
      cells[check.target, default: [:]][check.vantage] = cell(index)
    }
    let first = max(6, rows.map(\.count).max() ?? 0) + 2
    let widths = columns.map { column in
      2 + max(column.count, rows.map { cells[$0]?[column]?.count ?? 0 }.max() ?? 0)
    }
    func line(_ name: String, _ values: [String]) -> String {
      let padded = zip(values, widths).map { LabText.pad($0, $1) }.joined()
      return (LabText.pad(name, first) + padded).trimmingTrailingSpaces
    }
    var lines = [line("", columns)]
    for row in rows { lines.append(line(row, columns.map { cells[row]?[$0] ?? "" })) }
    return lines.joined(separator: "\n") + "\n"
  }

  /// What disagrees, in full; empty if nothing does.
  public var disagreements: String {
    judgement.disagreements.map { index in
      let check = judgement.checks[index]
      let head = "DISAGREES: \(check.target) from \(check.vantage): predicted \(check.prediction.summary)\n"
      return head + judgement.problems(index).map { "  \($0)\n" }.joined() + "  met: \(Self.tally(check))\n"
    }.joined()
  }

  /// `10.244.1.2:8080 saw 10.244.1.1 x 40`, and so on.
  static func tally(_ check: LabCheck) -> String {
    var order: [String] = []
    var counts: [String: Int] = [:]
    for attempt in check.attempts {
      var name: String
      if case .answered(let answer) = attempt.meeting {
        name = "\(answer.server) saw \(answer.seen.address)"
      } else {
        name = LabCheck.view(attempt.meeting)?.rawValue ?? "\(attempt.meeting)"
      }
      name += " x "
      if counts[name] == nil { order.append(name) }
      counts[name, default: 0] += 1
    }
    return order.map { "\($0)\(counts[$0] ?? 0)" }.joined(separator: ", ")
  }

  /// How many checks, connections and tests there were, and what they say together.
  public var summary: String {
    let tests = judgement.checks.compactMap(\.test)
    var text =
      "\(judgement.checks.count) checks, \(judgement.connections) connections: "
      + "\(judgement.disagreements.count) disagree\n"
    guard let pooled = judgement.pooled, let smallest = tests.map(\.pValue).min() else { return text }
    let adjusted = judgement.adjusted.compactMap { $0 }.min() ?? 1
    text +=
      "\(tests.count) chi-square tests: smallest p = \(LabText.number(smallest)), adjusted by Holm "
      + "\(LabText.number(adjusted)) (an alarm below \(LabText.number(judgement.level)))\n"
    text +=
      "all together: chi-square \(LabText.number(pooled.statistic)) with \(pooled.degreesOfFreedom) df, "
      + "p = \(LabText.number(pooled.pValue))\n"
    return text
  }
}

extension String {
  fileprivate var trimmingTrailingSpaces: String { String(reversed().drop { $0 == " " }.reversed()) }
}
