// SPDX-License-Identifier: GPL-3.0-or-later
//
// The answer of `sim solve` as people and programs read it. Verdicts are right together at the confidence
// that was asked for; the intervals of the curve are each value's own.

import Foundation
import Scenario
import SimStatistics

/// An answer with what was asked.
public struct SolveReport: Sendable {
  public let scenario: String
  public let question: SolveQuestion
  public let grid: SolveGrid
  public let unit: String
  public let result: SolveResult

  public init(
    scenario: String, question: SolveQuestion, grid: SolveGrid, unit: String, result: SolveResult
  ) {
    (self.scenario, self.question, self.grid, self.unit) = (scenario, question, grid, unit)
    self.result = result
  }

  // MARK: Sentences

  /// The answer in one sentence.
  public var headline: String {
    let extreme = question.isMaximum ? "largest" : "smallest"
    let range = "\(grid.text(0))..\(grid.text(grid.count - 1))"
    guard let answer = result.answer else {
      return result.status == .nowhere
        ? "\(grid.path): \(condition) holds nowhere in \(range)"
        : "\(grid.path): undecided where in \(range) \(condition) holds"
    }
    return "\(grid.path) = \(grid.text(answer)) (\(bounds(answer))): the \(extreme) for which \(condition)"
  }

  private var condition: String { question.condition.description }
  private var confidence: String { ReadableNumber.percent(question.confidence) }

  private func bounds(_ answer: Int) -> String {
    guard let bound = result.bound else {
      return result.undecided.isEmpty
        ? "\(confidence): it holds at this end of the range" : "\(confidence): no value was shown to fail"
    }
    let ends = question.isMaximum ? (answer, bound) : (bound, answer)
    return "\(confidence): between \(grid.text(ends.0)) and \(grid.text(ends.1))"
  }

  /// What else has to be known, a sentence each.
  public var remarks: [String] {
    var remarks: [String] = []
    if let point = result.answerPoint {
      remarks.append("there \(question.condition.selector) is \(words(point))")
    }
    if let bound = result.bound, let point = result.points.first(where: { $0.index == bound }) {
      remarks.append("at \(grid.text(bound)) it is \(words(point)), shown to fail")
    }
    remarks += warnings
    let most = result.points.map(\.replications).reduce(0, +)
    let method = result.method == .bisection ? "bisection" : "search with ranking and selection"
    remarks.append(
      "\(method), step \(grid.text(value: grid.step)): \(result.points.count) of \(grid.count) values, "
        + "\(ReadableNumber.grouped(most)) runs; all verdicts are right together with \(confidence)")
    return remarks
  }

  private func words(_ point: SolvePoint) -> String {
    let interval = interval(of: point).map { " (\(number($0.low)) to \(number($0.high)))" } ?? ""
    return "\(number(point.estimate.mean))\(interval) over \(point.replications) replications"
  }

  private var warnings: [String] {
    var warnings: [String] = []
    if !result.undecided.isEmpty {
      let list = result.undecided.prefix(5).map { grid.text($0) }.joined(separator: ", ")
      let more = result.undecided.count > 5 ? " and \(result.undecided.count - 5) more" : ""
      warnings.append(
        "undecided after \(question.most) replications: \(list)\(more); --max-replications takes more")
    }
    switch result.contradiction {
    case .verdicts(let a, let b)?:
      warnings.append(
        "not monotone: the condition changes more than once, near \(grid.text(a)) and \(grid.text(b)); "
          + "so the values were searched one by one")
    case .slopes(let up, let down)?:
      warnings.append(
        "not monotone: the metric goes up from \(grid.text(up.0)) to \(grid.text(up.1)) and down from "
          + "\(grid.text(down.0)) to \(grid.text(down.1)); so the values were searched one by one")
    case nil: break
    }
    let other = question.isMaximum ? "--minimise" : "--maximise"
    if result.isWrongWay {
      warnings.append(
        "it holds at this end of the range and fails at the other: \(other) finds where it stops to hold")
    }
    if result.isEverywhere {
      warnings.append("the range does not show where it begins to hold: try a wider one")
    }
    if result.isCoarse {
      warnings.append("\(Solver.searched) values evenly over the range were searched, not all \(grid.count)")
    }
    return warnings
  }

