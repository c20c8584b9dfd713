// SPDX-License-Identifier: GPL-3.0-or-later
//
// What kube-proxy says of itself: /healthz and the health check ports of Services (FACTS C4;
// k/k pkg/proxy/healthcheck), and failing syncs, which are what turns it red.

import Cluster
import NetworkTypes
import SimKernel
import SimRandom
import Testing

@testable import Proxy

private let node = NodeID(0)
private func s(_ seconds: Double) -> SimTime { .zero + SimDuration(seconds: seconds) }

private func world(minorVersion: Int = 36, endpoints: [Endpoint] = []) -> ProxyWorld {
  var world = ProxyWorld(
    nodes: [testNode(0, "testnode", [Address.node], testSettings())], minorVersion: minorVersion)
  let service = testService("svc1", clusterIP: "172.30.0.41") {
    $0.spec.type = "LoadBalancer"
    $0.spec.externalTrafficPolicy = "Local"
    $0.spec.healthCheckNodePort = 32000
    $0.spec.ports[0].nodePort = 30080
    $0.status.loadBalancerIngress = [LoadBalancerIngress(ip: "1.2.3.4")]
  }
  world.put(0, service)
  world.put(0, slices: [testSlice(endpoints)])
  world.converge()
  return world
}

@Suite struct ProxyHealthTests {
  /// Changes at 0 s, 5 s and 10 s; syncs fail until 100 s. The first waits since 10 ms: red from 60.01 s on,
  /// green with the first success, which the retries, 30 s after the end of each failure, bring at 120.4 s.
  @Test(arguments: [(0.005, 200), (1, 200), (60.005, 200), (60.015, 503), (100, 503), (130, 200)])
  func healthzTurnsRedWhenAnUpdateWaitsForTwiceTheSyncPeriod(at: Double, status: Int) {
    var world = world()
    world.fleet.failSyncs(node, probability: 1, until: s(100))
    for i in 0..<3 where Double(i * 5) <= at {
      world.run(until: s(Double(i * 5)))
      world.put(0, slices: [testSlice([testEndpoint("10.180.0.\(1 + i)", node: "testnode")])])
    }
    world.run(until: s(at))
    #expect(world.fleet.healthz(node, isLeaving: false, at: world.now) == status)
  }

  @Test func aSuccessForgetsWhatCameWhileItRan() {
    var world = world()
    world.put(0, slices: [testSlice([testEndpoint("10.180.0.1", node: "testnode")])])
    // Delivered at 60 ms, in the middle of the sync from 10 ms to 110 ms; the next may begin at 1.11 s.
    world.run(until: s(0.05))
    world.put(0, slices: [testSlice([testEndpoint("10.180.0.2", node: "testnode")])])
    world.fleet.failSyncs(node, probability: 0, until: .distantFuture)
    world.run(until: s(0.2))
    #expect(world.fleet.processes[0].queuedSince == nil)
    world.fleet.failSyncs(node, probability: 1, until: .distantFuture)
    // Nothing is queued but that change, and nobody tells it again.
    world.run(until: s(70))
    #expect(world.syncs.last?.hasFailed == true)
    #expect(world.fleet.healthz(node, isLeaving: false, at: world.now) == 200)
    world.put(0, slices: [testSlice([testEndpoint("10.180.0.3", node: "testnode")])])
    world.run(until: s(131))
    #expect(world.fleet.healthz(node, isLeaving: false, at: world.now) == 503)
  }

  /// KEP-3836: a node that is to be deleted, by version.
  @Test(arguments: [(29, false, 200), (29, true, 200), (30, false, 200), (30, true, 503), (31, true, 503)])
  func aNodeThatIsLeavingIsNotEligibleFrom130(minorVersion: Int, isLeaving: Bool, status: Int) {
    var world = world(minorVersion: minorVersion, endpoints: [testEndpoint("10.180.0.1", node: "testnode")])
    #expect(world.fleet.healthz(node, isLeaving: isLeaving, at: world.now) == status)
    // The Service's own port does not look at the node.
    #expect(world.fleet.serviceHealth(node, ServiceID(0), at: world.now) == 200)
  }

  @Test func nothingListensWhileThereIsNoProcessAndANewOneIsHealthyBeforeItsFirstSync() {
    var world = world()
    world.fleet.restart(node, settings: nil, at: world.now, into: &world.output)
    world.take()
    #expect(world.fleet.healthz(node, isLeaving: false, at: world.now) == nil)
    #expect(world.fleet.serviceHealth(node, ServiceID(0), at: world.now) == nil)
    world.fleet.failSyncs(node, probability: 1, until: s(200))
    world.run(until: s(3.05))
    #expect(world.fleet.healthz(node, isLeaving: false, at: world.now) == 200)
    // It has never succeeded: starting up, for as long as that takes.
    world.run(until: s(150))
    #expect(world.fleet.healthz(node, isLeaving: false, at: world.now) == 200)
  }

  /// Ready and local counts, once per address; terminating ones do not.
  @Test(arguments: [
    ("R here", [("10.180.0.1", "testnode", "R")], 200),
    ("R elsewhere", [("10.180.0.1", "other", "R")], 503),
    ("T here", [("10.180.0.1", "testnode", "T")], 503),
    ("T here, R elsewhere", [("10.180.0.1", "testnode", "T"), ("10.180.0.2", "other", "R")], 503),
    ("U here", [("10.180.0.1", "testnode", "U")], 503),
    ("none", [], 503),
  ]) func aServicesOwnPortCountsLocalReadyEndpoints(
    name: String, endpoints: [(String, String, String)], status: Int
  ) {
    var world = world(endpoints: endpoints.map { testEndpoint($0.0, node: $0.1, Character($0.2)) })
    #expect(world.fleet.serviceHealth(node, ServiceID(0), at: world.now) == status)
  }

