// SPDX-License-Identifier: GPL-3.0-or-later
//
// Whether a threshold can be asked at all: its metric exists, its limit has the metric's unit, and it is
// neither always nor never true. A gate that cannot fail, or cannot pass, is a mistake of whoever wrote it.

import Scenario

extension LabelledMetric {
  /// What its values lie between. Counts, times and ratios are never below zero.
  var range: ClosedRange<Double> {
    if isShare { return 0...1 }
    // A mean that is not zero, held against its own maximum.
    return (name == "load_max_over_mean" ? 1 : 0)...Double.infinity
  }

  /// A part of a whole, so that it is at most 1.
  private var isShare: Bool {
    let shares = [
      "loss_ratio", "operation_loss_ratio", "stale_time_ratio", "connection_share", "expected_share",
      "request_share", "idle_endpoints", "load_jain", "load_gini",
    ]
    return shares.contains(name)
  }

  /// `connections`, `ms`; a ratio has none.
  var unitWords: String { unit == "ratio" ? "" : unit }
}

enum ThresholdCheck {
  /// What is wrong with a threshold of a scenario; nil if nothing is.
  static func mistake(in threshold: ThresholdSettings.Threshold, of scenario: ScenarioFile) -> Diagnostic? {
    let condition = threshold.condition
    if let mistake = MetricQuery.mistake(
      in: condition.selector, at: threshold.position, path: threshold.path, of: scenario)
    {
      return mistake
    }
    let metric = LabelledMetric.named(condition.selector.name)!
    return problem(condition, metric).map {
      Diagnostic(position: threshold.position, path: threshold.path, message: $0)
    }
  }

  private static func problem(_ condition: MetricCondition, _ metric: LabelledMetric) -> String? {
    if condition.isPercent, metric.unit != "ratio" {
      return "a limit in percent goes with a ratio; \(metric.name) is in \(metric.unit)"
    }
    let (low, high) = (metric.range.lowerBound, metric.range.upperBound)
    let limit = condition.limit
    let bounds = "\(metric.name) is " + (high.isInfinite ? "never below \(words(low))" : "from 0 to 1")
    switch condition.relation {
    case .less where limit <= low, .lessOrEqual where limit < low, .greater where limit >= high,
      .greaterOrEqual where limit > high:
      let instead = condition.relation == .less && limit == low ? "; \"<= \(words(low))\" can" : ""
      return "\"\(condition)\" can never hold: \(bounds)\(instead)"
    case .less where limit > high, .lessOrEqual where limit >= high, .greater where limit < low,
      .greaterOrEqual where limit <= low:
      return "\"\(condition)\" always holds: \(bounds)"
    default: return nil
    }
  }

  private static func words(_ bound: Double) -> String { bound == 0 ? "0" : "1" }
}
