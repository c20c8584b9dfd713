// SPDX-License-Identifier: GPL-3.0-or-later
//
// The mean of one long stationary run with an interval that knows of autocorrelation: means of batches, which
// for batches much longer than the correlation are nearly independent.

import CGSL

/// Non-overlapping and overlapping batch means of one series.
public struct BatchMeans: Sendable, Equatable {
  /// Mean of all observations that fill batches.
  public let mean: Double
  /// Observations per batch.
  public let size: Int
  /// Observations in all batches together.
  public let observations: Int
  /// Means of the non-overlapping batches.
  public let means: [Double]
  /// Of the mean, by non-overlapping batches (Conway, Management Science 10, 1963).
  public let standardError: Double
  /// Of the mean, by all overlapping batches (Meketon & Schmeiser, Winter Simulation Conference 1984): the
  /// same bias, a third less variance.
  public let overlappingStandardError: Double
  /// Sample variance of the observations.
  let variance: Double

  /// Batches of `size`; a rest at the beginning that fills no batch is left out. Nil for fewer than two.
  /// - Precondition: `size > 0`.
  public init?(_ series: [Double], size: Int) {
    precondition(size > 0, "no batches of \(size) observations")
    let count = series.count / size
    guard count > 1 else { return nil }
    let used = Array(series.suffix(count * size))
    means = Self.means(of: used, size: size)
    let moments = RunningMoments(means)
    mean = moments.mean!
    standardError = moments.standardError!
    self.size = size
    observations = used.count
    variance = RunningMoments(used).variance!
    overlappingStandardError = Self.overlapping(used, size: size, mean: mean)
  }

  /// Means of consecutive batches; a rest at the end is left out.
  static func means(of series: [Double], size: Int) -> [Double] {
    stride(from: 0, through: series.count - size, by: size).map { start in
      series[start..<start + size].reduce(0, +) / Double(size)
    }
  }

  /// n m / ((n - m + 1)(n - m)) · sum over all n - m + 1 batches of (batch mean - mean)^2 estimates n times
  /// the variance of the mean.
  private static func overlapping(_ series: [Double], size m: Int, mean: Double) -> Double {
    let n = series.count
    // Sums of deviations, so that nothing is lost by cancellation far from zero.
    var sum = series[..<m].reduce(0) { $0 + ($1 - mean) }
    var squares = 0.0
    for end in m...n {
      squares += sum * sum
      if end < n { sum += series[end] - series[end - m] }
    }
    let (count, batch) = (Double(n), Double(m))
    let variance = squares / (batch * (count - batch + 1) * (count - batch))
    return variance.squareRoot()
  }

  public var batches: Int { means.count }
  /// Of the overlapping batches: 1.5 (n / m - 1) (Meketon & Schmeiser 1984).
  public var overlappingDegreesOfFreedom: Double { 1.5 * Double(batches - 1) }

  /// Student's t over the non-overlapping batches.
  public func interval(confidence: Double) -> ConfidenceInterval {
    StudentT.interval(
      mean: mean, standardError: standardError, degreesOfFreedom: Double(batches - 1),
      confidence: confidence)
  }

  /// Student's t with the overlapping batches' standard error and degrees of freedom.
  public func overlappingInterval(confidence: Double) -> ConfidenceInterval {
    StudentT.interval(
      mean: mean, standardError: overlappingStandardError,
      degreesOfFreedom: overlappingDegreesOfFreedom, confidence: confidence)
  }

  /// So many independent observations would give the mean the same standard error; nil without scatter.
  public var effectiveSampleSize: Double? {
    standardError > 0 ? variance / (standardError * standardError) : nil
  }

  /// Of neighbouring batches; nil without scatter.
  public var independence: VonNeumannTest? { VonNeumannTest(means) }
}

/// Are neighbours of a sequence independent? Von Neumann's ratio of the mean square successive difference
/// to the variance (Annals of Mathematical Statistics 12, 1941), in the form that Fishman (Principles of
/// Discrete Event Simulation, 1978, 5.6) uses for batch means.
public struct VonNeumannTest: Sendable, Equatable {
  /// 1 - sum of (x[i] - x[i+1])^2 / (2 · sum of (x[i] - mean)^2): the lag-1 autocorrelation, but for the
  /// ends.
  public let autocorrelation: Double
  /// Of at least this much positive correlation if there is none; nearly normal from 8 values on.
  public let pValue: Double

  /// Nil below three values or without scatter.
  public init?(_ values: [Double]) {
    let k = Double(values.count)
    let moments = RunningMoments(values)
    guard values.count > 2, let variance = moments.variance, variance > 0 else { return nil }
    var differences = 0.0
    for (a, b) in zip(values, values.dropFirst()) { differences += (a - b) * (a - b) }
    autocorrelation = 1 - differences / (2 * variance * (k - 1))
    _ = GSLSetup.done
    pValue = gsl_cdf_ugaussian_Q(autocorrelation * ((k * k - 1) / (k - 2)).squareRoot())
  }
}
