// SPDX-License-Identifier: GPL-3.0-or-later
//
// The two hashes of Cilium's load balancer. MurmurHash3 (x64, 128 bits, Austin Appleby, public domain) places
// backends in Maglev tables; Bob Jenkins' lookup3 in the kernel's form of three words (include/linux/jhash.h)
// finds a flow's place in them.

import NetworkTypes

/// MurmurHash3_x64_128.
func murmur128(_ bytes: [UInt8], seed: UInt32) -> (UInt64, UInt64) {
  let c1: UInt64 = 0x87c3_7b91_1142_53d5
  let c2: UInt64 = 0x4cf5_ad43_2745_937f
  func rotated(_ x: UInt64, _ n: UInt64) -> UInt64 { x << n | x >> (64 - n) }
  func word(_ from: Int, _ count: Int) -> UInt64 {
    var value: UInt64 = 0
    for i in 0..<count { value |= UInt64(bytes[from + i]) << UInt64(8 * i) }
    return value
  }
  func mixedFirst(_ k: UInt64) -> UInt64 { rotated(k &* c1, 31) &* c2 }
  func mixedSecond(_ k: UInt64) -> UInt64 { rotated(k &* c2, 33) &* c1 }
  func finished(_ h: UInt64) -> UInt64 {
    var k = h
    k = (k ^ k >> 33) &* 0xff51_afd7_ed55_8ccd
    k = (k ^ k >> 33) &* 0xc4ce_b9fe_1a85_ec53
    return k ^ k >> 33
  }
  var h1 = UInt64(seed)
  var h2 = UInt64(seed)
  var at = 0
  while at + 16 <= bytes.count {
    h1 ^= mixedFirst(word(at, 8))
    h1 = (rotated(h1, 27) &+ h2) &* 5 &+ 0x52dc_e729
    h2 ^= mixedSecond(word(at + 8, 8))
    h2 = (rotated(h2, 31) &+ h1) &* 5 &+ 0x3849_5ab5
    at += 16
  }
  let rest = bytes.count - at
  if rest > 8 { h2 ^= mixedSecond(word(at + 8, rest - 8)) }
  if rest > 0 { h1 ^= mixedFirst(word(at, min(8, rest))) }
  h1 ^= UInt64(bytes.count)
  h2 ^= UInt64(bytes.count)
  h1 &+= h2
  h2 &+= h1
  h1 = finished(h1)
  h2 = finished(h2)
  h1 &+= h2
  h2 &+= h1
  return (h1, h2)
}

/// jhash_3words.
func jenkinsHash(_ a: UInt32, _ b: UInt32, _ c: UInt32, seed: UInt32) -> UInt32 {
  func rotated(_ x: UInt32, _ n: UInt32) -> UInt32 { x << n | x >> (32 - n) }
  // JHASH_INITVAL plus the length in bytes.
  let start = seed &+ 0xdead_beef &+ 12
  var (x, y, z) = (a &+ start, b &+ start, c &+ start)
  z = (z ^ y) &- rotated(y, 14)
  x = (x ^ z) &- rotated(z, 11)
  y = (y ^ x) &- rotated(x, 25)
  z = (z ^ y) &- rotated(y, 16)
  x = (x ^ z) &- rotated(z, 4)
  y = (y ^ x) &- rotated(x, 14)
  z = (z ^ y) &- rotated(y, 24)
  return z
}

/// A flow's place before the modulus (bpf/lib/hash.h, __hash_from_tuple_v4): without the destination address,
/// so that a client finds the same backend behind every address of a Service, and without the source port
/// where the Service has session affinity (bpf/lib/lb.h, lb4_select_backend_id_maglev). Words are as a
/// little-endian machine reads them from the packet.
func maglevFlowHash(_ flow: FlowTuple, hasAffinity: Bool, seed: UInt32) -> UInt32 {
  let sourcePort = hasAffinity ? 0 : UInt32(flow.sourcePort.byteSwapped)
  let ports = UInt32(flow.destinationPort.byteSwapped) << 16 | sourcePort
  return jenkinsHash(flow.source.bits.byteSwapped, ports, UInt32(flow.transport.rawValue), seed: seed)
}
