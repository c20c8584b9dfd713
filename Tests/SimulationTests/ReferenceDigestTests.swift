// SPDX-License-Identifier: GPL-3.0-or-later
//
// Pins what a run does event by event, so that a faster packet path is seen to be the same packet path. A
// change of the model changes these numbers: then write down the new ones, having looked at what else
// changed.

import Cluster
import NetworkTypes
import Scenario
import SimKernel
import SimRandom
import Simulation
import Testing
import Traffic

@Suite struct ReferenceDigestTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var loss = 0.0
    var sameZone = Distribution.constant(0.0001)
    var digest: UInt64
    var packets: Int
  }
  static let cases: [Case] = [
    Case(testDescription: "quiet network", digest: 10_435_069_042_302_763_316, packets: 18096),
    Case(testDescription: "lossy network", loss: 0.01, digest: 10_645_044_850_879_855_895, packets: 18227),
    Case(
      testDescription: "random delays", sameZone: .exponential(mean: 0.0002),
      digest: 13_576_114_739_852_225_030,
      packets: 18096),
  ]

  /// 3 nodes, 4 backends, 6 clients: a small relative of the benchmark's workload.
  private static func scenario(_ c: Case) -> ScenarioFile {
    var s = ScenarioFile(name: "pinned", duration: .seconds(10))
    for i in 0..<3 { s.cluster.nodes.append(NodeSettings(name: "node-\(i)")) }
    var service = ServiceSpec()
    service.selector = ["app": "web"]
    var port = ServicePort()
    port.port = 80
    port.targetPort = .int(8080)
    service.ports = [port]
    s.objects.append(.service(Service(metadata: ObjectMeta(name: "web"), spec: service)))
    for i in 0..<4 { s.objects.append(pod("web-\(i)", app: "web", node: i % 3)) }
    for i in 0..<6 { s.objects.append(pod("client-\(i)", app: "client", node: i % 3)) }
    var server = ServerSettings(name: "web", place: .pods(namespace: "default", labels: ["app": "web"]))
    server.port = 8080
    server.serviceTime = .exponential(mean: 0.001)
    server.concurrency = 1
    s.servers = [server]
    s.clients = [
      ClientSettings(
        name: "client", place: .pods(namespace: "default", labels: ["app": "client"]),
        target: .service(NamespacedName(name: "web"), port: .first),
        arrivals: .renewal(.exponential(mean: 0.02)))
    ]
    s.network.costs = .rulesOnly(nanoseconds: 25)
    s.network.sameZone = c.sameZone
    s.network.loss = c.loss
    return s
  }

  private static func pod(_ name: String, app: String, node: Int) -> APIObject {
    var spec = PodSpec()
    spec.nodeName = "node-\(node)"
    var container = Container(name: "c")
    if app == "web" { container.ports = [ContainerPort(containerPort: 8080)] }
    spec.containers = [container]
    return .pod(Pod(metadata: ObjectMeta(name: name, labels: ["app": app]), spec: spec))
  }

  @Test(arguments: cases)
  func `every event is where it was`(c: Case) throws {
    let result = try SimulationRun.run(Self.scenario(c))
    #expect(result.digest == c.digest && result.packets == c.packets, "\(result.digest) \(result.packets)")
  }
}
