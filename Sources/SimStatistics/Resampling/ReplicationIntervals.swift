// SPDX-License-Identifier: GPL-3.0-or-later
//
// The intervals that replications of a mean or a ratio give, side by side. Which of them is printed is the
// caller's choice, and said; nothing here chooses by what the sample looks like.

import CGSL

/// Student's t and bootstrap-t of the same replications, with the skewness that decides how far t is right.
public struct ReplicationIntervals: Sendable, Equatable {
  /// Mean, or ratio of sums.
  public let estimate: Double
  /// Nil below two replications.
  public let t: ConfidenceInterval?
  /// Nil below five replications, without scatter, or where resampling leaves an end open.
  public let bootstrapT: ConfidenceInterval?
  /// Of the values; of a ratio, of the numerators' residuals. Nil below three replications or without
  /// scatter.
  public let skewness: Double?

  /// Of means; nil without values.
  public init?(_ values: [Double], confidence: Double, resamples: Int = BootstrapT.resamples) {
    let moments = RunningMoments(values)
    guard let mean = moments.mean else { return nil }
    estimate = mean
    t = moments.interval(confidence: confidence)
    bootstrapT = BootstrapT.interval(ofMean: values, confidence: confidence, resamples: resamples)
    skewness = SampleShape.skewness(values)
  }

  /// Of ratios; nil where the denominators add up to zero.
  public init?(
    numerators: [Double], denominators: [Double], confidence: Double, resamples: Int = BootstrapT.resamples
  ) {
    guard let ratio = RatioEstimate(numerators: numerators, denominators: denominators) else { return nil }
    estimate = ratio.ratio
    t = ratio.interval(confidence: confidence)
    bootstrapT = BootstrapT.interval(
      ofRatio: numerators, denominators, confidence: confidence, resamples: resamples)
    skewness = SampleShape.skewness(zip(numerators, denominators).map { $0 - ratio.ratio * $1 })
  }
}
