// SPDX-License-Identifier: GPL-3.0-or-later
//
// Whatever happened in a small random world: once it is quiet, the slices say what the pods say.

import SimKernel
import SimRandom
import Testing

@testable import Cluster

@Suite struct QuietSlicesTests {
  /// Churn for 60 s, then four minutes of rest.
  private static func world(_ seed: UInt64) throws -> ClusterRun {
    var stream = RandomStream(key: RandomKey(seed: seed, replication: 0, purpose: .init("quiet"), entity: 0))
    func pick(_ count: Int) -> Int { Int(stream.uniform() * Double(count)) }
    var settings = ClusterSettings()
    settings.minorVersion = [24, 30, 31, 34, 36][pick(5)]
    settings.nodes = (0..<4).map {
      var node = NodeSettings(name: "node-\($0)")
      node.zone = "zone-\($0 % (1 + Int(seed % 3)))"
      return node
    }
    settings.endpointController.endpointsPerSlice = [1, 2, 3, 100][pick(4)]
    settings.endpointController.workers = 1 + pick(3)
    settings.endpointController.batchPeriod = [.zero, .seconds(1)][pick(2)]
    settings.endpointController.apiQPS = [1.0, 20][pick(2)]
    settings.endpointController.apiBurst = 1 + pick(3)
    var objects: [APIObject] = []
    for name in ["x", "y", "z"] {
      objects.append(Small.workload(.deployment, name, replicas: 1 + pick(5)))
      objects.append(
        Small.service(name) { spec in
          spec.publishNotReadyAddresses = name == "z"
          spec.trafficDistribution = name == "y" ? "PreferClose" : nil
        })
      guard name == "x", case .service(var service)? = objects.popLast() else { continue }
      service.metadata.annotations["service.kubernetes.io/topology-aware-hints"] = "Auto"
      objects.append(.service(service))
    }
    let run = try ClusterRun(settings, objects, seed: seed)
    for _ in 0..<12 {
      run.run(to: run.now.seconds + 5 * stream.uniform())
      run.perform(action(&stream))
    }
    run.run(to: 300)
    return run
  }

  private static func action(_ stream: inout RandomStream) -> ClusterAction {
    let app = ["x", "y", "z"][Int(stream.uniform() * 3)]
    let target = PodTarget.random(namespace: "default", labels: ["app": app])
    return switch Int(stream.uniform() * 8) {
    case 0: .podDelete(target)
    case 1: .podUnready(target, duration: .constant(7))
    case 2: .podCrash(target)
    case 3: .scale(NamespacedName(name: app), replicas: Int(stream.uniform() * 6))
    case 4: .rollout(NamespacedName(name: app))
    case 5: .apiServerRestart(downFor: .constant(1 + 14 * stream.uniform()))
    case 6: .endpointSyncFailure(nil, probability: 0.5, duration: .constant(5))
    default: .nodeDrain(.random(labels: [:]))
    }
  }

  @Test(arguments: 1...20) func slicesSayWhatThePodsSay(group: Int) throws {
    for seed in UInt64(group * 15)..<UInt64(group * 15 + 15) {
      let run = try Self.world(seed)
      for name in ["x", "y", "z"] {
        let id = run.service(name)
        let slices = run.plane.store.slices(of: id)
        let service = try #require(run.plane.store.service(id))
        let wanted = run.plane.members(of: id).filter {
          PodEndpoint.counts($0.pod, includingTerminating: true)
        }
        .map { pod, id in
          PodEndpoint.endpoint(
            pod, id: id, node: run.plane.store.nodesByName[pod.spec.nodeName ?? ""], service: service)
        }
        let found = slices.map(\.withoutHints).flatMap(\.endpoints)
        #expect(
          found.sorted { $0.targetUID < $1.targetUID } == wanted.sorted { $0.targetUID < $1.targetUID },
          "seed \(seed), \(name)")
        let most = run.plane.settings.endpointController.endpointsPerSlice
        #expect(slices.allSatisfy { $0.endpoints.count <= most }, "seed \(seed), \(name)")
        #expect(Set(slices.map(\.metadata.name)).count == slices.count)
        let desired = run.plane.desiredSlices(of: id)
        #expect(desired == slices, "seed \(seed), \(name): another sync would write something")
      }
      #expect(run.plane.endpointControllers.slices.backlog == 0)
      #expect(run.plane.endpointControllers.syncs.isEmpty)
    }
  }
}
