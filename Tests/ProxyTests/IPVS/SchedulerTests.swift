// SPDX-License-Identifier: GPL-3.0-or-later
//
// The schedulers of ipvs, by worked examples. No kernel here runs ipvs: numbers with a hash come from a
// transcription of the published algorithms into C, written for these tests apart from the model and checked
// against SipHash's own test vector (SipHash-2-4 of 00…0e: a129ca6149be45e5); the rest is worked out in the
// comments.

import Cluster
import NetworkTypes
import SimKernel
import Testing

@testable import Proxy

/// weight, active, inactive
typealias Load = (Int32, Int32, Int32)

func realServers(_ loads: [Load]) -> [RealServer] {
  loads.enumerated().map { i, load in
    var server = RealServer(
      address: address("10.244.1.\(2 + i)"), port: 8080, backend: BackendID(i), weight: load.0)
    server.active = load.1
    server.inactive = load.2
    return server
  }
}

func schedulingInput(
  _ source: String = "203.0.113.7", port: UInt16 = 40000, to: String = "10.96.0.10", random: UInt64 = 0
) -> SchedulingInput {
  SchedulingInput(
    source: address(source), sourcePort: port, destination: address(to), now: .zero, random: random)
}

/// Servers by letter, in the order of the list.
func letters(_ chosen: [Int32?]) -> String {
  chosen.map { $0.map { String(UnicodeScalar(UInt8(65 + $0))) } ?? "-" }.joined()
}

@Suite struct SchedulerTests {
  private func sequence(_ kind: IPVSScheduler, _ loads: [Load], _ count: Int) -> String {
    let servers = realServers(loads)
    let list = servers.indices.map { Int32($0) }
    var state = SchedulerState(kind)
    state.changed(list, servers)
    return letters((0..<count).map { _ in state.schedule(list, servers, schedulingInput()) })
  }

  @Test(
    "rr goes round the list and passes over weight 0",
    arguments: [
      ([(1, 0, 0), (1, 9, 9), (1, 0, 0)], "ABCABCA"), ([(0, 0, 0), (1, 0, 0), (2, 0, 0)], "BCBCBCB"),
      ([(0, 0, 0), (0, 0, 0)], "-------"), ([], "-------"), ([(1, 0, 0)], "AAAAAAA"),
    ] as [([Load], String)])
  func roundRobin(_ loads: [Load], _ expected: String) {
    #expect(sequence(.rr, loads, 7) == expected)
  }

  /// The threshold falls from the greatest weight to 1 in steps of the greatest common divisor. 4, 3, 2: 4 A;
  /// 3 AB; 2 ABC; 1 ABC. With 1 for all it is rr, as kube-proxy uses it.
  @Test(
    "wrr interleaves by weight",
    arguments: [
      ([(4, 0, 0), (3, 0, 0), (2, 0, 0)], "AABABCABCAABABCABC"),
      ([(1, 0, 0), (1, 0, 0)], "ABABABABABABABABAB"),
      ([(2, 0, 0), (0, 0, 0), (4, 0, 0)], "CACCACCACCACCACCAC"), ([(0, 0, 0)], "------------------"),
    ] as [([Load], String)])
  func weightedRoundRobin(_ loads: [Load], _ expected: String) {
    #expect(sequence(.wrr, loads, 18) == expected)
  }

  @Test(
    "schedulers by load choose the least loaded, the first of equals",
    arguments: [
      // 256·1 + 0 against 0 + 255; one inactive more and they are equal.
      (.lc, [(1, 1, 0), (1, 0, 255)], "B"), (.lc, [(1, 1, 0), (1, 0, 256)], "A"),
      (.lc, [(0, 0, 0), (1, 5, 0), (9, 4, 0)], "C"),
      // 256/1 against 512/3.
      (.wlc, [(1, 1, 0), (3, 2, 0)], "B"), (.wlc, [(1, 1, 0), (2, 2, 0)], "A"), (.wlc, [(0, 0, 0)], "-"),
      // (0 + 1)/1 against (2 + 1)/4; inactive connections do not count.
      (.sed, [(1, 0, 0), (4, 2, 99)], "B"), (.sed, [(1, 0, 0), (4, 3, 0)], "A"),
      // An idle server before the one of less delay per weight.
      (.nq, [(9, 1, 0), (1, 0, 7)], "B"), (.nq, [(9, 1, 0), (1, 1, 0)], "A"), (.nq, [(0, 0, 0)], "-"),
      // The heaviest with active ≤ weight.
      (.ovf, [(2, 3, 0), (1, 1, 0)], "B"), (.ovf, [(2, 2, 0), (1, 0, 0)], "A"),
      (.ovf, [(2, 3, 0), (1, 2, 0)], "-"),
      (.fo, [(1, 0, 0), (5, 99, 0), (3, 0, 0)], "B"), (.fo, [(1, 0, 0), (0, 0, 0), (3, 0, 0)], "C"),
      (.fo, [(5, 0, 0), (5, 0, 0)], "A"), (.fo, [(0, 0, 0)], "-"),
    ] as [(IPVSScheduler, [Load], String)])
  func byLoad(_ kind: IPVSScheduler, _ loads: [Load], _ expected: String) {
    #expect(sequence(kind, loads, 1) == expected)
  }

