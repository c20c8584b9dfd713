// SPDX-License-Identifier: GPL-3.0-or-later
//
// Nodes: crash and its detection, eviction, reboot, return with another address, routes, drain, join,
// delete, and being cut off from the control plane.

import NetworkTypes
import SimKernel
import SimRandom
import Testing

@testable import Cluster

@Suite struct ControlPlaneNodeTests {
  static let web: [APIObject] = [Small.service("web"), Small.workload(.deployment, "web", replicas: 3)]

  func isNodeWrite(_ change: ClusterChange) -> Bool {
    if case .nodeObjectChanged = change { true } else { false }
  }

  @Test(arguments: [(31, 30.0, 45.0), (36, 40.0, 55.0)])
  func `a crash reaches the slices after the grace period, all pods at once`(
    minor: Int, earliest: Double, latest: Double
  ) throws {
    var settings = Small.cluster()
    settings.minorVersion = minor
    for seed in 1...20 as ClosedRange<UInt64> {
      let run = try ClusterRun(settings, Self.web, seed: seed)
      run.run(to: 100)
      run.perform(.nodeCrash(.named("b"), returnAfter: nil, newAddress: nil))
      #expect(run.ready("web").count == 3, "the API knows nothing yet")
      run.run(to: 200)
      let noticed = try #require(run.times(of: isNodeWrite).first) - 100
      #expect(noticed >= earliest && noticed <= latest)
      #expect(run.ready("web") == ["10.244.0.2", "10.244.2.2"])
      let slices = run.times { if case .slicesChanged = $0 { true } else { false } }
      #expect(abs(slices[0] - 100 - noticed - 0.02) < 1e-6)
      #expect(run.plane.store.node(run.node("b"))?.ready == .unknown)
    }
  }

  @Test func `after the toleration pods are evicted and made anew elsewhere, the old ones stay terminating`()
    throws
  {
    let run = try ClusterRun(Small.cluster(), Self.web)
    let lost = run.plane.nodes[1].pods[0]
    run.perform(.nodeCrash(.named("b"), returnAfter: nil, newAddress: nil))
    run.run(to: 340)
    #expect(run.podNames().count == 3)
    run.run(to: 400)
    #expect(run.podNames().filter { $0.hasPrefix("-") } == ["-" + run.plane.pods[lost.index].name.name])
    #expect(run.podNames().count == 4)
    #expect(run.ready("web").count == 3)
    #expect(!run.ready("web").contains("10.244.1.2"))
    // The machine comes back: the evicted pod goes at last.
    run.perform(.nodeReturn(.named("b"), newAddress: nil))
    run.run(to: 450)
    #expect(run.podNames().count == 3)
    #expect(run.plane.store.node(run.node("b"))?.ready == .ready)
    #expect(run.plane.nodes[1].pods.isEmpty)
  }

  @Test func `a node that returns before it is missed restarts its pods with new addresses`() throws {
    let run = try ClusterRun(Small.cluster(), Self.web)
    let pod = run.plane.nodes[1].pods[0]
    run.run(to: 10)
    run.perform(.nodeCrash(.named("b"), returnAfter: .constant(5), newAddress: nil))
    #expect(run.times { $0 == .podProcessEnded(pod, crashed: true) } == [10])
    run.run(to: 100)
    // 5 s without power, 20 s of boot, then a new sandbox.
    #expect(run.times { $0 == .nodeUp(NodeID(1)) } == [35])
    #expect(run.times { $0 == .podAddressReleased(pod, Small.address("10.244.1.2")) } == [35])
    #expect(run.times { $0 == .podAddressAssigned(pod, Small.address("10.244.1.3")) } == [36])
    #expect(run.ready("web") == ["10.244.0.2", "10.244.1.3", "10.244.2.2"])
    #expect(run.plane.store.pod(pod)?.status.restartCount == 1)
    #expect(run.plane.store.node(NodeID(1))?.ready == .ready)
  }

  @Test func `a node that returns after it was missed becomes ready with its pods`() throws {
    let run = try ClusterRun(Small.cluster(), Self.web)
    run.perform(.nodeCrash(.named("b"), returnAfter: .constant(100), newAddress: nil))
    run.run(to: 110)
    #expect(run.plane.store.node(NodeID(1))?.ready == .unknown)
    run.run(to: 130)
    #expect(run.plane.store.node(NodeID(1))?.ready == .ready)
    #expect(run.plane.store.node(NodeID(1))?.taints == [])
    #expect(run.ready("web").count == 3)
    run.run(to: 600)
    #expect(run.podNames().count == 3, "the eviction is off")
  }

