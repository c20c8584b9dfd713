// SPDX-License-Identifier: GPL-3.0-or-later
//
// An autoscaler on the load that the run has: how many pods follow from it, and that arrivals do not.

import Cluster
import NetworkTypes
import SimKernel
import SimRandom
import Testing
import Traffic

@testable import Simulation

@Suite struct AutoscalingTests {
  /// 200 requests/s of 10 ms are two busy workers; pods ask for one core.
  static func world(target: Int, cpu: Double, workers: Int?) -> SmallWorld {
    var w = SmallWorld(nodes: 3, duration: .seconds(120))
    var spec = PodSpec()
    var container = Container(name: "c")
    container.ports = [ContainerPort(containerPort: 8080)]
    spec.containers = [container]
    spec.scheduling.cpuMillis = 1000
    var web = Workload(
      kind: .deployment, metadata: ObjectMeta(name: "web"), selector: LabelSelector(["app": "web"]),
      templateLabels: ["app": "web"], template: spec)
    web.replicas = 1
    w.add(.workload(web))
    w.addService()
    w.serve {
      $0.serviceTime = .constant(0.01)
      $0.cpu = cpu
      $0.concurrency = workers
    }
    for i in 0..<2 { w.addClient(on: i) { $0.arrivals = .renewal(.exponential(mean: 0.01)) } }
    var scaler = HorizontalPodAutoscaler(
      metadata: ObjectMeta(name: "web"), targetKind: "Deployment", targetName: "web", maxReplicas: 20)
    scaler.targetUtilization = target
    w.add(.horizontalPodAutoscaler(scaler))
    return w
  }

  /// Two busy workers at so many cores, over the target: rounded up from a share within a tolerance of 10 %.
  @Test(
    arguments: [
      (70, 1.0, nil, 3), (70, 1.0, 8, 3), (70, 0.5, nil, 2), (30, 1.0, nil, 7), (90, 0.25, 8, 1),
    ] as [(Int, Double, Int?, Int)])
  func `replicas follow the busy workers`(target: Int, cpu: Double, workers: Int?, replicas: Int) throws {
    let result = try Self.world(target: target, cpu: cpu, workers: workers).run()
    let rescaled = result.events.filter { $0.action == "rescaled" }
    let last = rescaled.last?.detail ?? "1 -> 1"
    #expect(last.contains("-> \(replicas)"), "\(rescaled.map(\.detail))")
  }

  @Test func `what an autoscaler does changes no arrival`() throws {
    let few = try Self.world(target: 90, cpu: 1, workers: 8).run()
    let many = try Self.world(target: 20, cpu: 1, workers: 8).run()
    #expect(few.arrivalDigest == many.arrivalDigest)
    #expect(few.events.count != many.events.count)
  }
}
