// SPDX-License-Identifier: GPL-3.0-or-later
//
// Simulated time: Int64 nanoseconds since the start of a run. A point (`SimTime`) and a span
// (`SimDuration`) are different types, so adding two points does not compile.

/// A point in simulated time, in nanoseconds since the start of the run.
@frozen public struct SimTime: Hashable, Comparable, Sendable, BitwiseCopyable {
  public var nanoseconds: Int64

  @inlinable public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  // Computed, not stored: reading a stored static of another module checks each time whether it is
  // initialised.
  @inlinable public static var zero: SimTime { SimTime(nanoseconds: 0) }
  /// Later than everything that a run can reach (about 292 years).
  @inlinable public static var distantFuture: SimTime { SimTime(nanoseconds: .max) }

  /// Seconds since the start of the run, for reports only.
  @inlinable public var seconds: Double { Double(nanoseconds) / 1e9 }

  @inlinable public static func < (a: SimTime, b: SimTime) -> Bool { a.nanoseconds < b.nanoseconds }

  /// Saturates at `distantFuture`, so that "never" plus a span stays "never".
  @inlinable public static func + (a: SimTime, b: SimDuration) -> SimTime {
    let (sum, overflow) = a.nanoseconds.addingReportingOverflow(b.nanoseconds)
    return SimTime(nanoseconds: overflow ? (b.nanoseconds > 0 ? .max : .min) : sum)
  }
  @inlinable public static func - (a: SimTime, b: SimDuration) -> SimTime { a + (.zero - b) }
  @inlinable public static func - (a: SimTime, b: SimTime) -> SimDuration {
    SimDuration(nanoseconds: a.nanoseconds - b.nanoseconds)
  }
  @inlinable public static func += (a: inout SimTime, b: SimDuration) { a = a + b }
}

/// A span of simulated time, in nanoseconds; may be negative as a difference of two points.
@frozen public struct SimDuration: Hashable, Comparable, Sendable, BitwiseCopyable {
  public var nanoseconds: Int64

  @inlinable public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  /// Rounds to the nearest nanosecond; values beyond Int64 saturate, NaN is a caller's bug.
  @inlinable public init(seconds: Double) {
    precondition(!seconds.isNaN, "a duration cannot be NaN")
    let ns = (seconds * 1e9).rounded()
    self.nanoseconds = ns >= 9.2e18 ? .max : ns <= -9.2e18 ? .min : Int64(ns)
  }

  @inlinable public static var zero: SimDuration { SimDuration(nanoseconds: 0) }
  @inlinable public static var max: SimDuration { SimDuration(nanoseconds: .max) }

  @inlinable public static func nanoseconds(_ n: Int64) -> SimDuration { .init(nanoseconds: n) }
  @inlinable public static func microseconds(_ n: Int64) -> SimDuration { .init(nanoseconds: n * 1000) }
  @inlinable public static func milliseconds(_ n: Int64) -> SimDuration { .init(nanoseconds: n * 1_000_000) }
  @inlinable public static func seconds(_ n: Int64) -> SimDuration { .init(nanoseconds: n * 1_000_000_000) }
  @inlinable public static func minutes(_ n: Int64) -> SimDuration { .seconds(n * 60) }
  @inlinable public static func hours(_ n: Int64) -> SimDuration { .seconds(n * 3600) }

  /// The span in seconds, for reports and for distributions' parameters only.
  @inlinable public var seconds: Double { Double(nanoseconds) / 1e9 }
  @inlinable public var milliseconds: Double { Double(nanoseconds) / 1e6 }

  @inlinable public static func < (a: SimDuration, b: SimDuration) -> Bool { a.nanoseconds < b.nanoseconds }
  @inlinable public static func + (a: SimDuration, b: SimDuration) -> SimDuration {
    let (sum, overflow) = a.nanoseconds.addingReportingOverflow(b.nanoseconds)
    return SimDuration(nanoseconds: overflow ? (b.nanoseconds > 0 ? .max : .min) : sum)
  }
  @inlinable public static func - (a: SimDuration, b: SimDuration) -> SimDuration {
    SimDuration(nanoseconds: a.nanoseconds - b.nanoseconds)
  }
  @inlinable public static func * (a: SimDuration, k: Int64) -> SimDuration {
    let (product, overflow) = a.nanoseconds.multipliedReportingOverflow(by: k)
    return SimDuration(nanoseconds: overflow ? .max : product)
  }
}

extension SimTime: CustomStringConvertible {
  /// Seconds with up to nine decimals, trailing zeros cut: `12.5s`.
  public var description: String { SimDuration(nanoseconds: nanoseconds).description }
}

extension SimDuration: CustomStringConvertible {
  /// Seconds with up to nine decimals, trailing zeros cut: `0.0025s`.
  public var description: String {
    let magnitude = nanoseconds.magnitude
    let whole = magnitude / 1_000_000_000
    let rest = magnitude % 1_000_000_000
    var text = (nanoseconds < 0 ? "-" : "") + String(whole)
    if rest > 0 {
      var digits = String(rest)
      digits = String(repeating: "0", count: 9 - digits.count) + digits
      while digits.hasSuffix("0") { digits.removeLast() }
      text += "." + digits
    }
    return text + "s"
  }
}
