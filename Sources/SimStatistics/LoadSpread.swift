// SPDX-License-Identifier: GPL-3.0-or-later
//
// How evenly a load was spread over endpoints: measures of inequality, and a test of the counts against
// what the decisions made one expect. What was expected when is accumulated in MultinomialAccumulator.

import CGSL

/// Measures of how evenly counts are spread. Without counts, or with nothing counted, all are nil.
public struct LoadSpread: Sendable, Equatable {
  /// Jain, Chiu, Hawe 1984: (sum x)^2 / (n sum x^2); 1 is even, 1/n is all on one.
  public let jainIndex: Double?
  /// Half the relative mean absolute difference; 0 is even, (n - 1)/n is all on one.
  public let gini: Double?
  /// Standard deviation (divisor n, so that Jain = 1 / (1 + cv^2)) over mean.
  public let coefficientOfVariation: Double?
  public let maxOverMean: Double?
  /// The coefficient of variation that chance alone gives on average; nil without expectations.
  public let expectedCoefficientOfVariation: Double?
  /// Observed against expected counts; nil without expectations or where nothing could vary.
  public let test: ChiSquareTest?

  /// Inequality alone.
  public init(counts: [Int]) {
    self.init(counts, expectedVariation: nil, test: nil)
  }

  /// All decisions had the same candidates: `expected` are the counts to expect of a multinomial.
  /// - Precondition: as many expected as observed counts.
  public init(counts: [Int], expected: [Double]) {
    let total = expected.reduce(0, +)
    let variation =
      total > 0
      ? Self.expectedVariation(total: total, probabilities: expected.map { $0 / total }) : nil
    self.init(
      counts, expectedVariation: variation,
      test: ChiSquareTest.pearson(observed: counts, expected: expected))
  }

  /// The decisions had different candidates, as accumulated in `decisions`.
  /// - Precondition: as many counts as the accumulator has endpoints.
  public init(counts: [Int], decisions: MultinomialAccumulator) {
    self.init(
      counts, expectedVariation: decisions.expectedCoefficientOfVariation,
      test: decisions.test(observed: counts))
  }

  private init(_ counts: [Int], expectedVariation: Double?, test: ChiSquareTest?) {
    let values = counts.map(Double.init)
    let n = Double(values.count)
    let sum = values.reduce(0, +)
    expectedCoefficientOfVariation = expectedVariation
    self.test = test
    guard sum > 0 else {
      (jainIndex, gini, coefficientOfVariation, maxOverMean) = (nil, nil, nil, nil)
      return
    }
    let mean = sum / n
    let variance = gsl_stats_variance_with_fixed_mean(values, 1, values.count, mean)
    coefficientOfVariation = variance.squareRoot() / mean
    jainIndex = 1 / (1 + variance / (mean * mean))
    maxOverMean = gsl_stats_max(values, 1, values.count) / mean
    var weighted = 0.0
    for (rank, value) in values.sorted().enumerated() {
      weighted += (2 * Double(rank + 1) - n - 1) * value
    }
    gini = weighted / (n * sum)
  }

  /// The mean coefficient of variation of multinomial counts of `total` decisions with these
  /// probabilities (which add up to 1); nil without endpoints or decisions.
  public static func expectedVariation(total: Double, probabilities: [Double]) -> Double? {
    guard total > 0, !probabilities.isEmpty else { return nil }
    let n = Double(probabilities.count)
    var (p2, p3, pd, pdd, dd) = (0.0, 0.0, 0.0, 0.0, 0.0)
    for p in probabilities {
      let deviation = total * (p - 1 / n)
      p2 += p * p
      p3 += p * p * p
      pd += p * deviation
      pdd += p * deviation * deviation
      dd += deviation * deviation
    }
    let trace = total * (1 - p2)
    let squaredTrace = total * total * (p2 - 2 * p3 + p2 * p2)
    let crossed = total * (pdd - pd * pd)
    return meanVariation(
      mean: total / n, endpoints: n, sumOfSquares: trace + dd,
      varianceOfSquares: 2 * squaredTrace + 4 * crossed)
  }

  /// E[cv] from mean and variance of S = sum (O - mean)^2, where cv^2 = S / n / mean^2: S is taken for a
  /// multiple of a chi-square with those moments (Satterthwaite 1946), which is exact for many decisions
  /// with equal probabilities.
  static func meanVariation(
    mean: Double, endpoints n: Double, sumOfSquares: Double, varianceOfSquares: Double
  ) -> Double {
    let rootMeanSquare = (sumOfSquares / n).squareRoot() / mean
    guard varianceOfSquares > 0, sumOfSquares > 0 else { return rootMeanSquare }
    let degrees = 2 * sumOfSquares * sumOfSquares / varianceOfSquares
    // E[sqrt(chi2 / degrees)]
    let shrink =
      (2 / degrees).squareRoot() * exp(gsl_sf_lngamma((degrees + 1) / 2) - gsl_sf_lngamma(degrees / 2))
    return rootMeanSquare * shrink
  }
}
