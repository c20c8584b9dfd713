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

  /// `.43`; `1` and `4e-03` where two digits say nothing.
  static func chance(_ value: Double) -> String {
    if value < 0.01 { return String(format: "%.0e", value) }
    let text = String(format: "%.2f", value)
    return text.hasPrefix("0") ? String(text.dropFirst()) : "1"
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
    return "\(mark)\(pods) p=" + LabText.chance(test.pValue)
  }

  /// Rows in the order in which targets first come, columns in that of the vantage points, whose names stand
  /// on two lines: `NAME, WHERE`.
  public var text: String {
    var rows: [String] = []
    var columns: [String] = []
    var cells: [String: [String: String]] = [:]
    for (index, check) in judgement.checks.enumerated() where check.story == nil {
      if cells[check.target] == nil { rows.append(check.target) }
      if !columns.contains(check.vantage) { columns.append(check.vantage) }
      cells[check.target, default: [:]][check.vantage] = cell(index)
    }
    let first = max(6, rows.map(\.count).max() ?? 0) + 2
    let heads = columns.map { column -> [String] in
      let parts = column.split(separator: ",", maxSplits: 1).map { String($0.drop { $0 == " " }) }
      return parts.count == 2 ? parts : ["", column]
    }
    let widths = columns.indices.map { number in
      let body = rows.map { cells[$0]?[columns[number]]?.count ?? 0 }.max() ?? 0
      return 2 + max(body, heads[number].map(\.count).max() ?? 0)
    }
    func line(_ name: String, _ values: [String]) -> String {
      let padded = zip(values, widths).map { LabText.pad($0, $1) }.joined()
      return (LabText.pad(name, first) + padded).trimmingTrailingSpaces
    }
    var lines = [line("", heads.map { $0[0] }), line("", heads.map { $0[1] })]
    for row in rows { lines.append(line(row, columns.map { cells[row]?[$0] ?? "" })) }
    return lines.joined(separator: "\n") + "\n" + stories
  }

  /// Checks that are more than connections to one address.
  private var stories: String {
    var rows = [["", "predicted", "met", "p"]]
    for (index, check) in judgement.checks.enumerated() {
      guard let story = check.story else { continue }
      let mark = judgement.problems(index).isEmpty ? "" : "!"
      let value = check.test.map { LabText.chance($0.pValue) } ?? ""
      rows.append([check.target, story.predicted, mark + story.met, value])
    }
    guard rows.count > 1 else { return "" }
    let widths = (0..<4).map { column in 2 + (rows.map { $0[column].count }.max() ?? 0) }
    let lines = rows.map { row in
      zip(row, widths).map { LabText.pad($0, $1) }.joined().trimmingTrailingSpaces + "\n"
    }
    return "\n" + lines.joined()
  }

  /// What the cells mean.
  public static let legend = """
    3 p=.43  answered by three pods; p of the chi-square test of their shares against the predicted ones
    1        answered by one pod
    3*       answered by one of three pods, and always by the same one (session affinity)
    refused, unreachable, silence: what the client met instead of an answer. ! marks a disagreement.
    An answer agrees only if the pod saw the predicted source address.
    """

  /// What disagrees, in full; empty if nothing does.
  public var disagreements: String {
    judgement.disagreements.map { index in
      let check = judgement.checks[index]
      let predicted = check.story?.predicted ?? check.prediction.summary
      let head = "DISAGREES: \(check.target) (from \(check.vantage)): predicted \(predicted)\n"
      return head + judgement.problems(index).map { "  \($0)\n" }.joined() + "  met: \(Self.tally(check))\n"
    }.joined()
  }

  /// `10.244.1.2:8080 saw 10.244.1.1 x 40`, and so on.
  public static func tally(_ check: LabCheck) -> String {
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

  /// `137, 128 and 135`, by server; other meetings by their kind.
  public static func spread(_ attempts: [LabAttempt]) -> String {
    var servers: [LabEnd: Int] = [:]
    var views: [LabView: Int] = [:]
    for attempt in attempts {
      if case .answered(let answer) = attempt.meeting { servers[answer.server, default: 0] += 1 }
      if let view = LabCheck.view(attempt.meeting), view != .answer { views[view, default: 0] += 1 }
    }
    var parts: [String] = []
    for server in servers.keys.sorted() { parts.append("\(server.address): \(servers[server] ?? 0)") }
    for view in LabView.allCases { if let count = views[view] { parts.append("\(view.rawValue): \(count)") } }
    return parts.joined(separator: ", ")
  }

  /// `text`, made as wide.
  public static func padded(_ text: String, _ width: Int) -> String { LabText.pad(text, width) }

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
      + "p = \(LabText.number(pooled.pValue))\(judgement.isSumSuspicious ? " DISAGREES" : "")\n"
    return text
  }
}

extension String {
  fileprivate var trimmingTrailingSpaces: String { String(reversed().drop { $0 == " " }.reversed()) }
}
