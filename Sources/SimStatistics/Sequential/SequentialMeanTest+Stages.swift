// SPDX-License-Identifier: GPL-3.0-or-later
//
// What happens at a stage of a sequential test: the p-value of "mean = limit", corrected for skewness, what
// the stage may spend, and the interval that goes with it.

import CGSL

/// The mean of part - limit · whole over replications, in Student's units, after Hall's transformation (On the
/// removal of skewness by transformation, JRSS B 54, 1992): g(W) = W + G W²/3 + G² W³/27 + G/(6 n) for
/// W = mean / s and sample skewness G is monotone, and freed of the first-order error that skewness makes.
/// Without it, a mean of rare losses is taken for smaller than it is up to ten times too often.
struct SkewFreeMean {
  let count: Int
  let mean: Double
  let deviation: Double
  let skewness: Double

  init(_ values: [Double]) {
    count = values.count
    let moments = RunningMoments(values)
    mean = moments.mean ?? 0
    deviation = moments.standardDeviation ?? 0
    skewness = SampleShape.skewness(values) ?? 0
  }

  /// Infinite for a mean other than 0 without scatter.
  var root: Double {
    guard deviation > 0 else { return mean == 0 ? 0 : (mean > 0 ? .infinity : -.infinity) }
    let (n, g, w) = (Double(count), skewness, mean / deviation)
    let transformed = w + g * w * w / 3 + g * g * w * w * w / 27 + g / (6 * n)
    return n.squareRoot() * transformed
  }

  /// Two-sided; at least 2^(1 - n), the p-value of a sign test (Arbuthnott 1710) in which all n agree. So no
  /// verdict rests on fewer than 6 replications at 95 %, nor on a variance that a few equal values hide.
  var pValue: Double {
    guard count > 1 else { return 1 }
    let floor = exp2(Double(1 - count))
    let root = root
    if root == 0 { return 1 }
    return max(floor, root.isFinite ? 2 * gsl_cdf_tdist_Q(abs(root), Double(count - 1)) : 0)
  }

  /// Too skewed for so few replications: n < 25 G² (Cochran 1977, 2.15).
  var isTooSkewed: Bool { Double(count) < 25 * skewness * skewness }
}

extension SequentialMeanTest {
  /// part - limit · whole of every replication.
  static func excess(_ numerators: [Double], _ denominators: [Double], limit: Double) -> [Double] {
    zip(numerators, denominators).map { $0 - limit * $1 }
  }

  /// The ratios that a stage with this error does not exclude: all r for which the mean of part - r · whole
  /// may be 0 (Fieller, JRSS B 16, 1954, with Hall's transformation). Nil without scatter, and where there is
  /// no end within 10^6 standard errors.
  static func interval(
    _ numerators: [Double], _ denominators: [Double], confidence: Double
  ) -> ConfidenceInterval? {
    guard let ratio = RatioEstimate(numerators: numerators, denominators: denominators),
      let error = ratio.standardError, error > 0
    else { return nil }
    let reach = StudentT.quantile(degreesOfFreedom: Double(ratio.count - 1), confidence: confidence)
    func excludes(_ r: Double) -> Bool {
      abs(SkewFreeMean(excess(numerators, denominators, limit: r)).root) > reach
    }
    func end(_ sign: Double) -> Double? {
      var (inside, outside) = (0.0, reach * error)
      while !excludes(ratio.ratio + sign * outside) {
        guard outside < 1e6 * error else { return nil }
        (inside, outside) = (outside, 2 * outside)
      }
      for _ in 0..<50 {
        let middle = (inside + outside) / 2
        if excludes(ratio.ratio + sign * middle) { outside = middle } else { inside = middle }
      }
      return ratio.ratio + sign * outside
    }
    guard let low = end(-1), let high = end(1) else { return nil }
    return ConfidenceInterval(estimate: ratio.ratio, low: low, high: high, confidence: confidence)
  }
}
