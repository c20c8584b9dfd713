// SPDX-License-Identifier: GPL-3.0-or-later
//
// Moments where they do not exist, and every way in which parameters can be wrong.

import Testing

@testable import SimRandom

struct InvalidCase: Sendable, CustomTestStringConvertible {
  let distribution: Distribution
  /// One fragment per sentence, in order.
  let complaints: [String]
  init(_ distribution: Distribution, _ complaints: String...) {
    self.distribution = distribution
    self.complaints = complaints
  }
  var testDescription: String { "\(distribution)" }
}

@Suite struct DistributionTests {
  static let invalid = [
    InvalidCase(.constant(.nan), "value must be a finite number"),
    InvalidCase(.constant(.infinity), "value must be a finite number"),
    InvalidCase(.uniform(low: 2, high: 1), "low must not exceed high"),
    InvalidCase(.uniform(low: .nan, high: .infinity), "low must be", "high must be"),
    InvalidCase(.uniform(low: -1e308, high: 1e308), "too large"),
    InvalidCase(.exponential(mean: -1), "mean must be a finite number of at least 0"),
    InvalidCase(.exponential(mean: .infinity), "mean must be"),
    InvalidCase(.normal(mean: 0, standardDeviation: -1, min: nil, max: nil), "standardDeviation"),
    InvalidCase(.normal(mean: .nan, standardDeviation: -1, min: nil, max: nil), "mean", "standardDeviation"),
    InvalidCase(.normal(mean: 0, standardDeviation: 1, min: 2, max: 1), "min must not exceed max"),
    InvalidCase(.normal(mean: 0, standardDeviation: 1, min: 2, max: 2), "no probability"),
    InvalidCase(.normal(mean: 0, standardDeviation: 1, min: 50, max: nil), "no probability"),
    InvalidCase(.normal(mean: 0, standardDeviation: 0, min: 1, max: nil), "no probability"),
    InvalidCase(.normal(mean: 0, standardDeviation: 1, min: .nan, max: nil), "min must be"),
    InvalidCase(.lognormal(median: 0, sigma: 1, min: nil, max: nil), "median must be"),
    InvalidCase(.lognormal(median: 1, sigma: -1, min: nil, max: nil), "sigma must be"),
    InvalidCase(.lognormal(median: 1, sigma: 1, min: nil, max: -1), "no probability"),
    InvalidCase(.gamma(shape: 0, scale: -1), "shape must be", "scale must be"),
    InvalidCase(.erlang(k: 0, mean: 1), "k must be at least 1"),
    InvalidCase(.erlang(k: 1, mean: -1), "mean must be"),
    InvalidCase(.weibull(shape: .nan, scale: 1), "shape must be"),
    InvalidCase(.pareto(shape: 1, scale: 0), "scale must be"),
    InvalidCase(.poisson(mean: -0.1), "mean must be"),
    InvalidCase(.poisson(mean: 1e10), "at most"),
    InvalidCase(.geometric(probability: 0), "above 0 and at most 1"),
    InvalidCase(.geometric(probability: 1.1), "above 0 and at most 1"),
    InvalidCase(.geometric(probability: 1e-12), "at least"),
    InvalidCase(.hyperexponential(probabilities: [0.5, 0.4], means: [1, 1]), "add up to 1"),
    InvalidCase(.hyperexponential(probabilities: [1.5, -0.5], means: [1, 1]), "probabilities[1]"),
    InvalidCase(.hyperexponential(probabilities: [1], means: [1, -2]), "as many", "mean 2"),
    InvalidCase(.discrete(values: [], weights: []), "weights must not be empty"),
    InvalidCase(.discrete(values: [1, .nan], weights: [0, 0]), "not all be 0", "value 2"),
    InvalidCase(.discrete(values: [1, 2], weights: [1]), "as many weights as values"),
    InvalidCase(.discrete(values: [1, 2], weights: [1e308, 1e308]), "too large"),
    InvalidCase(.empirical([]), "at least one value"),
    InvalidCase(.empirical([1, .infinity]), "value 2"),
    InvalidCase(.mixture(weights: [], parts: []), "weights must not be empty"),
    InvalidCase(
      .mixture(weights: [1, 1], parts: [.constant(1), .exponential(mean: -1)]), "part 2: mean must be"),
  ]

