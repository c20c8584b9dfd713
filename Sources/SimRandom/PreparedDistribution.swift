// SPDX-License-Identifier: GPL-3.0-or-later
//
// The distributions that are drawn by GSL, with the tables that GSL wants prepared. Parameters have been
// validated (Distribution+Validation) before they come here.

import CGSL

/// Immutable after init, hence shared freely between threads.
@usableFromInline
final class PreparedDistribution: Sendable {
  private enum Form: Sendable {
    case normal(mean: Double, deviation: Double)
    case lognormal(zeta: Double, sigma: Double)
    case truncated(TruncatedInversion)
    case gamma(shape: Double, scale: Double)
    case weibull(shape: Double, scale: Double)
    case pareto(shape: Double, scale: Double)
    case poisson(mean: Double)
    case geometric(probability: Double)
    case discrete(AliasTable, values: [Double])
    case equallyLikely([Double])
    case mixture(AliasTable, parts: [Sampler])
  }

  private let form: Form

  init(_ distribution: Distribution) {
    _ = GSLSetup.done
    form = Self.form(of: distribution)
  }

  private static func form(of distribution: Distribution) -> Form {
    switch distribution {
    case .normal(let mean, let deviation, nil, nil): .normal(mean: mean, deviation: deviation)
    case .normal(let mean, let deviation, let min, let max):
      .truncated(TruncatedInversion(.normal(mean: mean, deviation: deviation), min: min, max: max))
    case .lognormal(let median, let sigma, nil, nil): .lognormal(zeta: log(median), sigma: sigma)
    case .lognormal(let median, let sigma, let min, let max):
      .truncated(TruncatedInversion(.lognormal(zeta: log(median), sigma: sigma), min: min, max: max))
    case .gamma(let shape, let scale): .gamma(shape: shape, scale: scale)
    case .erlang(let k, let mean): .gamma(shape: Double(k), scale: mean / Double(k))
    case .weibull(let shape, let scale): .weibull(shape: shape, scale: scale)
    case .pareto(let shape, let scale): .pareto(shape: shape, scale: scale)
    case .poisson(let mean): .poisson(mean: mean)
    case .geometric(let probability): .geometric(probability: probability)
    case .hyperexponential(let probabilities, let means):
      .mixture(
        AliasTable(weights: probabilities), parts: means.map { Sampler(.exponential(mean: $0)) })
    case .discrete(let values, let weights): .discrete(AliasTable(weights: weights), values: values)
    // Sorted, so that a draw is the inverse of the observed distribution function.
    case .empirical(let values): .equallyLikely(Self.sorted(values))
    case .mixture(let weights, let parts):
      .mixture(AliasTable(weights: weights), parts: parts.map { Sampler($0) })
    case .constant, .uniform, .exponential:
      preconditionFailure("drawn by Sampler itself: \(distribution)")
    }
  }

  /// The same array, without a copy, if it is in order already.
  private static func sorted(_ values: [Double]) -> [Double] {
    let inOrder = zip(values, values.dropFirst()).allSatisfy { $0 <= $1 }
    return inOrder ? values : values.sorted()
  }

  @usableFromInline
  func draw(_ stream: inout RandomStream) -> Double {
    switch form {
    case .normal(let mean, let deviation):
      mean + stream.withGSL { gsl_ran_gaussian($0, deviation) }
    case .lognormal(let zeta, let sigma): stream.withGSL { gsl_ran_lognormal($0, zeta, sigma) }
    case .truncated(let inversion): inversion.quantile(stream.uniformPositive())
    case .gamma(let shape, let scale): stream.withGSL { gsl_ran_gamma($0, shape, scale) }
    case .weibull(let shape, let scale): stream.withGSL { gsl_ran_weibull($0, scale, shape) }
    case .pareto(let shape, let scale): stream.withGSL { gsl_ran_pareto($0, shape, scale) }
    case .poisson(let mean): stream.withGSL { Double(gsl_ran_poisson($0, mean)) }
    case .geometric(let probability): stream.withGSL { Double(gsl_ran_geometric($0, probability)) }
    case .discrete(let table, let values): values[table.draw(&stream)]
    case .equallyLikely(let values):
      values[min(Int(stream.uniform() * Double(values.count)), values.count - 1)]
    case .mixture(let table, let parts): parts[table.draw(&stream)].draw(&stream)
    }
  }
}

/// Choice by weight in constant time, one uniform number per choice (Walker's alias method in
/// randist/discrete.c).
public final class AliasTable: @unchecked Sendable {
  // GSL reads the table in a draw and never writes it.
  private let table: UnsafeMutablePointer<gsl_ran_discrete_t>
  /// The number of weights.
  public let count: Int

  /// - Precondition: at least one weight, none negative or infinite, a positive sum.
  public init(weights: [Double]) {
    precondition(
      !weights.isEmpty && weights.allSatisfy { $0 >= 0 && $0.isFinite } && weights.contains { $0 > 0 },
      "weights must be non-negative and not all zero")
    _ = GSLSetup.done
    guard let table = gsl_ran_discrete_preproc(weights.count, weights) else {
      preconditionFailure("no memory for a table of \(weights.count) weights")
    }
    self.table = table
    self.count = weights.count
  }

  deinit { gsl_ran_discrete_free(table) }

  /// The index of a weight, drawn with a probability in proportion to the weight.
  public func draw(_ stream: inout RandomStream) -> Int {
    stream.withGSL { Int(gsl_ran_discrete($0, table)) }
  }
}
