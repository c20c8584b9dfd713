// SPDX-License-Identifier: GPL-3.0-or-later
//
// Workload controllers in small and in random clusters: rollovers, deadlines, pauses, autoscaling; and what
// must hold whatever happens.

import NetworkTypes
import SimKernel
import SimRandom
import Testing

@testable import Cluster

@Suite struct WorkloadWorldTests {
  static let web = NamespacedName(name: "web")

  static func template(_ run: ClusterRun, _ image: String, replicas: Int) -> APIObject {
    Small.workload(.deployment, "web", replicas: replicas) { $0.template.containers[0].name = image }
  }

  static func sets(_ run: ClusterRun) -> [Int] {
    run.plane.workloads.filter { !$0.parent.isNone }.map(\.object.replicas)
  }

  @Test func `creations come in batches that double`() throws {
    let run = try ClusterRun(Small.cluster(), [Small.workload(.replicaSet, "web", replicas: 0)])
    run.perform(.scale(Self.web, replicas: 10))
    run.run(to: 1)
    let created = run.log.filter { $0.action == "created" }.map { ($0.time.seconds * 1000).rounded() }
    #expect(created == [10, 20, 20, 30, 30, 30, 30, 40, 40, 40], "milliseconds")
  }

  @Test func `a rollover leaves nothing of the one in between`() throws {
    let run = try ClusterRun(Small.cluster(), [Small.workload(.deployment, "web", replicas: 4)])
    run.perform(.rollout(Self.web))
    run.run(to: 1)
    run.perform(.rollout(Self.web))
    run.run(to: 60)
    #expect(Self.sets(run) == [0, 0, 4])
    #expect(run.podNames().count == 4)
  }

  @Test func `undo goes back to the ReplicaSet before, apply of an old template as well`() throws {
    let run = try ClusterRun(Small.cluster(), [Small.workload(.deployment, "web", replicas: 3)])
    let first = run.podNames().first!.dropLast(6)
    run.perform(.apply([Self.template(run, "v2", replicas: 3)]))
    run.run(to: 60)
    #expect(Self.sets(run) == [0, 3])
    run.perform(.undoRollout(Self.web))
    run.run(to: 120)
    #expect(Self.sets(run) == [3, 0])
    #expect(run.podNames().allSatisfy { $0.hasPrefix(first) })
    run.perform(.apply([Self.template(run, "v2", replicas: 3)]))
    run.run(to: 180)
    #expect(Self.sets(run) == [0, 3], "no third ReplicaSet")
  }

  @Test func `a rollout that gets nowhere is told after its deadline and not rolled back`() throws {
    let run = try ClusterRun(
      Small.cluster(),
      [
        Small.workload(.deployment, "web", replicas: 4) {
          $0.progressDeadline = .seconds(30)
        }
      ])
    var broken = Small.workload(.deployment, "web", replicas: 4)
    if case .workload(var object) = broken {
      object.progressDeadline = .seconds(30)
      object.template.nodeSelector = ["no": "such"]
      broken = .workload(object)
    }
    run.perform(.apply([broken]))
    run.run(to: 120)
    let told = run.log.filter { $0.action == "ProgressDeadlineExceeded" }
    #expect(told.count == 1)
    // The last progress: the one pod that may be missing has left the old set's status.
    #expect((31...33).contains(told[0].time.seconds))
    #expect(Self.sets(run) == [3, 2])
  }

  @Test func `while paused only the size changes`() throws {
    let run = try ClusterRun(Small.cluster(), [Small.workload(.deployment, "web", replicas: 4)])
    run.perform(.pauseRollout(Self.web, true))
    run.perform(.rollout(Self.web))
    run.perform(.scale(Self.web, replicas: 6))
    run.run(to: 30)
    #expect(Self.sets(run) == [6])
    run.perform(.pauseRollout(Self.web, false))
    run.run(to: 90)
    #expect(Self.sets(run) == [0, 6])
  }

