// SPDX-License-Identifier: GPL-3.0-or-later
//
// Intervals for quantiles. Between two order statistics, which assumes nothing of the distribution but that
// the values are independent; or by resampling whole replications, where values within one are not. That a
// sample is too small for an interval is an answer of its own, not a missing one.

import CGSL

/// An interval for a quantile, or how many values it would take.
public enum QuantileInterval: Sendable, Equatable {
  /// - Parameter coverage: the probability with which such an interval covers the quantile of a continuous
  ///   distribution, at least the confidence asked for.
  case interval(ConfidenceInterval, coverage: Double)
  /// Even the smallest and the largest value do not enclose the quantile with this confidence.
  case tooFew(count: Int, needed: Int)

  public var interval: ConfidenceInterval? {
    if case .interval(let interval, _) = self { interval } else { nil }
  }
}

/// Order statistics of independent values.
public enum OrderStatistics {
  /// The values that a quantile at `share` takes for its interval (Hahn & Meeker, Statistical Intervals,
  /// 1991, 5.2): the l-th and u-th smallest, with at most (1 - confidence) / 2 beyond either, from the
  /// binomial distribution of how many values lie below the quantile. The estimate is the smallest value
  /// that a share of at least `share` does not exceed.
  /// - Precondition: `0 < share < 1`, `0 < confidence < 1`.
  public static func interval(
    of values: [Double], share: Double, confidence: Double
  ) -> QuantileInterval {
    let n = values.count
    guard let ranks = ranks(count: n, share: share, confidence: confidence) else {
      return .tooFew(count: n, needed: needed(share: share, confidence: confidence))
    }
    let sorted = values.sorted()
    let interval = ConfidenceInterval(
      estimate: quantile(sorted: sorted, share: share), low: sorted[ranks.low - 1],
      high: sorted[ranks.high - 1], confidence: confidence)
    return .interval(interval, coverage: ranks.coverage)
  }

  /// Ranks from 1; nil where there are none.
  static func ranks(
    count n: Int, share: Double, confidence: Double
  ) -> (low: Int, high: Int, coverage: Double)? {
    precondition(share > 0 && share < 1, "a quantile lies between 0 and 1, got \(share)")
    precondition(confidence > 0 && confidence < 1, "confidence must be in (0, 1), got \(confidence)")
    guard n > 0 else { return nil }
    _ = GSLSetup.done
    let tail = (1 - confidence) / 2
    func below(_ k: Int) -> Double { k < 0 ? 0 : gsl_cdf_binomial_P(UInt32(k), share, UInt32(n)) }
    // Binary searches: P(at most k below the quantile) grows with k.
    let low = partition(0...n) { below($0) > tail }
    let high = 1 + partition(0...n) { below($0) >= 1 - tail }
    guard low >= 1, high <= n else { return nil }
    return (low, high, below(high - 1) - below(low - 1))
  }

  /// The first of `range` with the property; all after it have it too.
  private static func partition(_ range: ClosedRange<Int>, _ property: (Int) -> Bool) -> Int {
    var (low, high) = (range.lowerBound, range.upperBound)
    while low < high {
      let middle = (low + high) / 2
      if property(middle) { high = middle } else { low = middle + 1 }
    }
    return low
  }

  /// Fewest values that enclose a quantile at `share`: 368 for the 99 % quantile at 95 % confidence.
  /// - Precondition: `0 < share < 1`, `0 < confidence < 1`.
  public static func needed(share: Double, confidence: Double) -> Int {
    precondition(share > 0 && share < 1, "a quantile lies between 0 and 1, got \(share)")
    precondition(confidence > 0 && confidence < 1, "confidence must be in (0, 1), got \(confidence)")
    let tail = (1 - confidence) / 2
    return Int((log(tail) / log(max(share, 1 - share))).rounded(.up))
  }

  /// The smallest value that a share of at least `share` of the sample does not exceed.
  /// - Precondition: `sorted` is not empty and ascending.
  public static func quantile(sorted: [Double], share: Double) -> Double {
    let rank = Int((share * Double(sorted.count)).rounded(.up))
    return sorted[min(max(rank, 1), sorted.count) - 1]
  }
}

/// Percentile intervals (Efron 1979; Efron & Tibshirani 1993, 13.3) from resamples of whole replications.
public enum ReplicationBootstrap {
  /// The interval of any statistic of replications. Nil below two replications or where a resample has no
  /// value of it.
  /// - Parameters:
  ///   - count: of replications.
  ///   - statistic: of a sample with repetitions, given as indices of replications.
  /// - Precondition: `0 < confidence < 1`, `resamples > 0`.
  public static func interval(
    replications count: Int, confidence: Double, resamples: Int = BootstrapT.resamples,
    stream: ResamplingStream = ResamplingStream("bootstrap-percentile"),
    statistic: ([Int]) -> Double?
  ) -> ConfidenceInterval? {
    precondition(confidence > 0 && confidence < 1, "confidence must be in (0, 1), got \(confidence)")
    precondition(resamples > 0, "an interval takes resamples")
    guard count > 1, let estimate = statistic(Array(0..<count)) else { return nil }
    var stream = stream
    var picks = [Int](repeating: 0, count: count)
    var values: [Double] = []
    for _ in 0..<resamples {
      for place in picks.indices { picks[place] = stream.index(below: count) }
      guard let value = statistic(picks) else { return nil }
      values.append(value)
    }
    values.sort()
    let tail = max(1, Int((Double(resamples + 1) * (1 - confidence) / 2).rounded(.down)))
    return ConfidenceInterval(
      estimate: estimate, low: values[tail - 1], high: values[resamples - tail], confidence: confidence)
  }

  /// For the quantile of all values of all replications together, which within a replication may depend on
  /// each other. `tooFew` where fewer values than independent ones would have to be are there in all, or
  /// fewer than `fewest` replications.
  /// - Precondition: `0 < share < 1`, `0 < confidence < 1`.
  public static func quantile(
    of replications: [[Double]], share: Double, confidence: Double, fewest: Int = BootstrapT.fewest
  ) -> QuantileInterval {
    let count = replications.reduce(0) { $0 + $1.count }
    let needed = OrderStatistics.needed(share: share, confidence: confidence)
    let found =
      count < needed || replications.count < fewest
      ? nil
      : interval(replications: replications.count, confidence: confidence) { picks in
        let pooled = picks.flatMap { replications[$0] }.sorted()
        return pooled.isEmpty ? nil : OrderStatistics.quantile(sorted: pooled, share: share)
      }
    return found.map { .interval($0, coverage: confidence) } ?? .tooFew(count: count, needed: needed)
  }
}
