// SPDX-License-Identifier: GPL-3.0-or-later
//
// The stages behind a late table, for the connections that it lost.

import Cluster
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
    // Slices at 3.46 s, delivered at 3.465 s; the sync of the first deletion ended at 3.315 s, and minSyncPeriod
    // counts from there.
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
      #expect(row.kubelet == nil && row.controller == nil)
      #expect(row.watch == .seconds(3) && row.sync == .milliseconds(250))
    }
  }
}
