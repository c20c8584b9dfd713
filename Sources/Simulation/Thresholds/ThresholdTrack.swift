// SPDX-License-Identifier: GPL-3.0-or-later
//
// One threshold while replications come in. What is tested is the mean of value - limit, for ratios the mean
// of part - limit · whole: below zero exactly when the ratio is below the limit, and free of division.
//
// Three ways to a verdict. The interval, by the sequential rule. Logic: a metric that is never below zero and
// was above it once has a mean above zero. And, where all replications say the same, so that the interval has
// no width and proves nothing, their number.

import Foundation
import Scenario
import SimStatistics

struct ThresholdTrack: Sendable {
  let threshold: ThresholdSettings.Threshold
  let query: MetricQuery
  let confidence: Double
  /// Of this threshold alone: its share of the family's.
  private let error: Double
  private var test: GroupSequentialMean
  private var estimate = MetricEstimate()
  /// The first value, while all others are equal to it.
  private var common: Double?
  private var isVaried = false
  private(set) var outcome: ThresholdOutcome?

  init(
    _ threshold: ThresholdSettings.Threshold, _ query: MetricQuery, confidence: Double, error: Double,
    minimum: Int, maximum: Int
  ) {
    (self.threshold, self.query, self.confidence, self.error) = (threshold, query, confidence, error)
    test = GroupSequentialMean(error: error, minimum: minimum, maximum: maximum)
  }

  private var condition: MetricCondition { threshold.condition }

  mutating func add(_ sample: MetricSample) {
    guard outcome == nil else { return }
    estimate.add(sample)
    guard let (value, difference) = against(sample) else { return }
    if common == nil { common = value }
    isVaried = isVaried || value != common
    test.add(difference)
    decide(value)
  }

  /// The replication's own value, and what is tested; nil where it says nothing.
  private func against(_ sample: MetricSample) -> (value: Double, difference: Double)? {
    switch sample {
    case .value(let value): value.map { ($0, $0 - condition.limit) }
    case .ratio(let part, let whole):
      whole > 0 ? (part / whole, part - condition.limit * whole) : nil
    }
  }

  private mutating func decide(_ value: Double) {
    if contradicts(value) {
      outcome = made(
        .fail, "it is never \(beyondWords) and was \(valueWords(value)) once, so its mean is not the limit")
    } else if !isVaried {
      // Student's t of equal values is certain of them, whatever their number.
      guard values >= Self.needed(error: error), let common else { return }
      let share = ReadableNumber.percent(1 - pow(error, 1 / Double(values)))
      outcome = made(
        condition.relation.holds(common, condition.limit) ? .pass : .fail,
        "all replications are equal; others can make up \(share) at most")
    } else if let side = test.side {
      outcome = made((side == .below) == condition.relation.isUpperBound ? .pass : .fail, "")
    }
  }

  /// The limit is the end of what the metric can be, and the value is not there.
  private func contradicts(_ value: Double) -> Bool {
    let range = query.metric.range
    return condition.relation == .lessOrEqual && condition.limit == range.lowerBound && value > condition.limit
      || condition.relation == .greaterOrEqual && condition.limit == range.upperBound
        && value < condition.limit
  }

  private var beyondWords: String {
    "\(condition.relation.isUpperBound ? "below" : "above") \(valueWords(condition.limit))"
  }

  private func valueWords(_ value: Double) -> String { blank.words(value) }

  private var values: Int { estimate.values.count }

  /// Equal replications that make others, of which none was seen, rarer than one in ten: n with
  /// 0.9^n <= error (for 5 %: the rule of three, 3/n; Hanley and Lippman-Hand, JAMA 249, 1983).
  static func needed(error: Double) -> Int { Int((log(error) / log(0.9)).rounded(.up)) }

  // MARK: Outcomes

  /// The verdict if there are no more replications.
  func finished() -> ThresholdOutcome {
    if let outcome { return outcome }
    var track = self
    track.test.finish()
    if track.isVaried, let side = track.test.side {
      return track.made((side == .below) == condition.relation.isUpperBound ? .pass : .fail, "")
    }
    return track.made(.undecided, track.doubt)
  }

  /// Why there is no verdict.
  private var doubt: String {
    switch values {
    case 0: return "no replication has a value"
    case 1:
      return "one replication says nothing of the spread between replications"
    default: break
    }
    if !isVaried {
      return "all \(values) replications are equal; \(Self.needed(error: error)) are needed to rule out others"
    }
    return "the limit lies inside the interval"
  }

  private var blank: ThresholdOutcome {
    ThresholdOutcome(
      name: threshold.name, condition: condition, unit: query.unit, observed: estimate.mean, interval: nil,
      confidence: confidence, replications: estimate.samples.count, verdict: .undecided)
  }

  private func made(_ verdict: ThresholdVerdict, _ reason: String) -> ThresholdOutcome {
    var outcome = blank
    (outcome.verdict, outcome.reason) = (verdict, reason)
    outcome.interval = isVaried ? interval : nil
    return outcome
  }

  /// The test's interval in the metric's unit. For a ratio it is divided by the mean whole: to first order
  /// the delta method's, and on the same side of the limit as the test's.
  private var interval: ConfidenceInterval? {
    guard let tested = test.interval, let observed = estimate.mean else { return nil }
    var scale = 1.0
    if let parts = estimate.parts {
      let wholes = parts.denominators.filter { $0 > 0 }
      scale = wholes.reduce(0, +) / Double(wholes.count)
    }
    let range = query.metric.range
    func metric(_ value: Double) -> Double {
      min(max(condition.limit + value / scale, range.lowerBound), range.upperBound)
    }
    return ConfidenceInterval(
      estimate: observed, low: metric(tested.low), high: metric(tested.high), confidence: 1 - error)
  }
}
