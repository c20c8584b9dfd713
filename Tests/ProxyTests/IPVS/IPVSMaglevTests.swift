// SPDX-License-Identifier: GPL-3.0-or-later
//
// mh: hash, preferences and whole tables as the C transcription gives them (SchedulerTests.swift), and the
// bounds that Maglev promises.

import NetworkTypes
import SimKernel
import Testing

@testable import Proxy

@Suite struct IPVSMaglevTests {
  /// hsiphash of a 32-bit word under both keys of generate_hash_secret.
  @Test(
    "SipHash-1-3 of an address",
    arguments: [
      ("10.244.1.2", 0xf66e_5a2c, 0xedef_2302), ("10.244.1.3", 0x742c_df3a, 0xb7dd_50e5),
      ("192.168.0.1", 0x8334_668e, 0x1683_a1ed), ("203.0.113.7", 0xa86e_2c15, 0x2837_f961),
      ("0.0.0.0", 0x1d5a_77c2, 0xf882_433f), ("255.255.255.255", 0x22c5_d719, 0xf75a_0f5d),
    ] as [(String, UInt32, UInt32)])
  func sipHash(_ text: String, _ first: UInt32, _ second: UInt32) {
    #expect(sipHash13(address(text).bits, key: IPVSMaglevTable.firstKey) == first)
    #expect(sipHash13(address(text).bits, key: IPVSMaglevTable.secondKey) == second)
  }

  private static func servers(_ weights: [Int32]) -> [RealServer] {
    zip(["10.244.1.2", "10.244.2.2", "10.244.2.3"], weights).enumerated().map { i, pair in
      RealServer(address: address(pair.0), port: 8080, backend: BackendID(i), weight: pair.1)
    }
  }

  /// Offsets 1139, 1420, 1575 and skips 3991, 3773, 3984 of 4093.
  @Test(
    "the table is the kernel's, place by place",
    arguments: [
      ([1, 1, 1], "CCCBBBBCABACBBACAACABACC", [1365, 1364, 1364], 0x7995_e56e_04cd_9b13),
      ([3, 1, 2], "CCCABBBCAAACCBACAACABACA", [2047, 682, 1364], 0x4677_4870_cc6d_a34d),
    ] as [([Int32], String, [Int], UInt64)])
  func table(_ weights: [Int32], _ start: String, _ counts: [Int], _ fingerprint: UInt64) {
    let table = IPVSMaglevTable.fill([0, 1, 2], Self.servers(weights))
    #expect(letters(table.prefix(24).map { $0 }) == start)
    #expect((0..<3).map { server in table.count { $0 == Int32(server) } } == counts)
    // FNV-1a over the servers' numbers.
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for server in table { hash = (hash ^ UInt64(server)) &* 0x100_0000_01b3 }
    #expect(hash == fingerprint)
  }

  /// kube-proxy sets mh-port: two connections of one client may go to different servers.
  @Test("the source port counts", arguments: [(40000, "A"), (40001, "C"), (40002, "B"), (40003, "B")])
  func clients(_ port: UInt16, _ expected: String) {
    var state = SchedulerState(.mh)
    let chosen = state.schedule([0, 1, 2], Self.servers([1, 1, 1]), schedulingInput(port: port))
    #expect(letters([chosen]) == expected)
  }

  @Test func aQuiescentServerKeepsItsPlacesAndTheyGiveNobody() {
    var servers = Self.servers([1, 1, 1])
    let before = IPVSMaglevTable.fill([0, 1, 2], servers)
    servers[0].setWeight(0)
    #expect(IPVSMaglevTable.fill([0, 1, 2], servers) == before)
    var state = SchedulerState(.mh)
    #expect(state.schedule([0, 1, 2], servers, schedulingInput(port: 40000)) == nil)
    #expect(state.schedule([0, 1, 2], servers, schedulingInput(port: 40001)) == 2)
  }

  @Test(
    "weights become turns of at most six bits",
    arguments: [
      ([2, 4, 6], [1, 2, 3]), ([0, 5, 5], [0, 1, 1]), ([64, 1, 1], [32, 1, 1]), ([1000, 10, 1], [62, 1, 1]),
      ([0, 0, 0], [0, 0, 0]),
    ] as [([Int32], [Int])])
  func turns(_ weights: [Int32], _ expected: [Int]) {
    #expect(IPVSMaglevTable.turns(weights) == expected)
  }

  private static func many(_ count: Int) -> [RealServer] {
    (0..<count).map { i in
      RealServer(address: address("10.244.\(i / 200).\(2 + i % 200)"), port: 8080, backend: BackendID(i))
    }
  }

  /// Servers take places in turn, so their numbers differ by one at most.
  @Test("equal weights share the table evenly", arguments: [2, 3, 10, 40, 300])
  func balance(_ count: Int) {
    let table = IPVSMaglevTable.fill((0..<Int32(count)).map { $0 }, Self.many(count))
    var places = [Int](repeating: 0, count: count)
    for server in table { places[Int(server)] += 1 }
    #expect(places.min() == 4093 / count)
    #expect(places.max() == 4093 / count + 1)
  }

  /// Of the places that did not belong to the removed server, at most this share changes hands (FACTS
  /// K10: about
  /// 1 % where the table has a hundred places per server).
  @Test("few places move when a server goes", arguments: [(10, 0.05), (40, 0.05)])
  func disruption(_ count: Int, _ bound: Double) {
    let servers = Self.many(count)
    let all = (0..<Int32(count)).map { $0 }
    let before = IPVSMaglevTable.fill(all, servers)
    var worst = 0.0
    for removed in all {
      let after = IPVSMaglevTable.fill(all.filter { $0 != removed }, servers)
      var moved = 0
      for (old, new) in zip(before, after) where old != removed && old != new { moved += 1 }
      worst = max(worst, Double(moved) / 4093)
    }
    #expect(worst < bound)
    #expect(worst > 0)
  }
}
