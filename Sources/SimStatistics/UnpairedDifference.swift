// SPDX-License-Identifier: GPL-3.0-or-later
//
// Two treatments whose samples have nothing in common: the difference and the ratio of their means as
// independent samples give them. What pairs give is PairedDifference's.

import CGSL

/// The difference of two means of independent samples with variances of their own.
public struct UnpairedDifference: Sendable, Equatable {
  /// Mean of b - mean of a.
  public let mean: Double
  public let standardError: Double
  /// Welch (Biometrika 34, 1947), after Satterthwaite (Biometrics Bulletin 2, 1946).
  public let degreesOfFreedom: Double

  /// Nil below two values in either.
  public init?(_ a: [Double], _ b: [Double]) {
    let (first, second) = (RunningMoments(a), RunningMoments(b))
    guard let meanA = first.mean, let meanB = second.mean, let varianceA = first.variance,
      let varianceB = second.variance
    else { return nil }
    mean = meanB - meanA
    (standardError, degreesOfFreedom) = Self.error(
      varianceA / Double(first.count), first.count, varianceB / Double(second.count), second.count)
  }

  /// Mean of b / mean of a by the delta method for independent means (Cochran, Sampling Techniques, 6.4,
  /// without covariance), degrees of freedom as above. Nil below two values in either or if a's mean is zero.
  /// - Precondition: `0 < confidence < 1`.
  public static func ratio(_ a: [Double], _ b: [Double], confidence: Double) -> ConfidenceInterval? {
    let (first, second) = (RunningMoments(a), RunningMoments(b))
    guard let meanA = first.mean, let meanB = second.mean, let varianceA = first.variance,
      let varianceB = second.variance, meanA != 0
    else { return nil }
    let ratio = meanB / meanA
    let (error, degrees) = Self.error(
      ratio * ratio * varianceA / Double(first.count), first.count, varianceB / Double(second.count),
      second.count)
    return StudentT.interval(
      mean: ratio, standardError: error / abs(meanA), degreesOfFreedom: degrees, confidence: confidence)
  }

  private static func error(_ a: Double, _ n: Int, _ b: Double, _ m: Int) -> (Double, Double) {
    let sum = a + b
    guard sum > 0 else { return (0, Double(n + m - 2)) }
    return (sum.squareRoot(), sum * sum / (a * a / Double(n - 1) + b * b / Double(m - 1)))
  }

  /// Student-t interval of the difference.
  /// - Precondition: `0 < confidence < 1`.
  public func interval(confidence: Double) -> ConfidenceInterval {
    StudentT.interval(
      mean: mean, standardError: standardError, degreesOfFreedom: degreesOfFreedom, confidence: confidence)
  }

  /// Two-sided, of "there is no difference".
  public var pValue: Double {
    guard standardError > 0 else { return mean == 0 ? 1 : 0 }
    _ = GSLSetup.done
    return 2 * gsl_cdf_tdist_Q(abs(mean / standardError), degreesOfFreedom)
  }
}
