// SPDX-License-Identifier: GPL-3.0-or-later
//
// Interval estimates: Student's t for means, Wilson's score for proportions, the delta method for ratios
// of sums over replications.

import CGSL

/// An estimate with a range that covers the truth with the given confidence.
public struct ConfidenceInterval: Sendable, Equatable {
  public var estimate: Double
  public var low: Double
  public var high: Double
  /// Between 0 and 1, such as 0.95.
  public var confidence: Double

  public init(estimate: Double, low: Double, high: Double, confidence: Double) {
    (self.estimate, self.low, self.high, self.confidence) = (estimate, low, high, confidence)
  }

  public var halfWidth: Double { (high - low) / 2 }

  public func contains(_ value: Double) -> Bool { low <= value && value <= high }
}

/// Intervals for means of approximately normal quantities.
public enum StudentT {
  /// mean ± t · standardError.
  /// - Precondition: `degreesOfFreedom > 0`, `0 < confidence < 1`.
  public static func interval(
    mean: Double, standardError: Double, degreesOfFreedom: Double, confidence: Double
  ) -> ConfidenceInterval {
    let reach = quantile(degreesOfFreedom: degreesOfFreedom, confidence: confidence) * standardError
    return ConfidenceInterval(
      estimate: mean, low: mean - reach, high: mean + reach, confidence: confidence)
  }

  /// The t beyond which, on both sides together, 1 - confidence of the distribution lies.
  /// - Precondition: `degreesOfFreedom > 0`, `0 < confidence < 1`.
  public static func quantile(degreesOfFreedom: Double, confidence: Double) -> Double {
    precondition(degreesOfFreedom > 0, "degrees of freedom must be positive, got \(degreesOfFreedom)")
    precondition(confidence > 0 && confidence < 1, "confidence must be in (0, 1), got \(confidence)")
    _ = GSLSetup.done
    return gsl_cdf_tdist_Pinv((1 + confidence) / 2, degreesOfFreedom)
  }
}

/// Intervals for the probability behind "k of n".
public enum Proportion {
  /// Wilson's score interval (JASA 22, 1927): sensible at 0 of n and at n of n too. Nil when n is 0.
  /// - Precondition: `0 <= successes <= trials`, `0 < confidence < 1`.
  public static func wilson(successes: Int, trials: Int, confidence: Double) -> ConfidenceInterval? {
    precondition(successes >= 0 && successes <= trials, "\(successes) of \(trials) is no proportion")
    precondition(confidence > 0 && confidence < 1, "confidence must be in (0, 1), got \(confidence)")
    guard trials > 0 else { return nil }
    _ = GSLSetup.done
    let z = gsl_cdf_ugaussian_Pinv((1 + confidence) / 2)
    let n = Double(trials)
    let p = Double(successes) / n
    let centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    let reach = z / (1 + z * z / n) * (p * (1 - p) / n + z * z / (4 * n * n)).squareRoot()
    return ConfidenceInterval(
      estimate: p, low: successes == 0 ? 0 : max(0, centre - reach),
      high: successes == trials ? 1 : min(1, centre + reach), confidence: confidence)
  }
}

/// The ratio of two sums that vary together from replication to replication, such as lost over attempted.
public struct RatioEstimate: Sendable, Equatable {
  /// Sum of numerators over sum of denominators.
  public let ratio: Double
  /// By the delta method over replications (Cochran, Sampling Techniques, 6.4); nil for one replication.
  public let standardError: Double?
  /// The number of replications.
  public let count: Int

  /// Nil when there is no replication or the denominators add up to zero.
  /// - Precondition: as many numerators as denominators.
  public init?(numerators: [Double], denominators: [Double]) {
    precondition(numerators.count == denominators.count, "one denominator per numerator")
    let n = Double(numerators.count)
    let denominator = denominators.reduce(0, +)
    guard denominator != 0 else { return nil }
    let ratio = numerators.reduce(0, +) / denominator
    var squares = 0.0
    for (y, x) in zip(numerators, denominators) { squares += (y - ratio * x) * (y - ratio * x) }
    self.ratio = ratio
    count = numerators.count
    standardError =
      n < 2 ? nil : (squares / (n * (n - 1))).squareRoot() / abs(denominator / n)
  }

  /// Student-t interval with one degree of freedom less than replications; nil for one replication.
  public func interval(confidence: Double) -> ConfidenceInterval? {
    guard let standardError else { return nil }
    return StudentT.interval(
      mean: ratio, standardError: standardError, degreesOfFreedom: Double(count - 1),
      confidence: confidence)
  }
}
