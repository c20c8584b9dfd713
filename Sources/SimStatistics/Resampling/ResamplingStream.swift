// SPDX-License-Identifier: GPL-3.0-or-later
//
// Where resampling takes its draws from: a small generator whose numbers are decided by a name alone, so that
// an interval is the same in every process. It has nothing to do with the streams of a simulation.

/// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014), seeded by a name. One stream per purpose: two intervals with
/// the same name and the same sample are the same interval.
public struct ResamplingStream: RandomNumberGenerator, Sendable {
  private var state: UInt64

  /// The state is the name's FNV-1a hash.
  public init(_ name: String) {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    state = hash
  }

  public mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// 0 ..< `count`; the largest deviation from evenness is `count` / 2^64.
  public mutating func index(below count: Int) -> Int {
    Int(next().multipliedFullWidth(by: UInt64(count)).high)
  }

  /// In [0, 1), 53 bits.
  public mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }
}
