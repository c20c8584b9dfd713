// SPDX-License-Identifier: GPL-3.0-or-later
//
// The block function of Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as
// 1, 2, 3", SC'11): a bijection on 128-bit counters, chosen by a 64-bit key. Who uses which counters and
// keys is decided in RandomKey and RandomStream.

/// Philox4x32 with ten rounds.
public enum Philox4x32 {
  // Multipliers and Weyl increments: table 2 and section 3.2 of the paper (philox.h of Random123).
  @inlinable static var multiplier0: UInt64 { 0xD251_1F53 }
  @inlinable static var multiplier1: UInt64 { 0xCD9E_8D57 }
  @inlinable static var weyl0: UInt32 { 0x9E37_79B9 }
  @inlinable static var weyl1: UInt32 { 0xBB67_AE85 }

  /// The 128 random bits that belong to a counter under a key. The four 32-bit words of the paper are
  /// packed with the first in the low half: `counter.low = c0 | c1 << 32`, and so on.
  @inlinable
  public static func block(
    counterLow: UInt64, counterHigh: UInt64, key: UInt64
  ) -> (low: UInt64, high: UInt64) {
    var c0 = UInt32(truncatingIfNeeded: counterLow)
    var c1 = UInt32(truncatingIfNeeded: counterLow &>> 32)
    var c2 = UInt32(truncatingIfNeeded: counterHigh)
    var c3 = UInt32(truncatingIfNeeded: counterHigh &>> 32)
    var k0 = UInt32(truncatingIfNeeded: key)
    var k1 = UInt32(truncatingIfNeeded: key &>> 32)
    var round = 0
    while round < 10 {
      let p0 = multiplier0 &* UInt64(c0)
      let p1 = multiplier1 &* UInt64(c2)
      c0 = UInt32(truncatingIfNeeded: p1 &>> 32) ^ c1 ^ k0
      c2 = UInt32(truncatingIfNeeded: p0 &>> 32) ^ c3 ^ k1
      c1 = UInt32(truncatingIfNeeded: p1)
      c3 = UInt32(truncatingIfNeeded: p0)
      k0 = k0 &+ weyl0
      k1 = k1 &+ weyl1
      round &+= 1
    }
    return (UInt64(c0) | UInt64(c1) &<< 32, UInt64(c2) | UInt64(c3) &<< 32)
  }
}
