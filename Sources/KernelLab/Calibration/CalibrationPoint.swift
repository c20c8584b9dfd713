// SPDX-License-Identifier: GPL-3.0-or-later
//
// What was measured, and what is made of it: cost per rule, per lookup and per packet, by weighted least
// squares on medians.

import SimStatistics

/// The medians of one table and one place of the target.
public struct CalibrationPoint: Sendable, Equatable {
  public var table: CalibrationTable
  public var place: Int
  /// Nanoseconds, one way, the plain way through the node included.
  public var first: Double
  public var later: Double
  public init(table: CalibrationTable, place: Int, first: Double, later: Double) {
    self.table = table
    self.place = place
    self.first = first
    self.later = later
  }
}

/// A cost in nanoseconds.
public struct CalibratedCost: Sendable, Equatable {
  public var nanoseconds: Double
  public var standardError: Double
  public init(_ nanoseconds: Double, _ standardError: Double) {
    self.nanoseconds = nanoseconds
    self.standardError = standardError
  }
}

/// What a mode's packets cost at a node, beside the plain way through it.
public struct CalibratedMode: Sendable, Equatable {
  public var mode: CalibrationMode
  /// A flow's first packet, without its rules and lookups: hooks, conntrack entry, translation.
  public var firstPacket: CalibratedCost
  /// Each rule that the first packet is compared with.
  public var perRule: CalibratedCost
  /// Each lookup in a map; none in iptables.
  public var perLookup: CalibratedCost
  /// Each later packet.
  public var establishedPacket: CalibratedCost
  /// Standard deviation of the measured first packets about the fitted ones, relative.
  public var scatter: Double

  /// Nil without enough points.
  public init?(_ mode: CalibrationMode, points: [CalibrationPoint]) {
    let own = points.filter { $0.table.mode == mode }
    let plain = points.filter { $0.table.mode == nil }
    let sizes = Set(own.map(\.table.services)).sorted()
    // In nftables the number of Services is no part of the model: what it does to caches must not be taken
    // for the cost of a rule or a lookup, so each size has a constant of its own, and their mean is the
    // answer's.
    let constants = mode == .nftables ? sizes : [0]
    guard !plain.isEmpty, !sizes.isEmpty else { return nil }
    let design = own.map { point -> [Double] in
      let walked = Double(point.table.rulesWalked(place: point.place))
      guard mode == .nftables else { return [1, walked] }
      return constants.map { $0 == point.table.services ? 1 : 0 } + [walked, Double(point.table.lookups)]
    }
    // Errors grow with the time measured: all points count by their relative distance.
    let weights = own.map { 1 / ($0.first * $0.first) }
    guard let fit = LeastSquaresFit(design: design, observed: own.map(\.first), weights: weights)
    else { return nil }
    let costs = zip(fit.coefficients, fit.standardErrors).map { CalibratedCost($0, $1) }
    let (starts, slopes) = (costs[..<constants.count], costs[constants.count...])
    let share = 1 / Double(starts.count)
    let start = starts.reduce(0) { $0 + $1.nanoseconds * share }
    let startError = starts.reduce(0) { hypotenuse($0, $1.standardError * share) }
    self.mode = mode
    firstPacket = CalibratedCost(
      start - Median.of(plain.map(\.first)), hypotenuse(startError, Median.error(plain.map(\.first))))
    perRule = slopes[constants.count]
    perLookup = slopes.count > 1 ? slopes[constants.count + 1] : CalibratedCost(0, 0)
    let (later, plainLater) = (own.map(\.later), plain.map(\.later))
    establishedPacket = CalibratedCost(
      Median.of(later) - Median.of(plainLater), hypotenuse(Median.error(later), Median.error(plainLater)))
    scatter = fit.scatter
  }
}

private func hypotenuse(_ a: Double, _ b: Double) -> Double { (a * a + b * b).squareRoot() }

/// Medians, which a disturbed minority of measurements does not move.
enum Median {
  /// 0 for no values.
  static func of(_ values: [Double]) -> Double {
    guard !values.isEmpty else { return 0 }
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }

  /// Standard error of a median: 1.2533 standard deviations over the root of the number, with the standard
  /// deviation from the median absolute deviation (both for a normal distribution).
  static func error(_ values: [Double]) -> Double {
    guard values.count > 1 else { return 0 }
    let middle = of(values)
    let deviation = 1.4826 * of(values.map { abs($0 - middle) })
    return 1.2533 * deviation / Double(values.count).squareRoot()
  }
}
