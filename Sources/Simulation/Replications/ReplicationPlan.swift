// SPDX-License-Identifier: GPL-3.0-or-later
//
// How many replications a run has: the number on the command line, else what the scenario says, else what
// its thresholds take, else one. Several wishes are all fulfilled: a precision and thresholds go on until
// both are.

import Scenario

/// The replications of a run, with what ends them.
public struct ReplicationPlan {
  public let most: Int
  public let rules: [any StoppingRule]
  /// The precision that is to be reached; nil if none is.
  public let precision: PrecisionRule?

  /// The fixed number of replications that a scenario or a user wants; nil if something else decides.
  public static func number(_ scenario: ScenarioFile, asked: Int?) -> Int? {
    asked ?? scenario.replications.flatMap { $0.target == nil ? $0.most : nil }
  }

  /// - Parameters:
  ///   - asked: on the command line.
  ///   - thresholds: made for the same number of replications.
  /// - Throws: if the metric of the precision does not exist.
  public init(_ scenario: ScenarioFile, asked: Int?, thresholds: ThresholdBoard?) throws(ScenarioError) {
    if let number = Self.number(scenario, asked: asked) {
      (most, rules, precision) = (number, [], nil)
      return
    }
    var rules: [any StoppingRule] = thresholds.map { [$0] } ?? []
    guard let wanted = scenario.replications, let target = wanted.target else {
      (most, self.rules, precision) = (thresholds?.most ?? 1, rules, nil)
      return
    }
    let precision = try PrecisionRule(target, least: wanted.least, in: scenario)
    rules.append(precision)
    (most, self.rules, self.precision) = (max(wanted.most, thresholds?.most ?? 0), rules, precision)
  }
}
