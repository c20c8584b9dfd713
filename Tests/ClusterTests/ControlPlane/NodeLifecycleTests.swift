// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the API makes of a silent node and of taints, and who reports a node's new address: input, then what
// comes when.

import NetworkTypes
import SimKernel
import SimRandom
import Testing

@testable import Cluster

@Suite struct NodeLifecycleTests {
  static let web: [APIObject] = [Small.service("web"), Small.workload(.deployment, "web", replicas: 3)]

  func taints(_ run: ClusterRun, _ name: String) -> [String] {
    run.plane.store.node(run.node(name))?.taints ?? []
  }
  func seconds(_ run: ClusterRun, _ object: String, _ action: String) -> [Double] {
    run.log.filter { $0.object == object && $0.action == action }.map(\.time.seconds)
  }

  @Test func `a silent node is closed at once, tainted for eviction, and opened again when it is back`()
    throws
  {
    let run = try ClusterRun(Small.cluster(), Self.web)
    run.perform(.nodeCrash(.named("b"), returnAfter: .constant(100), newAddress: nil))
    run.run(to: 70)
    #expect(taints(run, "b") == [ControlPlane.unreachableNoSchedule, ControlPlane.unreachableTaint])
    // 100 s without power, 20 s of boot, 0.1 s to the first status.
    run.run(to: 120.1)
    #expect(taints(run, "b") == [ControlPlane.unreachableTaint], "the monitor's next look takes this one")
    run.run(to: 125.11)
    #expect(taints(run, "b") == [])
  }

  /// tolerationSeconds of a pod's own toleration; when it is deleted after the taint. 0: not at all.
  @Test(arguments: [(nil, 0.0), (60, 60), (10, 10), (900, 900)])
  func `a pod's own toleration decides when it goes`(own: Int?, after: Double) throws {
    let toleration = Toleration(
      key: "node.kubernetes.io/unreachable", effect: "NoExecute", duration: own.map { .seconds(Int64($0)) })
    let run = try ClusterRun(
      Small.cluster(),
      [
        Small.pod("mine", app: "x", on: "b") { $0.spec.tolerations = [toleration] },
        Small.pod("plain", app: "x", on: "b"),
      ])
    run.perform(.nodeCrash(.named("b"), returnAfter: nil, newAddress: nil))
    run.run(to: 2000)
    let tainted = try #require(seconds(run, "node/b", "tainted").first)
    let gone = seconds(run, "pod/default/mine", "deletion requested").map { $0 - tainted }
    #expect(gone.count == (own == nil ? 0 : 1))
    #expect(gone.allSatisfy { abs($0 - after) < 1e-6 })
    #expect(abs(seconds(run, "pod/default/plain", "deletion requested")[0] - tainted - 300) < 1e-6)
  }

  @Test
  func `out of service: pods go at once, their objects with the collector, and new ones start elsewhere`()
    throws
  {
    let run = try ClusterRun(Small.cluster(), Self.web)
    let lost = run.plane.nodes[1].pods[0]
    run.perform(.nodeCrash(.named("b"), returnAfter: nil, newAddress: nil))
    run.run(to: 100)
    run.perform(.nodeTaint(.named("b"), taint: "node.kubernetes.io/out-of-service=nodeshutdown:NoExecute"))
    #expect(run.plane.store.pod(lost)?.metadata.deletionTimestamp != nil)
    run.run(to: 119.99)
    run.run(to: 120.01)
    #expect(run.plane.store.pod(lost) == nil, "a look every 20 s")
    run.run(to: 130)
    #expect(run.ready("web").count == 3)
  }

  @Test func `without that taint the object stays as long as its kubelet is silent`() throws {
    let run = try ClusterRun(Small.cluster(), Self.web)
    let lost = run.plane.nodes[1].pods[0]
    run.perform(.nodeCrash(.named("b"), returnAfter: nil, newAddress: nil))
    run.run(to: 3000)
    #expect(run.plane.store.pod(lost)?.metadata.deletionTimestamp != nil)
  }

  // MARK: Addresses (FACTS J)

  /// Reporter, --node-ip; seconds until the Node object has the address, nil: never.
  @Test(arguments: [
    (NodeAddressSettings.Reporter.kubelet, false, Double?(5)), (.kubelet, true, nil), (.cloud, false, 200),
    (.cloud, true, 200),
  ])
  func `who reports a new address, and when`(
    reporter: NodeAddressSettings.Reporter, isPinned: Bool, after: Double?
  ) throws {
    var settings = Small.cluster()
    settings.nodeAddresses.reporter = reporter
    settings.nodeAddresses.cloudRefresh = .constant(200)
    settings.nodes[1].pinsAddress = isPinned
    let run = try ClusterRun(settings)
    run.perform(.nodeAddressChange(.named("b"), newAddress: Small.address("172.18.0.99")))
    run.run(to: 400)
    let writes = run.times { if case .nodeObjectChanged(NodeID(1), _) = $0 { true } else { false } }
    #expect(writes == (after.map { [$0] } ?? []))
  }

  /// Routes, whether the provider replaces them; when a peer's route leads to the new address, nil: never.
  @Test(arguments: [
    (NodeAddressSettings.Routes.overlay, false, Double?(6)), (.cloud, false, nil), (.cloud, true, 12),
  ])
  func `routes follow as their owner does`(
    routes: NodeAddressSettings.Routes, isFollowed: Bool, after: Double?
  ) throws {
    var settings = Small.cluster()
    settings.nodeAddresses.routes = routes
    settings.nodeAddresses.routesFollowAddress = isFollowed
    settings.nodeAddresses.routeReconciliation = .constant(7)
    let run = try ClusterRun(settings)
    run.perform(.nodeAddressChange(.named("b"), newAddress: Small.address("172.18.0.99")))
    run.run(to: 400)
    #expect(run.times { $0 == .routeLearned(on: NodeID(0), about: NodeID(1)) } == (after.map { [$0] } ?? []))
    #expect(run.plane.allRoutesAreCurrent(to: NodeID(1)) == (after != nil))
  }

  // MARK: Return

  @Test func `a node that comes back from a partition renews its lease within the client's pause`() throws {
    // 47 s of silence against a grace period of 50 s: by the phases, some nodes are missed and some are not.
    var missed = 0
    for seed in 1...40 as ClosedRange<UInt64> {
      let run = try ClusterRun(Small.cluster(), Self.web, seed: seed)
      run.run(to: 100)
      run.perform(.partition(LinkTarget(from: .node("b"), to: .controlPlane), duration: .constant(47)))
      run.run(to: 200)
      let unknown = seconds(run, "node/b", "Ready=Unknown")
      missed += unknown.count
      #expect(unknown.allSatisfy { $0 > 139 && $0 < 154.1 })
      #expect(run.plane.store.node(run.node("b"))?.ready == .ready)
      #expect(run.ready("web").count == 3)
    }
    #expect(missed > 10 && missed < 40)
  }

  @Test func `a zone can be cut off as one`() throws {
    var settings = Small.cluster()
    settings.nodes[0].zone = "x"
    settings.nodes[1].zone = "x"
    settings.nodes[2].zone = "y"
    let run = try ClusterRun(settings, Self.web)
    run.perform(.partition(LinkTarget(from: .zone("x"), to: .controlPlane), duration: nil))
    run.run(to: 100)
    #expect(
      ["a", "b", "c"].map { run.plane.store.node(run.node($0))?.ready } == [.unknown, .unknown, .ready])
  }
}
