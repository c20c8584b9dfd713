// SPDX-License-Identifier: GPL-3.0-or-later

import Testing

@testable import SimStatistics

@Suite struct ConfidenceIntervalTests {
  @Test(
    "quantiles of Student's t are those of the tables",
    arguments: [(1, 0.95, 12.7062), (10, 0.95, 2.22814), (10, 0.99, 3.16927), (1e6, 0.95, 1.95997)])
  func studentQuantiles(_ degrees: Double, _ confidence: Double, _ expected: Double) {
    let t = StudentT.quantile(degreesOfFreedom: degrees, confidence: confidence)
    #expect(abs(t - expected) < 1e-4)
    let interval = StudentT.interval(
      mean: 3, standardError: 2, degreesOfFreedom: degrees, confidence: confidence)
    #expect(abs(interval.low - (3 - 2 * t)) < 1e-12 && abs(interval.high - (3 + 2 * t)) < 1e-12)
    #expect(interval.contains(3) && !interval.contains(interval.high + 1e-9))
  }

  @Test(
    "Wilson intervals are those of Newcombe 1998, table I",
    arguments: [
      (81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611), (1, 29, 0.0061, 0.1718),
    ])
  func wilson(_ successes: Int, _ trials: Int, _ low: Double, _ high: Double) throws {
    let interval = try #require(
      Proportion.wilson(successes: successes, trials: trials, confidence: 0.95))
    #expect(abs(interval.low - low) < 6e-5 && abs(interval.high - high) < 6e-5)
    let mirrored = try #require(
      Proportion.wilson(successes: trials - successes, trials: trials, confidence: 0.95))
    #expect(abs(mirrored.low - (1 - interval.high)) < 1e-12)
  }

  @Test("no trials give no interval") func noTrials() {
    #expect(Proportion.wilson(successes: 0, trials: 0, confidence: 0.95) == nil)
  }

  @Test("a ratio of sums has the error of the delta method") func ratio() throws {
    // Residuals y - 0.5 x are 0.5, -0.5, 0: their squares add up to 0.5; n (n - 1) = 6; mean of x is 4.
    let ratio = try #require(RatioEstimate(numerators: [1.5, 1.5, 3], denominators: [2, 4, 6]))
    #expect(ratio.ratio == 0.5 && ratio.count == 3)
    #expect(abs(try #require(ratio.standardError) - (0.5 / 6).squareRoot() / 4) < 1e-15)
  }

  @Test("one replication gives a ratio without an error, none gives nothing") func fewReplications() {
    #expect(RatioEstimate(numerators: [1], denominators: [4])?.ratio == 0.25)
    #expect(RatioEstimate(numerators: [1], denominators: [4])?.standardError == nil)
    #expect(RatioEstimate(numerators: [1], denominators: [4])?.interval(confidence: 0.9) == nil)
    #expect(RatioEstimate(numerators: [], denominators: []) == nil)
    #expect(RatioEstimate(numerators: [1, 2], denominators: [0, 0]) == nil)
  }

  @Test("the interval of a ratio covers the truth as often as it says") func coverage() throws {
    var random = SplitMix(state: 5)
    var covered = 0
    for _ in 0..<2000 {
      let denominators = (0..<30).map { _ in 50 + 100 * random.uniform() }
      // Numerators are 0.2 of the denominators with noise in proportion to them.
      let numerators = denominators.map { $0 * (0.1 + 0.2 * random.uniform()) }
      let ratio = try #require(RatioEstimate(numerators: numerators, denominators: denominators))
      if try #require(ratio.interval(confidence: 0.95)).contains(0.2) { covered += 1 }
    }
    // Binomial(2000, 0.95) has standard deviation 9.7; the delta method is a little too short.
    #expect(covered > 1900 - 50 && covered < 1900 + 45)
  }
}
