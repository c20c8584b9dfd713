// SPDX-License-Identifier: GPL-3.0-or-later
//
// What is known about one value of the setting: its replications, and whether the condition was shown to
// hold. Replication r has the same random draws at every value (common random numbers), so that differences
// between values are judged within replications.

import Scenario
import SimStatistics

/// What replications say of a condition at one value.
public enum SolveVerdict: String, Sendable, Equatable, CaseIterable {
  case holds
  case fails
  case undecided
}

/// A value that was looked at.
public struct SolvePoint: Sendable {
  /// Among the values of the grid.
  public let index: Int
  public private(set) var estimate = MetricEstimate()
  private let condition: MetricCondition
  private var test: SequentialMeanTest

  /// - Parameter error: that the verdict may have.
  init(index: Int, condition: MetricCondition, error: Double, most: Int) {
    (self.index, self.condition) = (index, condition)
    test = SequentialMeanTest(confidence: 1 - error, limit: condition.limit, most: most)
  }

  public var replications: Int { estimate.samples.count }

  /// Two-sided, of "the metric is at its limit"; valid although it was looked at several times.
  public var pValue: Double { test.pValue }

  public var verdict: SolveVerdict {
    switch (test.verdict, condition.relation) {
    case (.undecided, _): .undecided
    case (.below, .less), (.below, .lessOrEqual), (.above, .greater), (.above, .greaterOrEqual): .holds
    case (.equal, .lessOrEqual), (.equal, .greaterOrEqual): .holds
    default: .fails
    }
  }

  /// Replications to be run next; nil when decided or out of replications.
  var wanted: Range<Int>? {
    guard let stage = test.nextStage, replications < test.most else { return nil }
    return replications..<min(test.most, replications + stage - test.count)
  }

  /// In the order of replications. One without a value, such as a latency without connections, counts as run.
  mutating func add(_ sample: MetricSample) {
    estimate.add(sample)
    switch sample {
    case .value(nil): break
    case .value(let value?): test.add(value)
    case .ratio(let part, let whole): if whole > 0 { test.add(part: part, whole: whole) }
    }
  }

  /// part - limit · whole of each replication: 0 is the limit, whatever the metric.
  var excess: [Double?] {
    estimate.samples.map { sample in
      switch sample {
      case .value(let value): value.map { $0 - condition.limit }
      case .ratio(let part, let whole): whole > 0 ? part - condition.limit * whole : nil
      }
    }
  }
}
