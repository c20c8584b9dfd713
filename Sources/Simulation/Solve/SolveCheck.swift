// SPDX-License-Identifier: GPL-3.0-or-later
//
// Conditions that cannot be asked: of a metric that does not exist, in a unit that it does not have, or that
// no run can meet.

import Scenario

extension MetricQuery {
  /// The metric of a condition.
  /// - Parameter option: where the condition stands, for messages.
  /// - Throws: what is wrong with the condition.
  public init(of condition: MetricCondition, option: String, in scenario: ScenarioFile) throws(ScenarioError)
  {
    let position = SourcePosition(file: option, line: 0, column: 0)
    try self.init(condition.selector, at: position, in: scenario)
    func refuse(_ message: String) -> ScenarioError {
      ScenarioError(Diagnostic(position: position, message: message))
    }
    if condition.isPercent, metric.unit != "ratio" {
      throw refuse("a limit in percent goes with a ratio; \(metric.name) is in \(metric.unit)")
    }
    let isShare = ["loss_ratio", "connection_share", "request_share", "idle_endpoints"].contains(metric.name)
    let limit = condition.limit
    switch condition.relation {
    case .less where limit <= 0, .lessOrEqual where limit < 0:
      throw refuse("\"\(condition)\" can never hold: \(metric.name) is never below 0")
    case .greater where isShare && limit >= 1, .greaterOrEqual where isShare && limit > 1:
      throw refuse("\"\(condition)\" can never hold: \(metric.name) is never above 1")
    default: break
    }
  }
}
