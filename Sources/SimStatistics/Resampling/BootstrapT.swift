// SPDX-License-Identifier: GPL-3.0-or-later
//
// Bootstrap-t intervals (Efron, The Jackknife, the Bootstrap and Other Resampling Plans, 1982, 10.10; Efron
// & Tibshirani, An Introduction to the Bootstrap, 1993, 12.5) over replications: the distribution of
// (estimate - truth) / standard error is taken from resamples instead of Student's table, so that the
// interval of a skewed sample is longer on the side of the tail. Second-order correct (Hall, The Bootstrap
// and Edgeworth Expansion, 1992, 3.3), which Student's t is not.

import CGSL

/// Studentised bootstrap intervals. Whole replications are resampled, never connections.
public enum BootstrapT {
  /// Resamples of an interval unless told otherwise: 2,000 · 2.5 % is a whole number, as Davison & Hinkley
  /// (1997, 2.3) ask for.
  public static let resamples = 1999
  /// Below so many replications a resample without any scatter is too probable for a quantile at 2.5 %.
  public static let fewest = 5

  /// For the expected value of independent `values`. Nil below `fewest` values, without scatter, and where an
  /// end would be infinite: so many resamples have no scatter that the sample says nothing of that end.
  /// - Parameter resamples: of which `(1 - confidence) / 2` at either end lie beyond the interval.
  /// - Precondition: `0 < confidence < 1`, `resamples > 0`.
  public static func interval(
    ofMean values: [Double], confidence: Double, resamples: Int = resamples,
    stream: ResamplingStream = ResamplingStream("bootstrap-t")
  ) -> ConfidenceInterval? {
    // A mean is a ratio whose every denominator is 1.
    interval(
      ofRatio: values, [Double](repeating: 1, count: values.count), confidence: confidence,
      resamples: resamples, stream: stream)
  }

  /// For the ratio of expected values of independent pairs (numerator, denominator), with the delta method's
  /// standard error in every resample. Nil as for a mean, and where a resample's denominators add up to zero.
  /// - Precondition: as many numerators as denominators, `0 < confidence < 1`, `resamples > 0`.
  public static func interval(
    ofRatio numerators: [Double], _ denominators: [Double], confidence: Double,
    resamples: Int = resamples, stream: ResamplingStream = ResamplingStream("bootstrap-t")
  ) -> ConfidenceInterval? {
    precondition(numerators.count == denominators.count, "one denominator per numerator")
    precondition(confidence > 0 && confidence < 1, "confidence must be in (0, 1), got \(confidence)")
    precondition(resamples > 0, "an interval takes resamples")
    let n = numerators.count
    guard n >= fewest, let whole = RatioEstimate(numerators: numerators, denominators: denominators),
      let error = whole.standardError, error > 0
    else { return nil }
    var stream = stream
    var roots: [Double] = []
    roots.reserveCapacity(resamples)
    for _ in 0..<resamples {
      var sums = PairSums()
      for _ in 0..<n {
        let pick = stream.index(below: n)
        sums.add(numerators[pick], denominators[pick])
      }
      guard let root = sums.root(against: whole.ratio) else { return nil }
      roots.append(root)
    }
    roots.sort()
    // The k-th smallest of B is the k / (B + 1) quantile.
    let tail = max(1, Int((Double(resamples + 1) * (1 - confidence) / 2).rounded(.down)))
    let (least, greatest) = (roots[tail - 1], roots[resamples - tail])
    guard least.isFinite, greatest.isFinite else { return nil }
    return ConfidenceInterval(
      estimate: whole.ratio, low: whole.ratio - greatest * error, high: whole.ratio - least * error,
      confidence: confidence)
  }
}

/// Sums of a resample, enough for its ratio and the ratio's standard error.
private struct PairSums {
  var (n, y, x, yy, xy, xx) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)

  mutating func add(_ numerator: Double, _ denominator: Double) {
    n += 1
    y += numerator
    x += denominator
    yy += numerator * numerator
    xy += numerator * denominator
    xx += denominator * denominator
  }

  /// (ratio - truth) / standard error; infinite where the resample has no scatter of its own but another
  /// ratio, nil where it has no ratio.
  func root(against truth: Double) -> Double? {
    guard x != 0 else { return nil }
    let ratio = y / x
    let residual = yy - 2 * ratio * xy + ratio * ratio * xx
    // What is left after cancellation is no scatter.
    let squares = residual > 1e-12 * (yy + ratio * ratio * xx) ? residual : 0
    let error = (squares / (n * (n - 1))).squareRoot() / abs(x / n)
    if error > 0 { return (ratio - truth) / error }
    return abs(ratio - truth) <= 1e-12 * abs(truth) ? 0 : (ratio < truth ? -.infinity : .infinity)
  }
}
