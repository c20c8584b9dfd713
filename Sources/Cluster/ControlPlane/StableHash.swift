// SPDX-License-Identifier: GPL-3.0-or-later
//
// A hash that is the same in every process, for names of random draws and for generated object names.
// Swift's Hasher is seeded anew in each process and must not be used for either.

import SimKernel

extension StableHash {
  /// 64-bit FNV-1a (Fowler, Noll, Vo; draft-eastlake-fnv), finished with splitmix64's mixing so that short
  /// inputs spread over all bits.
  static func of(_ text: String) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
    return mixed(hash)
  }

  /// Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014.
  static func mixed(_ value: UInt64) -> UInt64 {
    var z = value &+ 0x9e37_79b9_7f4a_7c15
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  /// A name suffix in the alphabet that Kubernetes uses for generated names, which has no vowels and no
  /// letters that look like digits (k8s.io/apimachinery pkg/util/rand).
  static func suffix(_ text: String, length: Int) -> String {
    let alphabet = Array("bcdfghjklmnpqrstvwxz2456789")
    var value = of(text)
    var result = ""
    for _ in 0..<length {
      result.append(alphabet[Int(value % UInt64(alphabet.count))])
      value /= UInt64(alphabet.count)
    }
    return result
  }
}
