// SPDX-License-Identifier: GPL-3.0-or-later
//
// A distribution made ready for many draws. Constant, uniform and exponential are worked out in place;
// everything else goes through PreparedDistribution to GSL.

import CGSL
import SimKernel

/// Draws from a `Distribution`. Immutable, trivially copyable, and usable from several threads, each with
/// its own stream.
///
/// Make samplers when a run is set up, not while it runs: what GSL had to prepare for one is kept for the
/// life of the process, so that neither tables that hold samplers nor draws count references.
@frozen public struct Sampler: Sendable, BitwiseCopyable {
  @usableFromInline
  enum Kind: UInt8, Sendable, BitwiseCopyable { case constant, uniform, exponential, prepared }

  @usableFromInline let kind: Kind
  /// The constant; the low end; the mean.
  @usableFromInline let a: Double
  /// The width of the uniform distribution.
  @usableFromInline let b: Double
  /// Retained once in init and never released.
  @usableFromInline let prepared: Unmanaged<PreparedDistribution>?

  /// - Precondition: `distribution.validate()` is empty.
  public init(_ distribution: Distribution) {
    precondition(distribution.validate().isEmpty, "invalid distribution: \(distribution)")
    switch distribution {
    case .constant(let value): self.init(.constant, value)
    case .uniform(let low, let high): self.init(.uniform, low, high - low)
    case .exponential(let mean): self.init(.exponential, mean)
    default: self.init(.prepared, 0, prepared: PreparedDistribution(distribution))
    }
  }

  private init(_ kind: Kind, _ a: Double, _ b: Double = 0, prepared: PreparedDistribution? = nil) {
    (self.kind, self.a, self.b) = (kind, a, b)
    self.prepared = prepared.map { Unmanaged.passRetained($0) }
  }

  /// One value. Constants use no draw of the stream, uniform, exponential and truncated distributions
  /// exactly one, others as many as GSL needs.
  @inlinable
  public func draw(_ stream: inout RandomStream) -> Double {
    switch kind {
    case .constant: a
    case .uniform: a + b * stream.uniform()
    // As gsl_ran_exponential does it (randist/exponential.c).
    case .exponential: -a * log1p(-stream.uniform())
    case .prepared: prepared.unsafelyUnwrapped._withUnsafeGuaranteedRef { $0.draw(&stream) }
    }
  }

  /// One value read as seconds, to the nearest nanosecond. Negative values become zero; what exceeds
  /// Int64 becomes `SimDuration.max`.
  @inlinable
  public func duration(_ stream: inout RandomStream) -> SimDuration {
    let nanoseconds = draw(&stream) * 1e9
    guard nanoseconds > 0 else { return .zero }
    // Truncation is one instruction where rounding would be a call of libm; beyond Int64 it would trap.
    return nanoseconds < 9.2e18 ? SimDuration(nanoseconds: Int64(nanoseconds + 0.5)) : .max
  }

  /// The value if it is always the same.
  @inlinable public var constantValue: Double? { kind == .constant ? a : nil }
}
