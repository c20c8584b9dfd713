// SPDX-License-Identifier: GPL-3.0-or-later

import CGSL
import Testing

@testable import SimStatistics

@Suite struct BootstrapTTests {
  static let skewed = [0.0, 0, 1, 0, 3, 0, 0, 1, 0, 12]

  @Test("the same sample has the same interval, whoever asks") func deterministic() throws {
    let values = [3.0, 1, 4, 1, 5, 9, 2, 6]
    let first = try #require(BootstrapT.interval(ofMean: values, confidence: 0.95))
    #expect(first == BootstrapT.interval(ofMean: values, confidence: 0.95))
    let other = try #require(
      BootstrapT.interval(ofMean: values, confidence: 0.95, stream: ResamplingStream("other")))
    #expect(first != other && abs(first.low - other.low) < 0.3 * first.halfWidth)
    #expect(first.estimate == 31.0 / 8)
  }

  @Test("draws of a stream are decided by its name, and even") func stream() {
    var (a, b, c) = (ResamplingStream("a"), ResamplingStream("a"), ResamplingStream("b"))
    let (x, y, z) = (a.next(), b.next(), c.next())
    #expect(x == y && x != z)
    var counts = [Int](repeating: 0, count: 7)
    for _ in 0..<7000 { counts[a.index(below: 7)] += 1 }
    #expect(
      ChiSquareTest.pearson(observed: counts, expected: .init(repeating: 1000, count: 7))!.pValue > 1e-4)
  }

  @Test("random resamples give what all 5^5 resamples give") func exhaustive() throws {
    let values = [1.0, 2, 4, 7, 11]
    let whole = RunningMoments(values)
    var roots: [Double] = []
    for code in 0..<3125 {
      var (rest, moments) = (code, RunningMoments())
      for _ in 0..<5 {
        moments.add(values[rest % 5])
        rest /= 5
      }
      let difference = moments.mean! - whole.mean!
      let error = moments.standardError!
      roots.append(error > 0 ? difference / error : (difference < 0 ? -.infinity : .infinity))
    }
    roots.sort()
    let interval = try #require(BootstrapT.interval(ofMean: values, confidence: 0.8, resamples: 39_999))
    let (least, greatest) = (roots[312], roots[2812])
    #expect(abs(interval.low - (whole.mean! - greatest * whole.standardError!)) < 0.15)
    #expect(abs(interval.high - (whole.mean! - least * whole.standardError!)) < 0.15)
  }

  @Test("the interval of a sample with a tail is longer on the tail's side") func skewness() throws {
    let values = (1...20).map { exp(Double($0) / 6) }
    let both = try #require(ReplicationIntervals(values, confidence: 0.95))
    let (t, bootstrap) = (try #require(both.t), try #require(both.bootstrapT))
    #expect(bootstrap.high - both.estimate > 1.2 * (both.estimate - bootstrap.low))
    #expect(abs((t.high - both.estimate) - (both.estimate - t.low)) < 1e-9)
    #expect(bootstrap.high > t.high && bootstrap.low > t.low)
    #expect(try #require(both.skewness) > 0.5)
  }

  @Test("too few values, none that differ, or mostly equal ones have no interval")
  func none() {
    #expect(BootstrapT.interval(ofMean: [1, 2, 3, 4], confidence: 0.95) == nil)
    #expect(BootstrapT.interval(ofMean: [2, 2, 2, 2, 2, 2], confidence: 0.95) == nil)
    // A resample without the 1 has no scatter: 0.9^10 = 35 % of them.
    #expect(BootstrapT.interval(ofMean: [0, 0, 0, 0, 0, 0, 0, 0, 0, 1], confidence: 0.95) == nil)
    #expect(BootstrapT.interval(ofRatio: [1, 2, 3, 4, 5], [0, 0, 0, 0, 0], confidence: 0.95) == nil)
    #expect(ReplicationIntervals([], confidence: 0.95) == nil)
    #expect(ReplicationIntervals([3], confidence: 0.95)?.t == nil)
  }

  @Test("a ratio to constant denominators is a mean") func ratioOfConstant() throws {
    let values = [1.0, 2, 2, 3, 5, 8]
    let mean = try #require(BootstrapT.interval(ofMean: values, confidence: 0.9))
    let ratio = try #require(
      BootstrapT.interval(ofRatio: values, .init(repeating: 4, count: 6), confidence: 0.9))
    #expect(abs(ratio.low - mean.low / 4) < 1e-12 && abs(ratio.high - mean.high / 4) < 1e-12)
    let both = try #require(
      ReplicationIntervals(numerators: values, denominators: .init(repeating: 4, count: 6), confidence: 0.9))
    #expect(both.bootstrapT == ratio && both.estimate == mean.estimate / 4)
  }

  @Test("of skewed samples it covers the mean more often than Student's t") func coverage() throws {
    var random = SplitMix(state: 11)
    var (t, bootstrap) = (0, 0)
    let truth = exp(0.5)
    for _ in 0..<600 {
      let values = (0..<15).map { _ in exp(gsl_cdf_ugaussian_Pinv(random.uniform() + 0x1p-54)) }
      let both = try #require(ReplicationIntervals(values, confidence: 0.95, resamples: 399))
      if try #require(both.t).contains(truth) { t += 1 }
      if both.bootstrapT?.contains(truth) ?? false { bootstrap += 1 }
    }
    #expect(bootstrap > t + 12)
    #expect(Double(bootstrap) / 600 > 0.9)
  }
}
