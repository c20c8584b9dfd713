// SPDX-License-Identifier: GPL-3.0-or-later
//
// Pods: the first state, start, termination, crash, readiness, and how the slices follow.

import NetworkTypes
import SimKernel
import SimRandom
import Testing

@testable import Cluster

@Suite struct ControlPlanePodTests {
  let web: [APIObject] = [Small.service("web"), Small.workload(.deployment, "web", replicas: 3)]

  @Test func `at the start everything that fits runs, is ready and is an endpoint`() throws {
    let run = try ClusterRun(Small.cluster(), web)
    #expect(run.ready("web") == ["10.244.0.2", "10.244.1.2", "10.244.2.2"])
    for record in run.plane.pods {
      #expect(record.isReadyInReality && record.process == .running)
      #expect(run.plane.store.pod(record.id)?.status.podIP == record.address)
    }
    #expect(run.plane.nodes.map(\.primaryAddress.description) == ["172.18.0.2", "172.18.0.3", "172.18.0.4"])
    run.run(to: 600)
    #expect(run.changes.isEmpty, "a converged cluster stays as it is")
  }

  @Test func `a given address and node are kept, and others go round it`() throws {
    let run = try ClusterRun(
      Small.cluster(["a"]),
      [
        Small.pod("x", app: "web"),
        Small.pod("y", app: "web", on: "a") { $0.status.podIP = IPv4Address("10.244.0.2") },
      ])
    #expect(run.object("y")?.status.podIP == IPv4Address("10.244.0.2"))
    #expect(run.object("x")?.status.podIP == IPv4Address("10.244.0.3"))
  }

  @Test func `a pod of a dump that is running and not ready stays not ready`() throws {
    let run = try ClusterRun(
      Small.cluster(["a"]),
      [Small.service("web"), Small.pod("x", app: "web", on: "a") { $0.status.phase = .running }])
    #expect(run.ready("web") == [])
    #expect(run.endpoints("web").count == 1)
    run.perform(.podReady(.named(NamespacedName(name: "x"))))
    run.run(to: 1)
    #expect(run.ready("web") == ["10.244.0.2"])
  }

  @Test func `a new pod passes scheduler, kubelet and probe, each after its delay`() throws {
    let run = try ClusterRun(Small.cluster(), [Small.service("web")])
    run.perform(.apply([Small.pod("x", app: "web")]))
    run.run(to: 10)
    let pod = run.pod("x")!
    // scheduler 0.01, watch 0.01, start 1; then ready 0.5, status 0.1, endpoint controller 0.02.
    #expect(run.times { $0 == .podProcessStarted(pod) } == [1.02])
    #expect(run.times { $0 == .podAddressAssigned(pod, Small.address("10.244.0.2")) } == [1.02])
    let slices = run.times { if case .slicesChanged = $0 { true } else { false } }
    // Known as not ready after the first status, as ready after the second.
    #expect(slices == [1.14, 1.64])
    #expect(run.ready("web") == ["10.244.0.2"])
  }

  @Test func `deletion goes through preStop, SIGTERM, exit, sandbox, API`() throws {
    let run = try ClusterRun(Small.cluster(["a"]), [Small.service("web"), Small.pod("x", app: "web")]) {
      _, _ in
      PodBehaviour(preStop: .seconds(5), exitDelay: .seconds(2))
    }
    let pod = run.pod("x")!
    run.perform(.podDelete(.named(NamespacedName(name: "x"))))
    run.run(to: 0.03)
    let endpoint = run.endpoints("web")[0]
    #expect(!endpoint.isReady && endpoint.isServing && endpoint.isTerminating)
    run.run(to: 20)
    #expect(run.times { $0 == .podTerminationSignal(pod) } == [5.01])
    #expect(run.times { $0 == .podProcessEnded(pod, crashed: false) } == [7.01])
    #expect(run.times { $0 == .podAddressReleased(pod, Small.address("10.244.0.2")) } == [7.11])
    #expect(run.log.last { $0.object == "pod/default/x" }?.action == "removed")
    #expect(run.object("x") == nil)
    #expect(run.endpoints("web").isEmpty)
    #expect(run.plane.nodes[0].pods.isEmpty)
  }

