// SPDX-License-Identifier: GPL-3.0-or-later
//
// Session affinity as xt_recent keeps it (FACTS D1), and the UDP cleanup of FACTS C10.

import Cluster
import NetworkTypes
import SimKernel
import Testing

@testable import Proxy

private func affinityWorld(_ endpoints: [Int], timeout: Int = 100) -> ProxyWorld {
  var world = ProxyWorld()
  let service = testService("svc1", clusterIP: "172.30.0.41") {
    $0.spec.type = "NodePort"
    $0.spec.ports[0].nodePort = 3001
    $0.spec.sessionAffinity = "ClientIP"
    $0.spec.affinityTimeoutSeconds = timeout
  }
  world.put(0, service, list(endpoints))
  world.converge()
  return world
}

private func list(_ endpoints: [Int]) -> [Endpoint] {
  endpoints.map { testEndpoint("10.180.0.\($0)", node: "testnode") }
}

private func client(_ n: Int, to: String = "172.30.0.41", port: Int = 80) -> Probe {
  Probe(from: "10.1.\(n / 256).\(n % 256)", to: to, port: port)
}

extension ProxyWorld {
  /// Last octet of the backend.
  fileprivate mutating func octet(_ probe: Probe, random: UInt64) -> Int {
    Int(verdict(probe, random: random).address.bits & 255)
  }
}

@Suite struct AffinityTests {
  @Test func aClientReturnsToItsBackendOnEveryAddressOfTheServicePort() {
    var world = affinityWorld([1, 2, 3])
    let first = world.verdict(client(1), random: .max)
    #expect(!first.viaAffinity)
    #expect(world.fleet.candidates(first.candidates).count == 3)
    let again = world.verdict(client(1), random: 0)
    #expect(again.viaAffinity)
    #expect(again.backend == first.backend)
    #expect(Array(world.fleet.candidates(again.candidates)) == [first.backend])
    let byNodePort = world.verdict(client(1, to: Address.node, port: 3001), random: 0)
    #expect(byNodePort.backend == first.backend)
    let other = world.verdict(client(2), random: 0)
    #expect(other.backend != first.backend)
  }

  @Test func onlyANewConnectionRestartsTheTimer() {
    var world = affinityWorld([1, 2])
    #expect(world.octet(client(1), random: .max) == 2)
    world.run(until: .zero + .seconds(60))
    #expect(world.octet(client(1), random: 0) == 2)
    world.run(until: .zero + .seconds(160))
    #expect(world.octet(client(1), random: 0) == 2)
    world.run(until: .zero + .seconds(260) + .nanoseconds(1))
    #expect(world.octet(client(1), random: 0) == 1)
  }

  @Test func aFreshLookupDoesNotStamp() {
    var world = affinityWorld([1, 2])
    _ = world.fleet.decideFresh(
      node: NodeID(0), flow: client(1).flow, origin: .pod, at: world.now, random: .max)
    #expect(world.octet(client(1), random: 0) == 1)
  }