  @Test func `an autoscaler follows what pods use`() throws {
    var scaler = HorizontalPodAutoscaler(
      metadata: ObjectMeta(name: "web"), targetKind: "Deployment", targetName: "web", maxReplicas: 10)
    scaler.targetUtilization = 50
    scaler.scaleDown.stabilization = .seconds(60)
    let run = try ClusterRun(
      Small.cluster(),
      [
        Small.workload(.deployment, "web", replicas: 2) { $0.template.scheduling.cpuMillis = 1000 },
        .horizontalPodAutoscaler(scaler),
      ])
    run.actions([], duration: .seconds(2000))
    // 2 cores in all until 600 s, then a tenth of that, shared by the pods that run.
    var totals: [PodID: Double] = [:]
    run.beforeScrape = { plane, now in
      let running = plane.pods.filter { $0.isReadyInReality }.map(\.id)
      let cores = now.seconds < 600 ? 2.0 : 0.2
      for pod in running {
        totals[pod, default: 0] += 15 * cores / Double(running.count)
        plane.recordUsage(of: pod, total: totals[pod]!, at: now)
      }
    }
    run.run(to: 590)
    #expect(run.plane.workloads[0].object.replicas == 4, "2 cores at half a core each")
    run.run(to: 1200)
    #expect(run.plane.workloads[0].object.replicas == 1)
    let rescaled = run.log.filter { $0.action == "rescaled" }.map(\.detail)
    #expect(rescaled.first == "2 -> 4, cpu 100 % of the request", "\(rescaled)")
  }

  // MARK: Whatever happens

  /// A Deployment rolled out over and over, paused and undone at random: never more pods than the surge
  /// allows, never fewer than may be missing. Without minReadySeconds: a ReplicaSet that is to give up a
  /// pod which is Ready but not yet available may choose one that is (its order does not look at
  /// availability), here as upstream.
  @Test(arguments: 0..<150) func `random rollouts keep within bounds`(seed: Int) throws {
    var draw = RandomStream(
      key: RandomKey(seed: UInt64(seed), replication: 0, purpose: RandomPurpose("test"), entity: 1))
    func pick(_ count: Int) -> Int { min(count - 1, Int(draw.uniform() * Double(count))) }
    let replicas = 2 + pick(5)
    let surge = pick(3)
    let unavailable = surge == 0 ? 1 + pick(2) : pick(2)
    let run = try ClusterRun(
      Small.cluster(["a", "b", "c", "d"]),
      [
        Small.workload(.deployment, "web", replicas: replicas) {
          $0.maxSurge = .int(surge)
          $0.maxUnavailable = .int(unavailable)
        }
      ], seed: UInt64(seed)
    ) { _, _ in PodBehaviour(exitDelay: .seconds(3)) }
    for step in 1...160 {
      switch pick(30) {
      case 0, 1: run.perform(.rollout(Self.web))
      case 2: run.perform(.undoRollout(Self.web))
      case 3: run.perform(.pauseRollout(Self.web, true))
      case 4, 5: run.perform(.pauseRollout(Self.web, false))
      default: break
      }
      run.run(to: Double(step) * 0.25)
      let names = run.podNames().filter { !$0.hasPrefix("-") }
      #expect(names.count <= replicas + surge, "step \(step)")
      #expect(Self.available(run) >= replicas - unavailable, "step \(step)")
    }
    run.perform(.pauseRollout(Self.web, false))
    run.run(to: 300)
    #expect(Self.sets(run).reduce(0, +) == replicas)
    #expect(run.podNames().count == replicas)
  }

  /// Ready pods that are not on their way out.
  static func available(_ run: ClusterRun) -> Int {
    run.podNames().count { !$0.hasPrefix("-") && run.object($0)?.status.isReady == true }
  }

  /// Without rollouts, evictions alone: the budget's number is never undercut, whatever is drained when.
  @Test(arguments: 0..<100) func `drains never violate a budget`(seed: Int) throws {
    var draw = RandomStream(
      key: RandomKey(seed: UInt64(seed), replication: 0, purpose: RandomPurpose("test"), entity: 2))
    func pick(_ count: Int) -> Int { min(count - 1, Int(draw.uniform() * Double(count))) }
    let replicas = 3 + pick(6)
    let least = 1 + pick(replicas)
    let kind: Workload.Kind = pick(2) == 0 ? .deployment : .statefulSet
    let run = try ClusterRun(
      Small.cluster(["a", "b", "c", "d"]),
      [
        Small.workload(kind, "web", replicas: replicas),
        DrainTests.budget { $0.minAvailable = .int(least) },
      ], seed: UInt64(seed)
    ) { _, _ in PodBehaviour(exitDelay: .seconds(2)) }
    for step in 1...60 {
      if pick(6) == 0 {
        var options = DrainOptions()
        if pick(2) == 0 { options.by = .autoscaler }
        run.perform(.nodeDrain(.named(["a", "b", "c", "d"][pick(4)]), options))
      }
      if pick(8) == 0 { run.perform(.nodeUncordon(.all(labels: [:]))) }
      run.run(to: Double(step))
      #expect(Self.available(run) >= least, "step \(step)")
    }
  }
}
