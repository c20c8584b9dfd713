// SPDX-License-Identifier: GPL-3.0-or-later
//
// How many rules a packet walks: the compiled lookup gives the expected rank of a Service in the arbitrary
// order of KUBE-SERVICES, the rules as data the rank itself.

import Cluster
import NetworkTypes
import SimKernel
import Testing

@testable import Proxy

@Suite struct WalkCostTests {
  private static let count = 300

  private static func world() -> ProxyWorld {
    var world = ProxyWorld()
    for id in 0..<count {
      let service = testService("svc\(id)", clusterIP: "172.30.\(1 + id / 200).\(id % 200)")
      world.put(id, service, [testEndpoint("10.180.0.1", node: "testnode")])
    }
    world.converge()
    return world
  }

  private static func probe(_ id: Int) -> Probe {
    Probe(from: Address.pod, to: "172.30.\(1 + id / 200).\(id % 200)", port: 80)
  }

  private static func walks(_ world: inout ProxyWorld) -> [Int] {
    (0..<count).map { Int(world.verdict(probe($0)).rulesWalked) }
  }

  @Test func theExpectedRankIsCloseToTheRankInTheRules() {
    var world = Self.world()
    let interpreter = IptablesInterpreter(
      rules: world.fleet.iptablesRules(of: NodeID(0)), localAddresses: [address(Address.node)])
    let expected = Self.walks(&world)
    var total = 0
    for id in 0..<Self.count {
      let walk = interpreter.walk(Self.probe(id).flow, origin: .pod) { _ in true }
      let difference = expected[id] + 1 - walk.rulesWalked
      // The rank of the k-th of N uniform keys has a standard deviation of at most √N/2, here 8.7.
      #expect(abs(difference) < 44)
      total += expected[id]
    }
    // Ranks are uniform in 1…N: their mean has a standard error of N/√(12 N), here 5.
    let mean = Double(total) / Double(Self.count) - 4
    #expect(abs(mean - Double(Self.count + 1) / 2) < 25)
  }

  @Test func everySyncDrawsANewOrder() {
    var world = Self.world()
    let before = Self.walks(&world)
    #expect(Self.walks(&world) == before)
    world.put(Self.count, testService("other", clusterIP: "172.30.9.9"))
    world.run(for: .seconds(1))
    let after = Self.walks(&world)
    #expect(zip(before, after).count { abs($0 - $1) > 20 } > Self.count / 2)
  }

  @Test func aPacketForNobodyWalksTheWholeDispatchChain() {
    var world = Self.world()
    #expect(world.verdict(Probe(from: Address.pod, to: "8.8.8.8", port: 80)).rulesWalked == 301)
  }

  @Test func meanChoiceCostIsHalfTheEndpointsAndOneMore() {
    for n in [1, 2, 5, 10] {
      var world = ProxyWorld()
      let endpoints = (1...n).map { testEndpoint("10.180.0.\($0)", node: "testnode") }
      world.put(0, testService("svc", clusterIP: "172.30.0.41"), endpoints)
      world.converge()
      var sum = 0
      let probe = Probe(from: Address.pod, to: "172.30.0.41", port: 80)
      for i in 0..<n {
        sum += Int(world.verdict(probe, random: UInt64.max / UInt64(n) * UInt64(i) + 1000).rulesWalked)
      }
      // Dispatch, masquerade rule, choice (FACTS K4: (n+1)/2 on average), two rules of the endpoint chain.
      #expect(sum == n * 4 + n * (n + 1) / 2)
    }
  }
}
