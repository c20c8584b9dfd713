// SPDX-License-Identifier: GPL-3.0-or-later
//
// Pods on their nodes, with constant delays: what happens to them, and at which instants they start, are ready,
// are restarted and end. Scheduler and watch take 10 ms each, sandbox and containers 1 s, a status 100 ms; the
// ticks of a pod that is applied at 0 s are at 20 ms and so many periods later.

import NetworkTypes
import SimKernel
import SimRandom
import Testing

@testable import Cluster

@Suite struct PodLifeTests {
  static func probe(
    _ handler: Probe.Handler = .httpGet, period: Int64 = 10, failures: Int = 3, initialDelay: Int64 = 0
  ) -> Probe {
    var probe = Probe(handler)
    probe.period = .seconds(period)
    probe.failureThreshold = failures
    probe.initialDelay = .seconds(initialDelay)
    return probe
  }

  /// Pod `x` with Service `web` on the only node, applied at 0 s.
  static func run(
    _ change: (inout ClusterSettings) -> Void = { _ in }, behaviour: PodBehaviour = PodBehaviour(),
    container: (inout Container) -> Void, spec: (inout PodSpec) -> Void = { _ in }
  ) throws -> ClusterRun {
    var settings = Small.cluster(["a"])
    settings.kubelet.unprobed = .whenRunning
    change(&settings)
    let run = try ClusterRun(settings, [Small.service("web")]) { _, _ in behaviour }
    run.perform(
      .apply([
        Small.pod("x", app: "web") {
          container(&$0.spec.containers[0])
          spec(&$0.spec)
        }
      ]))
    return run
  }

  static let all = PodTarget.all(namespace: "default", labels: [:])
  /// Seconds at which the API had the pod turn ready (true) and unready.
  static func readiness(_ run: ClusterRun) -> [Double] {
    run.log.filter { $0.action.hasPrefix("Ready=") && $0.object == "pod/default/x" }.map(\.time.seconds)
  }
  static func starts(_ run: ClusterRun) -> [Double] {
    run.times { if case .podProcessStarted = $0 { true } else { false } }
  }
  static func ends(_ run: ClusterRun) -> [Double] {
    run.times { if case .podProcessEnded = $0 { true } else { false } }
  }
  static func signals(_ run: ClusterRun) -> [Double] {
    run.times { if case .podTerminationSignal = $0 { true } else { false } }
  }

  // MARK: Start

  @Test func `without a readiness probe a pod is ready when it runs, before it listens`() throws {
    let run = try Self.run(container: { _ in })
    run.run(to: 10)
    #expect(Self.readiness(run) == [1.12])
    #expect(run.times { if case .podListens = $0 { true } else { false } } == [1.52])
  }

  struct Start: Sendable, CustomTestStringConvertible {
    var name: String
    var period: Int64 = 10
    var delay: Int64 = 0
    var startup: Double = 0.5
    var ready: Double
    var testDescription: String { name }
  }

  @Test(arguments: [
    Start(name: "the tick after it listens", ready: 10.12),
    Start(name: "a short period", period: 1, ready: 2.12),
    Start(name: "the initial delay counts from the container's start", period: 5, delay: 5, ready: 10.12),
    Start(name: "a slow application", period: 5, startup: 15, ready: 20.12),
  ])
  func `a readiness probe makes it ready at`(_ c: Start) throws {
    let run = try Self.run(behaviour: PodBehaviour(startup: .constant(c.startup))) {
      $0.readinessProbe = Self.probe(period: c.period, initialDelay: c.delay)
    }
    run.run(to: 60)
    #expect(Self.readiness(run) == [c.ready])
  }

  @Test func `a startup probe holds the others back, and its success probes readiness at once`() throws {
    let run = try Self.run(behaviour: PodBehaviour(startup: .constant(12))) {
      $0.startupProbe = Self.probe(period: 5, failures: 4)
      $0.readinessProbe = Self.probe(period: 30)
      $0.livenessProbe = Self.probe(period: 1, failures: 1)
    }
    run.run(to: 60)
    #expect(Self.starts(run) == [1.02])
    #expect(Self.readiness(run) == [15.12])
  }

  @Test func `a startup probe that gives up restarts the container`() throws {
    let run = try Self.run(behaviour: PodBehaviour(startup: .constant(12))) {
      $0.startupProbe = Self.probe(period: 5, failures: 2)
    }
    run.run(to: 11)
    // Ticks at 5.02 and 10.02; a first restart waits for nothing.
    #expect(Self.starts(run) == [1.02, 10.02])
    #expect(Self.ends(run) == [10.02])
  }

  // MARK: Ready and not

  @Test func `an application that says no is unready after so many probes, and ready again after one`() throws {
    let run = try Self.run { $0.readinessProbe = Self.probe() }
    run.actions(
      [.init(at: .zero + .seconds(25), action: .podUnready(Self.all, duration: .constant(30)))], [],
      duration: .seconds(100))
    run.run(to: 100)
    // Unready from 25 to 55 s: probes at 30.02, 40.02 and 50.02, then 60.02.
    #expect(Self.readiness(run) == [10.12, 50.12, 60.12])
  }

