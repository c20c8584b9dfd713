// SPDX-License-Identifier: GPL-3.0-or-later
//
// Means and variances from theory, for reports, offered-load arithmetic and tests of the samplers.

import CGSL

extension Distribution {
  /// The expected value; nil where it is infinite (Pareto with shape <= 1).
  /// - Precondition: `validate()` is empty.
  public var mean: Double? { moments.mean }

  /// The variance; nil where it is infinite (Pareto with shape <= 2).
  /// - Precondition: `validate()` is empty.
  public var variance: Double? { moments.variance }

  private typealias Moments = (mean: Double?, variance: Double?)

  private var moments: Moments {
    switch self {
    case .constant(let value): (value, 0)
    case .uniform(let low, let high): (low + (high - low) / 2, (high - low) * (high - low) / 12)
    case .exponential(let mean): (mean, mean * mean)
    case .normal(let mean, let deviation, let min, let max):
      Self.normalMoments(mean, deviation, min ?? -.infinity, max ?? .infinity)
    case .lognormal(let median, let sigma, let min, let max):
      Self.lognormalMoments(log(median), sigma, min ?? 0, max ?? .infinity)
    case .gamma(let shape, let scale): (shape * scale, shape * scale * scale)
    case .erlang(let k, let mean): (mean, mean * mean / Double(k))
    case .weibull(let shape, let scale): Self.weibullMoments(shape, scale)
    case .pareto(let shape, let scale): Self.paretoMoments(shape, scale)
    case .poisson(let mean): (mean, mean)
    case .geometric(let p): (1 / p, (1 - p) / (p * p))
    case .hyperexponential(let probabilities, let means):
      Self.mixed(probabilities, means.map { ($0, $0 * $0) })
    case .discrete(let values, let weights): Self.mixed(weights, values.map { ($0, 0) })
    case .empirical(let values):
      Self.mixed(values.map { _ in 1 }, values.map { ($0, 0) })
    case .mixture(let weights, let parts): Self.mixed(weights, parts.map(\.moments))
    }
  }

  /// Law of total variance. A component of weight zero does not count, even if it has no mean.
  private static func mixed(_ weights: [Double], _ parts: [Moments]) -> Moments {
    let total = weights.reduce(0, +)
    let present = zip(weights, parts).filter { $0.0 > 0 }
    var mean = 0.0
    for (weight, part) in present {
      guard let partMean = part.mean else { return (nil, nil) }
      mean += weight / total * partMean
    }
    var variance = 0.0
    for (weight, part) in present {
      guard let partMean = part.mean, let partVariance = part.variance else { return (mean, nil) }
      variance += weight / total * (partVariance + (partMean - mean) * (partMean - mean))
    }
    return (mean, variance)
  }

  /// Johnson, Kotz, Balakrishnan, Continuous Univariate Distributions 1, section 13.10.1.
  private static func normalMoments(
    _ mean: Double, _ deviation: Double, _ min: Double, _ max: Double
  ) -> Moments {
    if deviation == 0 { return (mean, 0) }
    let (a, b) = ((min - mean) / deviation, (max - mean) / deviation)
    let mass = standardMass(a, b)
    let (densityA, densityB) = (gsl_ran_ugaussian_pdf(a), gsl_ran_ugaussian_pdf(b))
    let shift = (densityA - densityB) / mass
    let edge = ((a.isFinite ? a * densityA : 0) - (b.isFinite ? b * densityB : 0)) / mass
    return (mean + deviation * shift, deviation * deviation * (1 + edge - shift * shift))
  }

  /// E[X^k] of the cut distribution is that of the whole one with the normal mass moved by k sigma.
  private static func lognormalMoments(
    _ zeta: Double, _ sigma: Double, _ min: Double, _ max: Double
  ) -> Moments {
    if sigma == 0 { return (exp(zeta), 0) }
    let a = min > 0 ? (log(min) - zeta) / sigma : -.infinity
    let b = (log(max) - zeta) / sigma
    let mass = standardMass(a, b)
    let mean = exp(zeta + sigma * sigma / 2) * standardMass(a - sigma, b - sigma) / mass
    if min <= 0, max == .infinity { return (mean, mean * mean * expm1(sigma * sigma)) }
    let square =
      exp(2 * zeta + 2 * sigma * sigma) * standardMass(a - 2 * sigma, b - 2 * sigma) / mass
    return (mean, Swift.max(0, square - mean * mean))
  }

  private static func standardMass(_ a: Double, _ b: Double) -> Double {
    TruncatedInversion(.normal(mean: 0, deviation: 1), min: a, max: b).mass
  }

  private static func weibullMoments(_ shape: Double, _ scale: Double) -> Moments {
    let first = gsl_sf_gamma(1 + 1 / shape)
    let second = gsl_sf_gamma(1 + 2 / shape)
    guard first.isFinite else { return (nil, nil) }
    let variance = scale * scale * (second - first * first)
    return (scale * first, variance.isFinite ? variance : nil)
  }

  private static func paretoMoments(_ shape: Double, _ scale: Double) -> Moments {
    guard shape > 1 else { return (nil, nil) }
    let mean = shape * scale / (shape - 1)
    guard shape > 2 else { return (mean, nil) }
    return (mean, scale * scale * shape / ((shape - 1) * (shape - 1) * (shape - 2)))
  }
}
