// SPDX-License-Identifier: GPL-3.0-or-later
//
// Count, mean, variance and extremes of values that are not kept. A value type with the recurrence of
// gsl_rstat (Knuth, TAOCP 2, 4.2.2; Chan, Golub, LeVeque 1979 for merging), so that it lives inside
// tables without a heap object per row; a test holds it to gsl_rstat's results.

/// Moments of a sequence of numbers seen one at a time.
@frozen public struct RunningMoments: Sendable, Equatable, BitwiseCopyable {
  @usableFromInline var total: Int
  @usableFromInline var average: Double
  /// Sum of squared deviations from the mean.
  @usableFromInline var squares: Double
  @usableFromInline var least: Double
  @usableFromInline var greatest: Double

  @inlinable
  public init() {
    (total, average, squares) = (0, 0, 0)
    (least, greatest) = (.infinity, -.infinity)
  }

  /// The moments of `values`.
  public init(_ values: some Sequence<Double>) {
    self.init()
    for value in values { add(value) }
  }

  @inlinable
  public mutating func add(_ value: Double) {
    total += 1
    let delta = value - average
    average += delta / Double(total)
    squares += delta * (value - average)
    least = Swift.min(least, value)
    greatest = Swift.max(greatest, value)
  }

  /// Takes in everything that `other` has seen.
  public mutating func merge(_ other: RunningMoments) {
    guard other.count > 0 else { return }
    guard count > 0 else {
      self = other
      return
    }
    let (n, m) = (Double(count), Double(other.count))
    let delta = other.average - average
    average += delta * (m / (n + m))
    squares += other.squares + delta * delta * (n * m / (n + m))
    total += other.total
    least = Swift.min(least, other.least)
    greatest = Swift.max(greatest, other.greatest)
  }

  /// How many values were added.
  @inlinable public var count: Int { total }
  /// Nil before the first value.
  public var mean: Double? { count > 0 ? average : nil }
  /// Sample variance, divisor n - 1; nil below two values.
  public var variance: Double? { count > 1 ? squares / Double(count - 1) : nil }
  public var standardDeviation: Double? { variance?.squareRoot() }
  /// Of the mean, as if the values were independent; nil below two values.
  public var standardError: Double? { variance.map { ($0 / Double(count)).squareRoot() } }
  public var min: Double? { count > 0 ? least : nil }
  public var max: Double? { count > 0 ? greatest : nil }

  /// Student-t interval for the expected value, as if the values were independent; nil below two values.
  public func interval(confidence: Double) -> ConfidenceInterval? {
    guard let mean, let standardError else { return nil }
    return StudentT.interval(
      mean: mean, standardError: standardError, degreesOfFreedom: Double(count - 1), confidence: confidence)
  }
}
