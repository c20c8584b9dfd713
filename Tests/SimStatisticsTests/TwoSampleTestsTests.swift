// SPDX-License-Identifier: GPL-3.0-or-later

import Testing

@testable import SimStatistics

@Suite struct TwoSampleTestsTests {
  static let a = [
    0.61, 0.29, 0.06, 0.59, -1.73, -0.74, 0.51, -0.56, 0.39, 1.64, 0.05, -0.06, 0.64, -0.82, 0.37, 1.77, 1.09,
    -1.28, 2.36, 1.31, 1.05, -0.32,
  ]
  static let b = [2.1, 0.9, 0.3, -0.5, 1.9, 2.8, 1.4, 0.75, 3.1, 1.25]

  @Test("distance and exact p-value are those of SciPy's ks_2samp") func exact() throws {
    let test = try #require(TwoSampleKolmogorovSmirnov(Self.a, Self.b))
    #expect(abs(test.statistic - 0.5272727272727272) < 1e-12)
    #expect(abs(test.pValue - 0.028412995735382928) < 1e-12)
    let apart = try #require(TwoSampleKolmogorovSmirnov([1, 2, 3], [4, 5, 6, 7]))
    #expect(apart.statistic == 1 && abs(apart.pValue - 2.0 / 35) < 1e-12)
    #expect(abs(try #require(TwoSampleKolmogorovSmirnov([1, 2, 5], [3, 4, 6, 7])).pValue - 0.4) < 1e-12)
    #expect(TwoSampleKolmogorovSmirnov([], [1]) == nil)
  }

  @Test("the same samples have no distance") func same() throws {
    let test = try #require(TwoSampleKolmogorovSmirnov(Self.a, Self.a))
    #expect(test.statistic == 0 && test.pValue == 1)
  }

  @Test("large samples go by the limit distribution, which agrees with the exact one") func limit() throws {
    var random = SplitMix(state: 31)
    let (x, y) = ((0..<100).map { _ in random.uniform() }, (0..<100).map { _ in random.uniform() })
    let exact = try #require(TwoSampleKolmogorovSmirnov(x, y))
    let more = try #require(TwoSampleKolmogorovSmirnov(x, y + [2]))
    #expect(abs(exact.pValue - more.pValue) < 0.1)
    let shifted = y.map { $0 + 0.5 }
    #expect(try #require(TwoSampleKolmogorovSmirnov(x, shifted + shifted)).pValue < 1e-6)
  }

  @Test("bins give at most the distance of the values themselves, and at least the p-value") func binned()
    throws
  {
    func counts(_ values: [Double], width: Double) -> [Int] {
      var counts = [Int](repeating: 0, count: 40)
      for value in values { counts[Int(((value + 2) / width).rounded(.down))] += 1 }
      return counts
    }
    let whole = try #require(TwoSampleKolmogorovSmirnov(Self.a, Self.b))
    for width in [0.2, 0.5, 2] {
      let (x, y) = (counts(Self.a, width: width), counts(Self.b, width: width))
      let test = try #require(TwoSampleKolmogorovSmirnov(binned: x, y))
      #expect(test.statistic <= whole.statistic && test.pValue >= whole.pValue)
      #expect(TwoSampleKolmogorovSmirnov.distance(binned: x, y) == test.statistic)
    }
    #expect(TwoSampleKolmogorovSmirnov(binned: [0, 0], [1, 2]) == nil)
  }

  @Test("permutations: all 2^n of few pairs, many of more") func permutation() throws {
    let few = [1.0, 2, 3, 4, 5]
    func sum(_ differences: [Double]) -> ([Bool]) -> Double {
      { swapped in abs(zip(differences, swapped).reduce(0) { $0 + ($1.1 ? -$1.0 : $1.0) }) }
    }
    #expect(PairedPermutation.pValue(pairs: 5, statistic: sum(few)) == 2.0 / 32)
    let many = [Double](repeating: 1, count: 20)
    #expect(PairedPermutation.pValue(pairs: 20, statistic: sum(many)) == 1.0 / 2000)
    let even = (0..<20).map { $0 % 2 == 0 ? 1.0 : -1 }
    #expect(try #require(PairedPermutation.pValue(pairs: 20, statistic: sum(even))) == 1)
    #expect(PairedPermutation.pValue(pairs: 0) { _ in 0 } == nil)
  }

  @Test("Cliff's delta is the count over all pairs") func cliff() throws {
    var random = SplitMix(state: 32)
    for _ in 0..<20 {
      let x = (0..<7).map { _ in Double(random.below(6)) }
      let y = (0..<9).map { _ in Double(random.below(8)) }
      var sum = 0
      for u in x { for v in y { sum += v > u ? 1 : (v < u ? -1 : 0) } }
      #expect(EffectSize.cliffsDelta(x, y) == Double(sum) / 63)
    }
    #expect(EffectSize.cliffsDelta([1, 2], [3, 4]) == 1 && EffectSize.cliffsDelta([], [1]) == nil)
  }

  @Test("Hedges' g of pairs as worked out by hand") func hedges() throws {
    let g = EffectSize.hedgesG([3, 1, 4, 1, 5, 9, 2, 6, 5, 3], [2, 1, 6, 3, 8, 9, 4, 7, 5, 5])
    #expect(abs(try #require(g) - 0.39788326113700684) < 1e-12)
    #expect(EffectSize.hedgesG([1], [2]) == nil && EffectSize.hedgesG([1, 1], [2, 2]) == nil)
  }

  @Test("pairs are counted by which is smaller") func superiority() {
    let pairs = PairedSuperiority([1, 2, 3, 4], [0, 2, 5, 3])
    #expect(pairs.smaller == 2 && pairs.equal == 1 && pairs.larger == 1)
    #expect(pairs.probabilitySmaller == 0.625 && PairedSuperiority([], []).probabilitySmaller == nil)
  }
}
