// SPDX-License-Identifier: GPL-3.0-or-later
//
// The stages behind a late table, for the connections that it lost.

import Cluster
import NetworkTypes
import Scenario
import SimKernel
import SimRandom
import Testing
import Traffic

@testable import Simulation

struct LagTests {
  private static func base(web nodes: [Int]) -> SmallWorld {
    var w = CauseCase.base(web: nodes)
    w.serve()
    w.file.network.deadPodIP = .reset
    w.file.cluster.timing.proxySync = .constant(0.25)
    return w
  }

  @Test func aDeletedPodWaitsForTheWatch() throws {
    var w = Self.base(web: [1, 1])
    w.file.cluster.timing.proxyWatch = .constant(2)
    w.at(3.05, .podDelete(.web(0)))
    w.addClient()
    let rows = try w.run().lost
    #expect(rows.count > 3 && rows.allSatisfy { $0.cause == .staleTable })
    for row in rows {
      #expect(row.kubelet == .zero)
      #expect(row.controller == .milliseconds(10))
      #expect(row.watch == .seconds(2))
      #expect(row.runnerWait == .zero)
      #expect(row.sync == .milliseconds(250))
    }
  }

  @Test func aCrashWaitsForTheKubelet() throws {
    var w = Self.base(web: [1, 1])
    w.file.cluster.timing.kubeletStatus = .constant(1.5)
    w.file.cluster.timing.podReady = .constant(3)
    w.at(3.05, .podCrash(.web(0)))
    w.addClient(every: 0.05)
    let rows = try w.run().lost
    #expect(rows.count > 3 && rows.allSatisfy { $0.cause == .staleAPI })
    for row in rows {
      #expect(row.kubelet == .milliseconds(1500))
      #expect(row.controller == .milliseconds(10))
      #expect(row.watch == .milliseconds(5))
      #expect(row.runnerWait == .zero)
      #expect(row.sync == .milliseconds(250))
    }
  }

  @Test func aChangeRightAfterASyncWaitsForMinSyncPeriod() throws {
    var w = Self.base(web: [1, 1, 1])
    w.at(3.05, .podDelete(.web(0)))
    w.at(3.45, .podDelete(.web(1)))
    w.addClient(every: 0.02)
    let rows = try w.run().lost.filter { $0.backend == "default/web-1" && $0.cause == .staleTable }
    #expect(rows.count > 3)
    // Slices at 3.46 s, delivered at 3.465 s; the sync of the first deletion ended at 3.315 s, and
    // minSyncPeriod counts from there.
    for row in rows { #expect(row.runnerWait == .milliseconds(850)) }
  }

  @Test func aFirstEndpointWaitsForTheWatch() throws {
    var w = Self.base(web: [])
    w.file.cluster.timing.proxyWatch = .constant(3)
    w.at(1.05, .apply([SmallWorld.pod("web-0", app: "web", node: 1)]))
    w.addClient {
      $0.start = .zero + .seconds(2)
      $0.stop = .zero + .seconds(4)
      $0.connectTimeout = .milliseconds(500)
    }
    let rows = try w.run().lost
    #expect(!rows.isEmpty)
    for row in rows {
      #expect(row.cause == .staleTable)
      #expect(
        row.kubelet == .zero && row.controller == .milliseconds(10), "\(String(describing: row.kubelet))")
      #expect(row.watch == .seconds(3) && row.sync == .milliseconds(250))
    }
  }

  /// Second crash of web-0 at 3.05 s, after which it stays down for ten seconds. Its news is in the API at
  /// 3.15 s, in the slices at 3.16 s, at the node at 3.165 s; a sync for web-1 ended at 3.065 s, so the next
  /// begins at 4.065 s and ends at 4.115 s.
  @Test func everyStageIsItsConstantAndTheirSumIsTheWindow() throws {
    var w = CauseCase.base(web: [1, 1, 1])
    w.serve()
    w.at(0.2, .podCrash(.web(0)))
    w.at(3, .podDelete(.web(1)))
    w.at(3.05, .podCrash(.web(0)))
    w.addClient(every: 0.011)
    let rows = try w.run().lost.filter { $0.backend == "default/web-0" && $0.start > .zero + .seconds(2) }
    let late = rows.filter { $0.cause == .staleAPI || $0.cause == .staleTable }
    #expect(late.contains { $0.cause == .staleAPI } && late.contains { $0.cause == .staleTable })
    for row in late {
      let stages = [row.kubelet, row.controller, row.watch, row.runnerWait, row.sync]
      #expect(stages == [100, 10, 5, 900, 50].map { SimDuration.milliseconds($0) })
      let sum = stages.reduce(SimDuration.zero) { $0 + ($1 ?? .zero) }
      let window = SimTime.zero + .milliseconds(3050)..<SimTime.zero + .milliseconds(3050) + sum
      #expect(window.contains(row.failedAt))
    }
    // Nothing is left over after the window, and it is full of losses up to its end.
    let last = late.map(\.failedAt).max()!
    #expect(last > .zero + .milliseconds(4000) && last < .zero + .milliseconds(4115))
  }

