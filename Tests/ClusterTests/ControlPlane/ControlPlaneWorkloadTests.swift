// SPDX-License-Identifier: GPL-3.0-or-later
//
// Workload controllers: number, scale, rollouts within their bounds, StatefulSet order, DaemonSets.

import NetworkTypes
import SimKernel
import SimRandom
import Testing

@testable import Cluster

@Suite struct ControlPlaneWorkloadTests {
  @Test func `a deleted pod is replaced at once under another name`() throws {
    let run = try ClusterRun(Small.cluster(), [Small.workload(.deployment, "web", replicas: 2)]) { _, _ in
      PodBehaviour(exitDelay: .seconds(5))
    }
    let before = run.podNames()
    run.perform(.podDelete(.named(NamespacedName(name: before[0]))))
    run.run(to: 0.5)
    #expect(run.podNames().count == 3, "the replacement does not wait for the old one")
    run.run(to: 30)
    #expect(run.podNames().count == 2)
    #expect(run.podNames().contains(before[1]) && !run.podNames().contains(before[0]))
    #expect(run.podNames().allSatisfy { $0.wholeMatch(of: /web-[a-z0-9]{9}-[a-z0-9]{5}/) != nil })
  }

  @Test func `names are the same in every run`() throws {
    let objects = [Small.workload(.deployment, "web", replicas: 5)]
    #expect(
      try ClusterRun(Small.cluster(), objects, seed: 1).podNames()
        == ClusterRun(Small.cluster(), objects, seed: 2).podNames())
  }

  @Test(arguments: [0, 1, 7]) func `scale ends with the number asked for`(replicas: Int) throws {
    let run = try ClusterRun(
      Small.cluster(), [Small.service("web"), Small.workload(.deployment, "web", replicas: 3)])
    run.perform(.scale(NamespacedName(name: "web"), replicas: replicas))
    run.run(to: 60)
    #expect(run.podNames().count == replicas)
    #expect(run.ready("web").count == replicas)
  }

  @Test func `scaling down gives up pods that are not ready first`() throws {
    let run = try ClusterRun(Small.cluster(), [Small.workload(.deployment, "web", replicas: 3)])
    let names = run.podNames()
    run.perform(.podUnready(.named(NamespacedName(name: names[0])), duration: nil))
    run.run(to: 1)
    run.perform(.scale(NamespacedName(name: "web"), replicas: 2))
    run.run(to: 40)
    #expect(run.podNames() == Array(names[1...]))
  }

  @Test(arguments: [(0, 1), (1, 0), (2, 2), (5, 0)])
  func `a rollout stays within its bounds and replaces every pod`(surge: Int, unavailable: Int) throws {
    let replicas = 5
    let run = try ClusterRun(
      Small.cluster(),
      [
        Small.service("web"),
        Small.workload(.deployment, "web", replicas: replicas) {
          $0.maxSurge = .int(surge)
          $0.maxUnavailable = .int(unavailable)
        },
      ])
    let before = Set(run.podNames())
    run.perform(.rollout(NamespacedName(name: "web")))
    for step in 1...600 {
      run.run(to: Double(step) * 0.1)
      let names = run.podNames().filter { !$0.hasPrefix("-") }
      #expect(names.count <= replicas + surge)
      let ready = names.filter { run.object($0)!.status.isReady }
      #expect(ready.count >= replicas - unavailable, "at \(step)")
    }
    #expect(before.isDisjoint(with: run.podNames()))
    #expect(run.ready("web").count == replicas)
  }

  @Test func `minReadySeconds makes a rollout wait`() throws {
    func end(_ minReady: SimDuration) throws -> Double {
      let run = try ClusterRun(
        Small.cluster(),
        [
          Small.workload(.deployment, "web", replicas: 2) {
            $0.maxSurge = .int(1)
            $0.maxUnavailable = .int(0)
            $0.minReady = minReady
          }
        ])
      run.perform(.rollout(NamespacedName(name: "web")))
      run.run(to: 200)
      return try #require(run.log.last { $0.action == "deletion requested" }).time.seconds
    }
    let (fast, slow) = (try end(.zero), try end(.seconds(10)))
    #expect(abs(slow - fast - 20) < 0.5, "\(fast) \(slow)")
  }

  @Test func `Recreate ends all before it starts one`() throws {
    let run = try ClusterRun(
      Small.cluster(), [Small.workload(.deployment, "web", replicas: 3) { $0.recreates = true }]
    ) { _, _ in PodBehaviour(exitDelay: .seconds(5)) }
    run.perform(.rollout(NamespacedName(name: "web")))
    run.run(to: 60)
    let ended = run.times { if case .podProcessEnded = $0 { true } else { false } }
    let started = run.times { if case .podProcessStarted = $0 { true } else { false } }
    #expect(ended.count == 3 && started.count == 3)
    #expect(ended.max()! < started.min()!)
  }

  @Test func `a StatefulSet goes in order, keeps names, and never has two of one name`() throws {
    let run = try ClusterRun(
      Small.cluster(), [Small.service("db"), Small.workload(.statefulSet, "db", replicas: 3)]
    ) { _, _ in PodBehaviour(exitDelay: .seconds(5)) }
    #expect(run.podNames() == ["db-0", "db-1", "db-2"])
    let first = run.pod("db-1")!
    run.perform(.podDelete(.named(NamespacedName(name: "db-1"))))
    run.run(to: 4)
    #expect(run.podNames() == ["db-0", "-db-1", "db-2"])
    #expect(run.pod("db-1") == first)
    run.run(to: 30)
    #expect(run.podNames() == ["db-0", "db-1", "db-2"])
    #expect(run.pod("db-1") != first)
    run.perform(.rollout(NamespacedName(name: "db")))
    run.run(to: 100)
    let deleted = run.log.filter { $0.action == "deletion requested" }.map(\.object)
    #expect(deleted == ["pod/default/db-1", "pod/default/db-2", "pod/default/db-1", "pod/default/db-0"])
    run.perform(.scale(NamespacedName(name: "db"), replicas: 1))
    run.run(to: 130)
    #expect(run.podNames() == ["db-0"])
    #expect(run.ready("db").count == 1)
  }

  @Test func `a DaemonSet's rollout replaces one pod at a time`() throws {
    let run = try ClusterRun(
      Small.cluster(), [Small.service("agent"), Small.workload(.daemonSet, "agent", replicas: 0)])
    let before = Set(run.podNames())
    run.perform(.rollout(NamespacedName(name: "agent")))
    var fewest = 3
    for step in 1...600 {
      run.run(to: Double(step) * 0.1)
      fewest = min(fewest, run.podNames().count { run.object($0)?.status.isReady == true })
    }
    #expect(fewest == 2)
    #expect(before.isDisjoint(with: run.podNames()))
    #expect(run.plane.nodes.map(\.pods.count) == [1, 1, 1])
  }

  @Test func `deleting a Deployment deletes its pods and no others`() throws {
    let run = try ClusterRun(
      Small.cluster(), [Small.workload(.deployment, "web", replicas: 3), Small.pod("x", app: "y")])
    run.perform(.delete(.deployment, NamespacedName(name: "web")))
    run.run(to: 60)
    #expect(run.podNames() == ["x"])
  }

  @Test func `a dump's ReplicaSet and pods belong to their Deployment`() throws {
    let objects =
      [
        Small.workload(.deployment, "web", replicas: 2),
        Small.workload(.replicaSet, "web-abc", replicas: 2) { $0.templateLabels = ["app": "web", "x": "y"] },
      ] + (1...2).map { Small.pod("web-abc-\($0)", app: "web", on: "a") }
    let run = try ClusterRun(Small.cluster(), objects)
    #expect(run.podNames() == ["web-abc-1", "web-abc-2"])
    run.perform(.podDelete(.named(NamespacedName(name: "web-abc-1"))))
    run.run(to: 40)
    #expect(run.podNames().count == 2)
  }
}
