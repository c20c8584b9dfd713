// SPDX-License-Identifier: GPL-3.0-or-later
//
// The Maglev table of Linux net/netfilter/ipvs/ip_vs_mh.c: SipHash-1-3 with fixed keys gives each server its
// order of preference, and servers take places in turn, as many in a row as their weight allows.

import NetworkTypes

enum IPVSMaglevTable {
  /// CONFIG_IP_VS_MH_TAB_INDEX 12: the prime with number 12 − 8.
  static let size = 4093
  /// Turns of the heaviest server are cut to this many bits (IP_VS_MH_TAB_BITS).
  private static let turnBits = 6
  /// generate_hash_secret: both halves of a key are the same.
  static let firstKey: UInt64 = 2_654_435_761
  static let secondKey: UInt64 = 2_654_446_892

  static func hash(_ address: IPv4Address, _ port: UInt16, key: UInt64) -> UInt32 {
    sipHash13(UInt32(port) &+ address.bits, key: key)
  }

  static func position(_ address: IPv4Address, _ port: UInt16) -> Int {
    Int(hash(address, port, key: firstKey)) % size
  }

  /// Server by place. −1 everywhere if no server ever had a weight.
  static func fill(_ list: [Int32], _ servers: [RealServer]) -> ContiguousArray<Int32> {
    var table = ContiguousArray<Int32>(repeating: -1, count: size)
    let turns = self.turns(list.map { servers[Int($0)].lastWeight })
    guard turns.contains(where: { $0 > 0 }) else { return table }
    var place = list.map { position(servers[Int($0)].address, servers[Int($0)].port) }
    let skip = list.map {
      Int(hash(servers[Int($0)].address, servers[Int($0)].port, key: secondKey)) % (size - 1) + 1
    }
    var filled = 0
    while true {
      for i in list.indices {
        for _ in 0..<turns[i] {
          while table[place[i]] >= 0 {
            place[i] += skip[i]
            if place[i] >= size { place[i] -= size }
          }
          table[place[i]] = list[i]
          filled += 1
          if filled == size { return table }
        }
      }
    }
  }

  /// Weights divided by their greatest common divisor, and halved until the greatest has six bits; a server
  /// with any weight has one turn at least.
  static func turns(_ weights: [Int32]) -> [Int] {
    let divisor = weights.filter { $0 > 0 }.reduce(0) { SchedulerState.commonDivisor($0, $1) }
    guard divisor > 0 else { return weights.map { _ in 0 } }
    let greatest = (weights.max() ?? 0) / divisor
    let shift = max(0, Int32.bitWidth - greatest.leadingZeroBitCount - turnBits)
    return weights.map { weight in
      let turns = Int(weight / divisor) >> shift
      return turns > 0 ? turns : (weight != 0 ? 1 : 0)
    }
  }
}

/// The kernel's hsiphash of one 32-bit word on a 64-bit little-endian machine: SipHash with one round per
/// word and three at the end, of which the low half is kept (Linux lib/siphash.c).
func sipHash13(_ word: UInt32, key: UInt64) -> UInt32 {
  var v: (UInt64, UInt64, UInt64, UInt64) = (
    0x736f_6d65_7073_6575 ^ key, 0x646f_7261_6e64_6f6d ^ key, 0x6c79_6765_6e65_7261 ^ key,
    0x7465_6462_7974_6573 ^ key
  )
  func rotated(_ x: UInt64, _ n: UInt64) -> UInt64 { x << n | x >> (64 - n) }
  func round() {
    v.0 &+= v.1
    v.1 = rotated(v.1, 13) ^ v.0
    v.0 = rotated(v.0, 32)
    v.2 &+= v.3
    v.3 = rotated(v.3, 16) ^ v.2
    v.0 &+= v.3
    v.3 = rotated(v.3, 21) ^ v.0
    v.2 &+= v.1
    v.1 = rotated(v.1, 17) ^ v.2
    v.2 = rotated(v.2, 32)
  }
  // Four bytes of input: their number in the top byte, and the bytes.
  let block = 4 << 56 | UInt64(word)
  v.3 ^= block
  round()
  v.0 ^= block
  v.2 ^= 0xff
  for _ in 0..<3 { round() }
  return UInt32(truncatingIfNeeded: v.0 ^ v.1 ^ v.2 ^ v.3)
}