  @Test func `a reboot ends processes in order, then the machine is down and comes back renumbered`() throws {
    let run = try ClusterRun(Small.cluster(), Self.web) { _, _ in PodBehaviour(exitDelay: .seconds(3)) }
    let pod = run.plane.nodes[1].pods[0]
    let new = Small.address("172.18.0.77")
    run.perform(.nodeReboot(.named("b"), downFor: .constant(10), newAddress: new))
    run.run(to: 32)
    #expect(run.ready("web").count == 3, "its kubelet stopped without a word")
    run.run(to: 60)
    #expect(run.times { $0 == .podTerminationSignal(pod) } == [0])
    #expect(run.times { $0 == .podProcessEnded(pod, crashed: false) } == [3])
    #expect(run.times { $0 == .nodeDown(NodeID(1)) } == [3])
    #expect(run.times { $0 == .nodeUp(NodeID(1)) } == [33])
    #expect(run.plane.nodes[1].primaryAddress == new)
    #expect(run.plane.store.node(NodeID(1))?.internalIPs == [new])
    #expect(run.ready("web").count == 3)
  }

  @Test func `an address change goes kubelet, Node object, peers' routes`() throws {
    let run = try ClusterRun(
      Small.cluster(),
      [Small.service("host"), Small.pod("h", app: "host", on: "b") { $0.spec.hostNetwork = true }])
    let (a, b) = (NodeID(0), NodeID(1))
    let (old, new) = (Small.address("172.18.0.3"), Small.address("172.18.0.99"))
    #expect(run.ready("host") == ["172.18.0.3"])
    run.perform(.nodeAddressChange(.named("b"), newAddress: new))
    #expect(run.times { $0 == .nodeAddressChanged(b, old: old, new: new) } == [0])
    run.run(to: 4.9)
    #expect(run.plane.store.node(b)?.internalIPs == [old])
    run.run(to: 5.9)
    #expect(run.plane.store.node(b)?.internalIPs == [new])
    #expect(run.plane.nextHop(on: a, to: b) == old)
    #expect(run.plane.nextHop(on: b, to: b) == new)
    run.run(to: 60)
    #expect(run.plane.nextHop(on: a, to: b) == new)
    #expect(run.times { $0 == .routeLearned(on: a, about: b) } == [6])
    #expect(run.ready("host") == ["172.18.0.3"], "a hostNetwork pod's IP never follows (FACTS J)")
    #expect(run.plane.pods[run.pod("h")!.index].address == new)
  }

  @Test func `a drain cordons and moves all but a DaemonSet's pods`() throws {
    let run = try ClusterRun(Small.cluster(), Self.web + [Small.workload(.daemonSet, "agent", replicas: 0)])
    #expect(run.podNames().filter { $0.hasPrefix("agent") }.count == 3)
    run.perform(.nodeDrain(.named("b")))
    run.run(to: 30)
    #expect(run.plane.nodes[1].pods.map { run.plane.pods[$0.index].name.name.prefix(5) } == ["agent"])
    #expect(run.ready("web").count == 3)
    #expect(run.plane.store.node(NodeID(1))?.isUnschedulable == true)
    run.perform(.nodeUncordon(.named("b")))
    run.perform(.scale(NamespacedName(name: "web"), replicas: 4))
    run.run(to: 60)
    #expect(run.plane.nodes[1].pods.count == 2)
  }

  @Test func `a node that joins gets a block, routes, its DaemonSet pod, and is heard of`() throws {
    let run = try ClusterRun(Small.cluster(), [Small.workload(.daemonSet, "agent", replicas: 0)])
    run.run(to: 10)
    run.perform(.nodeJoin(NodeSettings(name: "d")))
    let d = run.node("d")
    #expect(run.plane.nodes[d.index].podCIDR == IPv4CIDR("10.244.3.0/24"))
    #expect(run.plane.nodes[d.index].primaryAddress == IPv4Address("172.18.0.5"))
    #expect(run.plane.nextHop(on: NodeID(0), to: d) == nil)
    #expect(run.plane.nextHop(on: d, to: NodeID(0)) == IPv4Address("172.18.0.2"))
    run.run(to: 20)
    #expect(run.times { $0 == .nodeJoined(d) } == [10])
    #expect(run.plane.nextHop(on: NodeID(0), to: d) == IPv4Address("172.18.0.5"))
    #expect(run.plane.store.node(d)?.ready == .ready)
    #expect(run.plane.nodes[d.index].pods.count == 1)
  }

  @Test func `a node that is to join later is no member before`() throws {
    var settings = Small.cluster(["a", "b"])
    settings.nodes[1].joinsAtStart = false
    let run = try ClusterRun(settings, Self.web)
    #expect(run.plane.apiView().nodes.map(\.metadata.name) == ["a"])
    #expect(run.plane.nodes[0].pods.count == 3)
    run.perform(.nodeJoin(NodeSettings(name: "b")))
    run.run(to: 5)
    #expect(run.plane.nodes.count == 2)
    #expect(run.plane.apiView().nodes.map(\.metadata.name) == ["a", "b"])
  }