  @Test func `a short disturbance is not seen`() throws {
    let run = try Self.run { $0.readinessProbe = Self.probe() }
    run.actions(
      [.init(at: .zero + .seconds(25), action: .podUnready(Self.all, duration: .constant(20)))], [],
      duration: .seconds(100))
    run.run(to: 100)
    #expect(Self.readiness(run) == [10.12])
  }

  @Test(arguments: [(Probe.Handler.httpGet, [10.12, 51.12]), (.exec, [10.12, 51.12]), (.tcpSocket, [10.12])])
  func `a hang times out, but its socket still opens`(handler: Probe.Handler, expected: [Double]) throws {
    let run = try Self.run { $0.readinessProbe = Self.probe(handler) }
    run.actions(
      [.init(at: .zero + .seconds(25), action: .podHang(Self.all, duration: nil))], [],
      duration: .seconds(100))
    run.run(to: 100)
    #expect(Self.readiness(run) == expected)
  }

  @Test func `a flapping pod is unready for its time, again and again`() throws {
    let flap = PodBehaviour.Flap(every: .constant(10), duration: .constant(4))
    let run = try Self.run(behaviour: PodBehaviour(flap: flap)) {
      $0.readinessProbe = Self.probe(period: 1, failures: 1)
    }
    run.run(to: 40)
    // It listens from 1.52 on: unready from 11.52 to 15.52 and from 25.52 to 29.52.
    #expect(Self.readiness(run) == [2.12, 12.12, 16.12, 26.12, 30.12, 40.12].filter { $0 < 40 })
  }

  // MARK: Restart

  @Test(arguments: [(nil as Int64?, 81.02), (5, 56.02)])
  func `liveness restarts a container that hangs, when its grace period is over`(
    grace: Int64?, end: Double
  ) throws {
    let run = try Self.run {
      $0.livenessProbe = Self.probe()
      $0.livenessProbe?.terminationGracePeriod = grace.map { .seconds($0) }
    }
    run.actions(
      [.init(at: .zero + .seconds(25), action: .podHang(Self.all, duration: nil))], [],
      duration: .seconds(100))
    run.run(to: 100)
    // Probes at 30.02, 40.02 and 50.02, of which the last takes its timeout of 1 s.
    #expect(Self.signals(run) == [51.02])
    #expect(Self.ends(run) == [end])
    #expect(Self.starts(run) == [1.02, end])
    #expect(run.object("x")?.status.restartCount == 1)
  }

  @Test func `a container that keeps crashing waits longer each time, up to the longest wait`() throws {
    let run = try Self.run({ $0.kubelet.crashLoopLongest = .seconds(40) }, container: { _ in })
    run.run(to: 10)
    var ends: [Double] = []
    for _ in 0..<6 {
      ends.append(run.now.seconds)
      run.perform(.podCrash(Self.all))
      run.run(to: run.now.seconds + 100)
    }
    let starts = Self.starts(run).dropFirst()
    #expect(zip(starts, ends).map { ($0 - $1).rounded() } == [0, 10, 20, 40, 40, 40])
  }

  @Test func `ten minutes of running start the series over`() throws {
    let run = try Self.run(container: { _ in })
    run.run(to: 10)
    for wait in [30.0, 30, 700] {
      run.perform(.podCrash(Self.all))
      run.run(to: run.now.seconds + wait)
    }
    let before = run.now.seconds
    run.perform(.podCrash(Self.all))
    run.run(to: before + 30)
    #expect(Self.starts(run).last.map { ($0 - before).rounded() } == 0)
  }

  @Test func `liveness counts its back-off from the end of the instance before`() throws {
    // It never listens: three refused probes, 1 s apart, end each instance.
    let run = try Self.run(behaviour: PodBehaviour(startup: .constant(1000))) {
      $0.livenessProbe = Self.probe(period: 1)
    }
    run.run(to: 40)
    // The second end starts the series (10 s), and the third comes within 10 s of the second: from then on the
    // container waits.
    #expect(Self.ends(run).prefix(3) == [3.02, 6.02, 9.02])
    #expect(Self.starts(run).prefix(4) == [1.02, 3.02, 6.02, 19.02])
  }

  @Test func `restartPolicy Never leaves it Failed and out of the slices`() throws {
    let run = try Self.run(container: { _ in }, spec: { $0.restartPolicy = .never })
    run.run(to: 10)
    run.perform(.podCrash(Self.all))
    run.run(to: 100)
    #expect(Self.starts(run) == [1.02])
    #expect(run.object("x")?.status.phase == .failed)
    #expect(run.endpoints("web").isEmpty)
  }

  // MARK: Termination

  struct End: Sendable, CustomTestStringConvertible {
    var preStop: SimDuration
    var grace: Int64
    var signal: Double
    var kill: Double
    var testDescription: String { "preStop \(preStop), grace \(grace) s" }
  }

