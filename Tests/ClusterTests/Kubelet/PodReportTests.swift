// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a kubelet says and when: looks at the runtime once a second, statuses one after the other within the
// client's rate limit, images and init containers before a start, orderly shutdowns, host ports; and how
// kubectl shows it all.

import NetworkTypes
import SimKernel
import SimRandom
import Testing

@testable import Cluster

@Suite struct PodReportTests {
  /// As `Small.cluster`, but with the kubelet's own ways to report.
  static func cluster(_ nodes: [String] = ["a"], _ change: (inout ClusterSettings) -> Void = { _ in })
    -> ClusterSettings
  {
    var settings = Small.cluster(nodes)
    settings.timing.kubeletStatus = nil
    settings.kubelet.statusWrite = .constant(0.01)
    settings.kubelet.unprobed = .whenRunning
    settings.kubelet.initContainer = .constant(2)
    settings.kubelet.imagePull = .constant(5)
    settings.kubelet.imageCheck = .constant(0.25)
    settings.kubelet.containerStart = .constant(0.2)
    change(&settings)
    return settings
  }
  static let all = PodTarget.all(namespace: "default", labels: [:])

  // MARK: Delays

  @Test func `a container's change waits for the next look, a probe's result does not`() throws {
    let run = try ClusterRun(
      Self.cluster(),
      [
        Small.pod("x", app: "web") {
          $0.spec.containers[0].readinessProbe = PodLifeTests.probe(period: 5, failures: 1)
        }
      ])
    run.perform(.podUnready(Self.all, duration: .constant(5)))
    run.run(to: 20)
    // Its ticks stand anywhere in their period.
    let tick = run.log.first { $0.action == "readiness probe fails" }!.time
    let times = PodLifeTests.readiness(run)
    #expect(times[0] == (tick + .milliseconds(10)).seconds)
    #expect(times[1] == (tick + .milliseconds(5010)).seconds)
    run.perform(.podCrash(Self.all))
    let look = run.plane.noticed(run.now, by: run.node("a"))
    #expect(look > run.now && look <= run.now + .seconds(1))
    run.run(to: 22)
    #expect(PodLifeTests.readiness(run)[2] == (look + .milliseconds(10)).seconds)
  }

  @Test func `evented, a container's change is seen at once`() throws {
    let run = try ClusterRun(
      Self.cluster { $0.kubelet.isEvented = true }, [Small.service("web"), Small.pod("x", app: "web")])
    run.run(to: 3.3)
    run.perform(.podCrash(Self.all))
    run.run(to: 10)
    #expect(PodLifeTests.readiness(run) == [3.31, 3.51])
  }

  @Test(arguments: [
    // Ten requests at once, two for each update; then one update every 0.4 s.
    (5, 10, [0.01, 0.02, 0.03, 0.04, 0.05, 0.41, 0.81, 1.21]),
    (50, 100, [0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08]),
  ])
  func `updates come one after the other, within the client's rate`(qps: Int, burst: Int, expected: [Double])
  {
    var writer = StatusWriter()
    var times: [Double] = []
    for _ in expected {
      times.append(writer.write(at: .zero, takes: .milliseconds(10), qps: qps, burst: burst).seconds)
    }
    #expect(times == expected)
  }

  @Test(arguments: [(26, 12), (27, 2)]) func `many pods on one node wait for its client`(
    minor: Int, limit: Int
  ) throws {
    let run = try ClusterRun(
      Self.cluster { $0.minorVersion = minor },
      [Small.service("web"), Small.workload(.deployment, "web", replicas: 40)])
    run.perform(.podUnready(Self.all, duration: nil))
    run.run(to: 60)
    let last = run.log.last { $0.action == "Ready=False" }!.time.seconds
    // 80 requests, 10 of them at once, at 5 per second: 14 s; or all within the burst: 0.4 s.
    #expect(last > Double(limit) - 2 && last < Double(limit) + 4)
  }

  @Test func `cut off from the control plane, statuses wait`() throws {
    let run = try ClusterRun(Self.cluster(), [Small.service("web"), Small.pod("x", app: "web")])
    run.perform(.partition(LinkTarget(from: .node("a"), to: .controlPlane), duration: .constant(20)))
    run.perform(.podUnready(Self.all, duration: nil))
    run.run(to: 19)
    #expect(run.ready("web") == ["10.244.0.2"])
    run.run(to: 21)
    #expect(run.ready("web") == [])
  }

  // MARK: Images and init containers

