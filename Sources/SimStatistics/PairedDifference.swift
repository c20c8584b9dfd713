// SPDX-License-Identifier: GPL-3.0-or-later
//
// Two treatments of the same replications: the differences within the pairs and Student's t of their
// mean.

import CGSL

/// The mean of the differences b - a of pairs (a, b).
public struct PairedDifference: Sendable, Equatable {
  /// Mean of b - a.
  public let mean: Double
  /// Of the mean; nil below two pairs.
  public let standardError: Double?
  /// The number of pairs.
  public let count: Int

  /// Nil without pairs.
  /// - Precondition: as many `a` as `b`.
  public init?(_ a: [Double], _ b: [Double]) {
    precondition(a.count == b.count, "\(a.count) and \(b.count) values are no pairs")
    var moments = RunningMoments()
    for (x, y) in zip(a, b) { moments.add(y - x) }
    guard let mean = moments.mean else { return nil }
    self.mean = mean
    standardError = moments.standardError
    count = moments.count
  }

  /// Student-t interval of the mean difference; nil below two pairs.
  /// - Precondition: `0 < confidence < 1`.
  public func interval(confidence: Double) -> ConfidenceInterval? {
    guard let standardError else { return nil }
    return StudentT.interval(
      mean: mean, standardError: standardError, degreesOfFreedom: Double(count - 1), confidence: confidence)
  }

  /// Two-sided p-value of "there is no difference"; nil below two pairs. Differences that are all the same
  /// leave no doubt: 1 if they are zero, else 0.
  public var pValue: Double? {
    guard let standardError else { return nil }
    guard standardError > 0 else { return mean == 0 ? 1 : 0 }
    _ = GSLSetup.done
    return 2 * gsl_cdf_tdist_Q(abs(mean / standardError), Double(count - 1))
  }
}
