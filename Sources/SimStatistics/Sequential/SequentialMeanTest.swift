// SPDX-License-Identifier: GPL-3.0-or-later
//
// Is a mean below or above a limit? Asked again and again while replications come in, and still wrong no more
// often than promised. The replications are looked at in fixed stages, and the error is spent over the stages
// (Lan & DeMets, Biometrika 70, 1983) in proportion to the replications of each (Kim & DeMets, Biometrika 74,
// 1987, with power 1). Each stage tests at its own share of the error, so that by Bonferroni's inequality the
// chance that any stage is wrong is at most the sum, however the stages depend on each other.
//
// A confidence sequence (Waudby-Smith & Ramdas, JRSS B 86, 2024) would need no stages, but those that hold
// for every distribution of a loss ratio need about 3 / limit replications for a limit near 0, and the
// asymptotic ones (Waudby-Smith et al., Annals of Statistics 52, 2024) are wrong too often at 5 to 50
// replications.

import CGSL

/// What is known about a mean and its limit.
public enum LimitVerdict: String, Sendable, Equatable, CaseIterable {
  case below
  case above
  /// Every replication gave exactly the limit.
  case equal
  case undecided
}

/// A test of the mean of independent replications, or of a ratio of means, against a limit, in stages.
///
/// Add replications in their order until `isFinished`. A ratio is below its limit if and only if the mean of
/// part - limit · whole is below 0, which is what is tested. Within `most` replications the probability of a
/// wrong verdict is at most 1 - confidence, if means of a stage's replications are about normal after Hall's
/// transformation; half of that if they are normal without it. No test can promise this for all distributions
/// (Bahadur & Savage, Annals of Mathematical Statistics 27, 1956): what one replication in a hundred loses is
/// not seen in twenty. docs/statistics.md has measured error rates.
public struct SequentialMeanTest: Sendable {
  public let confidence: Double
  public let limit: Double
  /// No more replications than these will be looked at.
  public let most: Int
  /// Numbers of replications at which it is looked, ascending; the last is `most`.
  public let stages: [Int]

  private var numerators: [Double] = []
  private var denominators: [Double] = []
  private var smallestP = 1.0
  private var direction = LimitVerdict.undecided
  /// Index of the last stage that was looked at.
  private var lastStage: Int?

  /// - Parameter stages: where to look; 5, 10, 20, 40, ... and `most` unless given. `most` is added.
  /// - Precondition: `0 < confidence < 1`, `limit` is finite, `most > 0`.
  public init(confidence: Double = 0.95, limit: Double, most: Int, stages: [Int]? = nil) {
    precondition(confidence > 0 && confidence < 1, "confidence must be in (0, 1), got \(confidence)")
    precondition(limit.isFinite && most > 0, "no test of \(most) replications against \(limit)")
    (self.confidence, self.limit, self.most) = (confidence, limit, most)
    var looks = (stages ?? Self.doubling(upTo: most)).filter { $0 > 1 && $0 < most }
    looks.append(most)
    self.stages = Array(Set(looks)).sorted()
  }

  /// 5, 10, 20, 40, ... below `most`.
  public static func doubling(upTo most: Int) -> [Int] {
    Array(sequence(first: 5) { $0 * 2 }.prefix { $0 < most })
  }

  /// Takes in the mean's next replication. After `most` replications, or a verdict, nothing changes any more.
  /// - Precondition: `value` is finite.
  public mutating func add(_ value: Double) { add(part: value, whole: 1) }

  /// Takes in the ratio's next replication.
  /// - Precondition: both are finite.
  public mutating func add(part: Double, whole: Double) {
    precondition(part.isFinite && whole.isFinite, "\(part) of \(whole) has no place in a mean")
    guard !isFinished else { return }
    numerators.append(part)
    denominators.append(whole)
    if let stage = stages.firstIndex(of: count) { look(stage: stage) }
  }

  /// Replications that were taken in.
  public var count: Int { numerators.count }

  /// Decided at this test's confidence, or out of replications.
  public var isFinished: Bool { verdict != .undecided || count >= most }

  /// The next number of replications at which something may be decided; nil when finished.
  public var nextStage: Int? { isFinished ? nil : stages.first { $0 > count } }

  /// As of the last stage.
  public var verdict: LimitVerdict { verdict(at: 1 - confidence) }

  /// The verdict if the total error were `error` instead of 1 - confidence: Holm's correction of several
  /// tests asks for it.
  public func verdict(at error: Double) -> LimitVerdict { smallestP <= error ? direction : .undecided }

  /// The smallest error at which a stage so far would have decided: a p-value that is valid whenever one
  /// stops looking (two-sided; for Holm over several tests).
  public var pValue: Double { smallestP }

  /// Mean, or ratio of sums, of what was taken in; nil before the first replication, and without a whole.
  public var estimate: Double? { RatioEstimate(numerators: numerators, denominators: denominators)?.ratio }

  /// At the last stage, with that stage's confidence, so that all stages' intervals together cover the truth
  /// with `confidence`. It excludes the limit where that stage decided, and elsewhere only if the stage is
  /// held back or below 20 replications. Nil before the first stage, without scatter, or where wholes vary
  /// too much for an end.
  public var interval: ConfidenceInterval? {
    guard let lastStage else { return nil }
    let count = stages[lastStage]
    return Self.interval(
      Array(numerators.prefix(count)), Array(denominators.prefix(count)),
      confidence: 1 - (1 - confidence) * share(of: lastStage))
  }

  /// Nothing was decided at the last stage, whatever the interval looks like, because the replications are
  /// too skewed for their number: n < 25 G² (Cochran, Sampling Techniques, 1977, 2.15).
  public private(set) var isHeldBack = false

  /// A stage's part of the error: that of its replications in `most`.
  private func share(of stage: Int) -> Double {
    Double(stages[stage] - (stage == 0 ? 0 : stages[stage - 1])) / Double(most)
  }

  private mutating func look(stage: Int) {
    let excess = Self.excess(numerators, denominators, limit: limit)
    let share = share(of: stage)
    lastStage = stage
    isHeldBack = SampleShape.skewness(excess).map { 25 * $0 * $0 > Double(count) } ?? false
    guard !isHeldBack else { return }
    let (pValue, side) = SkewFreeMean.test(excess)
    if pValue / share < smallestP { (smallestP, direction) = (pValue / share, side) }
  }
}
