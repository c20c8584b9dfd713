// SPDX-License-Identifier: GPL-3.0-or-later
//
// Chi-square tests: the statistic, its degrees of freedom and the probability of a larger one.

import CGSL

/// The outcome of a chi-square test.
public struct ChiSquareTest: Sendable, Equatable {
  public var statistic: Double
  public var degreesOfFreedom: Int
  /// The probability of a statistic at least as large if the null hypothesis holds.
  public var pValue: Double

  /// - Precondition: `degreesOfFreedom > 0`.
  public init(statistic: Double, degreesOfFreedom: Int) {
    precondition(degreesOfFreedom > 0, "nothing is free to vary")
    _ = GSLSetup.done
    self.statistic = statistic
    self.degreesOfFreedom = degreesOfFreedom
    pValue = statistic <= 0 ? 1 : gsl_cdf_chisq_Q(statistic, Double(degreesOfFreedom))
  }

  /// Pearson's test of counts against expected counts with the same total. Cells that expect nothing are
  /// left out. Nil if fewer than two cells remain, or if something was counted where nothing can be.
  /// - Precondition: as many expected as observed counts.
  public static func pearson(observed: [Int], expected: [Double]) -> ChiSquareTest? {
    precondition(observed.count == expected.count, "one expected count per observed one")
    var statistic = 0.0
    var cells = 0
    for (count, mean) in zip(observed, expected) {
      guard mean > 0 else {
        if count != 0 { return nil }
        continue
      }
      statistic += (Double(count) - mean) * (Double(count) - mean) / mean
      cells += 1
    }
    return cells < 2 ? nil : ChiSquareTest(statistic: statistic, degreesOfFreedom: cells - 1)
  }
}
