// SPDX-License-Identifier: GPL-3.0-or-later
//
// What ipvs mode does to whole connections: those that idle too long, those that policy Local sends astray,
// and those whose server drains or goes.

import Cluster
import NetworkTypes
import Scenario
import SimKernel
import Testing
import Traffic

@testable import Simulation

struct IPVSTests {
  private static func world(nodes: Int = 2, duration: SimDuration = .seconds(10), _ mode: ProxyMode = .ipvs)
    -> SmallWorld
  {
    var w = SmallWorld(nodes: nodes, duration: duration)
    w.file.setMode(of: mode)
    return w
  }

  /// A pooled connection is used every 950 s: conntrack remembers it for a day, ipvs for 15 min.
  @Test(
    "a pooled connection that idles longer than 900 s is reset in ipvs mode only",
    arguments: [
      (ProxyMode.ipvs, SimDuration.zero, true), (.ipvs, .seconds(7200), false), (.iptables, .zero, false),
    ])
  func idleConnections(_ mode: ProxyMode, _ tcpTimeout: SimDuration, _ isLost: Bool) throws {
    var w = Self.world(duration: .seconds(4000), mode)
    w.file.cluster.proxy?.ipvs.tcpTimeout = tcpTimeout
    w.addWeb(on: [1])
    w.addService()
    w.serve()
    w.addClient(every: 950) { $0.connections = .pool(size: 1, idleTimeout: nil, maxAge: nil) }
    let result = try w.run()
    #expect(result.failures == (isLost ? ["reset/conntrack_expired: \(result.count(.reset))"] : []))
    #expect((result.count(.reset) > 0) == isLost)
    #expect(result.count(.completed) > 0)
  }

  @Test func repliesOfAFallbackPastTheNodeAreThrownAway() throws {
    var w = Self.world(duration: .seconds(5))
    w.addWeb(on: [1])
    w.addService {
      $0.type = "NodePort"
      $0.externalTrafficPolicy = "Local"
    }
    w.serve()
    w.addOutsideClient(to: .nodePort(SmallWorld.web, port: .first, node: "node-0"), every: 0.5) {
      $0.connectTimeout = .seconds(1)
    }
    w.addOutsideClient(to: .nodePort(SmallWorld.web, port: .first, node: "node-1"), every: 0.5)
    let result = try w.run()
    #expect(result.count(.completed) == 9)
    #expect(result.failures == ["connect_timeout/local_policy: 9"])
  }

  /// A pod that drains keeps its open connections until they end by themselves.
  @Test func connectionsOfADrainingServerGoOn() throws {
    var w = Self.world(duration: .seconds(20))
    w.addWeb(on: [1, 1])
    w.addService()
    w.serve {
      $0.onTermination = .drain
      $0.drain = .seconds(8)
      $0.preStop = .seconds(8)
    }
    w.addClient {
      $0.requests = .constant(5)
      $0.requestGap = .constant(0.5)
    }
    w.at(5.033, .podDelete(.web(0)))
    let result = try w.run()
    #expect(result.failures == [])
    #expect(result.count(.completed) > 150)
  }

  /// One connection, begun before its Service goes and used long after that. Its server lives all the time.
  @Test(
    "an open connection outlives its Service, but not in ipvs mode, where its real server goes with it",
    arguments: [
      (ProxyMode.iptables, KernelVersion(6, 1), []), (.nftables, KernelVersion(6, 1), []),
      (.ebpf, KernelVersion(6, 1), []),
      (.ipvs, KernelVersion(6, 1), ["broken/conntrack_expired: 1"]),
      (.ipvs, KernelVersion(5, 4), ["broken/conntrack_expired: 1"]),
    ] as [(ProxyMode, KernelVersion, [String])])
  func deletedService(_ mode: ProxyMode, _ kernel: KernelVersion, _ failures: [String]) throws {
    var w = Self.world(duration: .seconds(4), mode)
    w.file.cluster.proxy?.ipvs.kernelVersion = kernel
    w.addWeb(on: [1])
    w.addService()
    w.serve()
    w.addClient(every: 3) {
      $0.requests = .constant(20)
      $0.requestGap = .constant(0.3)
    }
    w.at(3.5, .delete(.service, SmallWorld.web))
    let result = try w.run()
    #expect(result.failures == failures)
    #expect(result.count(.completed) == (failures.isEmpty ? 1 : 0))
  }
}
