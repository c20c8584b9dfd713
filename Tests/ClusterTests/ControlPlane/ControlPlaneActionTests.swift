// SPDX-License-Identifier: GPL-3.0-or-later
//
// Planned and random churn, and a long storm of everything after which the cluster must be whole again.

import NetworkTypes
import SimKernel
import SimRandom
import Testing

@testable import Cluster

@Suite struct ControlPlaneActionTests {
  static let web: [APIObject] = [Small.service("web"), Small.workload(.deployment, "web", replicas: 6)]
  static let anyWeb = PodTarget.random(namespace: "default", labels: ["app": "web"])

  @Test func `planned actions come at their times`() throws {
    let run = try ClusterRun(Small.cluster(), Self.web)
    run.actions(
      [
        TimedAction(at: .zero + .seconds(20), action: .nodeCordon(.named("a"))),
        TimedAction(at: .zero + .seconds(10), action: .scale(NamespacedName(name: "web"), replicas: 2)),
      ], duration: .seconds(60))
    run.run(to: 60)
    let entries = run.log.filter { ["cordoned", "scaled"].contains($0.action) }
    #expect(entries.map(\.time.seconds) == [10, 20])
    #expect(run.podNames().count == 2)
  }

  @Test func `the times of a random process do not depend on the cluster`() throws {
    let process = RandomProcess(name: "kill", every: .exponential(mean: 5), action: .podDelete(Self.anyWeb))
    func times(_ settings: ClusterSettings, seed: UInt64) throws -> [Double] {
      let run = try ClusterRun(settings, Self.web, seed: seed)
      run.actions([], [process], duration: .seconds(300))
      run.run(to: 400)
      return run.log.filter { $0.action == "deletion requested" }.map(\.time.seconds)
    }
    var slow = Small.cluster(["a", "b", "c", "d", "e"])
    slow.timing.podStart = .constant(0.3)
    let first = try times(Small.cluster(), seed: 1)
    #expect(try times(slow, seed: 1) == first)
    #expect(try times(slow, seed: 2) != first)
    #expect(first.count > 30 && first.count < 90)
    #expect(first.last! < 300)
  }

  @Test func `a process keeps to its window and limit`() throws {
    let run = try ClusterRun(Small.cluster(), Self.web)
    let window = RandomProcess(
      name: "w", every: .constant(1), from: .zero + .seconds(10), until: .zero + .milliseconds(13_500),
      action: .podDelete(Self.anyWeb))
    let limited = RandomProcess(
      name: "l", every: .constant(2), from: .zero + .seconds(100), limit: 3, action: .podDelete(Self.anyWeb))
    run.actions([], [window, limited], duration: .seconds(1000))
    run.run(to: 1000)
    let times = run.log.filter { $0.action == "deletion requested" }.map(\.time.seconds)
    #expect(times == [11, 12, 13, 102, 104, 106])
  }

  @Test func `a process without time between occurrences does not stop the clock`() throws {
    let run = try ClusterRun(Small.cluster(["a"]), [])
    let process = RandomProcess(
      name: "z", every: .constant(0), until: .zero + .milliseconds(1), action: .nodeCordon(.named("a")))
    run.actions([], [process], duration: .seconds(1))
    run.run(to: 1)
    #expect(run.log.count == 1)
  }

  @Test func `random targets hit every candidate and nothing else`() throws {
    let run = try ClusterRun(Small.cluster(), Self.web + [Small.pod("other", app: "x")])
    let process = RandomProcess(
      name: "p", every: .constant(1), action: .podUnready(Self.anyWeb, duration: .constant(0.1)))
    run.actions([], [process], duration: .seconds(200))
    run.run(to: 200)
    let hits = Dictionary(grouping: run.log.filter { $0.action == "probe fails" }, by: \.object).mapValues(
      \.count)
    #expect(hits.count == 6)
    #expect(hits["pod/default/other"] == nil)
    // 199 draws over 6: mean 33.2, standard deviation 5.3; five of them on either side.
    #expect(hits.values.allSatisfy { $0 > 7 && $0 < 60 })
  }

