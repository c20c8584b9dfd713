// SPDX-License-Identifier: GPL-3.0-or-later
//
// sh, dh and mh: servers in buckets, a bucket per address (Linux net/netfilter/ipvs/ip_vs_sh.c, _dh.c,
// _mh.c). Without the fallback flag, which kube-proxy does not set, a bucket whose server has weight 0 gives
// no destination at all.

import NetworkTypes

/// Knuth's multiplicative hash as these schedulers use it. Up to Linux 4.17 they kept the low bits of the
/// product with 2654435761, so that only the low bits of the address counted; from 4.18 on hash_32 keeps the
/// high bits of that with GOLDEN_RATIO_32 (include/linux/hash.h).
func ipvsHash(_ value: UInt32, bits: UInt32, highBits: Bool) -> Int {
  highBits
    ? Int((value &* 0x61C8_8647) >> (32 - bits)) : Int(value &* 2_654_435_761 & (1 << bits - 1))
}

extension SchedulerState {
  /// IP_VS_SH_TAB_BITS, IP_VS_DH_TAB_BITS.
  static let hashBits: UInt32 = 8

  mutating func byHash(
    _ list: [Int32], _ servers: [RealServer], _ input: SchedulingInput
  ) -> Int32? {
    if isStale { fillBuckets(list, servers) }
    guard !buckets.isEmpty else { return nil }
    let server = buckets[bucket(of: input)]
    return server >= 0 && servers[Int(server)].weight > 0 ? server : nil
  }

  /// The bucket that a packet falls into.
  func bucket(of input: SchedulingInput) -> Int {
    switch kind {
    case .dh:
      ipvsHash(input.destination.bits, bits: Self.hashBits, highBits: hashesWithHighBits)
    case .mh:
      // kube-proxy sets the flag 0x10 for mh, by which the kernel hashes the source port too (mh-port).
      IPVSMaglevTable.position(input.source, input.sourcePort)
    default:
      // The flag sh-port is not set: the port counts as 0.
      ipvsHash(input.source.bits, bits: Self.hashBits, highBits: hashesWithHighBits)
    }
  }

  mutating func fillBuckets(_ list: [Int32], _ servers: [RealServer]) {
    isStale = false
    buckets.removeAll(keepingCapacity: true)
    if list.isEmpty { return }
    switch kind {
    case .mh: buckets = IPVSMaglevTable.fill(list, servers)
    case .dh: fillInTurn(list) { _ in 1 }
    default: fillInTurn(list) { max(1, servers[Int($0)].weight) }
    }
  }

  /// Round the list, each server as many buckets in a row as it has turns; one of weight 0 still gets one.
  private mutating func fillInTurn(_ list: [Int32], _ turns: (Int32) -> Int32) {
    var place = 0
    var taken: Int32 = 0
    for _ in 0..<(1 << Int(Self.hashBits)) {
      buckets.append(list[place])
      taken += 1
      if taken >= turns(list[place]) {
        place = (place + 1) % list.count
        taken = 0
      }
    }
  }
}
