// SPDX-License-Identifier: GPL-3.0-or-later
//
// Draws for what the API server picks at random: a function of (seed, purpose, entity, count), so that one
// Service more or less changes nobody else's address. Quality demands are those of "any free one will do";
// draws that enter statistics come from SimRandom.

/// splitmix64 over an FNV-1a hash of the key.
enum CountedHash {
  /// - Parameters:
  ///   - key: purpose and entity, e.g. `clusterIP/default/web`.
  ///   - count: how many draws this key has had before.
  static func draw(seed: UInt64, key: String, count: UInt64) -> UInt64 {
    mix(mix(seed &+ 0x9E37_79B9_7F4A_7C15) ^ fnv1a(key) &+ count &* 0x9E37_79B9_7F4A_7C15)
  }

  /// The 64-bit FNV-1a hash (offset basis and prime of the published algorithm).
  static func fnv1a(_ text: String) -> UInt64 {
    text.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
  }

  /// Finaliser of splitmix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
  static func mix(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
