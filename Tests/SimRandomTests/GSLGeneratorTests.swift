// SPDX-License-Identifier: GPL-3.0-or-later
//
// RandomStream as seen by GSL.

import CGSL
import Testing

@testable import SimRandom

@Suite struct GSLGeneratorTests {
  let key = RandomKey(seed: 3, replication: 0, purpose: .testArrival, entity: 0)

  @Test("GSL draws what the stream draws, and the position counts it")
  func sameNumbers() {
    var stream = RandomStream(key: key)
    let generator = GSLGenerator(key: key)
    for _ in 0..<5 {
      #expect(UInt64(gsl_rng_get(generator.pointer)) == stream.next())
      #expect(gsl_rng_uniform(generator.pointer) == stream.uniform())
    }
    #expect(generator.position == 10)
    #expect(generator.stream.position == stream.position)
  }

  @Test("a generator pointed at a place repeats the draw of that place")
  func pointing() {
    var generator = GSLGenerator(key: key)
    _ = gsl_ran_gaussian(generator.pointer, 1)
    let place = generator.position
    let first = gsl_ran_gamma(generator.pointer, 2.5, 1)
    let after = generator.position
    #expect(after > place)
    generator.point(at: key.deriving(1), counter: 0)
    let other = gsl_ran_gamma(generator.pointer, 2.5, 1)
    #expect(other != first)
    generator.point(at: key, counter: place)
    #expect(gsl_ran_gamma(generator.pointer, 2.5, 1) == first)
    #expect(generator.position == after)
  }

  @Test("gsl_rng knows the generator by name and range, and can seed and clone it")
  func description() throws {
    let generator = try #require(gsl_rng_alloc(GSLGeneratorType.pointer))
    defer { gsl_rng_free(generator) }
    #expect(String(cString: gsl_rng_name(generator)) == "philox4x32-10")
    #expect(gsl_rng_min(generator) == 0)
    #expect(gsl_rng_max(generator) == .max)
    gsl_rng_set(generator, 1)
    let first = gsl_rng_get(generator)
    let copy = try #require(gsl_rng_clone(generator))
    defer { gsl_rng_free(copy) }
    #expect(gsl_rng_get(copy) == gsl_rng_get(generator))
    gsl_rng_set(generator, 2)
    #expect(gsl_rng_get(generator) != first)
    gsl_rng_set(generator, 1)
    #expect(gsl_rng_get(generator) == first)
  }

  @Test("gsl_ran_gaussian by both algorithms is normal on our generator", arguments: [false, true])
  func gaussian(_ ziggurat: Bool) {
    var stream = RandomStream(key: key)
    let sample = (0..<20_000).map { _ in
      stream.withGSL { ziggurat ? gsl_ran_gaussian_ziggurat($0, 2) : gsl_ran_gaussian($0, 2) }
    }
    let mean = gsl_stats_mean(sample, 1, sample.count)
    let variance = gsl_stats_variance(sample, 1, sample.count)
    let n = Double(sample.count)
    #expect(abs(mean) < 4.5 * 2 / n.squareRoot())
    #expect(abs(variance - 4) < 4.5 * 4 * (2 / n).squareRoot())
    #expect(kolmogorovPValue(sample) { gsl_cdf_gaussian_P($0, 2) } > 1e-4)
  }

  @Test("gsl_rng_uniform_int is uniform on our generator", arguments: [6, 1000] as [UInt])
  func uniformInt(_ n: UInt) {
    var stream = RandomStream(key: key)
    var cells = [Int](repeating: 0, count: Int(n))
    for _ in 0..<60_000 { cells[Int(stream.withGSL { gsl_rng_uniform_int($0, n) })] += 1 }
    let p = uniformityPValue(cells)
    #expect(p > 1e-4 && p < 1 - 1e-4)
  }
}

/// Asymptotic p-value of the Kolmogorov-Smirnov statistic of a large sample.
func kolmogorovPValue(_ sample: [Double], _ cumulative: (Double) -> Double) -> Double {
  let n = Double(sample.count)
  var distance = 0.0
  for (i, value) in sample.sorted().enumerated() {
    let f = cumulative(value)
    distance = max(distance, f - Double(i) / n, Double(i + 1) / n - f)
  }
  let x = distance * n.squareRoot()
  guard x > 0.3 else { return 1 }
  var sum = 0.0
  for k in 1...100 { sum += (k % 2 == 1 ? 2 : -2) * exp(-2 * Double(k * k) * x * x) }
  return min(1, sum)
}
