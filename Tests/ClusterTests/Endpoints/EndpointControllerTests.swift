// SPDX-License-Identifier: GPL-3.0-or-later
//
// The EndpointSlice controllers in time: what comes in, and at which instants slices are written. A change
// reaches an idle controller's slice after `timing.endpointController`, 20 ms here, of which a worker needs
// 5.

import SimKernel
import SimRandom
import Testing

@testable import Cluster

@Suite struct EndpointControllerTests {
  private static func settings(
    _ change: (inout EndpointControllerSettings) -> Void = { _ in }
  ) -> ClusterSettings {
    var settings = Small.cluster()
    settings.endpointController.ownWatch = .constant(0)
    change(&settings.endpointController)
    return settings
  }

  private static func pods(_ count: Int, app: String = "web") -> [APIObject] {
    (0..<count).map { Small.pod("\(app)-\($0)", app: app, on: ["a", "b", "c"][$0 % 3]) }
  }

  private static func unready(_ name: String, _ run: ClusterRun) {
    run.perform(.podUnready(.named(NamespacedName(name: name)), duration: nil))
  }

  /// Times at which slices were written, in milliseconds.
  private static func writes(_ run: ClusterRun) -> [Int] {
    run.times { if case .slicesChanged = $0 { true } else { false } }.map { Int(($0 * 1000).rounded()) }
  }

  @Test func anIdleControllerWritesAfterItsDelay() throws {
    let run = try ClusterRun(Self.settings(), [Small.service("web")] + Self.pods(2))
    run.forgetChanges()
    Self.unready("web-0", run)
    run.run(to: 1)
    // 100 ms until the status is in the API.
    #expect(Self.writes(run) == [120])
  }

  @Test func changesOfOneBatchPeriodAreOneWrite() throws {
    let run = try ClusterRun(
      Self.settings { $0.batchPeriod = .seconds(2) }, [Small.service("web")] + Self.pods(4))
    run.forgetChanges()
    Self.unready("web-0", run)
    run.run(to: 1.5)
    Self.unready("web-1", run)
    run.run(to: 3)
    Self.unready("web-2", run)
    run.run(to: 10)
    #expect(Self.writes(run) == [2120, 5120])
    #expect(run.ready("web").count == 1)
  }

  /// A Service's own change does not wait for the batch, and takes what waits along.
  @Test func aChangeOfTheServiceIsNotBatched() throws {
    let run = try ClusterRun(
      Self.settings { $0.batchPeriod = .seconds(5) }, [Small.service("web")] + Self.pods(2))
    run.forgetChanges()
    Self.unready("web-0", run)
    run.run(to: 1)
    run.perform(.apply([Small.service("web") { $0.ports[0].targetPort = .int(9090) }]))
    run.run(to: 20)
    #expect(Self.writes(run) == [1020])
    #expect(run.ready("web").count == 1)
  }

  @Test(arguments: [
    (qps: 20.0, burst: 30, services: 40, last: 620), (100, 1, 11, 220), (20, 30, 30, 145),
  ]) func theClientsRateLimitHoldsBackManyServices(qps: Double, burst: Int, services: Int, last: Int) throws {
    var objects = Self.pods(1)
    for number in 0..<services {
      objects.append(Small.service("s\(number)") { $0.selector = ["app": "web"] })
    }
    let run = try ClusterRun(
      Self.settings {
        $0.apiQPS = qps
        $0.apiBurst = burst
      }, objects)
    run.forgetChanges()
    Self.unready("web-0", run)
    run.run(to: 60)
    let writes = Self.writes(run)
    #expect(writes.count == services)
    #expect(writes[0] == 120)
    // 115 ms in line; five at a time, 5 ms each; beyond the burst at the rate.
    #expect(abs(writes.last! - last) <= 1, "\(writes.last!)")
  }

  @Test func fewerWorkersTakeLonger() throws {
    var objects = Self.pods(1)
    for number in 0..<10 { objects.append(Small.service("s\(number)") { $0.selector = ["app": "web"] }) }
    let run = try ClusterRun(Self.settings { $0.workers = 1 }, objects)
    run.forgetChanges()
    Self.unready("web-0", run)
    run.run(to: 1)
    #expect(Self.writes(run) == (0..<10).map { 120 + 5 * $0 })
  }

