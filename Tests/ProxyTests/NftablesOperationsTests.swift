// SPDX-License-Identifier: GPL-3.0-or-later
//
// Operations per change as upstream's TestSyncProxyRulesRepeated counts them (FACTS D2), for the layout that
// it tests and for that of 1.36.

import Cluster
import NetworkTypes
import SimKernel
import Testing

@testable import Proxy

/// A change and what its sync sends: operations of the rules' transaction, and of the cleanup before it.
private struct ChangeCase: CustomTestStringConvertible {
  var testDescription: String
  var change: @Sendable (inout ProxyWorld) -> Void
  /// By layout: up to 1.35, from 1.36.
  var operations: (Int, Int)
  var cleanup: (Int, Int) = (0, 0)
}

private func web(_ id: Int) -> Service { testService("svc\(id)", clusterIP: "172.30.0.4\(id)") }

private func put(_ world: inout ProxyWorld, _ id: Int, _ addresses: [String]) {
  let endpoints = addresses.map { testEndpoint($0, node: "elsewhere") }
  world.put(id, slices: [testSlice(endpoints, ports: [EndpointPort(port: 80, protocol: "TCP")])])
}

@Suite struct NftablesOperationsTests {
  private static let changes: [ChangeCase] = [
    ChangeCase(
      testDescription: "new Service with one endpoint",
      change: { world in
        world.put(4, web(4))
        put(&world, 4, ["10.0.4.1"])
      }, operations: (10, 5)),
    ChangeCase(testDescription: "Service deleted", change: { $0.put(4, nil) }, operations: (4, 3)),
    ChangeCase(
      testDescription: "new Service without endpoints", change: { $0.put(3, web(3)) }, operations: (2, 2),
      cleanup: (2, 1)),
    ChangeCase(
      testDescription: "its first endpoint arrives", change: { put(&$0, 3, ["10.0.3.1"]) },
      operations: (10, 5)),
    ChangeCase(
      testDescription: "endpoint replaced", change: { put(&$0, 3, ["10.0.3.2"]) }, operations: (9, 3)),
    ChangeCase(
      testDescription: "second endpoint added", change: { put(&$0, 3, ["10.0.3.2", "10.0.3.3"]) },
      operations: (12, 3), cleanup: (1, 0)),
    ChangeCase(
      testDescription: "all endpoints removed", change: { put(&$0, 3, []) }, operations: (5, 3)),
    ChangeCase(
      testDescription: "endpoints back before the chains were deleted",
      change: { put(&$0, 3, ["10.0.3.2", "10.0.3.3"]) }, operations: (14, 5)),
  ]

  /// Upstream's base: two Services with an endpoint each.
  private static func start(minorVersion: Int) -> ProxyWorld {
    let settings = testSettings {
      $0.mode = .nftables
      $0.minSyncPeriod = .zero
    }
    var world = ProxyWorld(
      nodes: [testNode(0, "testnode", [Address.node], settings)], minorVersion: minorVersion)
    for id in 1...2 {
      world.put(id, web(id))
      put(&world, id, ["10.0.\(id).1"])
    }
    world.converge()
    world.run(for: .seconds(10))
    return world
  }

  @Test(arguments: [35, 36])
  func aChangeCostsItsElementsAndTheChainsItTouches(minorVersion: Int) throws {
    var world = Self.start(minorVersion: minorVersion)
    for change in Self.changes {
      world.syncs.removeAll()
      change.change(&world)
      // Changes are a second and more apart, but for the last one, which comes before chains are old enough.
      world.run(for: change.testDescription == "all endpoints removed" ? .milliseconds(500) : .seconds(3))
      let sync = try #require(world.syncs.first, "\(change.testDescription)")
      #expect(world.syncs.count == 1, "\(change.testDescription)")
      let isOld = minorVersion == 35
      let expected =
        (isOld ? change.operations.0 : change.operations.1) + (isOld ? change.cleanup.0 : change.cleanup.1)
      #expect(sync.rulesWritten == expected, "\(change.testDescription)")
      #expect(sync.kind == .partial)
    }
    #expect(world.fleet.processes[0].staleChains.isEmpty)
  }

  @Test func affinitySetsAndLocalHairpinsCount() throws {
    var world = Self.start(minorVersion: 36)
    world.syncs.removeAll()
    world.put(
      4,
      testService("svc4", clusterIP: "172.30.0.44") {
        $0.spec.sessionAffinity = "ClientIP"
        $0.spec.affinityTimeoutSeconds = 100
      })
    world.put(
      4,
      slices: [
        testSlice(
          [testEndpoint("10.0.4.1", node: "testnode")], ports: [EndpointPort(port: 80, protocol: "TCP")])
      ])
    world.run(for: .seconds(3))
    // Elements of cluster-ips, service-ips and hairpin-connections; one affinity set; the service chain
    // with a check and a choice, the endpoint chain with two rules.
    #expect(world.syncs.map(\.rulesWritten) == [3 + 1 + 4 + 4])
    // Another Service with the same endpoint needs no hairpin of its own, and its end leaves this one's.
    world.put(5, web(5))
    world.put(
      5,
      slices: [
        testSlice(
          [testEndpoint("10.0.4.1", node: "testnode")], ports: [EndpointPort(port: 80, protocol: "TCP")])
      ])
    world.run(for: .seconds(3))
    #expect(world.syncs.last?.rulesWritten == 2 + 3)
    world.put(5, nil)
    world.run(for: .seconds(3))
    #expect(world.syncs.last?.rulesWritten == 2 + 1)
    world.put(4, nil)
    world.run(for: .seconds(3))
    // Three elements, one set, two chains flushed; one stale chain of the Service before deleted.
    #expect(world.syncs.last?.rulesWritten == 3 + 1 + 2 + 1)
  }

  @Test func aProcessBeginsWithAFullSyncThatSkipsWhatIsThere() throws {
    var world = Self.start(minorVersion: 35)
    world.syncs.removeAll()
    world.fleet.restart(NodeID(0), settings: nil, at: world.now, into: &world.output)
    world.take()
    // Upstream's TestSyncProxyRulesStartup: a second endpoint of one Service, and a Service without any.
    put(&world, 1, ["10.0.1.1", "10.0.1.2"])
    world.put(3, web(3))
    world.run(for: .seconds(10))
    let sync = try #require(world.syncs.first)
    #expect(sync.kind == .full)
    var table = world.fleet.nftablesRules(world.fleet.tables[0].nat)
    #expect(sync.rulesWritten == table.setupOperations(isFirst: true) + 14)
    // A partial sync after it sends nothing of the frame.
    put(&world, 1, ["10.0.1.1"])
    world.run(for: .seconds(3))
    table = world.fleet.nftablesRules(world.fleet.tables[0].nat)
    #expect(world.syncs.last?.kind == .partial)
    #expect(world.syncs.last?.rulesWritten == 8 + 1)
  }
}
