// SPDX-License-Identifier: GPL-3.0-or-later
//
// RandomStream as a generator of GSL, so that every gsl_ran_* draws from it. GSL keeps no state of its
// own here: the state pointer of the gsl_rng is the stream.

import CGSL

/// What GSL has to be told once per process before any of its functions is called.
enum GSLSetup {
  /// With GSL's default handler an error inside GSL would end the process.
  static let done: Void = sim_gsl_disable_abort()
}

/// The description of our generator to GSL. Written once, never freed, never changed.
enum GSLGeneratorType {
  nonisolated(unsafe) static let pointer: UnsafePointer<gsl_rng_type> = {
    _ = GSLSetup.done
    let name: StaticString = "philox4x32-10"
    let description = UnsafeMutablePointer<gsl_rng_type>.allocate(capacity: 1)
    description.initialize(
      to: gsl_rng_type(
        name: UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self),
        max: .max, min: 0, size: MemoryLayout<RandomStream>.size,
        set: { state, seed in
          let key = RandomKey(
            seed: UInt64(seed), replication: 0, purpose: RandomPurpose("gsl_rng_set"), entity: 0)
          state?.assumingMemoryBound(to: RandomStream.self).pointee = RandomStream(key: key)
        },
        get: { state in
          UInt(state.unsafelyUnwrapped.assumingMemoryBound(to: RandomStream.self).pointee.next())
        },
        get_double: { state in
          state.unsafelyUnwrapped.assumingMemoryBound(to: RandomStream.self).pointee.uniform()
        }))
    return UnsafePointer(description)
  }()
}

extension RandomStream {
  /// Lends the stream to GSL: what GSL draws moves `position`. The pointer is valid inside the call only.
  public mutating func withGSL<Result>(_ body: (UnsafePointer<gsl_rng>) -> Result) -> Result {
    withUnsafeMutablePointer(to: &self) { state in
      var generator = gsl_rng(type: GSLGeneratorType.pointer, state: UnsafeMutableRawPointer(state))
      return withUnsafePointer(to: &generator) { body($0) }
    }
  }
}

/// A `gsl_rng` that is pointed at a place in a stream before a draw and tells the place after it.
///
/// It owns its memory, so the pointer stays good as long as the generator lives. One thread at a time.
public struct GSLGenerator: ~Copyable {
  private let state: UnsafeMutablePointer<RandomStream>
  /// For `gsl_ran_*`, which take a pointer to a constant `gsl_rng`.
  public let pointer: UnsafePointer<gsl_rng>

  /// A generator at draw `counter` of the stream of `key`.
  public init(key: RandomKey, counter: UInt64 = 0) {
    state = .allocate(capacity: 1)
    state.initialize(to: RandomStream(key: key, counter: counter))
    let generator = UnsafeMutablePointer<gsl_rng>.allocate(capacity: 1)
    generator.initialize(to: gsl_rng(type: GSLGeneratorType.pointer, state: UnsafeMutableRawPointer(state)))
    pointer = UnsafePointer(generator)
  }

  deinit {
    pointer.deallocate()
    state.deallocate()
  }

  /// Goes to draw `counter` of the stream of `key`.
  public mutating func point(at key: RandomKey, counter: UInt64) {
    state.pointee = RandomStream(key: key, counter: counter)
  }

  /// The stream as it stands; its `position` counts what GSL has drawn.
  public var stream: RandomStream { state.pointee }
  /// The number of the next draw.
  public var position: UInt64 { state.pointee.position }
}
