// SPDX-License-Identifier: GPL-3.0-or-later
//
// Runs in which nodes change their proxy mode: what is lost, and to which cause.

import Cluster
import NetworkTypes
import Proxy
import SimKernel
import Testing
import Traffic

@testable import Simulation

struct MigrationRunTests {
  /// One client node; restart at 3.03 s takes 2 s, of which listing the last, and a sync 50 ms: no rules
  /// from 4.03 s to 5.08 s.
  static func world(from: ProxyMode, to: ProxyMode) -> SmallWorld {
    var w = SmallWorld(nodes: 2)
    w.addWeb(on: [1, 1, 1, 1])
    w.addService()
    w.serve()
    w.file.cluster.timing.proxyListing = .constant(1)
    var proxy = ProxySettings()
    proxy.clusterCIDR = w.file.cluster.podCIDR
    proxy.mode = from
    w.file.cluster.proxy = proxy
    proxy.mode = to
    w.at(3.03, .proxyRollout(.all(labels: [:]), proxy, ProxyRollout(every: .zero)))
    return w
  }

  static let short: [(ProxyMode, ProxyMode, Int)] = [
    // Attempts at 4.1, 4.2 ... 5.0 s; their SYNs' entries in conntrack outlive the window.
    (.iptables, .nftables, 10), (.ipvs, .nftables, 10), (.nftables, .iptables, 10), (.nftables, .ipvs, 10),
    (.iptables, .ipvs, 0), (.ipvs, .iptables, 0), (.iptables, .ebpf, 0),
  ]

  @Test(arguments: short)
  func newConnectionsAreLostWhileThereAreNoRules(_ from: ProxyMode, _ to: ProxyMode, _ lost: Int) throws {
    var w = Self.world(from: from, to: to)
    w.addClient { $0.connectTimeout = .seconds(2) }
    let result = try w.run()
    #expect(result.failures == (lost == 0 ? [] : ["connect_timeout/stale_table: \(lost)"]))
  }

  static let open: [(ProxyMode, ProxyMode, Bool)] = [
    (.iptables, .nftables, true), (.nftables, .iptables, true), (.iptables, .ipvs, true),
    // The virtual servers stay, and their connections with them.
    (.ipvs, .iptables, true),
    (.ipvs, .nftables, false), (.iptables, .ebpf, false),
  ]

  @Test(arguments: open)
  func openConnectionsSurviveWhereTheirTranslationDoes(
    _ from: ProxyMode, _ to: ProxyMode, _ survives: Bool
  ) throws {
    var w = Self.world(from: from, to: to)
    for _ in 0..<8 {
      w.addClient(every: 0.5) {
        $0.connections = .pool(size: 1, idleTimeout: nil, maxAge: nil)
        $0.start = .zero + .seconds(1)
        $0.requestTimeout = .seconds(2)
      }
    }
    let result = try w.run()
    #expect((result.count(.conntrackExpired) == 0) == survives, "\(result.failures)")
    if survives { #expect(result.failures == []) }
  }

  @Test func nodesHaveTheirTurnsOneAfterTheOther() throws {
    var w = Self.world(from: .iptables, to: .nftables)
    w.file.duration = .seconds(30)
    var proxy = w.file.cluster.proxy!
    proxy.mode = .nftables
    w.file.events = []
    w.at(3, .proxyRollout(.all(labels: [:]), proxy, ProxyRollout(every: .seconds(8))))
    let events = try w.run().events.filter { $0.action.hasPrefix("kube-proxy") }
    let told = events.map { "\($0.object) \($0.action) \($0.detail) at \(($0.time - SimTime.zero).seconds)" }
    #expect(
      told == [
        "node/node-0 kube-proxy configured nftables at 3.0",
        "node/node-0 kube-proxy restarts with other settings at 3.0",
        "node/node-0 kube-proxy removes rules of mode iptables at 4.0",
        "node/node-0 kube-proxy programs mode nftables where there were none at 5.05",
        "node/node-1 kube-proxy configured nftables at 11.0",
        "node/node-1 kube-proxy restarts with other settings at 11.0",
        "node/node-1 kube-proxy removes rules of mode iptables at 12.0",
        "node/node-1 kube-proxy programs mode nftables where there were none at 13.05",
      ])
  }

  @Test func aDrainedNodeTakesPodsAgainAfterItsRestart() throws {
    var w = Self.world(from: .iptables, to: .nftables)
    w.file.duration = .seconds(40)
    var proxy = w.file.cluster.proxy!
    proxy.mode = .nftables
    w.file.events = []
    w.at(
      3,
      .proxyRollout(
        .named("node-1"), proxy, ProxyRollout(every: .zero, drain: .seconds(10), uncordonAfter: .seconds(5))))
    let result = try w.run()
    let restarts = result.events.filter { $0.action == "kube-proxy restarts" }.map {
      ($0.time - SimTime.zero).seconds
    }
    #expect(restarts == [13])
    let cordons = result.events.filter { $0.action.contains("cordon") }.map {
      ($0.time - SimTime.zero).seconds
    }
    #expect(cordons.first == 3 && cordons.last == 18)
  }
}