  @Test(arguments: [(SimDuration.zero, 10.01), (.seconds(4), 10.01), (.seconds(60), 12.01)])
  func `a process that ignores SIGTERM is killed when the grace period is over`(
    preStop: SimDuration, end: Double
  ) throws {
    let run = try ClusterRun(
      Small.cluster(["a"]), [Small.pod("x", app: "web") { $0.spec.terminationGracePeriod = .seconds(10) }]
    ) { _, _ in PodBehaviour(preStop: preStop, exitDelay: nil) }
    let pod = run.pod("x")!
    run.perform(.podDelete(.named(NamespacedName(name: "x"))))
    run.run(to: 30)
    #expect(run.times { $0 == .podProcessEnded(pod, crashed: false) } == [end])
  }

  @Test func `traffic may tell that a draining process has finished`() throws {
    let run = try ClusterRun(Small.cluster(["a"]), [Small.pod("x", app: "web")]) { _, _ in
      PodBehaviour(exitDelay: nil)
    }
    let pod = run.pod("x")!
    run.processExited(pod)
    #expect(run.plane.pods[pod.index].process == .running, "without SIGTERM it does not exit")
    run.perform(.podDelete(.named(NamespacedName(name: "x"))))
    run.run(to: 3)
    run.processExited(pod)
    #expect(run.plane.pods[pod.index].process == .ended)
    run.run(to: 60)
    #expect(run.times { $0 == .podProcessEnded(pod, crashed: false) } == [3])
  }

  @Test func `a pod deleted before it started leaves nothing`() throws {
    let run = try ClusterRun(Small.cluster(["a"]))
    run.perform(.apply([Small.pod("x", app: "web")]))
    run.run(to: 0.5)
    run.perform(.podDelete(.named(NamespacedName(name: "x"))))
    run.run(to: 60)
    #expect(run.object("x") == nil)
    #expect(run.times { if case .podProcessStarted = $0 { true } else { false } } == [])
    #expect(run.plane.nodes[0].pods.isEmpty)
  }

  @Test func `a crash makes the pod not ready and restarts it in place, later with back-off`() throws {
    let run = try ClusterRun(Small.cluster(["a"]), [Small.service("web"), Small.pod("x", app: "web")])
    let pod = run.pod("x")!
    let name = PodTarget.named(NamespacedName(name: "x"))
    run.perform(.podCrash(name))
    #expect(!run.plane.pods[pod.index].isReadyInReality)
    run.run(to: 0.15)
    #expect(run.ready("web") == ["10.244.0.2"] || run.ready("web") == [])
    run.run(to: 5)
    #expect(run.times { $0 == .podProcessStarted(pod) } == [0.1])
    #expect(run.ready("web") == ["10.244.0.2"])
    run.perform(.podCrash(name))
    run.run(to: 14)
    #expect(run.ready("web") == [])
    run.run(to: 20)
    #expect(run.times { $0 == .podProcessStarted(pod) } == [0.1, 15])
    #expect(run.object("x")?.status.restartCount == 2)
    #expect(run.object("x")?.status.podIP == IPv4Address("10.244.0.2"))
  }

  @Test func `a failing probe takes the pod out for its time`() throws {
    let run = try ClusterRun(Small.cluster(["a"]), [Small.service("web"), Small.pod("x", app: "web")])
    run.perform(.podUnready(.all(namespace: "default", labels: ["app": "web"]), duration: .constant(10)))
    run.run(to: 1)
    #expect(run.ready("web") == [])
    #expect(run.times { if case .slicesChanged = $0 { true } else { false } } == [0.12])
    run.run(to: 10.2)
    #expect(run.ready("web") == ["10.244.0.2"])
  }

  @Test func `many changes of one Service's pods are one write of its slices`() throws {
    let run = try ClusterRun(
      Small.cluster(), [Small.service("web"), Small.workload(.deployment, "web", replicas: 30)])
    run.perform(.podUnready(.all(namespace: "default", labels: [:]), duration: nil))
    run.run(to: 5)
    #expect(run.ready("web") == [])
    #expect(run.times { if case .slicesChanged = $0 { true } else { false } }.count == 1)
  }

  @Test func `a pod without a node waits, and is placed when one can take it`() throws {
    let run = try ClusterRun(
      Small.cluster(["a"]), [Small.pod("x", app: "web") { $0.spec.nodeSelector = ["disk": "ssd"] }])
    #expect(run.object("x")?.status.phase == .pending)
    var node = NodeSettings(name: "b")
    node.labels = ["disk": "ssd"]
    run.perform(.nodeJoin(node))
    run.run(to: 10)
    #expect(run.object("x")?.spec.nodeName == "b")
    #expect(run.object("x")?.status.isReady == true)
  }
}
