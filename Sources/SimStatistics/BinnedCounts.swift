// SPDX-License-Identifier: GPL-3.0-or-later
//
// Counts in bins of equal width (gsl_histogram), with what falls outside counted apart.

import CGSL

/// A histogram over [low, high) with equal bins. Owns GSL's memory, hence neither copied nor shared.
public struct BinnedCounts: ~Copyable {
  private let histogram: UnsafeMutablePointer<gsl_histogram>
  /// Values below the first bin.
  public private(set) var below = 0
  /// Values at or above the end of the last bin.
  public private(set) var above = 0

  /// - Precondition: `bins > 0`, `low < high`, both finite.
  public init(bins: Int, low: Double, high: Double) {
    precondition(bins > 0 && low < high && (high - low).isFinite, "no bins between \(low) and \(high)")
    _ = GSLSetup.done
    guard let histogram = gsl_histogram_alloc(bins) else {
      preconditionFailure("no memory for \(bins) bins")
    }
    self.histogram = histogram
    gsl_histogram_set_ranges_uniform(histogram, low, high)
  }

  deinit { gsl_histogram_free(histogram) }

  /// - Precondition: `value` is not NaN.
  public mutating func add(_ value: Double) {
    precondition(!value.isNaN, "NaN belongs in no bin")
    if value < gsl_histogram_min(histogram) {
      below += 1
    } else if value >= gsl_histogram_max(histogram) {
      above += 1
    } else {
      gsl_histogram_increment(histogram, value)
    }
  }

  public var bins: Int { Int(gsl_histogram_bins(histogram)) }
  /// How many values fell into a bin.
  public func count(_ bin: Int) -> Int { Int(gsl_histogram_get(histogram, bin)) }
  public var counts: [Int] {
    var all: [Int] = []
    for bin in 0..<bins { all.append(count(bin)) }
    return all
  }

  /// The lower end, which belongs to the bin, and the upper end, which does not.
  public func range(_ bin: Int) -> Range<Double> {
    var (low, high) = (0.0, 0.0)
    gsl_histogram_get_range(histogram, bin, &low, &high)
    return low..<high
  }
}
