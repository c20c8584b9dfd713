// SPDX-License-Identifier: GPL-3.0-or-later
//
// What became of one threshold: a verdict, the numbers behind it, and why it is not another one.

import Scenario
import SimStatistics

/// The verdict about a threshold.
public enum ThresholdVerdict: String, Sendable, CaseIterable {
  /// The interval lies on the right side of the limit.
  case pass
  /// It lies on the wrong side.
  case fail
  /// The limit is inside, or there is no interval.
  case undecided
}

/// A threshold and its verdict.
public struct ThresholdOutcome: Sendable, Equatable {
  public var name: String
  public var condition: MetricCondition
  /// Of the limit, the value and the interval.
  public var unit: String
  /// Mean over replications, or ratio of sums; nil where no replication has a value.
  public var observed: Double?
  /// The interval that decided, or that left it undecided; nil where there is none.
  public var interval: ConfidenceInterval?
  /// The threshold's share of the error is (1 - confidence) / number of thresholds.
  public var confidence: Double
  /// Replications behind the verdict: those up to the one that decided it.
  public var replications: Int
  public var verdict: ThresholdVerdict
  /// Why it is undecided, or what other than the interval decided; empty if the interval says it all.
  public var reason = ""

  public init(
    name: String, condition: MetricCondition, unit: String, observed: Double?, interval: ConfidenceInterval?,
    confidence: Double, replications: Int, verdict: ThresholdVerdict, reason: String = ""
  ) {
    (self.name, self.condition, self.unit, self.observed) = (name, condition, unit, observed)
    (self.interval, self.confidence, self.replications) = (interval, confidence, replications)
    (self.verdict, self.reason) = (verdict, reason)
  }

  /// `12.3 ms`, `0.0971 %` where the limit is in percent.
  func words(_ value: Double?) -> String {
    guard let value else { return "-" }
    if condition.isPercent { return ReadableNumber.percent(value) }
    return ReadableNumber.short(value) + (["ms", "s"].contains(unit) ? " " + unit : "")
  }

  /// `11.9..12.7 ms`
  var intervalWords: String {
    guard let interval else { return "-" }
    if condition.isPercent { return ReadableNumber.percent(interval.low...interval.high) }
    return ReadableNumber.short(interval.low) + ".." + words(interval.high)
  }

  /// The name, and the condition where the name does not say it.
  var title: String { name == condition.description ? name : "\(name): \(condition)" }

  /// All numbers in one sentence.
  public var sentence: String {
    var text = "\(verdict.rawValue): \(title): observed \(words(observed))"
    if interval != nil { text += ", interval \(intervalWords)" }
    text += ", \(replications) " + (replications == 1 ? "replication" : "replications")
    return reason.isEmpty ? text : text + "; \(reason)"
  }
}

extension [ThresholdOutcome] {
  /// Fail if any failed, undecided if any is undecided, else pass; nil without thresholds.
  public var verdict: ThresholdVerdict? {
    guard !isEmpty else { return nil }
    for verdict in [ThresholdVerdict.fail, .undecided] where contains(where: { $0.verdict == verdict }) {
      return verdict
    }
    return .pass
  }

  func count(of verdict: ThresholdVerdict) -> Int { count { $0.verdict == verdict } }

  /// `2 pass, 1 fails`
  public var counts: String {
    ThresholdVerdict.allCases.compactMap { verdict in
      let number = count(of: verdict)
      switch verdict {
      case .pass: return number > 0 ? "\(number) \(number == 1 ? "passes" : "pass")" : nil
      case .fail: return number > 0 ? "\(number) \(number == 1 ? "fails" : "fail")" : nil
      case .undecided: return number > 0 ? "\(number) undecided" : nil
      }
    }.joined(separator: ", ")
  }
}
