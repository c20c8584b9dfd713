// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which parameters a distribution may have. Where in a file a distribution stands, and whether its values
// make sense as a duration, is for the caller to say.

import CGSL

extension Distribution {
  /// What is wrong with the parameters, one sentence each; empty if a `Sampler` may be made.
  public func validate() -> [String] {
    var faults = Faults()
    check(&faults)
    return faults.sentences
  }

  /// Sentences about parameters, in the order of the parameters.
  struct Faults {
    var sentences: [String] = []

    mutating func require(_ holds: Bool, _ sentence: @autoclosure () -> String) {
      if !holds { sentences.append(sentence()) }
    }
    mutating func finite(_ value: Double, _ name: String) {
      require(value.isFinite, "\(name) must be a finite number, got \(value)")
    }
    mutating func nonNegative(_ value: Double, _ name: String) {
      require(value >= 0 && value.isFinite, "\(name) must be a finite number of at least 0, got \(value)")
    }
    mutating func positive(_ value: Double, _ name: String) {
      require(value > 0 && value.isFinite, "\(name) must be a finite number above 0, got \(value)")
    }
  }

  /// gsl_ran_poisson and gsl_ran_geometric count in a 32-bit unsigned int.
  private static var largestPoissonMean: Double { 1e9 }
  /// The longest run that gsl_ran_geometric can draw is ln(2^-32) / ln(1 - p), which must fit.
  private static var smallestGeometricProbability: Double { 1e-8 }
  /// How far the probabilities of a hyperexponential may be from adding up to 1, as decimals do.
  private static var probabilityTolerance: Double { 1e-6 }

  private func check(_ faults: inout Faults) {
    switch self {
    case .constant(let value): faults.finite(value, "value")
    case .uniform(let low, let high): Self.checkUniform(low, high, &faults)
    case .exponential(let mean): faults.nonNegative(mean, "mean")
    case .normal(let mean, let deviation, let min, let max):
      faults.finite(mean, "mean")
      faults.nonNegative(deviation, "standardDeviation")
      Self.checkBounds(.normal(mean: mean, deviation: deviation), min, max, &faults)
    case .lognormal(let median, let sigma, let min, let max):
      faults.positive(median, "median")
      faults.nonNegative(sigma, "sigma")
      Self.checkBounds(.lognormal(zeta: log(median), sigma: sigma), min, max, &faults)
    case .gamma(let shape, let scale), .weibull(let shape, let scale), .pareto(let shape, let scale):
      faults.positive(shape, "shape")
      faults.positive(scale, "scale")
    case .erlang(let k, let mean):
      faults.require(k >= 1, "k must be at least 1, got \(k)")
      faults.nonNegative(mean, "mean")
    case .poisson(let mean):
      faults.nonNegative(mean, "mean")
      let limit = Self.largestPoissonMean
      faults.require(!(mean > limit && mean.isFinite), "mean must be at most \(limit), got \(mean)")
    case .geometric(let probability): Self.checkGeometric(probability, &faults)
    case .hyperexponential(let probabilities, let means):
      Self.checkHyperexponential(probabilities, means, &faults)
    case .discrete(let values, let weights):
      Self.checkWeights(weights, "weights", for: values.count, "values", &faults)
      for (i, value) in values.enumerated() { faults.finite(value, "value \(i + 1)") }
    case .empirical(let values):
      faults.require(!values.isEmpty, "at least one value is needed")
      for (i, value) in values.enumerated() { faults.finite(value, "value \(i + 1)") }
    case .mixture(let weights, let parts):
      Self.checkWeights(weights, "weights", for: parts.count, "parts", &faults)
      for (i, part) in parts.enumerated() {
        faults.sentences += part.validate().map { "part \(i + 1): \($0)" }
      }
    }
  }

  private static func checkUniform(_ low: Double, _ high: Double, _ faults: inout Faults) {
    faults.finite(low, "low")
    faults.finite(high, "high")
    guard low.isFinite, high.isFinite else { return }
    faults.require(low <= high, "low must not exceed high, got low \(low) and high \(high)")
    faults.require(!(low <= high) || (high - low).isFinite, "high - low is too large")
  }

  private static func checkGeometric(_ probability: Double, _ faults: inout Faults) {
    guard probability > 0, probability <= 1 else {
      faults.sentences.append("probability must be above 0 and at most 1, got \(probability)")
      return
    }
    let least = smallestGeometricProbability
    faults.require(probability >= least, "probability must be at least \(least), got \(probability)")
  }

  private static func checkHyperexponential(
    _ probabilities: [Double], _ means: [Double], _ faults: inout Faults
  ) {
    checkWeights(probabilities, "probabilities", for: means.count, "means", &faults)
    let sum = probabilities.reduce(0, +)
    if !probabilities.isEmpty, probabilities.allSatisfy({ $0 >= 0 && $0.isFinite }), sum > 0 {
      faults.require(abs(sum - 1) <= probabilityTolerance, "probabilities must add up to 1, got \(sum)")
    }
    for (i, mean) in means.enumerated() { faults.nonNegative(mean, "mean \(i + 1)") }
  }

  private static func checkWeights(
    _ weights: [Double], _ name: String, for count: Int, _ things: String, _ faults: inout Faults
  ) {
    faults.require(!weights.isEmpty, "\(name) must not be empty")
    faults.require(
      weights.count == count, "as many \(name) as \(things) are needed, got \(weights.count) and \(count)")
    for (i, weight) in weights.enumerated() { faults.nonNegative(weight, "\(name)[\(i)]") }
    if !weights.isEmpty, weights.allSatisfy({ $0 >= 0 && $0.isFinite }) {
      let sum = weights.reduce(0, +)
      faults.require(sum > 0, "\(name) must not all be 0")
      faults.require(sum.isFinite, "the sum of \(name) is too large")
    }
  }

  private static func checkBounds(
    _ family: TruncatedInversion.Family, _ min: Double?, _ max: Double?, _ faults: inout Faults
  ) {
    if let min { faults.finite(min, "min") }
    if let max { faults.finite(max, "max") }
    // The mass can be asked for only if everything so far is a number.
    guard faults.sentences.isEmpty, min != nil || max != nil else { return }
    if let min, let max, min > max {
      faults.sentences.append("min must not exceed max, got min \(min) and max \(max)")
      return
    }
    let mass = TruncatedInversion(family, min: min, max: max).mass
    faults.require(mass > 0, "no value can lie between min and max: the interval has no probability")
  }
}
