// SPDX-License-Identifier: GPL-3.0-or-later
//
// Thresholds in the summary: first of all sections, since they say what the exit code says.

import Scenario
import SimStatistics

extension [ThresholdOutcome] {
  /// Nil without thresholds.
  var section: SummarySection? {
    guard !isEmpty else { return nil }
    var table = TextTable([
      .left("verdict"), .left("threshold", least: 30), .right("observed"), .right("interval"),
      .right("replications"),
    ])
    for outcome in self {
      table.add([
        outcome.verdict.rawValue, outcome.title, outcome.words(outcome.observed), outcome.intervalWords,
        ReadableNumber.grouped(outcome.replications),
      ])
      table.tints.append(outcome.verdict.tint)
    }
    let reasons = filter { !$0.reason.isEmpty }.map { "\($0.name): \($0.verdict.rawValue), \($0.reason)." }
    return SummarySection(
      title: "Thresholds: \(counts)", table: table, remarks: reasons + [Self.meaning(of: self)])
  }

  private static func meaning(of outcomes: [ThresholdOutcome]) -> String {
    let errors = outcomes.map { (1 - $0.confidence) / Double(outcomes.count) }.reduce(0, +)
    let sure = "With \(ReadableNumber.percent(1 - errors)) confidence none of these verdicts is wrong."
    let undecided = outcomes.count(of: .undecided)
    guard undecided > 0 else { return sure }
    let way =
      outcomes.contains { $0.replications > 1 }
      ? "More replications can decide what is undecided: --replications N, or maxReplications."
      : "Without --replications as many are run as verdicts take."
    return undecided == outcomes.count ? way : sure + " " + way
  }

  var json: JSONText {
    .array(
      map { outcome in
        .members([
          "threshold": .string(outcome.name),
          "condition": .string(outcome.condition.description),
          "metric": .string(outcome.condition.selector.description),
          "operator": .string(outcome.condition.relation.rawValue),
          "limit": .number(outcome.condition.limit),
          "unit": .string(outcome.unit),
          "observed": .optional(outcome.observed),
          "ci_low": .optional(outcome.interval?.low),
          "ci_high": .optional(outcome.interval?.high),
          "confidence": .number(outcome.confidence),
          "replications": .integer(outcome.replications),
          "verdict": .string(outcome.verdict.rawValue),
          "reason": .optional(outcome.reason.isEmpty ? nil : outcome.reason),
        ])
      })
  }
}

extension ThresholdVerdict {
  var tint: TextStyle.Tint {
    switch self {
    case .pass: .green
    case .fail: .red
    case .undecided: .yellow
    }
  }
}