  static func imagePod(_ name: String, _ image: String, _ policy: ImagePullPolicy? = nil) -> APIObject {
    Small.pod(name, app: "web") {
      $0.spec.containers[0].image = image
      $0.spec.containers[0].imagePullPolicy = policy
    }
  }

  @Test func `an image is pulled once for a node, one pull at a time`() throws {
    let run = try ClusterRun(Self.cluster())
    run.perform(
      .apply([Self.imagePod("x", "r/one:1"), Self.imagePod("y", "r/two:1"), Self.imagePod("z", "r/one:1")]))
    run.run(to: 60)
    // 0.02 until the kubelet sees them; 5 s for one, another 5 s for two; 1 s to start.
    #expect(PodLifeTests.starts(run) == [6.02, 6.02, 11.02])
    run.forgetChanges()
    run.perform(.apply([Self.imagePod("w", "r/one:1"), Self.imagePod("v", "r/one:1", .always)]))
    run.run(to: 90)
    #expect(PodLifeTests.starts(run) == [61.02, 61.27])
  }

  @Test func `images of pods at the start are there, on their nodes`() throws {
    let run = try ClusterRun(Self.cluster(["a", "b"]), [Self.imagePod("x", "r/one:1")])
    let node = run.object("x")!.spec.nodeName!
    run.perform(.apply([Self.imagePod("y", "r/one:1")]))
    run.run(to: 30)
    #expect(run.object("y")?.spec.nodeName != node)
    #expect(PodLifeTests.starts(run) == [6.02])
  }

  @Test func `pull policy Never does without`() throws {
    let run = try ClusterRun(Self.cluster())
    run.perform(.apply([Self.imagePod("x", "r/one:1", .never)]))
    run.run(to: 30)
    #expect(PodLifeTests.starts(run).isEmpty)
    #expect(Self.line(run, "x") == ["x", "0/1", "ErrImageNeverPull", "0"])
  }

  @Test(arguments: [
    ("r/a", ImagePullPolicy.always), ("r/a:latest", .always), ("r/a:1.2", .ifNotPresent),
    ("host:5000/a", .always), ("host:5000/a:1", .ifNotPresent), ("r/a@sha256:abc", .ifNotPresent),
  ])
  func `the tag decides the pull policy`(image: String, policy: ImagePullPolicy) {
    var container = Container(name: "c")
    container.image = image
    #expect(container.effectivePullPolicy == policy)
  }

  /// Columns of `kubectl get pods` but for the age.
  static func line(_ run: ClusterRun, _ name: String) -> [String] {
    var view = run.plane.apiView()
    view.now = run.now
    let pod = view.pods.first { $0.metadata.name == name }!
    return Array(KubectlTable.cells(pod, age: "", now: run.now, wide: false).prefix(4))
  }

  @Test func `kubectl shows the stages of a start`() throws {
    let run = try ClusterRun(Self.cluster { $0.kubelet.isEvented = true })
    run.perform(
      .apply([
        Small.pod("x", app: "web") {
          $0.spec.initContainers = [Container(name: "i"), Container(name: "j")]
        }
      ]))
    var shown: [String] = []
    for time in [0.005, 0.015, 1, 3, 4.5, 6] {
      run.run(to: time)
      shown.append(Self.line(run, "x")[2])
    }
    #expect(shown == ["Pending", "ContainerCreating", "Init:0/2", "Init:1/2", "PodInitializing", "Running"])
  }

  @Test func `kubectl shows a crash loop and how long ago the last end was`() throws {
    let run = try ClusterRun(Self.cluster { $0.kubelet.isEvented = true }, [Small.pod("x", app: "web")])
    run.run(to: 10)
    run.perform(.podCrash(Self.all))
    run.run(to: 15)
    #expect(Self.line(run, "x") == ["x", "1/1", "Running", "1 (5s ago)"])
    run.perform(.podCrash(Self.all))
    run.run(to: 16)
    #expect(Self.line(run, "x") == ["x", "0/1", "CrashLoopBackOff", "1 (1s ago)"])
    run.run(to: 40)
    #expect(Self.line(run, "x") == ["x", "1/1", "Running", "2 (25s ago)"])
    run.perform(.podDelete(Self.all))
    #expect(Self.line(run, "x")[2] == "Terminating")
  }

  @Test(arguments: [(34, 10.0, 15.0), (36, 10, 15)])
  func `a held-back container is tried when its worker comes round`(
    minor: Int, earliest: Double, latest: Double
  ) throws {
    let run = try ClusterRun(Self.cluster { $0.minorVersion = minor }, [Small.pod("x", app: "web")])
    run.run(to: 10)
    run.perform(.podCrash(Self.all))
    run.run(to: 60)
    run.forgetChanges()
    run.perform(.podCrash(Self.all))
    run.run(to: 100)
    let wait = PodLifeTests.starts(run)[0] - 60
    #expect(wait >= earliest && wait <= latest + 1)
    #expect(wait > earliest + 0.001, "the worker is later than the back-off")
  }