  @Test(arguments: [
    End(preStop: .zero, grace: 10, signal: 0.01, kill: 10.01),
    End(preStop: .seconds(4), grace: 10, signal: 4.01, kill: 10.01),
    End(preStop: .seconds(9), grace: 10, signal: 9.01, kill: 11.01),
    // The hook counts in whole seconds.
    End(preStop: .milliseconds(4500), grace: 10, signal: 4.51, kill: 10.51),
    End(preStop: .seconds(60), grace: 10, signal: 10.01, kill: 12.01),
    End(preStop: .zero, grace: 1, signal: 0.01, kill: 2.01),
  ])
  func `SIGTERM after preStop, SIGKILL when the grace period is over, 2 s later at least`(_ c: End) throws {
    let run = try ClusterRun(
      Small.cluster(["a"]),
      [
        Small.pod("x", app: "web") {
          $0.spec.terminationGracePeriod = .seconds(c.grace)
          $0.spec.containers[0].preStop = .command(c.preStop)
        }
      ]
    ) { _, _ in PodBehaviour(exitDelay: nil) }
    run.perform(.podDelete(.named(NamespacedName(name: "x"))))
    run.run(to: 100)
    #expect(Self.signals(run) == [c.signal])
    #expect(Self.ends(run) == [c.kill])
  }

  @Test(arguments: [(28, 0.01), (29, 0.01), (30, 5.01), (36, 5.01)])
  func `a sleep hook exists from 1.30 on`(minor: Int, signal: Double) throws {
    var settings = Small.cluster(["a"])
    settings.minorVersion = minor
    let run = try ClusterRun(
      settings, [Small.pod("x", app: "web") { $0.spec.containers[0].preStop = .sleep(.seconds(5)) }])
    run.perform(.podDelete(.named(NamespacedName(name: "x"))))
    run.run(to: 50)
    #expect(Self.signals(run) == [signal])
  }

  @Test func `the scenario's preStop replaces the manifest's`() throws {
    let run = try ClusterRun(
      Small.cluster(["a"]),
      [Small.pod("x", app: "web") { $0.spec.containers[0].preStop = .command(.seconds(5)) }]
    ) { _, _ in PodBehaviour(preStop: .seconds(2)) }
    run.perform(.podDelete(.named(NamespacedName(name: "x"))))
    run.run(to: 50)
    #expect(Self.signals(run) == [2.01])
  }

  @Test func `deleted by force the object goes at once and the process 2 s later`() throws {
    let run = try ClusterRun(Small.cluster(["a"]), [Small.service("web"), Small.pod("x", app: "web")]) {
      _, _ in PodBehaviour(exitDelay: nil)
    }
    run.perform(.podDeleteWithin(.named(NamespacedName(name: "x")), grace: .zero))
    #expect(run.object("x") == nil)
    run.run(to: 30)
    #expect(Self.ends(run) == [2.01])
    #expect(run.plane.nodes[0].pods.isEmpty)
  }

  @Test func `a second deletion can only shorten the grace period`() throws {
    let run = try ClusterRun(Small.cluster(["a"]), [Small.pod("x", app: "web")]) {
      _, _ in PodBehaviour(preStop: .seconds(20), exitDelay: nil)
    }
    let name = PodTarget.named(NamespacedName(name: "x"))
    run.perform(.podDelete(name))
    run.run(to: 5)
    run.perform(.podDeleteWithin(name, grace: .seconds(60)))
    run.perform(.podDeleteWithin(name, grace: .seconds(3)))
    run.run(to: 60)
    #expect(Self.signals(run) == [5.01])
    #expect(Self.ends(run) == [8.01])
  }

  @Test func `readiness is probed to the end: a draining pod stops to be serving`() throws {
    let run = try Self.run(behaviour: PodBehaviour(exitDelay: .seconds(20))) {
      $0.readinessProbe = Self.probe(period: 1, failures: 2)
    }
    run.run(to: 25)
    run.perform(.podDelete(Self.all))
    run.run(to: 26.1)
    #expect(run.endpoints("web").map(\.isServing) == [true])
    // SIGTERM at 25.01 closes the listener; probes at 25.02 and 26.02 find that.
    run.run(to: 26.2)
    #expect(run.endpoints("web").map(\.isServing) == [false])
    #expect(run.endpoints("web").map(\.isTerminating) == [true])
  }

  @Test func `liveness is not probed any more`() throws {
    let run = try Self.run(behaviour: PodBehaviour(preStop: .seconds(25), exitDelay: nil)) {
      $0.livenessProbe = Self.probe(period: 1, failures: 1, initialDelay: 3)
    }
    run.run(to: 10)
    run.perform(.podDelete(Self.all))
    run.run(to: 11)
    run.perform(.podHang(.named(NamespacedName(name: "x")), duration: nil))
    run.run(to: 60)
    #expect(Self.signals(run) == [35.01])
    #expect(Self.ends(run) == [40.01])
    #expect(Self.starts(run).count == 1)
  }
}
