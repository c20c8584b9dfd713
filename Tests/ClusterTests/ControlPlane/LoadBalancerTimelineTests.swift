// SPDX-License-Identifier: GPL-3.0-or-later
//
// The external load balancer alone: what a series of check results and of changes of Node objects makes of
// its targets, and when its data plane hears of it.

import NetworkTypes
import SimKernel
import SimRandom
import Testing

@testable import Cluster

@Suite struct LoadBalancerTimelineTests {
  /// Thresholds (good, bad), results of checks in turn, health after each.
  @Test(arguments: [
    (1, 3, "++--+---+", "HHHHHHHuH"), (3, 3, "--++-+++---", "HHHHHHHHHHu"), (2, 6, "------++", "HHHHHuuH"),
    (1, 2, "-+--+-", "HHHuHH"), (2, 1, "-+-++", "uuuuH"),
  ])
  func `health turns after enough results in a row`(good: Int, bad: Int, results: String, health: String) {
    var settings = LoadBalancerSettings()
    (settings.healthyThreshold, settings.unhealthyThreshold) = (good, bad)
    var balancer = LoadBalancer(settings: settings)
    let check = balancer.configure(ServiceID(0), isLocal: false)
    let node = NodeID(0)
    _ = balancer.setMember(true, node, check: check, at: .zero, isHealthy: true)
    balancer.applyMembership(node, check: check)
    var seen = ""
    for result in results {
      if balancer.note(isPassed: result == "+", node, check: check) {
        balancer.applyHealth(node, check: check)
      }
      seen += balancer.targets(of: ServiceID(0)).isEmpty ? "u" : "H"
    }
    #expect(seen == health)
  }

  @Test func `each provider has the checks of its documentation`() {
    func text(_ provider: LoadBalancerProvider, isLocal: Bool) -> String {
      let l = provider.settings
      let bad = l.threshold(isPassed: false, isLocal: isLocal)
      return "\(l.interval(isLocal: isLocal).seconds) \(l.threshold(isPassed: true, isLocal: isLocal)) \(bad)"
    }
    // FACTS F3: interval, healthy, unhealthy; policy Cluster and Local.
    #expect(text(.gce, isLocal: false) == "8.0 1 3" && text(.gce, isLocal: true) == "8.0 1 3")
    #expect(text(.awsNLB, isLocal: false) == "30.0 3 3" && text(.awsNLB, isLocal: true) == "10.0 2 2")
    #expect(text(.awsELB, isLocal: false) == "10.0 2 6")
    #expect(text(.azure, isLocal: false) == "5.0 1 2")
    #expect(LoadBalancerProvider.gce.settings.checkPort == .healthz)
    #expect(LoadBalancerProvider.awsNLB.settings.checkPort == .nodePort)
    #expect(LoadBalancerProvider.awsNLB.settings.failOpen)
  }

  // MARK: In time

  static func objects(local: Bool = false) -> [APIObject] {
    [
      Small.service("web") {
        $0.type = "LoadBalancer"
        if local { $0.externalTrafficPolicy = "Local" }
      },
      Small.pod("web-a", app: "web", on: "a"), Small.pod("web-b", app: "web", on: "b"),
    ]
  }

  func targets(_ run: ClusterRun) -> [Int] {
    run.plane.loadBalancerTargets(of: run.service("web")).map(\.index)
  }

  /// Times at which the set of targets was another one than before, looked at every 100 ms.
  func changes(_ run: ClusterRun, until end: Double) -> [String] {
    var before = targets(run)
    var found: [String] = []
    var at = run.now.seconds
    while at < end {
      at = ((at * 10).rounded() + 1) / 10
      run.run(to: at)
      if targets(run) != before {
        before = targets(run)
        found.append("\(at) \(before)")
      }
    }
    return found
  }

  @Test func `all nodes unhealthy: nobody gets connections, or everybody`() throws {
    for (failOpen, expected) in [(false, [Int]()), (true, [0, 1, 2])] {
      var settings = Small.cluster()
      settings.loadBalancer.failOpen = failOpen
      let run = try ClusterRun(settings, Self.objects())
      run.probe = { _, _, _ in false }
      run.run(to: 40)
      #expect(targets(run) == expected)
    }
  }

  /// Delay of the news; seconds from the third failed check to the last new connection.
  @Test(arguments: [0.0, 35])
  func `an unhealthy target gets connections until the data plane has heard`(delay: Double) throws {
    var settings = Small.cluster()
    settings.loadBalancer.unhealthyDelay = .constant(delay)
    let run = try ClusterRun(settings, Self.objects())
    run.probe = { node, _, time in node != NodeID(1) || time.seconds < 50 }
    run.run(to: 120)
    let found = try #require(run.log.first { $0.action == "target unhealthy" }).time.seconds
    #expect(found > 66 && found <= 74, "three checks, 8 s apart, the first within 8 s")
    let told = run.times { if case .loadBalancerTargetsChanged = $0 { true } else { false } }
    #expect(abs(told.last! - found - delay) < 1e-6)
    #expect(targets(run) == [0, 2])
  }