  @Test func aNodeThatIsCutOffWaitsForTheWatch() throws {
    var w = Self.base(web: [1, 1])
    let link = LinkTarget(from: .node("node-0"), to: .controlPlane)
    w.at(3, .partition(link, duration: .constant(2)))
    w.at(3.05, .podDelete(.web(0)))
    w.addClient()
    let rows = try w.run().lost.filter { $0.cause == .staleTable }
    #expect(rows.count > 3)
    for row in rows {
      #expect(row.kubelet == .zero && row.controller == .milliseconds(10))
      #expect([row.watch, row.runnerWait, row.sync] == [.milliseconds(3000), .zero, .milliseconds(250)])
    }
  }

  @Test func aRouteWaitsForTheNodesObjectAndThenForThePeer() throws {
    var w = Self.base(web: [1])
    w.at(3.05, .nodeAddressChange(.named("node-1"), newAddress: IPv4Address("172.18.0.99")!))
    w.addClient { $0.connectTimeout = .seconds(1) }
    let rows = try w.run().lost.filter { $0.cause == .staleRoute }
    #expect(!rows.isEmpty)
    for row in rows {
      #expect(row.kubelet == .seconds(3) && row.watch == .seconds(1))
      #expect(row.controller == nil && row.runnerWait == nil && row.sync == nil)
    }
  }

  @Test func aFormerNodeAddressWaitsForTheNodesObject() throws {
    var w = CauseCase.base { $0.type = "NodePort" }
    w.serve()
    w.at(3.05, .nodeAddressChange(.named("node-0"), newAddress: IPv4Address("172.18.0.99")!))
    w.addOutsideClient(to: .nodePort(SmallWorld.web, port: .first, node: "node-0")) {
      $0.connectTimeout = .milliseconds(500)
    }
    let rows = try w.run().lost.filter { $0.cause == .nodeAddressChanged }
    #expect(!rows.isEmpty)
    for row in rows {
      #expect(row.kubelet == .seconds(3))
      #expect([row.controller, row.watch, row.runnerWait, row.sync] == [nil, nil, nil, nil])
    }
  }

  @Test func anOldDNSAnswerPassesNoTable() throws {
    var w = CauseCase.base(web: [1, 1]) { $0.clusterIP = "None" }
    w.serve()
    w.file.network.deadPodIP = .reset
    w.at(3.05, .podDelete(.web(0)))
    w.addClient { $0.dnsCache = .seconds(20) }
    let rows = try w.run().lost.filter { $0.cause == .staleDNS }
    #expect(rows.count > 3)
    for row in rows {
      #expect(row.kubelet == .zero && row.controller == .milliseconds(10))
      #expect([row.watch, row.runnerWait, row.sync] == [nil, nil, nil])
    }
  }

  @Test func aPodThatComesWaitsForItsKubelet() throws {
    var w = Self.base(web: [])
    w.file.cluster.timing.kubeletStatus = .constant(2)
    w.at(1.05, .apply([SmallWorld.pod("web-0", app: "web", node: 1)]))
    w.addClient(every: 0.05) {
      $0.start = .zero + .milliseconds(1500)
      $0.connectTimeout = .milliseconds(100)
    }
    let result = try w.run()
    let rows = result.lost.filter { $0.cause == .staleAPI }
    #expect(rows.count > 3)
    let ready = result.events.first { $0.action == "answers" }!.time
    let written = result.events.first { $0.action == "Ready=True" }!.time
    for row in rows {
      #expect(row.kubelet == written - ready && row.controller == .milliseconds(10))
      #expect(row.watch == .milliseconds(5) && row.sync == .milliseconds(250))
      #expect(row.failedAt >= ready && row.failedAt < written + .milliseconds(10))
    }
  }

  /// The only pod is asked to go at 3.05 s and serves on as a last resort. Its process ends at 3.56 s; that
  /// is in the API at 3.66 s and in the slice at 3.67 s. The sync for the deletion ended at 3.315 s, so the
  /// next one begins at 4.315 s.
  @Test func aLastResortWaitsForTheLaterNews() throws {
    var w = Self.base(web: [1])
    w.file.servers[0].preStop = .milliseconds(500)
    w.at(3.05, .podDelete(.web(0)))
    w.addClient(every: 0.02) { $0.connectTimeout = .milliseconds(300) }
    let rows = try w.run().lost.filter { $0.cause == .staleTable || $0.cause == .staleAPI }
    #expect(rows.contains { $0.cause == .staleTable })
    for row in rows {
      let stages = [row.kubelet, row.controller, row.watch, row.runnerWait, row.sync]
      #expect(stages == [100, 10, 5, 640, 250].map { SimDuration.milliseconds($0) }, "\(row.failedAt)")
      let sum = stages.reduce(SimDuration.zero) { $0 + ($1 ?? .zero) }
      let window = SimTime.zero + .milliseconds(3560)..<SimTime.zero + .milliseconds(3560) + sum
      #expect(window.contains(row.failedAt))
    }
  }

  @Test func whatHasNothingToDoWithNewsHasNoLags() throws {
    var w = CauseCase.base(web: [])
    w.addClient()
    let rows = try w.run().lost
    #expect(!rows.isEmpty)
    for row in rows {
      #expect(row.cause == .noEndpoints)
      #expect([row.kubelet, row.controller, row.watch, row.runnerWait, row.sync].allSatisfy { $0 == nil })
    }
  }
}
