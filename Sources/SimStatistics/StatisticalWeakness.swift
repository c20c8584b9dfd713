// SPDX-License-Identifier: GPL-3.0-or-later
//
// What makes an interval less trustworthy than it looks, found in the numbers and said in words. Each has a
// threshold with a reason; none changes an interval.

import CGSL

/// A reason not to rely on an interval.
public enum StatisticalWeakness: Sendable, Equatable {
  /// Fewer replications than `atLeast`: 5, at which Student's quantile at 95 % is 42 % above that of a known
  /// variance (2.78 to 1.96), and below which the standard error itself is known to no better than ±35 %.
  case fewReplications(count: Int, atLeast: Int)
  /// Nothing was lost in any replication: an interval of width 0 says nothing (rule of three).
  case noEvents(NoLossBound)
  /// Fewer events in all than `atLeast`: 10, whose count alone is uncertain by ±32 % (one standard deviation
  /// of a Poisson count) even if they came independently.
  case fewEvents(Double, atLeast: Int)
  /// Fewer replications than `atLeast` have any event: 5 (Cochran, Biometrics 10, 1954, for the smallest
  /// expected count), so that one replication more or less moves the mean by a fifth.
  case fewReplicationsWithEvents(Int, of: Int, atLeast: Int)
  /// Skewness G of the replications with n < 25 G² (Cochran, Sampling Techniques, 1977, 2.15: a 95 % interval
  /// is then wrong in more than 6 %), and beyond two of the standard deviations that G has by chance. Losses
  /// are skewed to the right: the truth is above the interval more often than below it.
  case skewed(skewness: Double, replications: Int, needed: Int)
  /// One replication has more than half of the sum of at least 8: in exponentially distributed values this
  /// happens in 6 % of the samples of 8, and less in longer ones (Fisher, Proc. R. Soc. A 125, 1929).
  case dominated(largestShare: Double, replications: Int)
  /// Hill's tail index of the largest tenth of at least 100 replications is below 2, that is the variance
  /// may be infinite, and with it any t interval meaningless.
  case heavyTail(index: Double)
  /// Neighbouring batches correlate (von Neumann's test, p below 5 %): the interval is too narrow.
  case autocorrelated(lag1: Double, pValue: Double)
  /// The effective sample size of a long run is below 100: less than 10 batches of 10 (Schmeiser 1982).
  case fewEffectiveObservations(Double, of: Int)
  /// MSER-5 finds no end of the warm-up in the first half of the run.
  case noWarmUpFound(truncation: Int, of: Int)

  /// In a mean over replications. `events`: the values count or measure something that may be absent, such as
  /// losses, and are not negative.
  public static func find(in values: [Double], events: Bool = false) -> [StatisticalWeakness] {
    var found = few(values.count)
    if events { found += rare(values) }
    return found + shape(values, isSum: events)
  }

  /// In a ratio of sums over replications, such as losses over attempts.
  /// - Precondition: as many numerators as denominators.
  public static func find(
    inRatioOf numerators: [Double], to denominators: [Double]
  ) -> [StatisticalWeakness] {
    precondition(numerators.count == denominators.count, "one denominator per numerator")
    var found = few(numerators.count) + rare(numerators)
    guard let ratio = RatioEstimate(numerators: numerators, denominators: denominators) else { return found }
    let residuals = zip(numerators, denominators).map { $0 - ratio.ratio * $1 }
    found += skew(residuals) + tail(numerators)
    return found
  }

  /// In one long run.
  public static func find(in run: LongRunEstimate) -> [StatisticalWeakness] {
    var found: [StatisticalWeakness] = []
    let batches = run.batchMeans
    if let warmUp = run.warmUp, !warmUp.isFound {
      found.append(.noWarmUpFound(truncation: warmUp.truncation, of: warmUp.observations))
    }
    if let test = batches.independence, test.pValue < 0.05 {
      found.append(.autocorrelated(lag1: test.autocorrelation, pValue: test.pValue))
    }
    if let size = batches.effectiveSampleSize, size < 100 {
      found.append(.fewEffectiveObservations(size, of: batches.observations))
    }
    return found
  }

  private static func few(_ count: Int) -> [StatisticalWeakness] {
    count < 5 ? [.fewReplications(count: count, atLeast: 5)] : []
  }

  private static func rare(_ values: [Double]) -> [StatisticalWeakness] {
    let sum = values.reduce(0, +)
    let having = values.count { $0 > 0 }
    guard !values.isEmpty else { return [] }
    guard sum > 0 else { return [.noEvents(NoLossBound(replications: values.count))] }
    if sum < 10 { return [.fewEvents(sum, atLeast: 10)] }
    // Of fewer than 5 replications that they are few is said already.
    guard having < 5, values.count >= 5 else { return [] }
    return [.fewReplicationsWithEvents(having, of: values.count, atLeast: 5)]
  }

  private static func shape(_ values: [Double], isSum: Bool) -> [StatisticalWeakness] {
    skew(values) + (isSum ? tail(values) : [])
  }

  private static func skew(_ values: [Double]) -> [StatisticalWeakness] {
    guard let skewness = SampleShape.skewness(values) else { return [] }
    let needed = 25 * skewness * skewness
    guard needed > Double(values.count), abs(skewness) > 2 * SampleShape.skewnessError(count: values.count)
    else { return [] }
    return [.skewed(skewness: skewness, replications: values.count, needed: Int(needed.rounded(.up)))]
  }

  private static func tail(_ values: [Double]) -> [StatisticalWeakness] {
    var found: [StatisticalWeakness] = []
    if values.count >= 8, let share = SampleShape.largestShare(values), share > 0.5 {
      found.append(.dominated(largestShare: share, replications: values.count))
    }
    if values.count >= 100, let index = SampleShape.hillIndex(values, largest: values.count / 10), index < 2 {
      found.append(.heavyTail(index: index))
    }
    return found
  }
}
