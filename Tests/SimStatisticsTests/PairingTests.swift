// SPDX-License-Identifier: GPL-3.0-or-later
//
// Goal: what pairing saved, and what is left without it, are the numbers of paper and of SciPy.

import SimKernel
import SimStatistics
import Testing

@Suite struct PairingGainTests {
  private let a = [10.0, 12, 9, 11]
  private let b = [8.0, 11, 8, 7]

  @Test("the sum of variances over the variance of the difference, by hand")
  func byHand() throws {
    // Variances 5/3 and 3; differences -2, -1, -1, -4 have the variance 2.
    let gain = try #require(PairingGain(a, b))
    #expect(abs(gain.firstVariance - 5.0 / 3) < 1e-12)
    #expect(abs(gain.secondVariance - 3) < 1e-12)
    #expect(abs(gain.differenceVariance - 2) < 1e-12)
    let factor = try #require(gain.factor)
    #expect(abs(factor - 7.0 / 3) < 1e-12)
    // Covariance 4/3 over the root of 5.
    let correlation = try #require(gain.correlation)
    #expect(abs(correlation - 0.5962847939999439) < 1e-12)
  }

  @Test("differences that never vary save without limit, values that never vary nothing")
  func extremes() throws {
    let shifted = try #require(PairingGain(a, a.map { $0 + 0.1 }))
    #expect(shifted.factor == .infinity)
    #expect(abs(try #require(shifted.correlation) - 1) < 1e-12)
    let constant = try #require(PairingGain([1, 1, 1], [2, 2, 2]))
    #expect(constant.factor == nil && constant.correlation == nil)
    #expect(PairingGain([1], [2]) == nil)
  }

  @Test("values that go against each other make pairing a loss")
  func opposed() throws {
    let gain = try #require(PairingGain([1, 2, 3], [3, 2, 1]))
    #expect(gain.factor == 0.5 && gain.correlation == -1)
  }
}

@Suite struct UnpairedDifferenceTests {
  private let a = [10.0, 12, 9, 11]
  private let b = [8.0, 11, 8, 7]

  @Test("Welch's t as scipy.stats.ttest_ind(b, a, equal_var=False) has it")
  func welch() throws {
    let difference = try #require(UnpairedDifference(a, b))
    #expect(difference.mean == -2)
    #expect(abs(difference.degreesOfFreedom - 5.547169811320754) < 1e-9)
    #expect(abs(difference.pValue - 0.11752529159115997) < 1e-9)
    let interval = difference.interval(confidence: 0.95)
    #expect(abs(interval.low + 4.696157432168171) < 1e-8 && abs(interval.high - 0.6961574321681714) < 1e-8)
  }

  @Test("the ratio of independent means: 34/42 with 4.93 degrees of freedom, by hand")
  func ratio() throws {
    let ratio = try #require(UnpairedDifference.ratio(a, b, confidence: 0.95))
    #expect(abs(ratio.estimate - 34.0 / 42) < 1e-12)
    #expect(abs(ratio.halfWidth - 0.24870339380660259) < 1e-8)
    #expect(UnpairedDifference.ratio([0, 0], [1, 2], confidence: 0.95) == nil)
  }

  @Test("values that never vary leave no doubt, and one value says nothing")
  func extremes() throws {
    #expect(try #require(UnpairedDifference([1, 1], [2, 2])).pValue == 0)
    #expect(try #require(UnpairedDifference([1, 1], [1, 1])).pValue == 1)
    #expect(UnpairedDifference([1], [2, 3]) == nil)
  }
}

@Suite struct LatencyBinTests {
  @Test("bins hold every value once, in order, under the same end in every histogram")
  func bins() {
    var small = LatencyHistogram()
    var large = LatencyHistogram()
    for microseconds: Int64 in [1, 1, 7, 1000, 1001, 250_000] {
      small.record(.microseconds(microseconds))
      large.record(.microseconds(microseconds))
    }
    large.record(.seconds(3600))
    #expect(LatencyHistogram().bins.isEmpty)
    #expect(small.bins.reduce(0) { $0 + $1.count } == 6)
    #expect(small.bins.map(\.upperNanoseconds) == small.bins.map(\.upperNanoseconds).sorted())
    #expect(Array(large.bins.dropLast()) == small.bins)
    // 1000 us and 1001 us are less than 1 % apart.
    #expect(small.bins.contains { $0.count == 2 && abs(Double($0.upperNanoseconds) / 1e6 - 1) < 0.01 })
  }
}
