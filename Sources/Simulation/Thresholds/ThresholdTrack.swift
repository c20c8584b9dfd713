// SPDX-License-Identifier: GPL-3.0-or-later
//
// One threshold while replications come in. Three ways lead to a verdict:
// - The mean, or ratio of sums, by the sequential test.
// - Logic: a metric that is never below zero and was above it once has a mean above zero.
// - The number of replications, where the test has nothing to go by: all are equal, or so skewed that means
//   are not normal. Then each replication must be on the same side by itself, and there must be so many of
//   them that others are rarer than one in ten.

import Foundation
import Scenario
import SimStatistics

struct ThresholdTrack: Sendable {
  let threshold: ThresholdSettings.Threshold
  let query: MetricQuery
  let confidence: Double
  /// Of this threshold alone: its share of the family's.
  private let error: Double
  /// Nil where the number of replications is given: then it is looked at once, at the end.
  private var test: SequentialMeanTest?
  private var estimate = MetricEstimate()
  /// Replications with a value, and those that are on the right side by themselves.
  private var (values, holding) = (0, 0)
  /// The first value, while all others are equal to it.
  private var common: Double?
  private var isVaried = false
  private(set) var outcome: ThresholdOutcome?

  /// - Parameter stages: where to look, ascending; the last is where to stop. Nil: at the end.
  init(
    _ threshold: ThresholdSettings.Threshold, _ query: MetricQuery, confidence: Double, error: Double,
    stages: [Int]?
  ) {
    (self.threshold, self.query, self.confidence, self.error) = (threshold, query, confidence, error)
    test = stages.map { Self.test(threshold, error: error, stages: $0) }
  }

  private static func test(
    _ threshold: ThresholdSettings.Threshold, error: Double, stages: [Int]
  ) -> SequentialMeanTest {
    SequentialMeanTest(
      confidence: 1 - error, limit: threshold.condition.limit, most: stages.last!, stages: stages)
  }

  private var condition: MetricCondition { threshold.condition }

  mutating func add(_ sample: MetricSample) {
    guard outcome == nil else { return }
    estimate.add(sample)
    guard let value = Self.value(of: sample) else { return }
    if common == nil { common = value }
    isVaried = isVaried || value != common
    values += 1
    if condition.relation.holds(value, condition.limit) { holding += 1 }
    test?.add(sample)
    if contradicts(value) {
      outcome = made(
        .fail, "it is never \(beyondWords) and was \(blank.words(value)) once, so its mean is not the limit")
    } else if let test {
      outcome = decided(by: test)
    }
  }

  /// The replication's own value; nil where it says nothing.
  private static func value(of sample: MetricSample) -> Double? {
    switch sample {
    case .value(let value): value
    case .ratio(let part, let whole): whole > 0 ? part / whole : nil
    }
  }

  private func decided(by test: SequentialMeanTest) -> ThresholdOutcome? {
    guard isVaried, !test.isHeldBack else { return decidedByNumber }
    switch test.verdict {
    case .below: return made(condition.relation.isUpperBound ? .pass : .fail, "", test)
    case .above: return made(condition.relation.isUpperBound ? .fail : .pass, "", test)
    case .equal, .undecided: return nil
    }
  }

  /// Nil unless all replications agree and are enough.
  private var decidedByNumber: ThresholdOutcome? {
    guard values >= Self.needed(error: error), holding == values || holding == 0 else { return nil }
    let share = ReadableNumber.percent(1 - pow(error, 1 / Double(values)))
    let how = isVaried ? "\(holding == 0 ? "breaks" : "keeps") the limit by itself" : "gives the same"
    return made(
      holding == values ? .pass : .fail,
      "each of \(values) replications \(how); others can make up \(share) at most")
  }

  /// Replications of one kind that make others, of which none was seen, rarer than one in ten: n with
  /// 0.9^n <= error (of 5 %: the rule of three, 3/n; Hanley and Lippman-Hand, JAMA 249, 1983).
  static func needed(error: Double) -> Int { Int((log(error) / log(0.9)).rounded(.up)) }

  /// The limit is the end of what the metric can be, and the value is not there.
  private func contradicts(_ value: Double) -> Bool {
    let (range, limit) = (query.metric.range, condition.limit)
    return condition.relation == .lessOrEqual && limit == range.lowerBound && value > limit
      || condition.relation == .greaterOrEqual && limit == range.upperBound && value < limit
  }

  private var beyondWords: String {
    "\(condition.relation.isUpperBound ? "below" : "above") \(blank.words(condition.limit))"
  }

  // MARK: Outcomes

  /// The verdict if there are no more replications.
  var finished: ThresholdOutcome {
    if let outcome { return outcome }
    var last = test ?? Self.test(threshold, error: error, stages: [max(2, values)])
    if test == nil { for sample in estimate.samples { last.add(sample) } }
    return decided(by: last) ?? made(.undecided, doubt(last), last)
  }

  /// Why there is no verdict.
  private func doubt(_ test: SequentialMeanTest) -> String {
    switch values {
    case 0: return "no replication has a value"
    case 1: return "one replication says nothing of the spread between replications"
    default: break
    }
    let needed = Self.needed(error: error)
    if !isVaried {
      return "all \(values) replications give the same; \(needed) are needed to rule out others"
    }
    if test.isHeldBack { return "a few replications make most of the mean, which is too few of them to tell" }
    let isInside = test.interval?.contains(condition.limit) ?? false
    return isInside
      ? "the limit lies inside the interval" : "\(values) replications are too few for a verdict"
  }

  private var blank: ThresholdOutcome {
    ThresholdOutcome(
      name: threshold.name, condition: condition, unit: query.unit, observed: estimate.mean, interval: nil,
      confidence: confidence, replications: estimate.samples.count, verdict: .undecided)
  }

  private func made(
    _ verdict: ThresholdVerdict, _ reason: String, _ test: SequentialMeanTest? = nil
  ) -> ThresholdOutcome {
    var outcome = blank
    (outcome.verdict, outcome.reason) = (verdict, reason)
    if isVaried, let interval = test?.interval, let observed = outcome.observed {
      let range = query.metric.range
      let ends = [interval.low, interval.high].map { min(max($0, range.lowerBound), range.upperBound) }
      outcome.interval = ConfidenceInterval(
        estimate: observed, low: ends[0], high: ends[1], confidence: interval.confidence)
    }
    return outcome
  }
}

extension SequentialMeanTest {
  /// A replication that says nothing is none.
  fileprivate mutating func add(_ sample: MetricSample) {
    switch sample {
    case .value(let value): if let value { add(value) }
    case .ratio(let part, let whole): if whole > 0 { add(part: part, whole: whole) }
    }
  }
}
