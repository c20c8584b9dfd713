// SPDX-License-Identifier: GPL-3.0-or-later
//
// How large a difference is, apart from how sure it is.

import CGSL

/// How often the second of a pair is smaller, equal or larger: what a reader can check by counting.
public struct PairedSuperiority: Sendable, Equatable {
  public let smaller: Int
  public let equal: Int
  public let larger: Int

  /// - Precondition: as many `a` as `b`.
  public init(_ a: [Double], _ b: [Double]) {
    precondition(a.count == b.count, "\(a.count) and \(b.count) values are no pairs")
    var (less, same) = (0, 0)
    for (x, y) in zip(a, b) {
      if y < x { less += 1 } else if y == x { same += 1 }
    }
    (smaller, equal, larger) = (less, same, a.count - less - same)
  }

  public var count: Int { smaller + equal + larger }
  /// Probability of superiority for dependent samples (Grissom & Kim, Effect Sizes for Research, 2012, 5.7):
  /// that b is below a, equal ones halved. 0.5 is no effect. Nil without pairs.
  public var probabilitySmaller: Double? {
    count == 0 ? nil : (Double(smaller) + Double(equal) / 2) / Double(count)
  }
}

/// Measures of an effect's size.
public enum EffectSize {
  /// P(b > a) - P(b < a) over all pairs of a value of each sample (Cliff, Psychological Bulletin 114, 1993):
  /// 1 if all b are larger, -1 if all are smaller. Nil if a sample is empty. O((n + m) log (n + m)).
  public static func cliffsDelta(_ a: [Double], _ b: [Double]) -> Double? {
    guard !a.isEmpty, !b.isEmpty else { return nil }
    let sorted = a.sorted()
    func partition(_ property: (Double) -> Bool) -> Int {
      var (low, high) = (0, sorted.count)
      while low < high {
        let middle = (low + high) / 2
        if property(sorted[middle]) { low = middle + 1 } else { high = middle }
      }
      return low
    }
    var sum = 0
    for value in b {
      let below = partition { $0 < value }
      let notAbove = partition { $0 <= value }
      sum += below - (sorted.count - notAbove)
    }
    return Double(sum) / Double(a.count * b.count)
  }

  /// Mean difference b - a of pairs over the root of the mean of both variances (d_av), times Hedges' J
  /// against the bias of small samples (Hedges, Journal of Educational Statistics 6, 1981; Lakens,
  /// Frontiers in Psychology 4, 2013). Nil below two pairs or without scatter.
  /// - Precondition: as many `a` as `b`.
  public static func hedgesG(_ a: [Double], _ b: [Double]) -> Double? {
    guard let difference = PairedDifference(a, b), let va = RunningMoments(a).variance,
      let vb = RunningMoments(b).variance, va + vb > 0
    else { return nil }
    let degrees = Double(a.count - 1)
    let bias =
      exp(gsl_sf_lngamma(degrees / 2) - gsl_sf_lngamma((degrees - 1) / 2)) / (degrees / 2).squareRoot()
    return degrees > 1 ? bias * difference.mean / ((va + vb) / 2).squareRoot() : nil
  }
}
