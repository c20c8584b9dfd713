// SPDX-License-Identifier: GPL-3.0-or-later
//
// Both generations of kube-proxy's runner: changes delivered at instants -> starts of syncs, in milliseconds
// (k/k pkg/util/async/bounded_frequency_runner.go at 1.33, pkg/proxy/runner/bounded_frequency_runner.go at
// 1.34).

import Cluster
import NetworkTypes
import SimKernel
import SimRandom
import Testing

@testable import Proxy

struct RunnerCase: CustomTestStringConvertible {
  var name: String
  var minorVersion: Int
  var minSyncPeriod: Int64 = 1000
  /// Of every sync.
  var duration: Int64 = 100
  var deliveries: [Int64]
  var starts: [Int64]
  var testDescription: String { name }
}

@Suite struct RunnerTests {
  private static let bucket: [RunnerCase] = [
    RunnerCase(name: "bucket: an idle one runs at once", minorVersion: 33, deliveries: [500], starts: [500]),
    // Two tokens; after the second run at 200-300 the timer counts from its end.
    RunnerCase(
      name: "bucket: two at once, then by the timer", minorVersion: 33, deliveries: [0, 200, 400, 600],
      starts: [0, 200, 1300]),
    // Tokens: 2 at 0, 1 left; 1.2 at 200, 0.2 left, so a whole one from 1000 on. A request then finds it.
    RunnerCase(
      name: "bucket: a later request finds a token before the timer", minorVersion: 33,
      deliveries: [0, 200, 400, 1050], starts: [0, 200, 1050]),
    RunnerCase(
      name: "bucket: the first request with a token counts", minorVersion: 33,
      deliveries: [0, 200, 400, 990, 1000, 1100], starts: [0, 200, 1000, 2100]),
    // A sync of 3 s earns both tokens: what came during it is run at its end, and so is what comes next.
    RunnerCase(
      name: "bucket: long syncs follow each other without a pause", minorVersion: 33, duration: 3000,
      deliveries: [0, 1000, 4000, 7000], starts: [0, 3000, 6000, 9000]),
    RunnerCase(
      name: "bucket: no minSyncPeriod, no limit", minorVersion: 33, minSyncPeriod: 0,
      deliveries: [0, 50, 150, 250], starts: [0, 100, 200, 300]),
  ]

  private static let spacing: [RunnerCase] = [
    RunnerCase(name: "1.34: an idle one runs at once", minorVersion: 34, deliveries: [500], starts: [500]),
    RunnerCase(
      name: "1.34: the pause counts from the end", minorVersion: 34, deliveries: [0, 200, 400, 600],
      starts: [0, 1100]),
    RunnerCase(
      name: "1.34: requests during a sync and the pause share one run", minorVersion: 36,
      deliveries: [0, 50, 900, 1099], starts: [0, 1100]),
    RunnerCase(
      name: "1.34: a request after the pause runs at once", minorVersion: 36, deliveries: [0, 1101],
      starts: [0, 1101]),
    RunnerCase(
      name: "1.34: long syncs keep the whole pause", minorVersion: 36, duration: 3000,
      deliveries: [0, 1000, 4000, 7000], starts: [0, 4000, 8000]),
    RunnerCase(
      name: "1.34: no minSyncPeriod, no pause", minorVersion: 36, minSyncPeriod: 0,
      deliveries: [0, 50, 150, 250], starts: [0, 100, 200, 300]),
  ]

  @Test(arguments: bucket + spacing) func deliveriesMakeSyncs(_ given: RunnerCase) {
    var timing = testTiming()
    timing.proxyWatch = .constant(0)
    timing.proxySync = .constant(Double(given.duration) / 1000)
    let settings = testSettings { $0.minSyncPeriod = .milliseconds(given.minSyncPeriod) }
    var world = ProxyWorld(
      nodes: [testNode(0, "testnode", [Address.node], settings)], timing: timing,
      minorVersion: given.minorVersion)
    world.put(0, testService("svc1", clusterIP: "172.30.0.41"))
    world.put(0, slices: [testSlice([testEndpoint("10.180.0.1", node: "testnode")])])
    world.converge()
    for (i, at) in given.deliveries.enumerated() {
      // All that is due before this instant; what is due at it comes after the delivery.
      world.run(until: .zero + .milliseconds(at) - .nanoseconds(1))
      world.now = .zero + .milliseconds(at)
      world.put(0, slices: [testSlice([testEndpoint("10.180.0.\(2 + i)", node: "testnode")])])
    }
    world.run(until: .zero + .seconds(60))
    #expect(world.syncs.map(\.start) == given.starts.map { .zero + .milliseconds($0) })
  }

