// SPDX-License-Identifier: GPL-3.0-or-later
//
// Where the warm-up of a long run ends: MSER-5 (White, Simulation 69, 1997; White, Cobb & Spratt, Winter
// Simulation Conference 2000). The truncation is the one that gives the mean of what remains the smallest
// marginal standard error.

import CGSL

/// What MSER says of a series of observations in the order of time.
public struct WarmUp: Sendable, Equatable {
  /// Where MSER is smallest: observations before it, a multiple of `batch`.
  public let truncation: Int
  /// All observations.
  public let observations: Int
  /// Observations that were averaged before anything was compared.
  public let batch: Int
  /// The smallest value of MSER lies in the first half of the run. If not, the run is too short for its
  /// warm-up, or has no steady state, and `truncation` is nothing to rely on.
  public let isFound: Bool

  /// Observations to leave out: `truncation`, but never more than half of the run.
  public var cut: Int { isFound ? truncation : observations / batch / 2 * batch }

  /// MSER-m of `series`. As the statistic is small by chance where few values are left, the last
  /// `spare` batches are not tried (Hoad, Robinson & Davies, JORS 61, 2010). Nil if the series has not more
  /// than 2 · `spare` batches.
  /// - Precondition: `batch > 0`, `spare > 0`.
  public init?(_ series: [Double], batch: Int = 5, spare: Int = 5) {
    precondition(batch > 0 && spare > 0, "no batches of \(batch) observations")
    let means = BatchMeans.means(of: series, size: batch)
    let n = means.count
    guard n > 2 * spare else { return nil }
    // From the end: mean and squares of means[d...], each in one step.
    var rest = RunningMoments()
    var (best, smallest) = (0, Double.infinity)
    for d in stride(from: n - 1, through: 0, by: -1) {
      rest.add(means[d])
      guard n - d > spare else { continue }
      let left = Double(n - d)
      let mser = (rest.variance ?? 0) * (left - 1) / (left * left)
      // The earliest of equal ones: nothing is thrown away for nothing.
      if mser <= smallest { (best, smallest) = (d, mser) }
    }
    truncation = best * batch
    self.batch = batch
    observations = series.count
    isFound = 2 * best <= n
  }
}
