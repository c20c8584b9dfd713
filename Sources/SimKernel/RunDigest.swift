// SPDX-License-Identifier: GPL-3.0-or-later
//
// A running hash: two runs with equal digests handled the same things at the same times in the same order.

/// Order-dependent 64-bit digest. Not cryptographic.
@frozen public struct RunDigest: Sendable, Equatable, BitwiseCopyable {
  public private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

  public init() {}

  /// Multiply–xor–rotate, the finaliser constant of splitmix64 (Steele et al., OOPSLA 2014).
  @inlinable public mutating func mix(_ word: UInt64) {
    setValue((value ^ word) &* 0xbf58_476d_1ce4_e5b9)
  }
  @usableFromInline mutating func setValue(_ product: UInt64) { value = product ^ (product >> 29) }
}

/// Stable 64-bit hash of bytes (FNV-1a with a final avalanche), the same in every process and on every
/// machine.
public enum StableHash {
  public static func bytes(_ bytes: some Sequence<UInt8>, seed: UInt64 = 0) -> UInt64 {
    var h: UInt64 = 0xcbf2_9ce4_8422_2325 ^ seed
    for b in bytes { h = (h ^ UInt64(b)) &* 0x100_0000_01b3 }
    return mix(h)
  }
  public static func string(_ text: String, seed: UInt64 = 0) -> UInt64 { bytes(text.utf8, seed: seed) }
  /// splitmix64's finaliser.
  @inlinable public static func mix(_ x: UInt64) -> UInt64 {
    var z = x
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