  @Test func `pods of a deleted node are collected and their processes end`() throws {
    let run = try ClusterRun(Small.cluster(), Self.web)
    let pod = run.plane.nodes[1].pods[0]
    run.perform(.nodeDelete(.named("b")))
    run.run(to: 39)
    #expect(run.plane.store.pod(pod) != nil)
    run.run(to: 65)
    #expect(run.plane.store.pod(pod) == nil)
    #expect(run.times { $0 == .podTerminationSignal(pod) }.count == 1)
    #expect(run.ready("web").count == 3)
    #expect(run.plane.nodes[1].pods.isEmpty)
    #expect(run.plane.nodes[1].isUp)
  }

  @Test func `a cut-off node keeps serving, is taken for lost, and catches up afterwards`() throws {
    let run = try ClusterRun(Small.cluster(), Self.web)
    let link = LinkTarget(from: .node("b"), to: .controlPlane)
    run.perform(.partition(link, duration: .constant(120)))
    let isLinkChange: (ClusterChange) -> Bool = { if case .link = $0 { true } else { false } }
    #expect(run.times(of: isLinkChange) == [0])
    run.run(to: 100)
    let pod = run.plane.nodes[1].pods[0]
    #expect(run.plane.pods[pod.index].isReadyInReality)
    #expect(run.ready("web").count == 2)
    run.perform(.podDelete(.named(run.plane.pods[pod.index].name)))
    run.run(to: 119)
    #expect(run.plane.pods[pod.index].process == .running, "its kubelet cannot know")
    run.run(to: 140)
    #expect(run.times(of: isLinkChange) == [0, 120])
    #expect(run.plane.store.pod(pod) == nil)
    #expect(run.plane.store.node(NodeID(1))?.ready == .ready)
    #expect(run.ready("web").count == 3)
  }

  @Test func `a short partition changes nothing in the API`() throws {
    let run = try ClusterRun(Small.cluster(), Self.web)
    run.perform(.partition(LinkTarget(from: .controlPlane, to: .anyNode), duration: .constant(20)))
    run.run(to: 200)
    #expect(run.changes.count == 2, "the link's begin and end")
  }

  @Test func `a node that boots without the API server starts its pods when it is back`() throws {
    let run = try ClusterRun(Small.cluster(), Self.web)
    let pod = run.plane.nodes[1].pods[0]
    run.perform(.partition(LinkTarget(from: .node("b"), to: .controlPlane), duration: .constant(60)))
    run.perform(.nodeCrash(.named("b"), returnAfter: .constant(5), newAddress: nil))
    run.run(to: 59)
    #expect(run.times { $0 == .nodeUp(NodeID(1)) } == [25])
    #expect(run.plane.pods[pod.index].process == .ended)
    #expect(run.plane.pods[pod.index].address == nil)
    run.run(to: 70)
    #expect(run.times { $0 == .podProcessStarted(pod) } == [61])
    #expect(run.ready("web").count == 3)
  }

  @Test func `a crash during a shutdown is a crash`() throws {
    let run = try ClusterRun(Small.cluster(), Self.web) { _, _ in PodBehaviour(exitDelay: nil) }
    run.perform(.nodeReboot(.named("b"), downFor: .constant(10), newAddress: nil))
    run.run(to: 5)
    run.perform(.nodeCrash(.named("b"), returnAfter: .constant(1), newAddress: nil))
    run.run(to: 200)
    #expect(run.times { $0 == .nodeDown(NodeID(1)) } == [5])
    #expect(run.times { $0 == .nodeUp(NodeID(1)) } == [26])
    #expect(run.ready("web").count == 3)
  }

  @Test func `a deleted machine that joins again is a member again`() throws {
    let run = try ClusterRun(Small.cluster(), Self.web)
    run.perform(.nodeDelete(.named("b")))
    run.perform(.nodeCrash(.named("b"), returnAfter: nil, newAddress: nil))
    run.run(to: 100)
    run.perform(.nodeJoin(NodeSettings(name: "b")))
    run.run(to: 130)
    #expect(run.plane.store.node(NodeID(1))?.ready == .ready)
    #expect(run.plane.nodes.count == 3)
    #expect(run.plane.nodes[1].pods.isEmpty)
    #expect(run.ready("web").count == 3)
  }

  @Test func `control plane nodes take no pods where there are others`() throws {
    var settings = Small.cluster(["cp", "w"])
    settings.nodes[0].roles = ["control-plane"]
    let run = try ClusterRun(settings, Self.web)
    #expect(run.plane.nodes.map(\.pods.count) == [0, 3])
    #expect(run.endpoints("kubernetes").map(\.addresses) == [["172.18.0.2"]])
    #expect(run.plane.store.service(run.service("kubernetes"))?.spec.clusterIP == "10.96.0.1")
    var single = Small.cluster(["cp"])
    single.nodes[0].roles = ["control-plane"]
    #expect(try ClusterRun(single, Self.web).plane.nodes[0].pods.count == 3)
  }
}
