// SPDX-License-Identifier: GPL-3.0-or-later
//
// Means and variances that theory gives for counts of arrivals and of endpoints without a connection.

import Foundation
import SimKernel
import SimRandom
import Traffic

/// Expected numbers of arrivals.
enum ExpectedArrivals {
  /// Mean, and so variance, of the operations of one instance that begins in `from..<until`; nil where
  /// arrivals are no Poisson process.
  static func mean(_ arrivals: ClientSettings.Arrivals, from: SimTime, until: SimTime) -> Double? {
    guard until > from else { return 0 }
    switch arrivals {
    case .renewal(.exponential(let gap)): return (until - from).seconds / gap
    case .varyingPoisson(let points): return integral(points, from, until)
    case .renewal, .trace, .closed: return nil
    }
  }

  /// Of a rate that is linear between the points and constant outside of them.
  private static func integral(
    _ points: [ClientSettings.RatePoint], _ from: SimTime, _ until: SimTime
  ) -> Double {
    let corners = [from] + points.map(\.at).filter { $0 > from && $0 < until } + [until]
    var sum = 0.0
    for (a, b) in zip(corners, corners.dropFirst()) {
      // Just inside of the span, where a step between two points at one time has one side only.
      sum += (rate(points, a, before: false) + rate(points, b, before: true)) / 2 * (b - a).seconds
    }
    return sum
  }

  private static func rate(_ points: [ClientSettings.RatePoint], _ time: SimTime, before: Bool) -> Double {
    let left = points.last { before ? $0.at < time : $0.at <= time }
    let right = points.first { before ? $0.at >= time : $0.at > time }
    guard let left else { return right?.rate ?? 0 }
    guard let right else { return left.rate }
    let share = (time - left.at).seconds / (right.at - left.at).seconds
    return left.rate + (right.rate - left.rate) * share
  }
}

/// Endpoints that nobody chose.
enum IdleEndpoints {
  /// Mean and variance of their number after independent draws with these probabilities (occupancy problem).
  static func moments(probabilities: [Double], draws: Int) -> (mean: Double, variance: Double) {
    let n = Double(draws)
    let missed = probabilities.map { pow(1 - $0, n) }
    var (mean, variance) = (0.0, 0.0)
    for i in probabilities.indices {
      mean += missed[i]
      variance += missed[i] * (1 - missed[i])
      for j in probabilities.indices where j > i {
        let both = pow(max(0, 1 - probabilities[i] - probabilities[j]), n)
        variance += 2 * (both - missed[i] * missed[j])
      }
    }
    return (mean, max(0, variance))
  }
}
