// SPDX-License-Identifier: GPL-3.0-or-later
//
// Quantiles of latencies over many orders of magnitude in bounded memory: HdrHistogram with two
// significant digits, so that a quantile is at most 1% too high. Count, mean and extremes are exact.

import Histogram
import SimKernel

/// A histogram of durations in nanoseconds. An empty one costs 64 bytes; the first value allocates, and
/// the memory grows with the largest value (about 15 kB for an hour).
@frozen public struct LatencyHistogram: Sendable {
  @usableFromInline var histogram: Histogram<UInt32>?
  @usableFromInline var total: Int
  /// The sum as a 128-bit number: 2^63 ns is reached by 292 years of waiting, which is few connections.
  @usableFromInline var sum: UInt128
  @usableFromInline var least: UInt64
  @usableFromInline var greatest: UInt64

  @inlinable
  public init() {
    (histogram, total, sum, least, greatest) = (nil, 0, 0, .max, 0)
  }

  /// Adds a duration; a negative one counts as zero.
  @inlinable
  public mutating func record(_ duration: SimDuration) {
    let value = UInt64(bitPattern: Swift.max(duration.nanoseconds, 0))
    // Asking the optional itself would copy the histogram.
    if total == 0 { allocate() }
    histogram?.record(value)
    total &+= 1
    sum &+= UInt128(value)
    least = Swift.min(least, value)
    greatest = Swift.max(greatest, value)
  }

  @usableFromInline
  mutating func allocate() {
    histogram = Histogram<UInt32>(numberOfSignificantValueDigits: .two)
  }

  /// Takes in everything that `other` has recorded.
  public mutating func merge(_ other: LatencyHistogram) {
    guard let theirs = other.histogram else { return }
    if histogram == nil { histogram = theirs } else { histogram?.add(theirs) }
    total += other.total
    sum += other.sum
    least = Swift.min(least, other.least)
    greatest = Swift.max(greatest, other.greatest)
  }

  /// How many durations were recorded.
  public var count: Int { total }
  public var isEmpty: Bool { total == 0 }

  /// Exact to the nanosecond; nil when empty.
  public var mean: SimDuration? {
    isEmpty ? nil : SimDuration(nanoseconds: Int64((sum + UInt128(total) / 2) / UInt128(total)))
  }
  /// Exact; nil when empty.
  public var min: SimDuration? { isEmpty ? nil : SimDuration(nanoseconds: Int64(least)) }
  /// Exact; nil when empty.
  public var max: SimDuration? { isEmpty ? nil : SimDuration(nanoseconds: Int64(greatest)) }

  /// The duration that a share `p` of the recorded ones do not exceed, at most 1% above the true one and
  /// never above `max`; nil when empty.
  /// - Precondition: `0 <= p <= 1`.
  public func quantile(_ p: Double) -> SimDuration? {
    precondition(p >= 0 && p <= 1, "a quantile lies between 0 and 1, got \(p)")
    guard let histogram, !isEmpty else { return nil }
    let value = Swift.min(Swift.max(histogram.valueAtPercentile(p * 100), least), greatest)
    return SimDuration(nanoseconds: Int64(value))
  }
}
