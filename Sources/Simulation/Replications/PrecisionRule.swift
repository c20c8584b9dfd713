// SPDX-License-Identifier: GPL-3.0-or-later
//
// Replications until the interval of a metric is narrow enough: the sequential procedure of Chow and Robbins
// (Annals of Mathematical Statistics 36, 1965) with a least number of replications, without which an interval
// that is narrow by chance would end it too soon.

import Foundation
import Scenario
import SimStatistics

/// Is content once the interval of a metric has the wanted half width.
public struct PrecisionRule: StoppingRule, Sendable {
  public let target: PrecisionTarget
  public let query: MetricQuery
  /// No fewer replications than these.
  public let least: Int
  public private(set) var estimate = MetricEstimate()

  /// - Throws: if the metric or one of its labels does not exist.
  public init(_ target: PrecisionTarget, least: Int, in scenario: ScenarioFile) throws(ScenarioError) {
    self.target = target
    self.least = least
    query = try MetricQuery(target.metric, at: target.position, in: scenario)
  }

  public mutating func add(_ result: RunResult) { add(query.sample(result)) }

  public mutating func add(_ sample: MetricSample) { estimate.add(sample) }

  public var isContent: Bool {
    guard estimate.samples.count >= least, let reached else { return false }
    return reached <= wanted
  }

  /// In the same measure as the half width wanted: a share, or in the metric's unit. Nil while there is no
  /// interval, and for a share of an estimate of zero.
  public var reached: Double? {
    guard let interval = estimate.interval(confidence: target.confidence) else { return nil }
    switch target.halfWidth {
    case .absolute: return interval.halfWidth
    case .relative: return interval.estimate == 0 ? nil : interval.halfWidth / abs(interval.estimate)
    }
  }

  public var wanted: Double {
    switch target.halfWidth {
    case .absolute(let width): width
    case .relative(let share): share
    }
  }

  public var progress: String {
    "\(query) ± \(reached.map { words($0) } ?? "?") of ± \(words(wanted))"
  }

  /// `5 %`, or a number with its unit.
  public func words(_ width: Double) -> String {
    if case .relative = target.halfWidth { return ReadableNumber.percent(width) }
    let unit = query.unit == "ratio" ? "" : " \(query.unit)"
    return ReadableNumber.short(width) + unit
  }
}
