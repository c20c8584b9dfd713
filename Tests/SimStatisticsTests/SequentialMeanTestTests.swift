// SPDX-License-Identifier: GPL-3.0-or-later

import CGSL
import Testing

@testable import SimStatistics

@Suite struct SequentialMeanTestTests {
  @Test(
    "stages double up to the most replications",
    arguments: [(1, [1]), (5, [5]), (6, [5, 6]), (10, [5, 10]), (100, [5, 10, 20, 40, 80, 100])])
  func stages(_ most: Int, _ stages: [Int]) {
    #expect(SequentialMeanTest(limit: 0, most: most).stages == stages)
  }

  @Test("given stages are put in order, and the most replications are one of them") func givenStages() {
    let test = SequentialMeanTest(limit: 0, most: 30, stages: [20, 10, 20, 50, 1])
    #expect(test.stages == [10, 20, 30] && test.nextStage == 10)
  }

  private func run(_ values: [Double], limit: Double, most: Int) -> SequentialMeanTest {
    var test = SequentialMeanTest(limit: limit, most: most)
    for value in values where !test.isFinished { test.add(value) }
    return test
  }

  static let near10 = (0..<40).map { 10 + Double(($0 * 7) % 11 - 5) / 10 }

  @Test("clear cases are decided at the second stage, unclear ones not at all")
  func verdicts() {
    let below = run(Self.near10, limit: 12, most: 40)
    #expect(below.verdict == .below && below.count == 10 && below.isFinished && below.nextStage == nil)
    let above = run(Self.near10, limit: 8, most: 40)
    #expect(above.verdict == .above && above.count == 10)
    let unclear = run(Self.near10, limit: 10, most: 40)
    #expect(unclear.verdict == .undecided && unclear.count == 40 && unclear.isFinished)
    #expect(unclear.pValue > 0.05 && below.pValue < 0.05)
  }

  @Test("nothing is decided between stages") func betweenStages() {
    var test = SequentialMeanTest(limit: 12, most: 40)
    for (index, value) in Self.near10.prefix(9).enumerated() {
      test.add(value)
      #expect(test.verdict == .undecided && test.count == index + 1)
      #expect(test.nextStage == (index < 4 ? 5 : 10))
    }
    #expect(abs(test.estimate! - 10) < 0.2)
  }

  @Test("replications that are all the same decide by their number") func identical() {
    let zero = run([Double](repeating: 0, count: 200), limit: 0.001, most: 200)
    #expect(zero.verdict == .below && zero.count == 20 && zero.interval == nil)
    #expect(run([Double](repeating: 0, count: 200), limit: 0, most: 200).verdict == .equal)
    #expect(run([Double](repeating: 1, count: 10), limit: 0, most: 10).verdict == .above)
    // (2/3)^5 = 13 %.
    #expect(run([Double](repeating: 0, count: 5), limit: 1, most: 5).verdict == .undecided)
    #expect(run([0], limit: 1, most: 1).verdict == .undecided)
  }

  @Test("a ratio is below its limit if the mean of part - limit · whole is below 0") func ratios() {
    var (ratio, mean) = (SequentialMeanTest(limit: 0.5, most: 20), SequentialMeanTest(limit: 0, most: 20))
    var random = SplitMix(state: 21)
    while !ratio.isFinished {
      let whole = 100 + 50 * random.uniform()
      let part = whole * (0.38 + 0.2 * random.uniform())
      ratio.add(part: part, whole: whole)
      mean.add(part - 0.5 * whole)
      #expect(ratio.verdict == mean.verdict && ratio.pValue == mean.pValue)
    }
    #expect(ratio.count > 5)
  }

  @Test("a stage's interval excludes the limit if and only if it decides, unless held back") func duality()
    throws
  {
    var random = SplitMix(state: 22)
    var decided = 0
    for _ in 0..<200 {
      var test = SequentialMeanTest(limit: 1, most: 12, stages: [12])
      for _ in 0..<12 { test.add(part: 5 * -log(1 - random.uniform()), whole: 1 + random.uniform()) }
      guard let interval = test.interval, !test.isHeldBack else { continue }
      let excludes = !interval.contains(1)
      #expect(excludes == (test.verdict != .undecided))
      if excludes { decided += 1 }
      #expect(abs(interval.confidence - 0.95) < 1e-12)
      #expect(interval.low < test.estimate! && test.estimate! < interval.high)
    }
    #expect(decided > 10)
  }

  @Test("Hall's transformation as worked out by hand") func hall() {
    let values = [0.0, 0, 1, 0, 3, 0, 0, 1, 0, 2].map { $0 - 2 }
    #expect(abs(SkewFreeMean.root(values) + 2.4094219901455842) < 1e-9)
    #expect(abs(SkewFreeMean.guarded(values) + 2.310692963400732) < 1e-9)
    #expect(abs(SkewFreeMean.test(values).pValue - 0.046184089877779055) < 1e-9)
    #expect(SkewFreeMean.guarded(values.map { -$0 }) == -SkewFreeMean.guarded(values))
  }

  @Test("a smaller error is decided later, and Holm's p-value is the smallest that decides") func errors() {
    let test = run(Self.near10, limit: 12, most: 40)
    #expect(test.verdict(at: test.pValue) == .below)
    #expect(test.verdict(at: test.pValue.nextDown) == .undecided)
  }

  @Test("a stage with n < 25 G² decides nothing, a later one may") func heldBack() {
    let skewed = [1.0, 2, 1, 3, 2, 1, 2, 1, 9, 2]
    var test = SequentialMeanTest(limit: 50, most: 40, stages: [10, 40])
    for value in skewed { test.add(value) }
    #expect(test.isHeldBack && test.verdict == .undecided && test.interval?.contains(50) == false)
    // Mirrored, so that there is no skewness left.
    for value in skewed.map({ 10 - $0 }) + skewed + skewed.map({ 10 - $0 }) { test.add(value) }
    #expect(!test.isHeldBack && test.verdict == .below)
    var even = SequentialMeanTest(limit: 12, most: 40)
    for value in Self.near10.prefix(10) { even.add(value) }
    #expect(!even.isHeldBack && even.verdict == .below)
  }

  /// At the limit itself every verdict is wrong. Measured with 10,000 tests: docs/statistics.md.
  @Test(
    "verdicts are wrong no more often than promised",
    arguments: [("normal", 0.03), ("exponential", 0.04), ("rare", 0.04)])
  func errorRate(_ population: String, _ most: Double) {
    var random = SplitMix(state: 23)
    var wrong = 0
    for _ in 0..<600 {
      var test = SequentialMeanTest(
        limit: population == "normal" ? 0 : (population == "rare" ? 0.3 : 1), most: 40)
      while !test.isFinished {
        let exponential = -log(1 - random.uniform())
        switch population {
        case "normal": test.add(gsl_cdf_ugaussian_Pinv(random.uniform() + 0x1p-54))
        case "exponential": test.add(exponential)
        default: test.add(random.uniform() < 0.3 ? exponential : 0)
        }
      }
      if test.verdict != .undecided { wrong += 1 }
    }
    #expect(Double(wrong) / 600 < most + 0.02)
  }
}
