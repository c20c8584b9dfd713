// SPDX-License-Identifier: GPL-3.0-or-later
//
// All checks of a run together: which disagree, with the tests of numbers judged as one family.

import SimStatistics

public struct LabJudgement: Sendable {
  public var checks: [LabCheck]
  /// The chance of any false alarm among all tests.
  public var level: Double
  /// Adjusted by Holm; nil where a check has no test. In the order of the checks.
  public let adjusted: [Double?]

  public init(_ checks: [LabCheck], level: Double) {
    self.checks = checks
    self.level = level
    adjusted = HolmCorrection.adjusted(checks.map { $0.test?.pValue })
  }

  /// Why the check disagrees; empty if it does not.
  public func problems(_ index: Int) -> [String] {
    var problems = checks[index].problems
    if let value = adjusted[index], value < level, let test = checks[index].test {
      problems.append(
        "the numbers do not go with the probabilities: chi-square \(LabText.number(test.statistic)) with "
          + "\(test.degreesOfFreedom) df, p = \(LabText.number(test.pValue)), "
          + "adjusted \(LabText.number(value))")
    }
    return problems
  }

  public var disagreements: [Int] { checks.indices.filter { !problems($0).isEmpty } }

  /// Sum of all statistics against the sum of their degrees of freedom; nil without tests.
  public var pooled: ChiSquareTest? {
    let tests = checks.compactMap(\.test)
    let freedom = tests.reduce(0) { $0 + $1.degreesOfFreedom }
    guard freedom > 0 else { return nil }
    return ChiSquareTest(statistic: tests.reduce(0) { $0 + $1.statistic }, degreesOfFreedom: freedom)
  }

  /// Whether all tests together say what none of them says alone: small deviations in many places.
  public var isSumSuspicious: Bool { pooled.map { $0.pValue < level } ?? false }

  public var connections: Int { checks.reduce(0) { $0 + $1.attempts.count } }
}