  @Test func slicesOfOneServiceAreWrittenOneAfterTheOther() throws {
    let run = try ClusterRun(
      Self.settings { $0.endpointsPerSlice = 2 }, [Small.service("web")] + Self.pods(6))
    #expect(run.plane.store.slices(of: run.service("web")).map(\.endpoints.count) == [2, 2, 2])
    run.forgetChanges()
    run.perform(.podUnready(.all(namespace: "default", labels: ["app": "web"]), duration: nil))
    run.run(to: 1)
    #expect(Self.writes(run) == [120, 125, 130])
  }

  @Test func failedWritesAreTriedAgainAfterABackoff() throws {
    let run = try ClusterRun(Self.settings(), [Small.service("web")] + Self.pods(2))
    run.forgetChanges()
    run.perform(
      .endpointSyncFailure(NamespacedName(name: "web"), probability: 1, duration: .constant(5)))
    Self.unready("web-0", run)
    run.run(to: 60)
    // Fails at 0.12, 1.125, 3.13 s; the next try, 4 s later, is after the failures' end.
    #expect(Self.writes(run) == [7135])
    #expect(run.log.count { $0.action == "endpoint sync failed" } == 3)
  }

  /// A sync that begins before the controller's own informer has its last write is put off by a second.
  @Test func aSecondChangeRightAfterAWriteWaitsForTheInformer() throws {
    let run = try ClusterRun(
      Self.settings { $0.ownWatch = .constant(0.05) }, [Small.service("web")] + Self.pods(2))
    run.forgetChanges()
    Self.unready("web-0", run)
    run.run(to: 0.03)
    Self.unready("web-1", run)
    run.run(to: 5)
    #expect(Self.writes(run) == [120, 1155])
  }

  @Test func aSliceThatSomebodyDeletesComesBackAfterASecond() throws {
    let run = try ClusterRun(Self.settings(), [Small.service("web")] + Self.pods(2))
    run.forgetChanges()
    let slice = run.plane.store.slices(of: run.service("web"))[0].metadata.namespacedName
    run.perform(.delete(.endpointSlice, slice))
    run.run(to: 5)
    #expect(Self.writes(run) == [0, 1020])
  }

  @Test func aPodWhoseNodeObjectIsMissingIsLookedAtAgain() throws {
    let run = try ClusterRun(Self.settings(), [Small.service("web")] + Self.pods(3))
    run.run(to: 1)
    run.perform(.nodeDelete(.named("a")))
    Self.unready("web-0", run)
    run.run(to: 30)
    #expect(run.log.contains { $0.detail.hasPrefix("node not found, again after") })
  }

  /// The annotation tells the transition of Ready; a deletion alone is no transition.
  @Test func slicesCarryTheTimeOfTheChangeBehindThem() throws {
    let run = try ClusterRun(
      Self.settings(), [Small.service("web")] + Self.pods(2),
      behaviour: { _, _ in PodBehaviour(preStop: .seconds(5)) })
    func trigger() -> SimTime? { run.plane.store.slices(of: run.service("web"))[0].triggerTime }
    run.run(to: 10.5)
    Self.unready("web-0", run)
    run.run(to: 11)
    #expect(trigger() == .zero + .seconds(10))
    run.perform(.podDelete(.named(NamespacedName(name: "web-1"))))
    run.run(to: 12)
    #expect(run.endpoints("web").contains { $0.isTerminating })
    #expect(trigger() == nil)
  }

  @Test func handWrittenEndpointsHaveWorkersLimitsAndABatchOfTheirOwn() throws {
    func endpoints(_ ip: String) -> APIObject {
      .endpoints(
        Endpoints(
          metadata: ObjectMeta(name: "db"),
          subsets: [EndpointSubset(addresses: [EndpointAddress(ip: ip)], ports: [EndpointPort(port: 5432)])]))
    }
    var settings = Self.settings()
    settings.endpointController.mirroring.batchPeriod = .seconds(3)
    let run = try ClusterRun(settings, [Small.service("db") { $0.selector = nil }, endpoints("192.0.2.1")])
    run.forgetChanges()
    run.perform(.apply([endpoints("192.0.2.2")]))
    run.run(to: 1)
    run.perform(.apply([endpoints("192.0.2.3")]))
    run.run(to: 10)
    #expect(Self.writes(run) == [3020])
    #expect(run.ready("db") == ["192.0.2.3"])
  }
}
