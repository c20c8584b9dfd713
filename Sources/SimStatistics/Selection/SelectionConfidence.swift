// SPDX-License-Identifier: GPL-3.0-or-later
//
// How sure is it that the variant that looks best is best? Paired samples: replication r of every variant has
// the same random draws, which is why differences within replications count, and why resampling takes whole
// replications.

import CGSL

/// The probability of correct selection among variants with paired replications.
public struct SelectionConfidence: Sendable, Equatable {
  /// Which values are good.
  public enum Best: Sendable, Equatable {
    case smallest
    case largest
  }

  /// Mean of each variant, or ratio of sums.
  public let estimates: [Double]
  /// Indices of variants, best first; equal ones in the order given.
  public let ranking: [Int]
  /// The best, which is `ranking[0]`, and all that equalled it in every replication: whichever of them is
  /// taken, the choice is the same.
  public let best: [Int]
  /// A lower bound of the probability that no variant outside `best` is better: 1 - the sum over all others
  /// of the probability that it is, by Student's t of the paired difference (APCS-B of Chen, Lin, Yücesan &
  /// Chick, Discrete Event Dynamic Systems 10, 2000, with the variance of differences in the place of a sum
  /// of variances). 0 where the bound is negative, nil below two replications.
  public let probability: Double?
  /// How often each variant was best in resamples of whole replications (Efron 1979); where several were
  /// equal, each has its part. Adds up to 1. Nil below five replications.
  public let shareBest: [Double]?
  public let replications: Int

  /// - Parameter samples: by variant, then by replication; the same replications in all.
  /// - Precondition: at least one variant, all with the same number of replications, at least one.
  public init(_ samples: [[Double]], best: Best = .smallest, resamples: Int = BootstrapT.resamples) {
    self.init(
      numerators: samples, denominators: samples.map { $0.map { _ in 1 } }, best: best,
      resamples: resamples)!
  }

  /// Ratios of sums over replications. Nil where a variant's denominators add up to zero.
  /// - Precondition: at least one variant; numerators and denominators by variant, then by replication, all
  ///   with the same number of replications, at least one.
  public init?(
    numerators: [[Double]], denominators: [[Double]], best: Best = .smallest,
    resamples: Int = BootstrapT.resamples
  ) {
    let count = numerators.first?.count ?? 0
    precondition(count > 0 && numerators.count == denominators.count, "no variants or no replications")
    precondition((numerators + denominators).allSatisfy { $0.count == count }, "replications are not paired")
    var ratios: [Double] = []
    for (y, x) in zip(numerators, denominators) {
      guard let ratio = RatioEstimate(numerators: y, denominators: x) else { return nil }
      ratios.append(ratio.ratio)
    }
    let sign = best == .smallest ? 1.0 : -1.0
    let ranking = ratios.indices.sorted { (sign * ratios[$0], $0) < (sign * ratios[$1], $1) }
    let first = ranking[0]
    // Linearised: the difference of ratios is the mean of differences of each replication's influence.
    let influences = ratios.indices.map { variant in
      Self.influences(numerators[variant], denominators[variant], ratio: ratios[variant])
    }
    var equal = [first]
    var doubt = 0.0
    for other in ranking.dropFirst() {
      if numerators[other] == numerators[first], denominators[other] == denominators[first] {
        equal.append(other)
      } else if let difference = PairedDifference(influences[first], influences[other]) {
        doubt += Self.probabilityBelowZero(difference, sign: sign)
      }
    }
    estimates = ratios
    self.ranking = ranking
    self.best = equal.sorted()
    replications = count
    probability = count < 2 ? nil : max(0, 1 - doubt)
    shareBest =
      count < BootstrapT.fewest
      ? nil : Self.shares(numerators, denominators, sign: sign, resamples: resamples)
  }

  /// ratio + (numerator - ratio · denominator) / mean denominator: their mean is the ratio, their standard
  /// error that of the delta method.
  private static func influences(_ y: [Double], _ x: [Double], ratio: Double) -> [Double] {
    let mean = x.reduce(0, +) / Double(x.count)
    return zip(y, x).map { ratio + ($0 - ratio * $1) / mean }
  }

  /// That the true difference other - best is on the wrong side of zero, as a posterior without prior
  /// knowledge has it: Student's t about the observed difference.
  private static func probabilityBelowZero(_ difference: PairedDifference, sign: Double) -> Double {
    guard let error = difference.standardError else { return 0.5 }
    let mean = sign * difference.mean
    guard error > 0 else { return mean > 0 ? 0 : 0.5 }
    _ = GSLSetup.done
    return gsl_cdf_tdist_Q(mean / error, Double(difference.count - 1))
  }

  private static func shares(
    _ numerators: [[Double]], _ denominators: [[Double]], sign: Double, resamples: Int
  ) -> [Double]? {
    var stream = ResamplingStream("selection")
    let count = numerators[0].count
    var picks = [Int](repeating: 0, count: count)
    var wins = [Double](repeating: 0, count: numerators.count)
    for _ in 0..<resamples {
      for place in picks.indices { picks[place] = stream.index(below: count) }
      var ratios: [Double] = []
      for (y, x) in zip(numerators, denominators) {
        var (above, below) = (0.0, 0.0)
        for pick in picks {
          above += y[pick]
          below += x[pick]
        }
        guard below != 0 else { return nil }
        ratios.append(sign * above / below)
      }
      let least = ratios.min()!
      let winners = ratios.indices.filter { ratios[$0] == least }
      for winner in winners { wins[winner] += 1 / Double(winners.count) }
    }
    return wins.map { $0 / Double(resamples) }
  }
}
