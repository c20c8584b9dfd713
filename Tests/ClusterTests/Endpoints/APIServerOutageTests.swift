// SPDX-License-Identifier: GPL-3.0-or-later
//
// An API server that is away: machines and processes go on, news waits.

import SimKernel
import SimRandom
import Testing

@testable import Cluster

@Suite struct APIServerOutageTests {
  private static func run(_ objects: [APIObject]) throws -> ClusterRun {
    var settings = Small.cluster()
    settings.watch.controllersReturn = .constant(4)
    return try ClusterRun(settings, objects)
  }

  private static let web =
    [Small.service("web"), Small.workload(.deployment, "web", replicas: 3)]

  @Test func statusesWaitForTheAPIServerAndReachSlicesAfterIt() throws {
    let run = try Self.run(Self.web)
    run.run(to: 10)
    run.forgetChanges()
    run.perform(.apiServerRestart(downFor: .constant(5)))
    let pod = run.podNames()[0]
    run.perform(.podUnready(.named(NamespacedName(name: pod)), duration: nil))
    run.run(to: 14.999)
    #expect(run.ready("web").count == 3)
    #expect(run.times { if case .podStatusChanged = $0 { true } else { false } }.isEmpty)
    run.run(to: 40)
    #expect(run.ready("web").count == 2)
    let written = try #require(run.times { if case .slicesChanged = $0 { true } else { false } }.first)
    // The kubelet sends what it has within its ten seconds.
    #expect(written > 15 && written < 25.1)
  }

  @Test func processesAndMachinesGoOnMeanwhile() throws {
    let run = try Self.run(Self.web)
    run.run(to: 10)
    run.perform(.podDelete(.named(NamespacedName(name: run.podNames()[0]))))
    run.run(to: 10.005)
    run.perform(.apiServerRestart(downFor: .constant(60)))
    run.forgetChanges()
    run.perform(.nodeCrash(.named("b"), returnAfter: nil, newAddress: nil))
    run.run(to: 60)
    #expect(run.changes.contains { if case .nodeDown = $0.change { true } else { false } })
    #expect(run.plane.store.node(run.node("b"))?.ready == .ready, "nobody could write it")
    run.run(to: 75)
    #expect(run.plane.store.node(run.node("b"))?.ready == .ready, "a new controller waits its grace period")
    run.run(to: 74 + 61)
    #expect(run.plane.store.node(run.node("b"))?.ready == .unknown)
  }

  @Test(arguments: [(5.0, 17.0), (20.0, 34.0)])
  func whatPeopleAskForIsDoneWhenItIsBack(downFor: Double, controllersBy: Double) throws {
    let run = try Self.run(Self.web)
    run.run(to: 10)
    run.perform(.apiServerRestart(downFor: .constant(downFor)))
    run.perform(.scale(NamespacedName(name: "web"), replicas: 5))
    run.run(to: 10 + downFor - 0.001)
    #expect(run.podNames().count == 3)
    run.run(to: controllersBy + 0.1)
    #expect(run.podNames().count == 5)
    run.run(to: controllersBy + 60)
    #expect(run.ready("web").count == 5)
  }

  @Test func aSliceWriteInFlightFailsAndIsTriedAgain() throws {
    let run = try Self.run(Self.web)
    run.run(to: 10)
    run.perform(.podUnready(.named(NamespacedName(name: run.podNames()[0])), duration: nil))
    run.run(to: 10.11)
    run.perform(.apiServerRestart(downFor: .constant(5)))
    run.forgetChanges()
    run.run(to: 30)
    #expect(run.log.contains { $0.action == "endpoint sync failed" })
    #expect(run.ready("web").count == 2)
    let written = try #require(run.times { if case .slicesChanged = $0 { true } else { false } }.first)
    // Tries at 10.12, 11.125, 13.13, 17.135 s.
    #expect(abs(written - 17.135) < 1e-6)
  }
}
