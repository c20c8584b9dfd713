// SPDX-License-Identifier: GPL-3.0-or-later
//
// Two variants of one metric: difference and ratio first, then how sure they are. Replications that saw the
// same arrivals go in pairs. Where a metric is missing in one variant of a replication, the pair does without
// that replication.

import SimStatistics

/// Two variants of one metric.
public struct MetricPair: Sendable {
  /// Where intervals and p-values come from.
  public enum Method: String, Sendable, CaseIterable {
    /// Student's t of the differences within replications.
    case paired
    /// Arrivals are not the same, so that replications do not go together: Welch's t. The same seed may still
    /// have drawn churn alike; where pairs correlate negatively their own interval is wider, and taken.
    case unpaired
  }

  /// Indices of the variants; `second` is compared with `first`.
  public let first: Int
  public let second: Int
  public let method: Method
  /// Replications in which both have a value.
  public let replications: Int
  /// Over these replications.
  public let firstMean: Double?
  public let secondMean: Double?
  /// Mean of second - first; nil without replications.
  public let difference: PairedDifference?
  /// Of the difference; nil below two replications.
  public let interval: ConfidenceInterval?
  /// Sum of second / sum of first; nil where the latter is zero.
  public let ratio: RatioEstimate?
  /// Of the ratio; nil below two replications.
  public let ratioInterval: ConfidenceInterval?
  /// What taking replications in pairs saved; nil below two.
  public let gain: PairingGain?
  /// Replications in which second was smaller, equal, larger; nil without any.
  public let superiority: PairedSuperiority?
  /// Difference in standard deviations of replications (Hedges' g); nil where nothing scatters.
  public let standardizedDifference: Double?
  public let pValue: Double?
  /// Among the pairs of the metric (Holm).
  public internal(set) var adjustedPValue: Double?
  /// Relative difference up to which two values are the same to whoever measured them.
  private let resolution: Double

  init(first: Int, second: Int, _ a: [Double?], _ b: [Double?], method: Method, resolution: Double) {
    self.first = first
    self.second = second
    self.method = method
    self.resolution = resolution
    var (x, y) = ([Double](), [Double]())
    for (a, b) in zip(a, b) {
      guard let a, let b else { continue }
      x.append(a)
      y.append(b)
    }
    replications = x.count
    firstMean = RunningMoments(x).mean
    secondMean = RunningMoments(y).mean
    let confidence = Comparison.confidence
    let difference = PairedDifference(x, y)
    self.difference = difference
    ratio = RatioEstimate(numerators: y, denominators: x)
    gain = PairingGain(x, y)
    superiority = x.isEmpty ? nil : PairedSuperiority(x, y)
    standardizedDifference = EffectSize.hedgesG(x, y)
    let (paired, pairedRatio) = (
      difference?.interval(confidence: confidence), ratio?.interval(confidence: confidence)
    )
    guard method == .unpaired, let welch = UnpairedDifference(x, y) else {
      (interval, ratioInterval, pValue) = (paired, pairedRatio, difference?.pValue)
      return
    }
    interval = Self.wider(paired, welch.interval(confidence: confidence))
    ratioInterval =
      ratio == nil
      ? nil : Self.wider(pairedRatio, UnpairedDifference.ratio(x, y, confidence: confidence))
    pValue = max(difference?.pValue ?? 0, welch.pValue)
  }

  private static func wider(_ a: ConfidenceInterval?, _ b: ConfidenceInterval?) -> ConfidenceInterval? {
    guard let a, let b else { return a ?? b }
    return a.halfWidth > b.halfWidth ? a : b
  }

  /// The interval excludes "no difference", so does the p-value after correction for the other pairs, and the
  /// histogram behind a quantile can tell the two apart.
  public var isDifferent: Bool {
    guard let interval, let adjustedPValue, !isBelowResolution else { return false }
    return !interval.contains(0) && adjustedPValue < 1 - Comparison.confidence
  }

  /// How many times the replications pairing saved; nil where differences never vary.
  var savedReplications: Double? { gain?.factor.flatMap { $0.isFinite ? $0 : nil } }

  /// The difference is one that no histogram could show.
  var isBelowResolution: Bool {
    guard let difference, let firstMean, let secondMean else { return true }
    return abs(difference.mean) <= resolution * max(abs(firstMean), abs(secondMean))
  }

  /// The two were equal in every replication, as far as the mean and its error tell.
  var isAlwaysEqual: Bool { difference.map { $0.mean == 0 && ($0.standardError ?? 0) == 0 } ?? true }
}