  @Test func `kube-proxy restarts with what its configuration says by then`() throws {
    let run = try ClusterRun(Small.cluster(), [])
    var settings = ProxySettings()
    settings.mode = .nftables
    run.perform(.proxyConfigure(.named("a"), settings, restart: false))
    #expect(run.changes.isEmpty)
    #expect(run.plane.nodes[0].proxy.mode == .iptables)
    run.perform(.proxyRestart(.all(labels: [:])))
    #expect(
      run.changes.map(\.change) == [
        .proxyRestart(NodeID(0), settings), .proxyRestart(NodeID(1), nil), .proxyRestart(NodeID(2), nil),
      ])
    #expect(run.plane.nodes[0].proxy.mode == .nftables)
  }

  @Test func `a degraded link recovers after its time`() throws {
    let run = try ClusterRun(Small.cluster(), Self.web)
    let link = LinkTarget(from: .node("a"), to: .outside)
    run.perform(.linkDegrade(link, delay: .constant(0.1), loss: 0.2, duration: .constant(3)))
    run.run(to: 10)
    #expect(run.changes.map(\.time.seconds) == [0, 3])
    #expect(
      run.changes.map(\.change)
        == [true, false].map {
          .link(link, delay: .constant(0.1), loss: 0.2, partitioned: false, active: $0)
        })
  }

  @Test func `actions on what is not there are ignored`() throws {
    let run = try ClusterRun(Small.cluster(), [])
    run.perform(.nodeCrash(.named("nobody"), returnAfter: nil, newAddress: nil))
    run.perform(.podDelete(.named(NamespacedName(name: "nobody"))))
    run.perform(.podCrash(Self.anyWeb))
    run.perform(.scale(NamespacedName(name: "nobody"), replicas: 3))
    run.perform(.rollout(NamespacedName(name: "nobody")))
    for kind in ObjectKind.allCases { run.perform(.delete(kind, NamespacedName(name: "nobody"))) }
    run.perform(.nodeReturn(.named("a"), newAddress: nil))
    #expect(run.changes.isEmpty)
  }

  // MARK: Storm

  static let storm: [RandomProcess] = {
    let node = NodeTarget.random(labels: [:])
    func process(_ name: String, _ mean: Double, _ action: ClusterAction) -> RandomProcess {
      RandomProcess(name: name, every: .exponential(mean: mean), action: action)
    }
    return [
      process("delete", 3, .podDelete(anyWeb)), process("crash", 7, .podCrash(anyWeb)),
      process("unready", 5, .podUnready(anyWeb, duration: .exponential(mean: 4))),
      process("down", 90, .nodeCrash(node, returnAfter: .exponential(mean: 60), newAddress: nil)),
      process("reboot", 120, .nodeReboot(node, downFor: .constant(5), newAddress: nil)),
      process(
        "cut", 80,
        .partition(LinkTarget(from: .node("c"), to: .controlPlane), duration: .exponential(mean: 40))),
      process("roll", 100, .rollout(NamespacedName(name: "web"))),
      process("roll db", 150, .rollout(NamespacedName(name: "db"))),
      process("drain", 130, .nodeDrain(node)), process("uncordon", 60, .nodeUncordon(.all(labels: [:]))),
      process("renumber", 100, .nodeAddressChange(.named("a"), newAddress: IPv4Address("172.18.9.9")!)),
    ]
  }()

  func stormed(seed: UInt64) throws -> ClusterRun {
    var settings = Small.cluster(["a", "b", "c", "d"])
    settings.timing = TimingSettings()
    let run = try ClusterRun(
      settings, Self.web + [Small.service("db"), Small.workload(.statefulSet, "db", replicas: 3)], seed: seed
    ) { _, labels in PodBehaviour(preStop: .seconds(2), exitDelay: labels["app"] == "db" ? nil : .seconds(1))
    }
    run.actions([], Self.storm, duration: .seconds(1500))
    run.run(to: 1500)
    return run
  }

  @Test(arguments: [1, 2, 3, 4] as [UInt64])
  func `after a storm the cluster is whole again`(seed: UInt64) throws {
    let run = try stormed(seed: seed)
    // It was one: each of these came several times.
    for action in [
      "crashed", "down", "shutdown", "Ready=Unknown", "partitioned", "rollout", "drain", "removed",
    ] {
      #expect(run.log.count { $0.action == action } >= 5, "\(action)")
    }
    run.perform(.nodeReturn(.all(labels: [:]), newAddress: nil))
    run.perform(.nodeUncordon(.all(labels: [:])))
    run.run(to: 3000)
    run.perform(.nodeReturn(.all(labels: [:]), newAddress: nil))
    run.run(to: 4500)
    #expect(run.podNames().count == 9, "\(run.podNames())")
    let addresses = run.plane.pods.filter { $0.hasProcess && $0.labels["app"] == "web" }
      .map { $0.address!.description }.sorted()
    #expect(run.ready("web") == addresses && addresses.count == 6)
    #expect(run.ready("db").count == 3)
    for node in run.plane.nodes {
      #expect(node.isUp && run.plane.store.node(node.id)?.ready == .ready)
      #expect(run.plane.store.node(node.id)?.internalIPs == node.addresses)
      #expect(node.deferred.isEmpty && node.outdatedRoutes.isEmpty)
      #expect(node.addressPool.takenCount == node.pods.count)
    }
  }

  @Test func `the same seed gives the same history, another one another`() throws {
    let (first, second) = (try stormed(seed: 5), try stormed(seed: 5))
    #expect(first.log == second.log)
    #expect(first.changes.map(\.change) == second.changes.map(\.change))
    #expect(try stormed(seed: 6).log != first.log)
  }
}
