// SPDX-License-Identifier: GPL-3.0-or-later
//
// What common random numbers brought: the variance of differences within pairs against that of differences
// between independent samples.

/// Variances of pairs (a, b) and of their differences.
public struct PairingGain: Sendable, Equatable {
  public let firstVariance: Double
  public let secondVariance: Double
  /// Of b - a.
  public let differenceVariance: Double

  /// Nil below two pairs.
  /// - Precondition: as many `a` as `b`.
  public init?(_ a: [Double], _ b: [Double]) {
    precondition(a.count == b.count, "\(a.count) and \(b.count) values are no pairs")
    guard let first = RunningMoments(a).variance, let second = RunningMoments(b).variance,
      let difference = RunningMoments(zip(a, b).map { $1 - $0 }).variance
    else { return nil }
    (firstVariance, secondVariance) = (first, second)
    // What rounding leaves of differences that are all the same is no variance.
    differenceVariance = difference <= 1e-24 * (first + second) ? 0 : difference
  }

  /// (var a + var b) / var (b - a): how many times the replications independent runs would need for an
  /// interval of the same width (Law, Simulation Modeling and Analysis, 2015, 11.2). Below 1: pairing was a
  /// loss. Infinite where differences never vary although values do; nil where nothing varies.
  public var factor: Double? {
    let sum = firstVariance + secondVariance
    guard sum > 0 else { return nil }
    return differenceVariance > 0 ? sum / differenceVariance : .infinity
  }

  /// Pearson's, from var (b - a) = var a + var b - 2 cov; nil where one of them does not vary.
  public var correlation: Double? {
    guard firstVariance > 0, secondVariance > 0 else { return nil }
    let covariance = (firstVariance + secondVariance - differenceVariance) / 2
    return min(1, max(-1, covariance / (firstVariance * secondVariance).squareRoot()))
  }
}
