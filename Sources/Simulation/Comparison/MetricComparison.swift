// SPDX-License-Identifier: GPL-3.0-or-later
//
// One metric under several variants: means over replications, and for each pair of variants the difference
// within replications, with Student's t. Where a metric is missing in one variant of a replication, the pair
// does without that replication.

import SimStatistics

/// A metric of all variants, with every pair of them.
public struct MetricComparison: Sendable {
  public let metric: String
  public let unit: String
  /// By variant; nil where no replication has a value.
  public let means: [Double?]
  /// (0, 1), (0, 2), …, (1, 2), …: the second compared with the first.
  public let pairs: [MetricPair]

  /// By variant and replication.
  private let values: [[Double?]]

  /// - Parameter values: by variant and replication.
  init(metric: String, unit: String, values: [[Double?]]) {
    self.values = values
    self.metric = metric
    self.unit = unit
    means = values.map { RunningMoments($0.compactMap { $0 }).mean }
    var pairs: [MetricPair] = []
    for first in values.indices {
      for second in values.indices.dropFirst(first + 1) {
        pairs.append(
          MetricPair(
            first: first, second: second, values[first], values[second], resolution: Self.resolution(metric)))
      }
    }
    // One family of tests per metric: its pairs of variants.
    let adjusted = HolmCorrection.adjusted(pairs.map(\.pValue))
    for index in pairs.indices { pairs[index].adjustedPValue = adjusted[index] }
    self.pairs = pairs
  }

  /// Quantiles come from histograms whose bins are up to 1 % wide; the rest is exact.
  private static func resolution(_ metric: String) -> Double {
    let isQuantile = ["_p01", "_p50", "_p90", "_p99"].contains { metric.hasSuffix($0) }
    return isQuantile ? 0.01 : 0
  }

  /// A variant's values by replication; nil if one is missing.
  func values(of variant: Int) -> [Double]? {
    let known = values[variant].compactMap { $0 }
    return known.count == values[variant].count ? known : nil
  }

  /// The pair of these two, in the order in which they are compared.
  func pair(_ first: Int, _ second: Int) -> MetricPair? {
    pairs.first { $0.first == first && $0.second == second }
  }

  /// No variant has anything but zero in it.
  var isZero: Bool { means.allSatisfy { $0 == nil || $0 == 0 } && pairs.allSatisfy { $0.isAlwaysEqual } }
}

/// Two variants of one metric.
public struct MetricPair: Sendable {
  /// Indices of the variants; `second` is compared with `first`.
  public let first: Int
  public let second: Int
  /// Replications in which both have a value.
  public let replications: Int
  /// Over these replications.
  public let firstMean: Double?
  public let secondMean: Double?
  /// Mean of second - first; nil without replications.
  public let difference: PairedDifference?
  /// Sum of second / sum of first; nil where the latter is zero.
  public let ratio: RatioEstimate?
  public let pValue: Double?
  /// Among the pairs of the metric (Holm).
  public internal(set) var adjustedPValue: Double?
  /// Relative difference up to which two values are the same to whoever measured them.
  private let resolution: Double

  init(first: Int, second: Int, _ a: [Double?], _ b: [Double?], resolution: Double) {
    self.first = first
    self.second = second
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
    difference = PairedDifference(x, y)
    ratio = RatioEstimate(numerators: y, denominators: x)
    pValue = difference?.pValue
  }

  /// Of the difference; nil below two replications.
  public var interval: ConfidenceInterval? { difference?.interval(confidence: Comparison.confidence) }

  /// Of the ratio; nil below two replications.
  public var ratioInterval: ConfidenceInterval? { ratio?.interval(confidence: Comparison.confidence) }

  /// The interval excludes "no difference", so does the p-value after correction for the other pairs, and the
  /// histogram behind a quantile can tell the two apart.
  public var isDifferent: Bool {
    guard let interval, let adjustedPValue, !isBelowResolution else { return false }
    return !interval.contains(0) && adjustedPValue < 1 - Comparison.confidence
  }

  private var isBelowResolution: Bool {
    guard let difference, let firstMean, let secondMean else { return true }
    return abs(difference.mean) <= resolution * max(abs(firstMean), abs(secondMean))
  }

  /// The two were equal in every replication, as far as the mean and its error tell.
  var isAlwaysEqual: Bool { difference.map { $0.mean == 0 && ($0.standardError ?? 0) == 0 } ?? true }
}
