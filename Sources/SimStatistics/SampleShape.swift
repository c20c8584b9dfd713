// SPDX-License-Identifier: GPL-3.0-or-later
//
// How far a sample is from the shape that Student's t is made for: skewness, the weight of its tail, and how
// much of it is one replication.

import CGSL

/// Measures of a sample's shape.
public enum SampleShape {
  /// Sample skewness m3 / s^3 (gsl_stats_skew: third central moment with divisor n, s with n - 1). Nil below
  /// three values or without scatter.
  public static func skewness(_ values: [Double]) -> Double? {
    guard values.count > 2 else { return nil }
    let skew = gsl_stats_skew(values, 1, values.count)
    return skew.isFinite ? skew : nil
  }

  /// Standard deviation of `skewness` of `count` normal values: that of m3 / m2^1.5, which is
  /// √(6 (n - 2) / ((n + 1)(n + 3))) (Cramér, Mathematical Methods of Statistics, 1946, 29.3), with
  /// s² = n m2 / (n - 1) in the place of m2.
  /// - Precondition: `count > 2`.
  public static func skewnessError(count: Int) -> Double {
    precondition(count > 2, "\(count) values have no skewness")
    let n = Double(count)
    return pow((n - 1) / n, 1.5) * (6 * (n - 2) / ((n + 1) * (n + 3))).squareRoot()
  }

  /// The largest value's part of the sum; nil where the sum is not positive or a value is negative.
  public static func largestShare(_ values: [Double]) -> Double? {
    let sum = values.reduce(0, +)
    guard sum > 0, let greatest = values.max(), values.allSatisfy({ $0 >= 0 }) else { return nil }
    return greatest / sum
  }

  /// Hill's estimate of the tail index from the `count` largest values (Annals of Statistics 3, 1975): for
  /// P(X > x) ~ x^-a it tends to a. Below 2 there is no variance, below 1 no mean. Nil unless `count` + 1
  /// values are positive and the largest ones differ.
  /// - Precondition: `count > 0`.
  public static func hillIndex(_ values: [Double], largest count: Int) -> Double? {
    precondition(count > 0, "no largest values")
    let sorted = values.sorted(by: >)
    guard sorted.count > count, sorted[count] > 0 else { return nil }
    var sum = 0.0
    for index in 0..<count { sum += log(sorted[index] / sorted[count]) }
    return sum > 0 ? Double(count) / sum : nil
  }
}
