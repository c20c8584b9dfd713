// SPDX-License-Identifier: GPL-3.0-or-later
//
// A random quantity as a scenario writes it.

/// A distribution over real numbers. For durations the unit of every parameter that has one is seconds.
public indirect enum Distribution: Sendable, Equatable {
  case constant(Double)
  case uniform(low: Double, high: Double)
  case exponential(mean: Double)
  /// Redrawn inside [min, max] by inversion where bounds are given.
  case normal(mean: Double, standardDeviation: Double, min: Double?, max: Double?)
  /// `median` = exp(mu); `sigma` is the standard deviation of the logarithm.
  case lognormal(median: Double, sigma: Double, min: Double?, max: Double?)
  case gamma(shape: Double, scale: Double)
  case erlang(k: Int, mean: Double)
  case weibull(shape: Double, scale: Double)
  /// Support starts at `scale`.
  case pareto(shape: Double, scale: Double)
  case poisson(mean: Double)
  /// Number of trials up to the first success: 1, 2, …
  case geometric(probability: Double)
  case hyperexponential(probabilities: [Double], means: [Double])
  case discrete(values: [Double], weights: [Double])
  /// Observed values, each equally likely.
  case empirical([Double])
  case mixture(weights: [Double], parts: [Distribution])
}
