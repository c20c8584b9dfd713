// SPDX-License-Identifier: GPL-3.0-or-later

import CGSL
import Testing

@testable import SimStatistics

@Suite struct StatisticalWeaknessTests {
  static let good = [12.0, 9, 14, 11, 8, 13, 10, 12, 11, 10]

  @Test("a sample without weaknesses has none") func none() {
    #expect(StatisticalWeakness.find(in: Self.good, events: true).isEmpty)
    let ratio = StatisticalWeakness.find(inRatioOf: Self.good, to: .init(repeating: 1000, count: 10))
    #expect(ratio.isEmpty)
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var values: [Double]
    var names: [String]
    var testDescription: String { names.joined(separator: ", ") }
  }

  static let cases = [
    Case(values: [20, 30, 25, 24], names: ["few_replications"]),
    Case(values: [Double](repeating: 0, count: 20), names: ["no_events"]),
    Case(values: [1, 0, 2, 1, 0, 1, 1, 2, 0, 1], names: ["few_events"]),
    Case(
      values: [0, 40, 0, 0, 38, 0, 0, 41, 0, 39], names: ["few_replications_with_events"]),
    Case(
      values: [1, 2, 1, 3, 2, 1, 2, 1, 90, 2], names: ["skewed", "dominated"]),
  ]

  @Test("each weakness is found where it is, and no other", arguments: cases) func found(_ case: Case) {
    #expect(StatisticalWeakness.find(in: `case`.values, events: true).map(\.name) == `case`.names)
    let wholes = [Double](repeating: 500, count: `case`.values.count)
    #expect(StatisticalWeakness.find(inRatioOf: `case`.values, to: wholes).map(\.name) == `case`.names)
  }

  @Test("what is no count of events is not called rare") func values() {
    #expect(StatisticalWeakness.find(in: [0.1, 0.2, 0.1, 0.3, 0.2, 0.1]).isEmpty)
    #expect(StatisticalWeakness.find(in: [5, 5, 5, 5, 5, 5]).isEmpty)
    #expect(StatisticalWeakness.find(in: []).map(\.name) == ["few_replications"])
  }

  @Test("a tail without variance is found, one with is not", arguments: [(1.2, true), (4.0, false)])
  func tail(_ index: Double, _ isHeavy: Bool) {
    // Quantiles of a Pareto distribution.
    let values = (0..<400).map { pow(1 - (Double($0) + 0.5) / 400, -1 / index) }
    let names = StatisticalWeakness.find(in: values, events: true).map(\.name)
    #expect(names.contains("heavy_tail") == isHeavy)
  }

  @Test("Hill's estimate as worked out by hand") func hill() throws {
    let index = try #require(SampleShape.hillIndex([1, 16, 2, 8, 4], largest: 3))
    #expect(abs(index - 0.7213475204444818) < 1e-12)
    #expect(SampleShape.hillIndex([0, 0, 1, 2], largest: 2) == nil)
    #expect(SampleShape.hillIndex([1, 2], largest: 2) == nil)
  }

  @Test("the standard deviation of skewness is the one that normal samples have") func skewnessError() {
    #expect(abs(SampleShape.skewnessError(count: 10) - 0.494671) < 1e-6)
    var random = SplitMix(state: 19)
    let found = RunningMoments(
      (0..<4000).map { _ in
        SampleShape.skewness((0..<10).map { _ in gsl_cdf_ugaussian_Pinv(random.uniform() + 0x1p-54) })!
      })
    #expect(abs(found.standardDeviation! - 0.494671) < 0.02)
  }

  @Test("normal samples are called skewed in few cases") func falseAlarms() {
    var random = SplitMix(state: 17)
    var alarms = 0
    for _ in 0..<1000 {
      let values = (0..<10).map { _ in 100 + gsl_cdf_ugaussian_Pinv(random.uniform() + 0x1p-54) }
      if !StatisticalWeakness.find(in: values).isEmpty { alarms += 1 }
    }
    #expect(alarms > 10 && alarms < 90)
  }

  @Test("long runs: correlated batches, few effective observations, no steady state") func longRuns() throws {
    var random = SplitMix(state: 18)
    let trend = (0..<1000).map { Double($0) / 100 + random.uniform() }
    let estimate = try #require(LongRunEstimate(trend))
    #expect(estimate.batchMeans.observations == 500 && estimate.warmUp?.cut == 500)
    #expect(StatisticalWeakness.find(in: estimate).map(\.name).contains("no_warm_up_found"))
    let walk = try #require(LongRunEstimate(withoutWarmUp: trend))
    let names = StatisticalWeakness.find(in: walk).map(\.name)
    #expect(names == ["autocorrelated", "few_effective_observations"])
    let noise = (0..<1000).map { _ in random.uniform() }
    #expect(StatisticalWeakness.find(in: try #require(LongRunEstimate(withoutWarmUp: noise))).isEmpty)
  }

  @Test("weaknesses say in words what they mean") func words() {
    #expect(
      StatisticalWeakness.noEvents(NoLossBound(replications: 10)).description
        == "none in any of 10 replications: at 95 % the chance that a replication has one is below 26 % "
        + "(rule of three over replications), nothing better is known")
    #expect(
      StatisticalWeakness.fewReplications(count: 1, atLeast: 5).description
        == "a single replication has no interval; take at least 5")
    #expect(
      StatisticalWeakness.skewed(skewness: 2.04, replications: 10, needed: 105).description
        == "replications are skewed (2): the truth lies above the t interval more often than it should; "
        + "about 105 replications would do, there are 10")
    #expect(StatisticalWeakness.dominated(largestShare: 0.857, replications: 10).description.contains("86 %"))
  }
}
