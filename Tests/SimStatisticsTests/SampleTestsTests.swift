// SPDX-License-Identifier: GPL-3.0-or-later

import Testing

@testable import SimStatistics

@Suite struct SampleTestsTests {
  @Test(
    "Kolmogorov's distribution is that of the tables",
    arguments: [
      (0.5196, 0.95), (0.82757, 0.5), (0.97306, 0.3), (1.07275, 0.2), (1.22385, 0.1), (1.35810, 0.05),
      (1.62762, 0.01), (1.94947, 0.001),
    ])
  func kolmogorov(_ x: Double, _ p: Double) {
    #expect(abs(KolmogorovSmirnovTest.exceeding(x) - p) < 2e-5)
  }

  @Test("both series agree where one takes over from the other") func continuity() {
    let (below, above) = (KolmogorovSmirnovTest.exceeding(1.0.nextDown), KolmogorovSmirnovTest.exceeding(1))
    #expect(abs(below - above) < 1e-12)
    #expect(KolmogorovSmirnovTest.exceeding(0) == 1 && KolmogorovSmirnovTest.exceeding(0.041) == 1)
    #expect(KolmogorovSmirnovTest.exceeding(40) == 0)
  }

  @Test("the distance is the largest step between the functions") func distance() throws {
    let test = try #require(KolmogorovSmirnovTest([0.7, 0.1, 0.4]) { $0 })
    #expect(abs(test.statistic - 0.3) < 1e-12)
    #expect(KolmogorovSmirnovTest([]) { $0 } == nil)
  }

  @Test("p-values are uniform under the null, and small off it", arguments: [10, 100])
  func nullIsUniform(_ size: Int) throws {
    var random = SplitMix(state: 21)
    let pValues = try (0..<1000).map { _ in
      try #require(KolmogorovSmirnovTest((0..<size).map { _ in random.uniform() }) { $0 }).pValue
    }
    #expect(try #require(KolmogorovSmirnovTest(pValues) { $0 }).pValue > 1e-3)
    let squares = (0..<200).map { _ in random.uniform() * random.uniform() }
    #expect(try #require(KolmogorovSmirnovTest(squares) { $0 }).pValue < 1e-6)
  }

  @Test("lag-1 autocorrelation as worked out by hand") func autocorrelation() throws {
    #expect(abs(try #require(Autocorrelation.lag1([1, 2, 3, 4, 5])) - 0.4) < 1e-12)
    let alternating = (0..<1000).map { $0 % 2 == 0 ? 1.0 : -1.0 }
    #expect(abs(try #require(Autocorrelation.lag1(alternating)) + 0.999) < 1e-9)
    #expect(Autocorrelation.lag1([1]) == nil)
    #expect(Autocorrelation.lag1([2, 2, 2]) == nil)
  }

  @Test("values are counted in the bin that holds them, others apart") func bins() {
    var bins = BinnedCounts(bins: 4, low: 0, high: 2)
    for value in [0, 0.49, 0.5, 1.99, 2, 5, -0.1, .infinity, -.infinity, 1.99] { bins.add(value) }
    let (counts, below, above, second) = (bins.counts, bins.below, bins.above, bins.range(1))
    #expect(counts == [2, 1, 0, 2])
    #expect(below == 2 && above == 3)
    #expect(second == 0.5..<1)
  }
}
