// SPDX-License-Identifier: GPL-3.0-or-later
//
// Every distribution: sample mean and variance against theory, the shape against gsl_cdf, and the number
// of draws where it is promised.

import CGSL
import SimKernel
import Testing

@testable import SimRandom

/// A distribution whose shape is known to gsl_cdf.
struct ContinuousCase: Sendable, CustomTestStringConvertible {
  let distribution: Distribution
  let cumulative: @Sendable (Double) -> Double
  var testDescription: String { "\(distribution)" }
}

/// Whole-numbered distributions with their probabilities.
struct DiscreteCase: Sendable, CustomTestStringConvertible {
  let distribution: Distribution
  let probability: @Sendable (Int) -> Double
  var testDescription: String { "\(distribution)" }
}

private func normalCut(_ x: Double, _ mean: Double, _ s: Double, _ low: Double, _ high: Double) -> Double {
  let a = gsl_cdf_gaussian_P(low - mean, s)
  return (gsl_cdf_gaussian_P(x - mean, s) - a) / (gsl_cdf_gaussian_P(high - mean, s) - a)
}

private func stream(_ entity: UInt64 = 0) -> RandomStream {
  RandomStream(key: RandomKey(seed: 77, replication: 0, purpose: .testService, entity: entity))
}

@Suite struct SamplerTests {
  static let continuous = [
    ContinuousCase(distribution: .uniform(low: -2, high: 5)) { gsl_cdf_flat_P($0, -2, 5) },
    ContinuousCase(distribution: .exponential(mean: 0.005)) { gsl_cdf_exponential_P($0, 0.005) },
    ContinuousCase(distribution: .normal(mean: 3, standardDeviation: 2, min: nil, max: nil)) {
      gsl_cdf_gaussian_P($0 - 3, 2)
    },
    ContinuousCase(distribution: .normal(mean: 3, standardDeviation: 2, min: 0, max: 4)) {
      normalCut($0, 3, 2, 0, 4)
    },
    ContinuousCase(distribution: .normal(mean: 3, standardDeviation: 2, min: nil, max: 2)) {
      normalCut($0, 3, 2, -.infinity, 2)
    },
    // Ten standard deviations out: 1 - P would have no digits left.
    ContinuousCase(distribution: .normal(mean: 0, standardDeviation: 1, min: 10, max: nil)) {
      1 - gsl_cdf_gaussian_Q($0, 1) / gsl_cdf_gaussian_Q(10, 1)
    },
    ContinuousCase(distribution: .lognormal(median: 2, sigma: 0.5, min: nil, max: nil)) {
      gsl_cdf_lognormal_P($0, log(2), 0.5)
    },
    ContinuousCase(distribution: .lognormal(median: 2, sigma: 0.5, min: 1, max: 6)) {
      let a = gsl_cdf_lognormal_P(1, log(2), 0.5)
      return (gsl_cdf_lognormal_P($0, log(2), 0.5) - a) / (gsl_cdf_lognormal_P(6, log(2), 0.5) - a)
    },
    ContinuousCase(distribution: .gamma(shape: 0.6, scale: 3)) { gsl_cdf_gamma_P($0, 0.6, 3) },
    ContinuousCase(distribution: .gamma(shape: 4, scale: 0.5)) { gsl_cdf_gamma_P($0, 4, 0.5) },
    ContinuousCase(distribution: .erlang(k: 3, mean: 6)) { gsl_cdf_gamma_P($0, 3, 2) },
    ContinuousCase(distribution: .weibull(shape: 1.5, scale: 2)) { gsl_cdf_weibull_P($0, 2, 1.5) },
    ContinuousCase(distribution: .pareto(shape: 6, scale: 2)) { gsl_cdf_pareto_P($0, 6, 2) },
    ContinuousCase(distribution: .hyperexponential(probabilities: [0.3, 0.7], means: [1, 5])) {
      0.3 * gsl_cdf_exponential_P($0, 1) + 0.7 * gsl_cdf_exponential_P($0, 5)
    },
    ContinuousCase(
      distribution: .mixture(
        weights: [3, 0, 1],
        parts: [
          .uniform(low: 0, high: 1), .constant(9),
          .normal(mean: 4, standardDeviation: 1, min: nil, max: nil),
        ])
    ) { 0.75 * gsl_cdf_flat_P($0, 0, 1) + 0.25 * gsl_cdf_gaussian_P($0 - 4, 1) },
  ]

