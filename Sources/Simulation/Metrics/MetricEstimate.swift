// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the replications of a metric say together: means as means with Student's t, ratios as a ratio of sums
// with the delta method. Never over connections: losses come in bursts, and an interval as if connections
// were independent would be far too narrow.

import SimStatistics

/// The samples of one metric, one per replication in their order.
public struct MetricEstimate: Sendable, Equatable {
  public private(set) var samples: [MetricSample] = []

  public init(_ samples: [MetricSample] = []) { self.samples = samples }

  public mutating func add(_ sample: MetricSample) { samples.append(sample) }

  /// Values of the replications that have one; of a ratio, each replication's own.
  public var values: [Double] {
    samples.compactMap { sample in
      switch sample {
      case .value(let value): value
      case .ratio(let part, let whole): whole > 0 ? part / whole : nil
      }
    }
  }

  /// Replications with a value.
  public var count: Int { isRatio ? samples.count : values.count }

  /// Mean over replications, or ratio of the sums; nil where no replication has a value.
  public var mean: Double? { isRatio ? ratio?.ratio : moments.mean }

  /// Of the mean or ratio; nil below two replications.
  public var standardError: Double? { isRatio ? ratio?.standardError : moments.standardError }

  /// Student's t over replications; nil below two.
  public func interval(confidence: Double) -> ConfidenceInterval? {
    isRatio ? ratio?.interval(confidence: confidence) : moments.interval(confidence: confidence)
  }

  /// The samples are parts and wholes.
  public var isRatio: Bool { if case .ratio = samples.first { true } else { false } }

  /// Parts and wholes by replication, if the samples are ratios.
  public var parts: (numerators: [Double], denominators: [Double])? {
    guard isRatio else { return nil }
    var (numerators, denominators) = ([Double](), [Double]())
    for case .ratio(let part, let whole) in samples {
      numerators.append(part)
      denominators.append(whole)
    }
    return (numerators, denominators)
  }

  private var moments: RunningMoments { RunningMoments(values) }

  private var ratio: RatioEstimate? {
    parts.flatMap { RatioEstimate(numerators: $0.numerators, denominators: $0.denominators) }
  }
}
