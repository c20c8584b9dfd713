// SPDX-License-Identifier: GPL-3.0-or-later
//
// Where the scheduler puts pods, in small clusters.

import SimKernel
import Testing

@testable import Cluster

@Suite struct SchedulerTests {
  static func cluster(
    _ names: [String], zones: [String?] = [], _ change: (inout NodeSettings) -> Void = { _ in }
  ) -> ClusterSettings {
    var settings = Small.cluster(names)
    for index in settings.nodes.indices {
      if index < zones.count { settings.nodes[index].zone = zones[index] }
      change(&settings.nodes[index])
    }
    return settings
  }

  /// Pods of `web` per node, in the order of the nodes.
  static func spread(_ run: ClusterRun) -> [Int] {
    run.plane.nodes.map { node in
      run.plane.pods.count { $0.node == node.id && run.plane.store.pod($0.id) != nil }
    }
  }

  static func web(_ replicas: Int, _ change: (inout PodScheduling) -> Void = { _ in }) -> APIObject {
    Small.workload(.deployment, "web", replicas: replicas) { change(&$0.template.scheduling) }
  }

  @Test func `replicas are spread over nodes and zones`() throws {
    let even = try ClusterRun(Self.cluster(["a", "b", "c"]), [Self.web(6)])
    #expect(Self.spread(even) == [2, 2, 2])
    let zones = try ClusterRun(Self.cluster(["a", "b", "c"], zones: ["x", "x", "y"]), [Self.web(4)])
    #expect(Self.spread(zones) == [1, 1, 2], "one node of a zone of its own gets as much as two")
  }

  struct Fit: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var scheduling: PodScheduling
    var replicas: Int
    var spread: [Int]
    var reason = ""
  }

  static func scheduling(_ change: (inout PodScheduling) -> Void) -> PodScheduling {
    var scheduling = PodScheduling()
    change(&scheduling)
    return scheduling
  }

  static let web = LabelSelector(["app": "web"])
  static let host = PodScheduler.hostnameLabel

  /// Three nodes of 2 cores and 4 GiB, 3 pods each; the third is in another zone.
  static let fits = [
    Fit(
      testDescription: "cpu", scheduling: scheduling { $0.cpuMillis = 800 }, replicas: 7, spread: [2, 2, 2],
      reason: "0/3 nodes are available: 3 Insufficient cpu"),
    Fit(
      testDescription: "memory", scheduling: scheduling { $0.memory = 3 << 30 }, replicas: 4,
      spread: [1, 1, 1], reason: "0/3 nodes are available: 3 Insufficient memory"),
    Fit(
      testDescription: "pods", scheduling: PodScheduling(), replicas: 10, spread: [3, 3, 3],
      reason: "0/3 nodes are available: 3 Too many pods"),
    Fit(
      testDescription: "host ports", scheduling: scheduling { $0.hostPorts = [HostPort(port: 80)] },
      replicas: 4, spread: [1, 1, 1],
      reason: "0/3 nodes are available: 3 node(s) didn't have free ports for the requested pod ports"),
    Fit(
      testDescription: "node affinity",
      scheduling: scheduling {
        $0.nodeTerms = [NodeSelectorTerm([NodeRequirement(key: Self.host, op: .isIn, values: ["b", "c"])])]
      }, replicas: 2, spread: [0, 1, 1]),
    Fit(
      testDescription: "anti-affinity by host",
      scheduling: scheduling { $0.antiAffinity = [PodAffinityTerm(selector: web, topologyKey: host)] },
      replicas: 4, spread: [1, 1, 1],
      reason: "0/3 nodes are available: 3 node(s) didn't match pod anti-affinity rules"),
    Fit(
      testDescription: "anti-affinity by zone",
      scheduling: scheduling {
        $0.antiAffinity = [PodAffinityTerm(selector: web, topologyKey: Node.zoneLabel)]
      }, replicas: 3, spread: [1, 0, 1],
      reason: "0/3 nodes are available: 3 node(s) didn't match pod anti-affinity rules"),
    Fit(
      testDescription: "affinity by zone: together with the first",
      scheduling: scheduling { $0.affinity = [PodAffinityTerm(selector: web, topologyKey: Node.zoneLabel)] },
      replicas: 3, spread: [2, 1, 0]),
    Fit(
      testDescription: "maxSkew 1 by zone",
      scheduling: scheduling {
        $0.spread = [
          TopologySpread(maxSkew: 1, topologyKey: Node.zoneLabel, isRequired: true, selector: web)
        ]
      }, replicas: 8, spread: [2, 2, 3],
      reason:
        "0/3 nodes are available: 1 Too many pods, 2 node(s) didn't match pod topology spread constraints"
    ),
    Fit(
      testDescription: "a preference loses to what is full",
      scheduling: scheduling {
        $0.cpuMillis = 900
        $0.preferredNodeTerms = [
          WeightedNodeTerm(
            weight: 100, term: NodeSelectorTerm([NodeRequirement(key: Self.host, op: .isIn, values: ["a"])]))
        ]
      }, replicas: 1, spread: [1, 0, 0]),
  ]

  @Test(arguments: fits) func `what pods ask for`(_ fit: Fit) throws {
    let settings = Self.cluster(["a", "b", "c"], zones: ["x", "x", "y"]) {
      $0.allocatable.cpuMillis = 2000
      $0.allocatable.memory = 4 << 30
      $0.allocatable.pods = 3
    }
    let run = try ClusterRun(settings, [Self.web(fit.replicas) { $0 = fit.scheduling }])
    #expect(Self.spread(run) == fit.spread)
    let told = run.log.filter { $0.action == "unschedulable" }.map(\.detail)
    #expect(told.count == fit.replicas - fit.spread.reduce(0, +))
    if let first = told.first { #expect(first == fit.reason) }
  }

  @Test func `a pod that waits gets the place of one that leaves`() throws {
    let settings = Self.cluster(["a"]) { $0.allocatable.cpuMillis = 1000 }
    let run = try ClusterRun(
      settings, [Self.web(2) { $0.cpuMillis = 600 }, Small.pod("x", app: "x", on: "a")])
    #expect(Self.spread(run) == [2])
    run.perform(.scale(NamespacedName(name: "web"), replicas: 1))
    run.run(to: 5)
    #expect(run.podNames().count == 2, "the one that never got a node goes first")
    run.perform(.scale(NamespacedName(name: "web"), replicas: 2))
    let running = run.podNames().first { run.object($0)?.status.isReady == true && $0 != "x" }!
    run.perform(.podDelete(.named(NamespacedName(name: running))))
    run.run(to: 40)
    #expect(run.podNames().count { run.object($0)?.status.isReady == true } == 2)
  }

  @Test func `a taint that only puts off is avoided while there is another node`() throws {
    let run = try ClusterRun(Self.cluster(["a", "b"]), [])
    var node = run.plane.store.node(run.node("a"))!
    node.taints = ["slow:PreferNoSchedule"]
    run.perform(.apply([.node(node), Self.web(2)]))
    run.run(to: 10)
    #expect(Self.spread(run) == [0, 2])
  }
}