  @Test func aListHoldsAHundredClientsAndForgetsTheOldest() {
    var world = affinityWorld([1, 2])
    for n in 1...100 { #expect(world.octet(client(n), random: .max) == 2) }
    // The first client comes again and is now the newest; one more evicts the second.
    #expect(world.octet(client(1), random: 0) == 2)
    #expect(world.octet(client(101), random: .max) == 2)
    #expect(world.octet(client(1), random: 0) == 2)
    #expect(world.octet(client(3), random: 0) == 2)
    #expect(world.octet(client(2), random: 0) == 1)
  }

  @Test func ofTwoListsThatKnowAClientTheFirstEndpointWins() {
    var world = affinityWorld([1, 2])
    #expect(world.octet(client(1), random: .max) == 2)
    world.put(0, slices: [testSlice(list([1]))])
    world.run(for: .seconds(5))
    #expect(world.octet(client(1), random: 0) == 1)
    world.put(0, slices: [testSlice(list([1, 2]))])
    world.run(for: .seconds(5))
    // The list of 2 vanished with its endpoint.
    #expect(world.octet(client(1), random: .max) == 1)
  }

  @Test func anEndpointThatOnlyStopsBeingReadyLosesItsListToo() {
    var world = affinityWorld([1, 2])
    #expect(world.octet(client(1), random: .max) == 2)
    var endpoints = list([1, 2])
    endpoints[1].ready = false
    endpoints[1].serving = false
    world.put(0, slices: [testSlice(endpoints)])
    world.run(for: .seconds(5))
    world.put(0, slices: [testSlice(list([1, 2]))])
    world.run(for: .seconds(5))
    #expect(world.octet(client(1), random: 0) == 1)
  }

  @Test func changesElsewhereKeepTheLists() {
    var world = affinityWorld([1, 2])
    #expect(world.octet(client(1), random: .max) == 2)
    world.put(0, slices: [testSlice(list([0, 1, 2, 3]))])
    world.put(1, testService("other", clusterIP: "172.30.0.42"), list([9]))
    world.run(for: .seconds(5))
    #expect(world.octet(client(1), random: 0) == 2)
  }

  @Test func aRebootForgetsAndARestartDoesNot() {
    var world = affinityWorld([1, 2])
    #expect(world.octet(client(1), random: .max) == 2)
    world.fleet.restart(NodeID(0), settings: nil, at: world.now, into: &world.output)
    world.take()
    world.run(for: .seconds(10))
    #expect(world.octet(client(1), random: 0) == 2)
    world.fleet.nodeWentDown(NodeID(0))
    world.fleet.nodeBooted(NodeID(0), at: world.now, into: &world.output)
    world.take()
    world.run(for: .seconds(10))
    #expect(world.octet(client(1), random: 0) == 1)
  }
}

@Suite struct RecentListTests {
  /// A list of dictionaries that does the same slowly.
  @Test func listsBehaveLikeTheirDefinition() {
    var random = TestRandom(seed: 7)
    var lists = RecentLists()
    var model: [UInt32: [(source: UInt32, stamp: Int64)]] = [:]
    for step in 0..<20_000 {
      let chain = UInt32(random.below(5))
      let source = UInt32(random.below(150))
      let now = SimTime(nanoseconds: Int64(step))
      if random.chance(1) {
        lists.removeLists(of: 3) { $0 == chain }
        model[chain] = nil
      } else {
        lists.stamp(node: 3, chain: chain, source: IPv4Address(bits: source), at: now)
        var list = model[chain] ?? []
        if let old = list.firstIndex(where: { $0.source == source }) {
          list.remove(at: old)
        } else if list.count == RecentLists.capacity {
          list.removeFirst()
        }
        list.append((source, now.nanoseconds))
        model[chain] = list
      }
      let asked = UInt32(random.below(150))
      let since = Int64(step - random.below(500))
      var found: [UInt32] = []
      lists.chains(
        node: 3, source: IPv4Address(bits: asked), since: SimTime(nanoseconds: since), into: &found)
      let expected = model.filter { $0.value.contains { $0.source == asked && $0.stamp >= since } }.keys
        .sorted()
      #expect(found.sorted() == expected)
      if found.sorted() != expected { return }
    }
  }
}

@Suite struct ConntrackCleanupTests {
  private static func world(_ endpoints: [Endpoint], transport: String = "UDP") -> ProxyWorld {
    var world = ProxyWorld()
    let service = testService("dns", clusterIP: "172.30.0.41", port: 53, transport: transport) {
      $0.spec.type = "LoadBalancer"
      $0.spec.ports[0].nodePort = 3001
      $0.spec.externalIPs = ["192.168.99.11"]
      $0.status.loadBalancerIngress = [LoadBalancerIngress(ip: "1.2.3.4")]
    }
    world.put(0, service)
    world.put(0, slices: slices(endpoints, transport))
    world.converge()
    return world
  }

  private static func slices(_ endpoints: [Endpoint], _ transport: String = "UDP", port: Int = 5353)
    -> [EndpointSlice]
  {
    [testSlice(endpoints, ports: [EndpointPort(port: port, protocol: transport)])]
  }

  /// FACTS I2, TestUpdateEndpointsMap: every effective change of a UDP Service asks for a cleanup.
  @Test(arguments: [
    ("no change", [1, 2], 5353, 0), ("an endpoint more", [1, 2, 3], 5353, 1), ("one less", [1], 5353, 1),
    ("another one", [1, 3], 5353, 1), ("another port", [1, 2], 5354, 1),
    ("nothing serving: skipped", [], 5353, 0),
  ]) func udpChangesAskForACleanupAfterTheNatCommit(name: String, after: [Int], port: Int, count: Int) {
    var world = Self.world(list([1, 2]))
    world.put(0, slices: Self.slices(list(after), port: port))
    world.run(until: .zero + .milliseconds(109))
    #expect(world.cleanups.isEmpty)
    world.run(until: .zero + .milliseconds(110))
    #expect(world.cleanups.count == count)
    guard let cleanup = world.cleanups.first else { return }
    #expect(cleanup.at == .zero + .milliseconds(110))
    #expect(
      cleanup.frontends.map { "\($0.address):\($0.port)" } == [
        "172.30.0.41:53", "192.168.99.11:53", "1.2.3.4:53",
      ])
    #expect(cleanup.nodePort == 3001)
    #expect(
      cleanup.serving
        == after.map { ConntrackCleanup.Target(address: address("10.180.0.\($0)"), port: UInt16(port)) })
  }

  @Test func servingEndpointsCountEvenWhileTerminating() {
    var world = Self.world(list([1, 2]))
    let endpoints = [
      testEndpoint("10.180.0.1", node: "testnode", "T"), testEndpoint("10.180.0.2", node: "testnode", "X"),
      testEndpoint("10.180.0.3", node: "other", "R"),
    ]
    world.put(0, slices: Self.slices(endpoints))
    world.run(for: .seconds(1))
    #expect(
      world.cleanups.map { $0.serving.map(\.address) } == [[address("10.180.0.1"), address("10.180.0.3")]])
  }

  @Test func tcpEntriesAreNeverDeleted() {
    var world = Self.world(list([1, 2]), transport: "TCP")
    world.put(0, slices: Self.slices(list([3]), "TCP"))
    world.run(for: .seconds(1))
    #expect(world.syncs.count == 1)
    #expect(world.cleanups.isEmpty)
  }

  @Test func aNewProcessCleansUpAfterItsFirstSync() {
    var world = Self.world(list([1, 2]))
    world.fleet.restart(NodeID(0), settings: nil, at: world.now, into: &world.output)
    world.take()
    world.run(for: .seconds(10))
    #expect(world.cleanups.count == 1)
  }
}
