// SPDX-License-Identifier: GPL-3.0-or-later
//
// Session affinity as nftables' dynamic sets keep it (FACTS D2): expiry per element, no limit of 100.

import Cluster
import NetworkTypes
import SimKernel
import Testing

@testable import Proxy

private func sticky(_ timeout: Int = 100) -> Service {
  testService("svc1", clusterIP: "172.30.0.41") {
    $0.spec.type = "NodePort"
    $0.spec.ports[0].nodePort = 3001
    $0.spec.sessionAffinity = "ClientIP"
    $0.spec.affinityTimeoutSeconds = timeout
  }
}

private func list(_ endpoints: [Int]) -> [Endpoint] {
  endpoints.map { testEndpoint("10.180.0.\($0)", node: "testnode") }
}

private func stickyWorld(_ endpoints: [Int]) -> ProxyWorld {
  var world = ProxyWorld(
    nodes: [testNode(0, "testnode", [Address.node], testSettings { $0.mode = .nftables })])
  world.put(0, sticky(), list(endpoints))
  world.converge()
  return world
}

private func client(_ n: Int, to: String = "172.30.0.41", port: Int = 80) -> Probe {
  Probe(from: "10.\(n / 65536).\(n / 256 % 256).\(n % 256)", to: to, port: port)
}

extension ProxyWorld {
  /// Last octet of the backend.
  fileprivate mutating func octet(_ probe: Probe, random: UInt64) -> Int {
    Int(verdict(probe, random: random).address.bits & 255)
  }
}

@Suite struct NftablesAffinityTests {
  @Test func aThousandClientsComeBackToTheirBackend() {
    var world = stickyWorld([1, 2])
    for n in 1...1000 { #expect(world.octet(client(n), random: .max) == 2) }
    for n in 1...1000 {
      let again = world.verdict(client(n), random: 0)
      #expect(again.viaAffinity && again.address.bits & 255 == 2)
    }
    // By node port it is the same set.
    #expect(world.verdict(client(1, to: Address.node, port: 3001), random: 0).viaAffinity)
  }

  @Test func eachNewConnectionRestartsTheTimer() {
    var world = stickyWorld([1, 2])
    #expect(world.octet(client(1), random: .max) == 2)
    world.run(until: .zero + .seconds(60))
    #expect(world.octet(client(1), random: 0) == 2)
    world.run(until: .zero + .seconds(160) - .nanoseconds(1))
    #expect(world.octet(client(1), random: 0) == 2)
    // At its expiry an element is gone.
    world.run(until: .zero + .seconds(260) - .nanoseconds(1))
    #expect(world.octet(client(1), random: 0) == 1)
  }

  @Test func anElementKeepsTheTimeoutThatItWasAddedWith() {
    var world = stickyWorld([1, 2])
    #expect(world.octet(client(1), random: .max) == 2)
    world.put(0, sticky(10))
    world.run(until: .zero + .seconds(50))
    #expect(world.octet(client(1), random: 0) == 2)
    // Added again with the new one.
    world.run(until: .zero + .seconds(60))
    #expect(world.octet(client(1), random: 0) == 1)
  }

  @Test func aFullSetTakesNobodyMoreUntilSomebodyExpires() {
    var world = stickyWorld([1, 2])
    for n in 1...65535 { _ = world.verdict(client(n), random: .max) }
    _ = world.verdict(client(65536), random: .max)
    #expect(!world.verdict(client(65536), random: .max).viaAffinity)
    // Nobody was pushed out for it, and those who are in may stay.
    #expect(world.verdict(client(1), random: 0).viaAffinity)
    world.run(for: .seconds(100))
    _ = world.verdict(client(65536), random: .max)
    #expect(world.verdict(client(65536), random: 0).viaAffinity)
  }

  @Test func listingsTellWhatASetHolds() {
    var world = stickyWorld([1])
    for n in 1...3 { _ = world.verdict(client(n)) }
    world.run(for: .seconds(1) + .milliseconds(4))
    let text = world.fleet.ruleTexts(of: NodeID(0), at: world.now)[0].text
    let elements = """
      \t\ttimeout 1m40s
      \t\telements = { 10.0.0.1 expires 1m38s996ms, 10.0.0.2 expires 1m38s996ms,
      \t\t\t     10.0.0.3 expires 1m38s996ms }
      """
    #expect(text.contains(elements), "\(text)")
    #expect(!world.fleet.ruleTexts(of: NodeID(0))[0].text.contains("expires"))
    world.run(for: .seconds(99))
    #expect(!world.fleet.ruleTexts(of: NodeID(0), at: world.now)[0].text.contains("expires"))
  }

  @Test func aSetGoesWithItsEndpointAndWithAffinity() {
    var world = stickyWorld([1, 2])
    #expect(world.octet(client(1), random: .max) == 2)
    let ports = [EndpointPort(port: 80, protocol: "TCP")]
    world.put(0, slices: [testSlice(list([1]), ports: ports)])
    world.run(for: .seconds(3))
    world.put(0, slices: [testSlice(list([1, 2]), ports: ports)])
    world.run(for: .seconds(3))
    #expect(world.octet(client(1), random: 0) == 1)
    #expect(world.octet(client(1), random: .max) == 1)
    world.put(0, testService("svc1", clusterIP: "172.30.0.41"))
    world.run(for: .seconds(3))
    world.put(0, sticky())
    world.run(for: .seconds(3))
    #expect(!world.verdict(client(1), random: .max).viaAffinity)
  }

  @Test func aRestartOfTheProxyForgetsNobodyButAnotherModeDoes() {
    var world = stickyWorld([1, 2])
    #expect(world.octet(client(1), random: .max) == 2)
    world.fleet.restart(NodeID(0), settings: nil, at: world.now, into: &world.output)
    world.take()
    world.run(for: .seconds(10))
    #expect(world.octet(client(1), random: 0) == 2)
    world.fleet.restart(
      NodeID(0), settings: testSettings { $0.mode = .iptables }, at: world.now, into: &world.output)
    world.take()
    world.run(for: .seconds(10))
    #expect(world.octet(client(1), random: 0) == 1)
  }
}