  // MARK: Layouts

  public func text(_ format: SummaryFormat) -> String {
    switch format {
    case .json: json.document
    case .markdown:
      (["**\(headline)**", ""] + remarks.map { "- \($0)" } + [""] + table.markdown()).joined(separator: "\n")
        + "\n"
    case .text:
      ([headline] + remarks.map { "  \($0)" } + [""]
        + table.lines(width: RunSummary.textWidth, style: TextStyle(isColoured: false))).joined(
          separator: "\n") + "\n"
    }
  }

  private var table: TextTable {
    var table = TextTable([
      .right(grid.path), .right(question.condition.selector.description), .right("95 % interval"),
      .right("replications"), .left("condition"), .left("curve"),
    ])
    let tallest = result.points.compactMap(\.estimate.mean).max() ?? 0
    for point in result.points {
      let mean = point.estimate.mean
      let height = tallest > 0 ? max(0, mean ?? 0) / tallest : 0
      table.add([
        grid.text(point.index), number(mean),
        interval(of: point).map { "\(number($0.low)) .. \(number($0.high))" } ?? "-",
        String(point.replications), point.verdict.rawValue,
        String(repeating: "#", count: Int((height * 24).rounded())),
      ])
    }
    return table
  }

  /// Each value's own, at 95 %; nil where all replications agree, such as when none lost anything: no scatter
  /// is no certainty.
  private func interval(of point: SolvePoint) -> ConfidenceInterval? {
    point.estimate.interval(confidence: 0.95).flatMap { $0.halfWidth > 0 ? $0 : nil }
  }

  private func number(_ value: Double?) -> String {
    guard let value else { return "-" }
    return unit == "ratio" ? ReadableNumber.percent(value) : ReadableNumber.short(value)
  }

  private var json: JSONText {
    func value(_ index: Int?) -> JSONText { index.map { .string(grid.text($0)) } ?? .null }
    return .members([
      "scenario": .string(scenario), "path": .string(grid.path), "condition": .string(condition),
      "goal": .string(question.isMaximum ? "maximise" : "minimise"),
      "confidence": .number(question.confidence), "status": .string(result.status.rawValue),
      "method": .string(result.method.rawValue), "answer": value(result.answer), "bound": value(result.bound),
      "step": .string(grid.text(value: grid.step)),
      "remarks": .array(remarks.map { .string($0) }),
      "curve": .array(result.points.map(row)),
    ])
  }

  private func row(_ point: SolvePoint) -> JSONText {
    let interval = interval(of: point)
    return .members([
      "value": .string(grid.text(point.index)), "estimate": .optional(point.estimate.mean),
      "ci_low": .optional(interval?.low), "ci_high": .optional(interval?.high),
      "replications": .integer(point.replications), "p_value": .number(point.pValue),
      "verdict": .string(point.verdict.rawValue),
    ])
  }

  /// The curve, one row per value.
  public var csv: String {
    var bytes: [UInt8] = []
    do {
      var csv = CSVWriter(columns: [
        "path", "value", "number", "unit", "metric", "estimate", "ci_low", "ci_high", "replications",
        "p_value",
        "verdict",
      ]) { bytes += $0 }
      for point in result.points {
        let interval = interval(of: point)
        csv.cell(grid.path)
        csv.cell(grid.text(point.index))
        csv.cell(grid.value(point.index))
        csv.cell(grid.unit)
        csv.cell(question.condition.selector.description)
        csv.cell(point.estimate.mean)
        csv.cell(interval?.low)
        csv.cell(interval?.high)
        csv.cell(point.replications)
        csv.cell(point.pValue)
        csv.cell(point.verdict.rawValue)
        try csv.endRow()
      }
      try csv.finish()
    } catch {
      preconditionFailure("a table in memory cannot fail: \(error)")
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
