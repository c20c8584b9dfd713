// SPDX-License-Identifier: GPL-3.0-or-later
//
// Keys: stable, and distinct for whatever is distinct.

import Testing

@testable import SimRandom

extension RandomPurpose {
  static let testArrival = RandomPurpose("test arrival")
  static let testService = RandomPurpose("test service")
}

@Suite struct RandomKeyTests {
  @Test(
    "the hash of a purpose is the published FNV-1a",
    arguments: [("", 0xCBF2_9CE4_8422_2325), ("a", 0xAF63_DC4C_8601_EC8C), ("foobar", 0x8594_4171_F739_67E8)]
      as [(String, UInt64)])
  func fnv(_ text: String, _ hash: UInt64) {
    #expect(Array(text.utf8).withUnsafeBufferPointer { RandomPurpose.fnv1a($0) } == hash)
  }

  @Test("a purpose hashes its name") func purposeHash() {
    #expect(RandomPurpose("foobar").hash == 0x8594_4171_F739_67E8)
    #expect(RandomPurpose("foobar") == RandomPurpose("foobar"))
    #expect(RandomPurpose("foobar") != RandomPurpose("foobaz"))
  }

  @Test("seeds, replications, purposes, entities and parts all give different keys")
  func distinct() {
    var keys: Set<RandomKey> = []
    var expected = 0
    for seed: UInt64 in [0, 1, 2, .max] {
      for replication: UInt32 in [0, 1, 2, .max] {
        for purpose in [RandomPurpose.testArrival, .testService] {
          for entity: UInt64 in [0, 1, 2, 1 << 32, .max] {
            let key = RandomKey(seed: seed, replication: replication, purpose: purpose, entity: entity)
            keys.insert(key)
            for part: UInt64 in [0, 1, 2, .max] { keys.insert(key.deriving(part)) }
            expected += 5
          }
        }
      }
    }
    #expect(keys.count == expected)
  }

  @Test("a change of one bit of any input changes about half of the key")
  func avalanche() {
    let base = RandomKey(seed: 7, replication: 3, purpose: .testArrival, entity: 11)
    var changed: [RandomKey] = []
    for bit in 0..<64 {
      changed.append(
        RandomKey(seed: 7 ^ (1 << UInt64(bit)), replication: 3, purpose: .testArrival, entity: 11))
      changed.append(
        RandomKey(seed: 7, replication: 3, purpose: .testArrival, entity: 11 ^ (1 << UInt64(bit))))
    }
    for bit in 0..<32 {
      changed.append(
        RandomKey(seed: 7, replication: 3 ^ (1 << UInt32(bit)), purpose: .testArrival, entity: 11))
    }
    for key in changed {
      let bits = (key.low ^ base.low).nonzeroBitCount + (key.high ^ base.high).nonzeroBitCount
      // Binomial(128, 1/2) has standard deviation 5.7.
      #expect(abs(bits - 64) < 34)
    }
  }

  @Test("keys are pinned, to values worked out apart from this code")
  func pinned() {
    let key = RandomKey(seed: 42, replication: 1, purpose: RandomPurpose("arrival"), entity: 9)
    #expect(key == RandomKey(low: 0x2EF6_CFF4_FB67_3E12, high: 0x5029_5779_ED14_4423))
    #expect(key.deriving(5) == RandomKey(low: 0x78C7_C866_CA88_5CE2, high: 0xA436_B840_8585_070D))
  }

  @Test("a key and a stream are small and trivial") func layout() {
    #expect(MemoryLayout<RandomKey>.size == 16)
    #expect(MemoryLayout<RandomStream>.size == 32)
    #expect(MemoryLayout<Sampler>.stride == 32)
  }
}
