// SPDX-License-Identifier: GPL-3.0-or-later
//
// One metric under several variants: means over replications, and every pair of variants. A ratio of counts
// counts as a ratio of sums over replications, by the linear form of the delta method, so that its mean is
// the loss ratio that `sim run` states and its pairs are pairs like those of any other metric.

import SimStatistics

/// A metric of all variants, with every pair of them.
public struct MetricComparison: Sendable {
  /// As in summary.csv, or with labels: `lost{client=browsers}`.
  public let metric: String
  public let unit: String
  /// By variant; nil where no replication has a value.
  public let means: [Double?]
  /// (0, 1), (0, 2), …, (1, 2), …: the second compared with the first.
  public let pairs: [MetricPair]

  /// By variant and replication.
  private let values: [[Double?]]

  /// - Parameters:
  ///   - samples: by variant and replication.
  ///   - arePaired: whether replications of two variants go together.
  init(
    metric: String, unit: String, samples: [[MetricSample]],
    arePaired: (_ first: Int, _ second: Int) -> Bool = { _, _ in true }
  ) {
    let values = samples.map(Self.values)
    self.values = values
    self.metric = metric
    self.unit = unit
    means = values.map { RunningMoments($0.compactMap { $0 }).mean }
    var pairs: [MetricPair] = []
    for first in values.indices {
      for second in values.indices.dropFirst(first + 1) {
        pairs.append(
          MetricPair(
            first: first, second: second, values[first], values[second],
            method: arePaired(first, second) ? .paired : .unpaired, resolution: Self.resolution(metric)))
      }
    }
    // One family of tests per metric: its pairs of variants.
    let adjusted = HolmCorrection.adjusted(pairs.map(\.pValue))
    for index in pairs.indices { pairs[index].adjustedPValue = adjusted[index] }
    self.pairs = pairs
  }

  /// One value per replication. Of ratios: ratio of sums + what each replication adds to its error
  /// (Cochran, Sampling Techniques, 6.4): their mean is that ratio, their standard error the delta method's.
  static func values(_ samples: [MetricSample]) -> [Double?] {
    guard let parts = MetricEstimate(samples).parts else {
      return samples.map { if case .value(let value) = $0 { value } else { nil } }
    }
    let whole = parts.denominators.reduce(0, +)
    guard whole != 0 else { return samples.map { _ in nil } }
    let ratio = parts.numerators.reduce(0, +) / whole
    let mean = whole / Double(samples.count)
    return zip(parts.numerators, parts.denominators).map { ratio + ($0 - ratio * $1) / mean }
  }

  /// Quantiles come from histograms whose bins are up to 1 % wide; the rest is exact.
  private static func resolution(_ metric: String) -> Double {
    let name = metric.prefix { $0 != "{" }
    let isQuantile =
      !name.hasPrefix("programming_") && !name.hasPrefix("sync_")
      && ["_p01", "_p50", "_p90", "_p99", "_p999"].contains { name.hasSuffix($0) }
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

  /// The pair of these two, whichever comes first.
  func anyPair(_ a: Int, _ b: Int) -> MetricPair? { pair(min(a, b), max(a, b)) }

  /// No variant has anything but zero in it.
  var isZero: Bool { means.allSatisfy { $0 == nil || $0 == 0 } && pairs.allSatisfy { $0.isAlwaysEqual } }
}
