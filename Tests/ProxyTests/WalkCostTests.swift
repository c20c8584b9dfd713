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

  /// Names of Services in the order of nat KUBE-SERVICES' rules.
  private static func textOrder(_ world: inout ProxyWorld, node: Int) -> [Substring] {
    let text = world.fleet.ruleTexts(of: NodeID(node))[0].text
    return text.split(separator: "\n").filter { $0.hasPrefix("-A KUBE-SERVICES -d") }
      .compactMap { line in line.split(separator: " ").first { $0.contains("default/svc") } }
  }

  @Test func theTextShowsAnOrderThatIsNewPerNodeAndSyncAndStaysInBetween() {
    var world = ProxyWorld(nodes: [
      testNode(0, "n0", ["192.168.0.2"], testSettings()), testNode(1, "n1", ["192.168.0.3"], testSettings()),
    ])
    for id in 0..<30 {
      let service = testService("svc\(id)", clusterIP: "172.30.1.\(id)") {
        $0.spec.externalIPs = ["80.0.0.\(id)"]
      }
      world.put(id, service, [testEndpoint("10.180.0.1", node: "n0")])
    }
    world.converge()
    let first = Self.textOrder(&world, node: 0)
    #expect(first.count == 60)
    // Both rules of a Service port stand together.
    #expect(stride(from: 0, to: 60, by: 2).allSatisfy { first[$0] == first[$0 + 1] })
    #expect(Self.textOrder(&world, node: 1) != first)
    world.run(for: .seconds(5))
    #expect(Self.textOrder(&world, node: 0) == first)
    world.put(99, testService("svc99", clusterIP: "172.30.9.9"))
    world.run(for: .seconds(1))
    let second = Self.textOrder(&world, node: 0)
    #expect(second != first)
    // The new one has no endpoints and its rules stand in the filter table.
    #expect(second.filter { !$0.contains("svc99") }.sorted() == first.sorted())
  }

  /// Each of six Services stands in each of six places equally often over 6000 syncs: χ² with 25 degrees of
  /// freedom stays below its 99.9 % quantile, 52.6.
  @Test func everyPlaceInTheOrderIsEquallyLikely() {
    let world = Self.world()
    var counts = [[Int]](repeating: [Int](repeating: 0, count: 6), count: 6)
    for sync in 0..<6000 {
      let key = world.fleet.draws.order(node: 0, ordinal: UInt64(sync))
      let order = (0..<6).sorted {
        world.fleet.dispatchOrder(PortNameID($0), key) < world.fleet.dispatchOrder(PortNameID($1), key)
      }
      for (place, port) in order.enumerated() { counts[port][place] += 1 }
    }
    let chiSquare = counts.joined().reduce(0.0) { $0 + Double(($1 - 1000) * ($1 - 1000)) / 1000 }
    #expect(chiSquare < 52.6)
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