  /// Version; whether the autoscaler's taint, silence and deletion take the node from the set at once.
  @Test(arguments: [(26, [true, true, true]), (27, [false, false, true]), (36, [false, false, true])])
  func `what takes a node from the set`(minor: Int, leaves: [Bool]) throws {
    var settings = Small.cluster()
    settings.minorVersion = minor
    let taint = "\(ControlPlane.toBeDeletedTaint):NoSchedule"
    let actions: [ClusterAction] = [
      .nodeTaint(.named("b"), taint: taint),
      .partition(LinkTarget(from: .node("b"), to: .controlPlane), duration: nil), .nodeDelete(.named("b")),
    ]
    for (action, isOut) in zip(actions, leaves) {
      let run = try ClusterRun(settings, Self.objects())
      run.probe = { _, _, _ in true }
      run.perform(action)
      run.run(to: 60)
      #expect(targets(run).contains(1) == !isOut, "\(action)")
    }
  }

  @Test func `a tainted node leaves the set when another change makes the controller look`() throws {
    let run = try ClusterRun(Small.cluster(), Self.objects())
    run.probe = { _, _, _ in true }
    run.perform(.nodeTaint(.named("b"), taint: "\(ControlPlane.toBeDeletedTaint):NoSchedule"))
    run.run(to: 10)
    #expect(targets(run) == [0, 1, 2])
    run.perform(.nodeDelete(.named("c")))
    #expect(targets(run) == [0])
  }

  /// Time to drain; seconds after the deletion at which open connections are cut. -1: never.
  @Test(arguments: [(nil, -1.0), (SimDuration.zero, 0), (.seconds(30), 30)])
  func `open connections of a target that left are cut when it has drained`(
    drain: SimDuration?, after: Double
  ) throws {
    var settings = Small.cluster()
    settings.loadBalancer.drain = drain
    let run = try ClusterRun(settings, Self.objects())
    run.run(to: 10)
    run.perform(.nodeDelete(.named("b")))
    run.run(to: 100)
    let cuts = run.times { $0 == .loadBalancerCut(run.service("web"), NodeID(1)) }
    #expect(cuts == (after < 0 ? [] : [10 + after]))
    #expect(targets(run) == [0, 2])
  }

  @Test func `a node that is back in the set in time keeps its connections`() throws {
    var settings = Small.cluster()
    settings.loadBalancer.drain = .seconds(30)
    let run = try ClusterRun(settings, Self.objects())
    run.perform(.nodeDelete(.named("b")))
    run.run(to: 5)
    run.perform(.nodeJoin(NodeSettings(name: "b")))
    run.run(to: 100)
    #expect(run.times { if case .loadBalancerCut = $0 { true } else { false } } == [])
    #expect(targets(run) == [0, 1, 2])
  }

  @Test func `flows of a target that turns unhealthy are reset, but not under fail-open`() throws {
    for (isAlone, cuts) in [(false, 1), (true, 0)] {
      var settings = Small.cluster(isAlone ? ["a"] : ["a", "b", "c"])
      settings.loadBalancer.resetsUnhealthy = true
      settings.loadBalancer.failOpen = true
      let run = try ClusterRun(settings, [Self.objects()[0], Small.pod("web-a", app: "web", on: "a")])
      run.probe = { node, _, _ in node != NodeID(0) }
      run.run(to: 60)
      #expect(run.times { $0 == .loadBalancerCut(run.service("web"), NodeID(0)) }.count == cuts)
    }
  }

  /// Targets by machine or by address; where packets go 20 s and 200 s after the change of address.
  @Test(arguments: [
    (LoadBalancerSettings.TargetKind.instance, ["172.18.0.99", "172.18.0.99"]),
    (.ip, ["172.18.0.3", "172.18.0.99"]),
  ])
  func `a target by address has to be registered anew`(kind: LoadBalancerSettings.TargetKind, at: [String])
    throws
  {
    var settings = Small.cluster()
    settings.loadBalancer.targets = kind
    settings.loadBalancer.registration = .constant(60)
    let run = try ClusterRun(settings, Self.objects())
    run.run(to: 10)
    run.perform(.nodeAddressChange(.named("b"), newAddress: Small.address("172.18.0.99")))
    var seen: [String] = []
    for time in [30.0, 210] {
      run.run(to: time)
      seen.append("\(run.plane.loadBalancerAddress(of: NodeID(1), for: run.service("web")))")
    }
    #expect(seen == at)
  }
}