  // MARK: Shutdown and host ports

  @Test func `a kubelet that takes part in a shutdown ends ordinary pods before critical ones`() throws {
    let run = try ClusterRun(
      Self.cluster {
        $0.kubelet.shutdownGracePeriod = .seconds(30)
        $0.kubelet.shutdownGracePeriodCriticalPods = .seconds(10)
      },
      [
        Small.service("web"), Small.pod("x", app: "web"),
        Small.pod("y", app: "sys") { $0.spec.priorityClassName = "system-node-critical" },
      ]
    ) { _, labels in PodBehaviour(preStop: .seconds(3), exitDelay: labels["app"] == "sys" ? nil : .seconds(1))
    }
    run.perform(.nodeReboot(.named("a"), downFor: .constant(5), newAddress: nil))
    #expect(run.plane.store.node(run.node("a"))?.ready == .notReady)
    run.run(to: 120)
    let (x, y) = (run.pod("x")!, run.pod("y")!)
    #expect(run.times { $0 == .podTerminationSignal(x) } == [3])
    #expect(run.times { $0 == .podProcessEnded(x, crashed: false) } == [4])
    #expect(run.times { $0 == .podTerminationSignal(y) } == [7])
    #expect(run.times { $0 == .nodeDown(run.node("a")) } == [14])
    #expect(run.object("x")?.status.phase == .failed)
    #expect(run.endpoints("web").isEmpty)
  }

  @Test func `two pods with one host port do not share a node`() throws {
    let host: (inout Pod) -> Void = {
      $0.spec.hostNetwork = true
      $0.spec.scheduling.hostPorts = [HostPort(port: 8080)]
    }
    let run = try ClusterRun(
      Small.cluster(["a", "b"]),
      [Small.pod("x", app: "web", host), Small.pod("y", app: "web", host), Small.pod("z", app: "web", host)])
    #expect(Set(["x", "y"].map { run.object($0)!.spec.nodeName }) == ["a", "b"])
    #expect(run.object("z")?.status.phase == .pending)
    run.perform(.podDelete(.named(NamespacedName(name: "x"))))
    run.run(to: 60)
    #expect(run.object("z")?.spec.nodeName == nil || run.object("z")?.status.isReady == true)
  }

  // MARK: What the API server refuses

  struct Refusal: Sendable {
    var change: @Sendable (inout Container) -> Void
    var cause: String
  }
  static let refusals: [Refusal] = [
    Refusal(
      change: { $0.livenessProbe?.successThreshold = 2 },
      cause: "livenessProbe.successThreshold: Invalid value: 2: must be 1"),
    Refusal(
      change: { $0.livenessProbe?.handlers = [] },
      cause: "livenessProbe: Required value: must specify a handler type"),
    Refusal(
      change: { $0.livenessProbe?.handlers = [.httpGet, .exec] },
      cause: "livenessProbe.exec: Forbidden: may not specify more than 1 handler type"),
    Refusal(
      change: { $0.livenessProbe?.period = .seconds(-1) },
      cause: "livenessProbe.periodSeconds: Invalid value: -1: must be greater than or equal to 0"),
    Refusal(
      change: { $0.readinessProbe?.terminationGracePeriod = .seconds(3) },
      cause:
        "readinessProbe.terminationGracePeriodSeconds: Invalid value: 3: must not be set for readinessProbes"
    ),
    Refusal(
      change: { $0.preStop = .sleep(.seconds(31)) },
      cause: "lifecycle.preStop.sleep: Invalid value: 31: must be non-negative and less than "
        + "terminationGracePeriodSeconds (30)"),
  ]

  @Test(arguments: refusals.indices) func `wrong probes and hooks are refused`(number: Int) {
    let refusal = Self.refusals[number]
    var pod = Pod(metadata: ObjectMeta(name: "x"), spec: Small.podSpec())
    pod.spec.containers[0].livenessProbe = Probe(.httpGet)
    pod.spec.containers[0].readinessProbe = Probe(.httpGet)
    refusal.change(&pod.spec.containers[0])
    do throws(APIRefusal) {
      _ = try ObjectValidation.admit(pod)
      Issue.record("was admitted")
    } catch {
      #expect(error.causes == ["spec.containers[0].\(refusal.cause)"])
    }
  }
}