  static let whole = [
    DiscreteCase(distribution: .poisson(mean: 3.5)) { gsl_ran_poisson_pdf(UInt32($0), 3.5) },
    DiscreteCase(distribution: .poisson(mean: 30)) { gsl_ran_poisson_pdf(UInt32($0), 30) },
    DiscreteCase(distribution: .geometric(probability: 0.3)) { gsl_ran_geometric_pdf(UInt32($0), 0.3) },
    DiscreteCase(distribution: .discrete(values: [1, 5, 2], weights: [2, 5, 3])) {
      [1: 0.2, 5: 0.5, 2: 0.3][$0] ?? 0
    },
    DiscreteCase(distribution: .empirical([7, 3, 3, 1])) { [7: 0.25, 3: 0.5, 1: 0.25][$0] ?? 0 },
  ]

  @Test("samples follow the distribution function", arguments: continuous)
  func shape(_ example: ContinuousCase) {
    let sampler = Sampler(example.distribution)
    var stream = stream()
    let sample = (0..<20_000).map { _ in sampler.draw(&stream) }
    let p = kolmogorovPValue(sample, example.cumulative)
    #expect(p > 1e-3)
  }

  @Test("whole numbers come with their probabilities", arguments: whole)
  func probabilities(_ example: DiscreteCase) {
    let sampler = Sampler(example.distribution)
    var stream = stream(1)
    let n = 20_000
    var counts: [Int: Int] = [:]
    for _ in 0..<n {
      let value = sampler.draw(&stream)
      #expect(value == value.rounded() && value >= 0)
      counts[Int(value), default: 0] += 1
    }
    // Cells that expect fewer than 10 are put together.
    var (statistic, cells, restExpected, restObserved) = (0.0, 0, Double(n), n)
    for value in 0...100 {
      let expected = Double(n) * example.probability(value)
      guard expected >= 10 else { continue }
      let observed = counts[value, default: 0]
      statistic += (Double(observed) - expected) * (Double(observed) - expected) / expected
      cells += 1
      restExpected -= expected
      restObserved -= observed
    }
    if restExpected >= 1 {
      statistic +=
        (Double(restObserved) - restExpected) * (Double(restObserved) - restExpected) / restExpected
      cells += 1
    } else {
      #expect(restObserved <= 8)
    }
    #expect(gsl_cdf_chisq_Q(statistic, Double(cells - 1)) > 1e-3)
  }

  static let all = continuous.map(\.distribution) + whole.map(\.distribution) + [.constant(2.5)]