  @Test("each wrong parameter gets its sentence", arguments: invalid)
  func invalidParameters(_ example: InvalidCase) {
    let sentences = example.distribution.validate()
    #expect(sentences.count == example.complaints.count, "\(sentences)")
    for (sentence, fragment) in zip(sentences, example.complaints) {
      #expect(sentence.contains(fragment))
    }
  }

  static let edges: [Distribution] = [
    .exponential(mean: 0), .erlang(k: 2, mean: 0), .poisson(mean: 0), .uniform(low: 1, high: 1),
    .normal(mean: 1, standardDeviation: 0, min: nil, max: nil), .geometric(probability: 1),
    .geometric(probability: 1e-8), .lognormal(median: 2, sigma: 0, min: nil, max: nil),
    .discrete(values: [4], weights: [1]), .hyperexponential(probabilities: [1], means: [0]),
  ]

  @Test("extreme parameters that are allowed can be drawn", arguments: edges)
  func edgeParameters(_ distribution: Distribution) throws {
    #expect(distribution.validate().isEmpty)
    let sampler = Sampler(distribution)
    var stream = RandomStream(key: RandomKey(low: 1, high: 2))
    let sample = (0..<100).map { _ in sampler.draw(&stream) }
    #expect(sample.allSatisfy { $0.isFinite })
    if distribution.variance == 0 {
      let mean = try #require(distribution.mean)
      #expect(sample.allSatisfy { abs($0 - mean) < 1e-12 })
    }
  }

  @Test("moments that do not exist are nil, also inside a mixture")
  func missingMoments() {
    #expect(Distribution.pareto(shape: 1, scale: 1).mean == nil)
    #expect(Distribution.pareto(shape: 1, scale: 1).variance == nil)
    #expect(Distribution.pareto(shape: 2, scale: 1).mean == 2)
    #expect(Distribution.pareto(shape: 2, scale: 1).variance == nil)
    let parts: [Distribution] = [.constant(4), .pareto(shape: 1, scale: 1)]
    #expect(Distribution.mixture(weights: [1, 1], parts: parts).mean == nil)
    #expect(Distribution.mixture(weights: [1, 0], parts: parts).mean == 4)
  }

  @Test("moments of well-known cases are the textbook's")
  func knownMoments() throws {
    // Half normal: mean sqrt(2/pi), variance 1 - 2/pi.
    let half = Distribution.normal(mean: 0, standardDeviation: 1, min: 0, max: nil)
    try expectClose(half.mean, (2 / Double.pi).squareRoot())
    try expectClose(half.variance, 1 - 2 / Double.pi)
    // Lognormal bounds that cut nothing change nothing.
    let whole = Distribution.lognormal(median: 2, sigma: 0.7, min: nil, max: nil)
    let wide = Distribution.lognormal(median: 2, sigma: 0.7, min: 1e-9, max: 1e9)
    try expectClose(wide.mean, #require(whole.mean))
    try expectClose(wide.variance, #require(whole.variance))
    // Hyperexponential: E[X^2] = 2 sum p m^2 = 14, mean 2.5.
    let hyper = Distribution.hyperexponential(probabilities: [0.25, 0.75], means: [4, 2])
    try expectClose(hyper.mean, 2.5)
    try expectClose(hyper.variance, 14 - 6.25)
    // Weibull with shape 1 is exponential.
    try expectClose(Distribution.weibull(shape: 1, scale: 3).variance, 9)
  }

  private func expectClose(_ value: Double?, _ expected: Double) throws {
    let value = try #require(value)
    #expect(abs(value - expected) < 1e-9)
  }
}
