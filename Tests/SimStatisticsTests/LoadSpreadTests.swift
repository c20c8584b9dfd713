// SPDX-License-Identifier: GPL-3.0-or-later

import Testing

@testable import SimStatistics

@Suite struct LoadSpreadTests {
  @Test("inequality of 1, 2, 3, 4 as worked out by hand") func byHand() throws {
    let spread = LoadSpread(counts: [3, 1, 4, 2])
    #expect(abs(try #require(spread.jainIndex) - 100.0 / 120) < 1e-12)
    #expect(abs(try #require(spread.gini) - 0.25) < 1e-12)
    #expect(abs(try #require(spread.coefficientOfVariation) - 0.2.squareRoot()) < 1e-12)
    #expect(abs(try #require(spread.maxOverMean) - 1.6) < 1e-12)
    #expect(spread.test == nil && spread.expectedCoefficientOfVariation == nil)
  }

  @Test("even and extreme loads take the extreme values") func extremes() throws {
    let even = LoadSpread(counts: [7, 7, 7])
    #expect(even.jainIndex == 1 && even.gini == 0 && even.coefficientOfVariation == 0)
    #expect(even.maxOverMean == 1)
    let one = LoadSpread(counts: [0, 0, 10, 0, 0])
    #expect(abs(try #require(one.jainIndex) - 0.2) < 1e-12)
    #expect(abs(try #require(one.gini) - 0.8) < 1e-12)
    #expect(one.coefficientOfVariation == 2 && one.maxOverMean == 5)
  }

  @Test("without load nothing is said", arguments: [[], [0], [0, 0]] as [[Int]])
  func noLoad(_ counts: [Int]) {
    let spread = LoadSpread(counts: counts, expected: counts.map { _ in 0 })
    #expect(spread.jainIndex == nil && spread.gini == nil && spread.coefficientOfVariation == nil)
    #expect(spread.maxOverMean == nil && spread.test == nil)
    #expect(spread.expectedCoefficientOfVariation == nil)
  }

  @Test("Pearson's test gives the textbook's numbers") func pearson() throws {
    let test = try #require(
      ChiSquareTest.pearson(observed: [16, 18, 16, 14, 12, 12], expected: [16, 16, 16, 16, 16, 8]))
    #expect(abs(test.statistic - 3.5) < 1e-12 && test.degreesOfFreedom == 5)
    #expect(abs(test.pValue - 0.62338762774958223) < 1e-12)
  }

  @Test("cells that expect nothing are left out, and make the test impossible if they hold something")
  func emptyCells() throws {
    let test = try #require(ChiSquareTest.pearson(observed: [12, 0, 8], expected: [10, 0, 10]))
    #expect(test.degreesOfFreedom == 1 && abs(test.statistic - 0.8) < 1e-12)
    #expect(ChiSquareTest.pearson(observed: [12, 1, 8], expected: [10, 0, 10]) == nil)
    #expect(ChiSquareTest.pearson(observed: [5, 0], expected: [5, 0]) == nil)
  }

  static let multinomials: [(Int, [Double])] = [
    (1000, [0.5, 0.5]), (1000, Array(repeating: 0.1, count: 10)), (60, Array(repeating: 0.05, count: 20)),
    (500, [0.7, 0.2, 0.1]), (200, [0.26, 0.25, 0.25, 0.24]),
  ]

  @Test(
    "the expected coefficient of variation is the mean of many experiments", arguments: multinomials.indices)
  func expectedVariation(_ index: Int) throws {
    let (total, probabilities) = Self.multinomials[index]
    var random = SplitMix(state: 8)
    var observed = RunningMoments()
    for _ in 0..<3000 {
      var counts = probabilities.map { _ in 0 }
      for _ in 0..<total {
        var u = random.uniform()
        var i = 0
        while i < counts.count - 1, u >= probabilities[i] {
          u -= probabilities[i]
          i += 1
        }
        counts[i] += 1
      }
      observed.add(try #require(LoadSpread(counts: counts).coefficientOfVariation))
    }
    let expected = try #require(
      LoadSpread.expectedVariation(total: Double(total), probabilities: probabilities))
    let (mean, error) = try (#require(observed.mean), #require(observed.standardError))
    // The approximation itself is good to about 1%.
    #expect(abs(mean - expected) < 4 * error + 0.01 * mean)
  }
}