  /// It answers from what has been programmed, and is red with its proxy.
  @Test func aServicesOwnPortFollowsTheSyncAndTheProxysHealth() {
    var world = world(endpoints: [testEndpoint("10.180.0.1", node: "testnode")])
    world.put(0, slices: [testSlice([testEndpoint("10.180.0.1", node: "testnode", "T")])])
    world.run(until: s(0.109))
    #expect(world.fleet.serviceHealth(node, ServiceID(0), at: world.now) == 200)
    world.run(until: s(0.11))
    #expect(world.fleet.serviceHealth(node, ServiceID(0), at: world.now) == 503)
    world.put(0, slices: [testSlice([testEndpoint("10.180.0.1", node: "testnode")])])
    world.run(until: s(2))
    #expect(world.fleet.serviceHealth(node, ServiceID(0), at: world.now) == 200)
    world.fleet.failSyncs(node, probability: 1, until: .distantFuture)
    world.put(1, testService("svc2", clusterIP: "172.30.0.42"))
    world.run(until: s(63))
    #expect(world.fleet.serviceHealth(node, ServiceID(0), at: world.now) == 503)
  }
}

@Suite struct SyncFailureTests {
  /// A failed sync is tried again after syncPeriod from its end, in full; a change in between brings it
  /// forward.
  @Test(arguments: [
    (33, [Double](), [0.01, 30.11]), (36, [], [0.01, 30.11]), (36, [10], [0.01, 10.01]),
    // The pause of minSyncPeriod holds for failed runs too.
    (36, [0.5], [0.01, 1.11]),
  ]) func aFailedSyncIsTriedAgain(minorVersion: Int, changes: [Double], starts: [Double]) {
    var world = world(minorVersion: minorVersion)
    world.fleet.failNextSync(node)
    for (i, at) in ([0] + changes).enumerated() {
      world.run(until: s(at))
      world.put(0, slices: [testSlice([testEndpoint("10.180.0.\(1 + i)", node: "testnode")])])
    }
    world.run(until: s(35))
    #expect(world.syncs.map(\.start) == starts.map { s($0) })
    #expect(world.syncs.map(\.hasFailed) == [true, false])
    #expect(world.syncs.last?.kind == .full)
  }

  @Test func syncsFailWithTheirProbabilityAndOnlyForTheirTime() {
    var world = world()
    world.fleet.failSyncs(node, probability: 0.3, until: s(4000))
    for i in 0..<1000 {
      world.run(until: s(Double(i * 5)))
      world.put(0, slices: [testSlice([testEndpoint("10.180.0.\(1 + i % 2)", node: "testnode")])])
    }
    let early = world.syncs.filter { $0.start < s(4000) }
    let share = Double(early.count { $0.hasFailed }) / Double(early.count)
    #expect(abs(share - 0.3) < 0.05)
    #expect(world.syncs.allSatisfy { !$0.hasFailed || $0.start < s(4000) })
  }

  @Test func aTeardownTakesTheRulesUntilTheFirstSyncHasEnded() {
    let probe = Probe(from: Address.pod, to: "172.30.0.41", port: 80)
    var world = world(endpoints: [testEndpoint("10.180.0.1", node: "testnode")])
    world.fleet.restart(node, settings: nil, teardown: .seconds(3), at: .zero, into: &world.output)
    world.take()
    var fates: [String] = []
    for at in [2.999, 3, 5.9, 6.04, 6.06, 6.1] {
      world.run(until: s(at))
      fates.append(world.fate(probe))
    }
    #expect(fates == ["10.180.0.1:80", "", "", "", "", "10.180.0.1:80"])
    #expect(world.syncs.map(\.start) == [s(6)])
    // The next restart keeps them.
    world.fleet.restart(node, settings: nil, at: world.now, into: &world.output)
    world.take()
    world.run(until: s(9.15))
    #expect(world.fate(probe) == "10.180.0.1:80")
  }
}

@Suite struct ProgrammingLatencyTests {
  /// One observation for each write since the start of the process: end of the sync minus the trigger time.
  @Test func writesAreCountedFromTheirTriggerUnlessOlderThanTheProcess() {
    var world = world()
    func write(_ last: Int, trigger: Double, _ world: inout ProxyWorld) {
      world.put(
        0, slices: [testSlice([testEndpoint("10.180.0.\(last)", node: "testnode")])], trigger: s(trigger))
    }
    world.run(until: s(10))
    write(1, trigger: 9.5, &world)
    world.run(until: s(10.05))
    // These two are programmed together, at 11.11 s to 11.21 s.
    write(2, trigger: 10.01, &world)
    write(3, trigger: 10.03, &world)
    world.run(until: s(20))
    #expect(world.syncs.map { $0.programming.map(\.milliseconds) } == [[610], [1200, 1180]])
    world.fleet.restart(node, settings: nil, at: s(20), into: &world.output)
    world.take()
    // Read with the initial lists at 23 s.
    world.run(until: s(21))
    write(4, trigger: 21, &world)
    world.run(until: s(25))
    // Written after the start, but its cause is older.
    write(5, trigger: 22.9, &world)
    write(6, trigger: 25, &world)
    world.run(until: s(30))
    #expect(world.syncs.dropFirst(2).map { $0.programming.map(\.milliseconds) } == [[], [110]])
  }
}
