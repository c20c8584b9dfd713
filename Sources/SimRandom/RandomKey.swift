// SPDX-License-Identifier: GPL-3.0-or-later
//
// The identity of a stream of random numbers: 128 bits worked out from who draws and for what. A key has
// no state; the place within the stream is the counter of RandomStream.

/// The name of a random stream. Equal keys give equal streams; distinct keys never share a block.
///
/// For a given seed, all (replication, purpose, entity) with the same replication have distinct keys,
/// because each step is a bijection of what it takes in.
@frozen public struct RandomKey: Hashable, Sendable, BitwiseCopyable {
  /// The Philox key of the stream.
  public var low: UInt64
  /// The upper half of the stream's Philox counters.
  public var high: UInt64

  /// A key given bit by bit.
  @inlinable public init(low: UInt64, high: UInt64) {
    self.low = low
    self.high = high
  }

  /// The key of what `entity` draws for `purpose` in one replication of an experiment.
  /// Where keys are needed often, keep one per purpose and derive the rest from it.
  @inlinable
  public init(seed: UInt64, replication: UInt32, purpose: RandomPurpose, entity: UInt64) {
    let experiment = Self.mix(seed &+ UInt64(replication) &* Self.goldenRatio)
    let block = Philox4x32.block(counterLow: entity, counterHigh: purpose.hash, key: experiment)
    self.init(low: block.low, high: block.high)
  }

  /// The key of a part of this entity (a connection of a client, an attempt of a connection).
  /// Distinct parts of one key have distinct keys.
  @inlinable
  public func deriving(_ entity: UInt64) -> RandomKey {
    // Another Philox key than that of the stream itself, so that no derived key equals a draw.
    let block = Philox4x32.block(
      counterLow: entity, counterHigh: high, key: low ^ Self.derivationMask)
    return RandomKey(low: block.low, high: block.high)
  }

  /// 2^64 divided by the golden ratio, odd: consecutive replications land far apart.
  @inlinable static var goldenRatio: UInt64 { 0x9E37_79B9_7F4A_7C15 }
  /// Nothing but different from zero in many places.
  @inlinable static var derivationMask: UInt64 { 0x6A09_E667_F3BC_C908 }

  /// The finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA'14): a bijection on 64 bits.
  @inlinable static func mix(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z &>> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z &>> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z &>> 31)
  }
}