  /// A forced run an hour after the last one, full; up to 1.26 and in ipvs mode nothing is partial.
  @Test(arguments: [
    (ProxyMode.iptables, 36, 3600.0, SyncKind.full), (.nftables, 36, 3600, .full), (.ipvs, 36, 30, .full),
    (.iptables, 33, 3600, .full),
  ]) func anIdleProxyRunsAfterItsLongestInterval(
    mode: ProxyMode, minorVersion: Int, seconds: Double, kind: SyncKind
  ) {
    var world = ProxyWorld(
      nodes: [testNode(0, "testnode", [Address.node], testSettings { $0.mode = mode })],
      minorVersion: minorVersion)
    world.put(0, testService("svc1", clusterIP: "172.30.0.41"))
    world.converge()
    world.run(until: .zero + .seconds(Int64(seconds * 2.5)))
    #expect((2...3).contains(world.syncs.count))
    #expect(world.syncs.allSatisfy { $0.kind == kind })
    for (a, b) in zip(world.syncs, world.syncs.dropFirst()) { #expect((b.start - a.end).seconds == seconds) }
  }

  /// KEP-3453 is on by default from 1.27, nftables syncs partially from 1.32.
  @Test(arguments: [
    (ProxyMode.iptables, 26, SyncKind.full), (.iptables, 27, .partial), (.iptables, 36, .partial),
    (.nftables, 31, .full), (.nftables, 32, .partial), (.ipvs, 36, .full),
  ]) func whetherASyncIsPartialDependsOnTheVersion(mode: ProxyMode, minorVersion: Int, kind: SyncKind) {
    var world = ProxyWorld(
      nodes: [
        testNode(
          0, "testnode", [Address.node],
          testSettings {
            $0.mode = mode
            // Else a sync may be the full one that KEP-3453's beta makes every syncPeriod.
            $0.syncPeriod = .hours(10)
          })
      ], minorVersion: minorVersion)
    world.put(0, testService("svc1", clusterIP: "172.30.0.41"))
    world.converge()
    world.put(0, slices: [testSlice([testEndpoint("10.180.0.1", node: "testnode")])])
    world.run(for: .seconds(2))
    #expect(world.syncs.map(\.kind) == [kind])
  }

  /// How often a busy node syncs in full: up to 1.27 once per syncPeriod (KEP-3453), then once per hour, from
  /// 1.36 on never in a large cluster.
  @Test(arguments: [
    (27, 10, 239...241), (28, 10, 1...3), (36, 10, 1...3), (35, 1001, 1...3), (36, 1001, 0...0),
  ])
  func fullSyncsComeInTheirInterval(minorVersion: Int, endpoints: Int, expected: ClosedRange<Int>) {
    var timing = testTiming()
    timing.proxySync = .constant(0)
    var world = ProxyWorld(
      nodes: [testNode(0, "testnode", [Address.node], testSettings())], timing: timing,
      minorVersion: minorVersion)
    world.put(0, testService("svc1", clusterIP: "172.30.0.41"))
    let many = (0..<endpoints).map { testEndpoint("10.180.\($0 / 200).\(1 + $0 % 200)", node: "testnode") }
    world.put(0, slices: [testSlice(many)])
    world.put(1, testService("svc2", clusterIP: "172.30.0.42"))
    world.converge()
    for i in 0..<720 {
      world.run(until: .zero + .seconds(Int64(i * 10)))
      world.put(1, slices: [testSlice([testEndpoint("10.181.0.\(1 + i % 2)", node: "testnode")])])
    }
    world.run(for: .seconds(5))
    #expect(expected.contains(world.syncs.count { $0.kind == .full }))
  }
}
