// SPDX-License-Identifier: GPL-3.0-or-later
//
// Tests of a kept sample: against a distribution function (Kolmogorov-Smirnov) and for dependence between
// neighbours (lag-1 autocorrelation).

import CGSL

/// One-sample Kolmogorov-Smirnov test.
public struct KolmogorovSmirnovTest: Sendable, Equatable {
  /// The largest distance between the observed and the given distribution function.
  public let statistic: Double
  /// Asymptotic, with Stephens' correction for finite samples (JRSS B 32, 1970); good from 5 values on.
  public let pValue: Double

  /// Nil for an empty sample.
  /// - Precondition: `cumulative` is the distribution function of a continuous distribution.
  public init?(_ sample: [Double], cumulative: (Double) -> Double) {
    guard !sample.isEmpty else { return nil }
    let n = Double(sample.count)
    var distance = 0.0
    for (i, value) in sample.sorted().enumerated() {
      let f = cumulative(value)
      distance = max(distance, f - Double(i) / n, Double(i + 1) / n - f)
    }
    statistic = distance
    let root = n.squareRoot()
    pValue = Self.exceeding((root + 0.12 + 0.11 / root) * distance)
  }

  /// P(K > x) of Kolmogorov's distribution. The two series are the same function (Jacobi's theta); each
  /// is used where it converges within a few terms.
  public static func exceeding(_ x: Double) -> Double {
    if x <= 0.04 { return 1 }
    var sum = 0.0
    if x < 1 {
      for k in 1...20 {
        let odd = Double(2 * k - 1) * Double.pi / x
        sum += exp(-odd * odd / 8)
      }
      return max(0, 1 - (2 * Double.pi).squareRoot() / x * sum)
    }
    for k in 1...20 {
      let term = exp(-2 * Double(k * k) * x * x)
      sum += k % 2 == 1 ? term : -term
    }
    return min(1, 2 * sum)
  }
}

/// Dependence between neighbours of a sequence.
public enum Autocorrelation {
  /// The lag-1 autocorrelation (gsl_stats_lag1_autocorrelation); nil below two values or without variance.
  public static func lag1(_ values: [Double]) -> Double? {
    guard values.count > 1 else { return nil }
    let result = gsl_stats_lag1_autocorrelation(values, 1, values.count)
    return result.isFinite ? result : nil
  }
}