  /// Up to 4.17 the low 8 bits of the product with 2654435761, from 4.18 the high 8 of that with 0x61C88647.
  @Test(
    "addresses fall into the kernel's buckets",
    arguments: [
      ("10.244.1.2", 98, 77), ("10.244.1.3", 19, 175), ("192.168.0.1", 177, 192), ("203.0.113.7", 215, 124),
      ("0.0.0.0", 0, 0), ("255.255.255.255", 79, 158),
    ])
  func buckets(_ text: String, _ before: Int, _ since: Int) {
    #expect(ipvsHash(address(text).bits, bits: 8, highBits: false) == before)
    #expect(ipvsHash(address(text).bits, bits: 8, highBits: true) == since)
  }

  /// Buckets are dealt round the list: 124 = 3·41 + 1, 215 = 3·71 + 2, 192 = 3·64. With weights 2 and 1 the
  /// deal is AAB AAB …, and with weight 0 a server still gets one bucket in its turn, which gives nobody.
  @Test(
    "sh and dh deal their buckets in turn",
    arguments: [
      (.sh, [(1, 0, 0), (1, 0, 0), (1, 0, 0)], "203.0.113.7", true, "B"),
      (.sh, [(1, 0, 0), (1, 0, 0), (1, 0, 0)], "203.0.113.7", false, "C"),
      (.sh, [(2, 0, 0), (1, 0, 0)], "203.0.113.7", true, "A"),
      (.sh, [(0, 0, 0), (1, 0, 0), (1, 0, 0)], "192.168.0.1", true, "-"),
      (.sh, [(0, 0, 0), (1, 0, 0), (1, 0, 0)], "203.0.113.7", true, "B"),
      // dh looks at the destination, 192.168.0.1 here, and not at weights.
      (.dh, [(1, 0, 0), (1, 0, 0), (1, 0, 0)], "203.0.113.7", true, "A"),
      (.dh, [(5, 0, 0), (1, 0, 0), (1, 0, 0)], "10.244.1.2", true, "A"),
      (.dh, [(1, 0, 0), (1, 0, 0)], "203.0.113.7", false, "B"), (.sh, [], "203.0.113.7", true, "-"),
    ] as [(IPVSScheduler, [Load], String, Bool, String)])
  func byHash(
    _ kind: IPVSScheduler, _ loads: [Load], _ source: String, _ highBits: Bool, _ expected: String
  ) {
    let servers = realServers(loads)
    let list = servers.indices.map { Int32($0) }
    var state = SchedulerState(kind, hashesWithHighBits: highBits)
    let input = schedulingInput(source, to: "192.168.0.1")
    #expect(letters([state.schedule(list, servers, input)]) == expected)
  }

  @Test func rrGoesOnWhereItWasWhenServersComeAndGo() {
    var servers = realServers([(1, 0, 0), (1, 0, 0), (1, 0, 0), (1, 0, 0)])
    var list: [Int32] = [0, 1, 2]
    var state = SchedulerState(.rr)
    #expect(letters((0..<2).map { _ in state.schedule(list, servers, schedulingInput()) }) == "AB")
    // D comes to the head: it is not next, C is.
    list = [3, 0, 1, 2]
    state.added(list, servers)
    #expect(letters((0..<2).map { _ in state.schedule(list, servers, schedulingInput()) }) == "CD")
    // The one chosen last goes: on from the one before it, which is the head.
    list = [0, 1, 2]
    servers[3].isAvailable = false
    state.removed(at: 0, list, servers)
    #expect(letters((0..<3).map { _ in state.schedule(list, servers, schedulingInput()) }) == "ABC")
  }

