// SPDX-License-Identifier: GPL-3.0-or-later
//
// Random quantities, and whether their parameters fit each other.

import Foundation
import SimKernel
import SimRandom

extension ScenarioDecoder {
  /// A duration or a distribution of durations, in seconds.
  func durations(_ cursor: Cursor?) -> Distribution? { distribution(cursor, .duration) }

  /// A number or a distribution of numbers.
  func counts(_ cursor: Cursor?) -> Distribution? { distribution(cursor, .count) }

  private func value(_ cursor: Cursor?, _ unit: ScenarioFormat.Unit) -> Double? {
    unit == .duration ? cursor?.duration?.seconds : cursor?.number
  }

  private func distribution(_ cursor: Cursor?, _ unit: ScenarioFormat.Unit) -> Distribution? {
    guard let cursor else { return nil }
    if cursor.node.scalar != nil { return value(cursor, unit).map { .constant($0) } }
    guard let key = cursor.node.mapping?.first?.key, let inner = cursor[key] else { return nil }
    if key == "constant" { return value(inner, unit).map { .constant($0) } }
    return bounded(key, inner, unit) ?? simple(key, inner, unit) ?? compound(key, inner, unit)
  }

  // MARK: Families

  private func simple(_ key: String, _ c: Cursor, _ unit: ScenarioFormat.Unit) -> Distribution? {
    let mean = value(c["mean"], unit)
    let scale = value(c["scale"], unit)
    let shape = c["shape"]?.number
    switch key {
    case "uniform":
      guard let low = value(c["low"], unit), let high = value(c["high"], unit) else { return nil }
      if high < low, let place = c["high"] { mistake(place, "expected a bound that is not below \"low\"") }
      return .uniform(low: low, high: high)
    case "exponential": return mean.map { .exponential(mean: $0) }
    case "poisson": return mean.map { .poisson(mean: $0) }
    case "geometric": return c["p"]?.number.map { .geometric(probability: $0) }
    case "erlang":
      guard let k = c["k"]?.integer, let mean else { return nil }
      return .erlang(k: k, mean: mean)
    case "gamma":
      guard let shape, let scale = scale ?? mean.map({ $0 / shape }) else { return nil }
      return .gamma(shape: shape, scale: scale)
    case "weibull":
      guard let shape, let scale else { return nil }
      return .weibull(shape: shape, scale: scale)
    case "pareto":
      guard let shape, let scale else { return nil }
      return .pareto(shape: shape, scale: scale)
    default: return nil
    }
  }

  private func bounded(_ key: String, _ c: Cursor, _ unit: ScenarioFormat.Unit) -> Distribution? {
    guard key == "normal" || key == "lognormal" else { return nil }
    let low = value(c["min"], unit)
    let high = value(c["max"], unit)
    if let low, let high, low >= high, let place = c["max"] {
      mistake(place, "expected a bound above \"min\"")
    }
    if key == "normal" {
      guard let mean = value(c["mean"], unit), let sd = value(c["sd"], unit) else { return nil }
      refuseFarBounds(c, low.map { ($0 - mean) / sd }, high.map { ($0 - mean) / sd })
      // Neither a span of time nor a count is below zero.
      return .normal(mean: mean, standardDeviation: sd, min: low ?? 0, max: high)
    }
    guard let sigma = c["sigma"]?.number else { return nil }
    let fromMean = value(c["mean"], unit).map { $0 / exp(sigma * sigma / 2) }
    guard let median = value(c["median"], unit) ?? fromMean, median > 0 else { return nil }
    let logLow = low.flatMap { $0 > 0 ? log($0 / median) / sigma : nil }
    refuseFarBounds(c, logLow, high.flatMap { $0 > 0 ? log($0 / median) / sigma : -.infinity })
    return .lognormal(median: median, sigma: sigma, min: low, max: high)
  }

  /// Bounds, in standard deviations, outside of which nearly everything lies make drawing meaningless.
  private func refuseFarBounds(_ c: Cursor, _ low: Double?, _ high: Double?) {
    if let low, low > 6, let place = c["min"] {
      mistake(place, "expected a bound at most 6 standard deviations above the middle")
    }
    if let high, high < -6, let place = c["max"] {
      mistake(place, "expected a bound at most 6 standard deviations below the middle")
    }
  }

  private func compound(_ key: String, _ c: Cursor, _ unit: ScenarioFormat.Unit) -> Distribution? {
    func numbers(_ key: String) -> [Double] { (c[key]?.items ?? []).compactMap(\.number) }
    func values(_ key: String) -> [Double] { (c[key]?.items ?? []).compactMap { value($0, unit) } }
    switch key {
    case "hyperexponential":
      refuseUnequalLengths(c, "probabilities", "means")
      let probabilities = numbers("probabilities")
      let sum = probabilities.reduce(0, +)
      if !probabilities.isEmpty, abs(sum - 1) > 1e-6, let place = c["probabilities"] {
        mistake(place, "expected probabilities whose sum is 1, not \(numberText(sum))")
      }
      return .hyperexponential(probabilities: probabilities, means: values("means"))
    case "discrete":
      refuseUnequalLengths(c, "weights", "values")
      refuseZeroWeights(c, numbers("weights"))
      return .discrete(values: values("values"), weights: numbers("weights"))
    case "mixture":
      refuseUnequalLengths(c, "weights", "parts")
      refuseZeroWeights(c, numbers("weights"))
      let parts = (c["parts"]?.items ?? []).compactMap { distribution($0, unit) }
      return .mixture(weights: numbers("weights"), parts: parts)
    case "empirical":
      let factor = unit == .duration ? secondsPerUnit(c["unit"]) : 1
      return column(c).map { .empirical($0.map { $0 * factor }) }
    default: return nil
    }
  }

  private func refuseUnequalLengths(_ c: Cursor, _ first: String, _ second: String) {
    guard let a = c[first]?.node.sequence, let place = c[second], let b = place.node.sequence,
      a.count != b.count
    else { return }
    mistake(place, "expected as many items as \"\(first)\" has, \(a.count), not \(b.count)")
  }

  private func refuseZeroWeights(_ c: Cursor, _ weights: [Double]) {
    guard let place = c["weights"], !weights.isEmpty, weights.allSatisfy({ $0 == 0 }) else { return }
    mistake(place, "expected a weight above zero")
  }

  // MARK: Files

  func secondsPerUnit(_ cursor: Cursor?) -> Double {
    let unit = DurationText.units.first { $0.name == cursor?.string }
    return (unit?.nanoseconds ?? 1e9) / 1e9
  }

  /// The column that `file` and `column` name.
  func column(_ cursor: Cursor) -> [Double]? {
    guard let file = cursor["file"], let reference = file.string, let column = cursor["column"]?.string else {
      return nil
    }
    do {
      let values = try files.column(column, of: reference)
      hash.mix(values)
      return values
    } catch {
      report(error, namedAt: file)
      return nil
    }
  }
}
