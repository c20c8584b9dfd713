// SPDX-License-Identifier: GPL-3.0-or-later

import CGSL
import Testing

@testable import SimStatistics

/// x[t] = phi x[t-1] + noise: autocorrelation phi^k, effective sample size n (1 - phi) / (1 + phi).
private struct AutoregressiveSeries {
  var random: SplitMix
  let phi: Double

  mutating func noise() -> Double { gsl_cdf_ugaussian_Pinv(random.uniform() + 0x1p-54) }

  mutating func values(_ count: Int) -> [Double] {
    var x = noise() / (1 - phi * phi).squareRoot()
    return (0..<count).map { _ in
      x = phi * x + noise()
      return x
    }
  }
}

@Suite struct LongRunTests {
  @Test("MSER-5 is what its definition gives, tried for every truncation") func definition() throws {
    var random = SplitMix(state: 8)
    for _ in 0..<20 {
      let series = (0..<203).map { Double(max(0, 40 - $0)) / 10 + random.uniform() }
      let means = (0..<40).map { batch in series[5 * batch..<5 * batch + 5].reduce(0, +) / 5 }
      let all = (0..<35).map { d in
        let rest = Array(means[d...])
        let mean = rest.reduce(0, +) / Double(rest.count)
        return rest.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(rest.count * rest.count)
      }
      let best = all.indices.min { all[$0] < all[$1] }!
      let found = try #require(WarmUp(series))
      #expect(found.truncation == 5 * best && found.isFound == (2 * best <= 40))
    }
  }

  @Test("a transient is cut off, a stationary series is left whole, a trend has no steady state")
  func truncation() throws {
    var series = AutoregressiveSeries(random: SplitMix(state: 9), phi: 0.5)
    let noise = series.values(4000)
    let transient = noise.enumerated().map { $1 + 30 * exp(-Double($0) / 100) }
    let found = try #require(WarmUp(transient))
    #expect(found.isFound && found.truncation > 200 && found.truncation < 1000)
    #expect(try #require(WarmUp(noise)).truncation < 1500)
    let trend = try #require(WarmUp(noise.enumerated().map { $1 + Double($0) / 10 }))
    #expect(!trend.isFound)
    #expect(WarmUp(Array(noise.prefix(54))) == nil)
    #expect(try #require(WarmUp([Double](repeating: 1, count: 100))).truncation == 0)
  }

  @Test("overlapping batch means are what their definition gives") func overlapping() throws {
    var series = AutoregressiveSeries(random: SplitMix(state: 10), phi: 0.3)
    let values = series.values(60).map { $0 + 1e6 }
    let batches = try #require(BatchMeans(values, size: 6))
    let mean = values.reduce(0, +) / 60
    var squares = 0.0
    for start in 0...54 {
      let batch = values[start..<start + 6].reduce(0, +) / 6
      squares += (batch - mean) * (batch - mean)
    }
    let variance = 60 * 6 / (55.0 * 54) * squares / 60
    #expect(abs(batches.overlappingStandardError / variance.squareRoot() - 1) < 1e-6)
    #expect(batches.overlappingDegreesOfFreedom == 13.5 && batches.batches == 10)
    #expect(abs(batches.mean - mean) < 1e-6)
  }

  @Test("a rest that fills no batch is left out at the beginning") func rest() throws {
    let batches = try #require(BatchMeans([100, 1, 2, 3, 4, 5, 6], size: 2))
    #expect(batches.means == [1.5, 3.5, 5.5] && batches.observations == 6 && batches.mean == 3.5)
    #expect(BatchMeans([1, 2, 3], size: 2) == nil)
  }

  @Test("both intervals cover the mean of a correlated series as often as they say") func coverage() throws {
    var series = AutoregressiveSeries(random: SplitMix(state: 12), phi: 0.8)
    var (plain, overlapping, naive) = (0, 0, 0)
    var sizes = RunningMoments()
    for _ in 0..<500 {
      let values = series.values(3000)
      let batches = try #require(LongRunEstimate(withoutWarmUp: values)).batchMeans
      if batches.interval(confidence: 0.95).contains(0) { plain += 1 }
      if batches.overlappingInterval(confidence: 0.95).contains(0) { overlapping += 1 }
      if try #require(RunningMoments(values).interval(confidence: 0.95)).contains(0) { naive += 1 }
      sizes.add(try #require(batches.effectiveSampleSize))
    }
    // 475 with a standard deviation of 5.
    #expect(plain > 458 && overlapping > 458)
    #expect(naive < 300)
    // 3,000 · 0.2 / 1.8 = 333.
    #expect((290...420).contains(try #require(sizes.mean)))
  }

  @Test("von Neumann's ratio as worked out by hand") func vonNeumann() throws {
    let test = try #require(VonNeumannTest([3, 1, 4, 1, 5, 9, 2, 6, 5, 3]))
    #expect(abs(test.autocorrelation + 0.12932604735883424) < 1e-12)
    #expect(abs(test.pValue - 0.6754254875337647) < 1e-9)
    #expect(VonNeumannTest([1, 2]) == nil && VonNeumannTest([2, 2, 2]) == nil)
  }

  @Test("its p-values are uniform without correlation, and small with it") func vonNeumannNull() throws {
    var independent = AutoregressiveSeries(random: SplitMix(state: 13), phi: 0)
    let pValues = try (0..<500).map { _ in try #require(VonNeumannTest(independent.values(30))).pValue }
    #expect(try #require(KolmogorovSmirnovTest(pValues) { $0 }).pValue > 1e-3)
    var correlated = AutoregressiveSeries(random: SplitMix(state: 14), phi: 0.8)
    #expect(try #require(VonNeumannTest(correlated.values(30))).pValue < 0.01)
  }

  @Test("fewer batches are taken while neighbours correlate") func batchCounts() throws {
    var independent = AutoregressiveSeries(random: SplitMix(state: 15), phi: 0)
    #expect(try #require(LongRunEstimate(withoutWarmUp: independent.values(600))).batchMeans.batches == 30)
    var correlated = AutoregressiveSeries(random: SplitMix(state: 16), phi: 0.995)
    #expect(try #require(LongRunEstimate(withoutWarmUp: correlated.values(600))).batchMeans.batches == 10)
    #expect(LongRunEstimate(withoutWarmUp: independent.values(99)) == nil)
    #expect(LongRunEstimate([1, 2, 3]) == nil)
  }
}