  @Test("sample mean and variance are those of theory within 4.5 standard errors", arguments: all)
  func moments(_ distribution: Distribution) throws {
    let (mean, variance) = try (#require(distribution.mean), #require(distribution.variance))
    let sampler = Sampler(distribution)
    var stream = stream(2)
    let sample = (0..<50_000).map { _ in sampler.draw(&stream) }
    let n = Double(sample.count)
    let sampleMean = gsl_stats_mean(sample, 1, sample.count)
    #expect(abs(sampleMean - mean) <= 4.5 * (variance / n).squareRoot() + 1e-12)
    // The standard error of a variance comes from the fourth moment.
    let fourth = sample.reduce(0.0) { $0 + pow($1 - mean, 4) } / n
    let sampleVariance = gsl_stats_variance_with_fixed_mean(sample, 1, sample.count, mean)
    let error = (max(0, fourth - variance * variance) / n).squareRoot()
    #expect(abs(sampleVariance - variance) <= 4.5 * error + 1e-12)
  }

  static let cut: [(Distribution, ClosedRange<Double>)] = [
    (.normal(mean: 0, standardDeviation: 1, min: -0.5, max: 0.25), -0.5...0.25),
    (.normal(mean: 0, standardDeviation: 1, min: 8, max: 8.001), 8...8.001),
    (.normal(mean: 0, standardDeviation: 1, min: -30, max: -20), -30...(-20)),
    (.normal(mean: 0, standardDeviation: 1, min: 20, max: 30), 20...30),
    (.normal(mean: 5, standardDeviation: 0, min: 5, max: 6), 5...5),
    (.lognormal(median: 0.01, sigma: 2, min: 0.001, max: 0.5), 0.001...0.5),
    (.lognormal(median: 0.01, sigma: 2, min: nil, max: 0.02), 0...0.02),
    (.lognormal(median: 0.01, sigma: 0, min: nil, max: 1), 0.0099999999...0.0100000001),
  ]

  @Test("a cut distribution stays inside its bounds and takes one draw per value", arguments: cut.indices)
  func truncation(_ index: Int) {
    let (distribution, bounds) = Self.cut[index]
    let sampler = Sampler(distribution)
    var stream = stream(3)
    for n in 1...5_000 as ClosedRange<UInt64> {
      #expect(bounds.contains(sampler.draw(&stream)))
      #expect(stream.position == n)
    }
  }

  @Test("inversion is increasing in the uniform number, to the ends of it")
  func monotone() {
    for (distribution, bounds) in Self.cut {
      guard case .normal(let mean, let deviation, let min, let max) = distribution else { continue }
      let inversion = TruncatedInversion(.normal(mean: mean, deviation: deviation), min: min, max: max)
      let us = [0x1p-53, 1e-9, 0.1, 0.5, 0.9, 1 - 1e-9, 1 - 0x1p-53]
      let values = us.map { inversion.quantile($0) }
      #expect(zip(values, values.dropFirst()).allSatisfy { $0 <= $1 })
      #expect(values.allSatisfy { bounds.contains($0) })
    }
    let open = TruncatedInversion(.normal(mean: 0, deviation: 1), min: 0, max: nil)
    #expect(open.quantile(1 - 0x1p-53).isFinite)
  }

  @Test("an exponential draw is that of gsl_ran_exponential, bit by bit")
  func exponentialAsInGSL() {
    let sampler = Sampler(.exponential(mean: 0.001))
    var (ours, theirs) = (stream(4), stream(4))
    for _ in 0..<1000 {
      let expected = theirs.withGSL { gsl_ran_exponential($0, 0.001) }
      #expect(sampler.draw(&ours) == expected)
    }
    #expect(ours.position == theirs.position)
  }

  @Test("draws take as many numbers as promised")
  func drawsUsed() {
    let promised: [(Distribution, UInt64)] = [
      (.constant(1), 0), (.uniform(low: 0, high: 1), 1), (.exponential(mean: 1), 1),
      (.weibull(shape: 2, scale: 1), 1), (.pareto(shape: 2, scale: 1), 1), (.empirical([1, 2]), 1),
      (.discrete(values: [1, 2], weights: [1, 1]), 1),
      (.hyperexponential(probabilities: [0.5, 0.5], means: [1, 2]), 2),
    ]
    for (distribution, count) in promised {
      var stream = stream(5)
      _ = Sampler(distribution).draw(&stream)
      #expect(stream.position == count, "\(distribution)")
    }
  }

  @Test("draws are pinned: another value would change every result")
  func pinned() {
    var stream = RandomStream(
      key: RandomKey(seed: 42, replication: 1, purpose: RandomPurpose("arrival"), entity: 9))
    let exponential = Sampler(.exponential(mean: 0.001))
    #expect(
      (0..<4).map { _ in exponential.duration(&stream).nanoseconds } == [
        449_550, 2_340_818, 2_147_368, 883_904,
      ])
    let gamma = Sampler(.gamma(shape: 2, scale: 0.001))
    #expect(
      (0..<4).map { _ in gamma.duration(&stream).nanoseconds } == [1_889_097, 701_925, 1_511_389, 766_998])
    let cut = Sampler(.lognormal(median: 0.001, sigma: 1, min: nil, max: 0.01))
    #expect((0..<4).map { _ in cut.duration(&stream).nanoseconds } == [992_443, 4_783_906, 490_122, 312_735])
  }

  @Test("durations are whole nanoseconds, never negative, and saturate")
  func durations() {
    var stream = stream(6)
    #expect(Sampler(.constant(-1)).duration(&stream) == .zero)
    #expect(Sampler(.constant(0)).duration(&stream) == .zero)
    #expect(Sampler(.constant(1.5e-9)).duration(&stream).nanoseconds == 2)
    #expect(Sampler(.constant(0.25)).duration(&stream) == .milliseconds(250))
    #expect(Sampler(.constant(1e300)).duration(&stream) == .max)
    let wide = Sampler(.normal(mean: 0, standardDeviation: 1, min: nil, max: nil))
    let durations = (0..<1000).map { _ in wide.duration(&stream) }
    #expect(durations.contains(.zero) && durations.allSatisfy { $0 >= .zero })
  }

  @Test("one sampler gives each of several tasks what it would give it alone", arguments: all)
  func severalTasks(_ distribution: Distribution) async {
    let sampler = Sampler(distribution)
    func sum(_ entity: UInt64) -> Double {
      var stream = stream(entity)
      return (0..<500).reduce(0) { sum, _ in sum + sampler.draw(&stream) }
    }
    let together = await withTaskGroup(of: (UInt64, Double).self) { group in
      for entity: UInt64 in 0..<8 { group.addTask { (entity, sum(entity)) } }
      return await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
    }
    for entity: UInt64 in 0..<8 { #expect(together[entity] == sum(entity)) }
  }

  @Test("only a constant has a constant value") func constantValue() {
    #expect(Sampler(.constant(3)).constantValue == 3)
    #expect(Sampler(.exponential(mean: 3)).constantValue == nil)
  }
}
