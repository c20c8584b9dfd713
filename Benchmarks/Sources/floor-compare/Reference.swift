// SPDX-License-Identifier: GPL-3.0-or-later
//
// The reference workload of the design (10 client nodes, one ClusterIP, 20 backends on 10 other nodes, one
// FIFO server each), with everything on that a normal run has.

import Cluster
import NetworkTypes
import Scenario
import SimKernel
import SimRandom
import Simulation
import Traffic

enum Reference {
  /// - Parameter scale: multiplies nodes, clients and backends, and with them the rate of connections.
  static func scenario(connections: Int, scale: Int = 1) -> ScenarioFile {
    let duration = SimDuration(seconds: Double(connections) / Double(10_000 * scale))
    var s = ScenarioFile(name: "reference", duration: duration)
    for i in 0..<20 * scale {
      var node = NodeSettings(name: "node-\(i)")
      node.cores = 8
      s.cluster.nodes.append(node)
    }
    var service = ServiceSpec()
    service.selector = ["app": "web"]
    var port = ServicePort()
    port.port = 80
    port.targetPort = .int(8080)
    service.ports = [port]
    s.objects.append(.service(Service(metadata: ObjectMeta(name: "web"), spec: service)))
    for i in 0..<20 * scale { s.objects.append(pod("web-\(i)", app: "web", node: 10 * scale + i / 2)) }
    for i in 0..<100 * scale { s.objects.append(pod("client-\(i)", app: "client", node: i / 10)) }
    var server = ServerSettings(name: "web", place: .pods(namespace: "default", labels: ["app": "web"]))
    server.port = 8080
    server.serviceTime = .exponential(mean: 0.001)
    server.concurrency = 1
    s.servers = [server]
    var client = ClientSettings(
      name: "client", place: .pods(namespace: "default", labels: ["app": "client"]),
      target: .service(NamespacedName(name: "web"), port: .first),
      arrivals: .renewal(.exponential(mean: 0.01)))
    client.dnsCache = .hours(1)
    s.clients = [client]
    s.network.sameZone = .constant(0.0001)
    s.cluster.dns.latency = .constant(0)
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
}