  /// Loads 0, 256, 512; weights 1, 2, 1. One draw: 2/5, 2/5, 1/5, because 0 and 1 both give A. A is
  /// taken unless
  /// neither draw gives it: 1 − (3/5)² = 16/25; C only by two draws of C: 1/25 (512/1 against 256/2).
  @Test func twosHasTheseChances() {
    let servers = realServers([(1, 0, 0), (2, 1, 0), (1, 2, 0), (0, 0, 0)])
    let chances = SchedulerState.chancesOfTwo([0, 1, 2, 3], servers)
    #expect(letters(chances.map(\.server)) == "ABC")
    let expected = [16.0 / 25, 8.0 / 25, 1.0 / 25]
    for (chance, wanted) in zip(chances, expected) { #expect(abs(chance.chance - wanted) < 1e-12) }
  }

  @Test func drawsOfTwosHaveTheirChances() {
    let servers = realServers([(1, 0, 0), (2, 1, 0), (1, 2, 0)])
    var random = TestRandom(seed: 7)
    var counts = [0, 0, 0]
    for _ in 0..<50_000 {
      let chosen = SchedulerState.betterOfTwo([0, 1, 2], servers, random.next())
      counts[Int(chosen ?? 0)] += 1
    }
    // Four standard deviations of a binomial count.
    for (count, chance) in zip(counts, [0.64, 0.32, 0.04]) {
      #expect(abs(Double(count) - 50_000 * chance) < 4 * (50_000 * chance * (1 - chance)).squareRoot())
    }
  }
}

@Suite struct LocalitySchedulerTests {
  @Test func lblcStaysWithItsServerUntilItIsOverloadedAndAnotherIdle() {
    var servers = realServers([(2, 0, 0), (2, 0, 0)])
    var state = SchedulerState(.lblc)
    #expect(state.schedule([0, 1], servers, schedulingInput()) == 0)
    // Overloaded needs more active connections than weight …
    servers[0].active = 2
    #expect(state.schedule([0, 1], servers, schedulingInput()) == 0)
    // … and a server with less than half of its weight.
    servers[0].active = 3
    servers[1].active = 1
    #expect(state.schedule([0, 1], servers, schedulingInput()) == 0)
    servers[1].active = 0
    #expect(state.schedule([0, 1], servers, schedulingInput()) == 1)
    servers[0].active = 0
    #expect(state.schedule([0, 1], servers, schedulingInput()) == 1)
    servers[1].weight = 0
    #expect(state.schedule([0, 1], servers, schedulingInput()) == 0)
  }

  @Test func lblcForgetsAfterADayAtTheNextFullCheck() {
    var servers = realServers([(1, 0, 0), (1, 0, 0)])
    var state = SchedulerState(.lblc)
    var input = schedulingInput()
    input.now = .zero + .seconds(100)
    #expect(state.schedule([0, 1], servers, input) == 0)
    servers[0].inactive = 1
    // Full checks fall on whole half hours from the start: 24 h 0 min is too early, 24 h 30 min is one.
    input.now = .zero + .hours(24) + .seconds(200)
    var early = state
    #expect(early.schedule([0, 1], servers, input) == 0)
    input.now = .zero + .hours(24) + .seconds(1801)
    #expect(state.schedule([0, 1], servers, input) == 1)
  }

  @Test func lblcrAddsServersUnderLoadAndDropsTheBusiestAfterADay() {
    var servers = realServers([(1, 0, 0), (1, 0, 0), (1, 0, 0)])
    var state = SchedulerState(.lblcr)
    var input = schedulingInput()
    #expect(state.schedule([0, 1, 2], servers, input) == 0)
    servers[0].active = 2
    #expect(state.schedule([0, 1, 2], servers, input) == 1)
    #expect(state.locality.members.map(\.server) == [1, 0])
    // The least loaded of the set.
    servers[1].active = 1
    #expect(state.schedule([0, 1, 2], servers, input) == 1)
    input.now = .zero + .hours(23)
    #expect(state.schedule([0, 1, 2], servers, input) == 1)
    input.now = .zero + .hours(24) + .seconds(1)
    #expect(state.schedule([0, 1, 2], servers, input) == 1)
    #expect(state.locality.members.map(\.server) == [1])
  }
}
