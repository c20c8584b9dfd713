// SPDX-License-Identifier: GPL-3.0-or-later
//
// Normal and lognormal distributions cut to an interval, drawn by inverting the distribution function:
// one uniform number per value and increasing in it, so that draws stay aligned when a bound changes.

import CGSL

/// The quantile function of a distribution given that the value lies in [min, max].
struct TruncatedInversion: Sendable {
  enum Family: Sendable {
    case normal(mean: Double, deviation: Double)
    case lognormal(zeta: Double, sigma: Double)
  }

  private let family: Family
  private let min: Double
  private let max: Double
  /// Whether the probabilities are those of exceeding a value: beyond the median these are the exact ones.
  private let upper: Bool
  private let atMin: Double
  private let atMax: Double

  /// A bound that is nil does not bind.
  init(_ family: Family, min: Double?, max: Double?) {
    self.family = family
    self.min = min ?? -.infinity
    self.max = max ?? .infinity
    upper = family.below(self.min) > 0.5
    atMin = upper ? family.above(self.min) : family.below(self.min)
    atMax = upper ? family.above(self.max) : family.below(self.max)
  }

  /// The probability that a value of the whole distribution lies in the interval.
  var mass: Double {
    switch family {
    // All of it at one point, which may be a bound.
    case .normal(let value, 0): value >= min && value <= max ? 1 : 0
    case .lognormal(let zeta, 0): exp(zeta) >= min && exp(zeta) <= max ? 1 : 0
    default: abs(atMax - atMin)
    }
  }

  /// The value that is exceeded with probability 1 - u, for u in (0, 1). Always within [min, max].
  func quantile(_ u: Double) -> Double {
    // Rounding may reach 0 or 1, where the inverse is infinite although no bound is.
    let p = Swift.min(Swift.max(atMin + u * (atMax - atMin), .leastNormalMagnitude), 1.0.nextDown)
    let value = upper ? family.exceeded(withProbability: p) : family.quantile(p)
    return Swift.min(Swift.max(value, min), max)
  }
}

extension TruncatedInversion.Family {
  /// P(X <= x).
  func below(_ x: Double) -> Double {
    if x == -.infinity { return 0 }
    if x == .infinity { return 1 }
    switch self {
    case .normal(let mean, 0): return x >= mean ? 1 : 0
    case .normal(let mean, let deviation): return gsl_cdf_gaussian_P(x - mean, deviation)
    case .lognormal where x <= 0: return 0
    case .lognormal(let zeta, 0): return log(x) >= zeta ? 1 : 0
    case .lognormal(let zeta, let sigma): return gsl_cdf_lognormal_P(x, zeta, sigma)
    }
  }

  /// P(X > x).
  func above(_ x: Double) -> Double {
    if x == -.infinity { return 1 }
    if x == .infinity { return 0 }
    switch self {
    case .normal(_, 0), .lognormal(_, 0): return 1 - below(x)
    case .normal(let mean, let deviation): return gsl_cdf_gaussian_Q(x - mean, deviation)
    case .lognormal where x <= 0: return 1
    case .lognormal(let zeta, let sigma): return gsl_cdf_lognormal_Q(x, zeta, sigma)
    }
  }

  func quantile(_ p: Double) -> Double {
    switch self {
    case .normal(let mean, 0): mean
    case .normal(let mean, let deviation): mean + gsl_cdf_gaussian_Pinv(p, deviation)
    case .lognormal(let zeta, 0): exp(zeta)
    case .lognormal(let zeta, let sigma): gsl_cdf_lognormal_Pinv(p, zeta, sigma)
    }
  }

  func exceeded(withProbability p: Double) -> Double {
    switch self {
    case .normal(let mean, 0): mean
    case .normal(let mean, let deviation): mean + gsl_cdf_gaussian_Qinv(p, deviation)
    case .lognormal(let zeta, 0): exp(zeta)
    case .lognormal(let zeta, let sigma): gsl_cdf_lognormal_Qinv(p, zeta, sigma)
    }
  }
}
