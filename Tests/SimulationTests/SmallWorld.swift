// SPDX-License-Identifier: GPL-3.0-or-later
//
// Small clusters for tests of the engine: pods where a test wants them, and every delay constant, so that a test can
// say what happens when.

import Cluster
import NetworkTypes
import Scenario
import SimKernel
import SimRandom
import Testing
import Traffic

@testable import Simulation

/// A scenario under construction. One-way delays: 20 µs on a node, 100 µs between nodes, 2 ms to the outside.
struct SmallWorld {
  var file: ScenarioFile

  init(nodes: Int = 2, duration: SimDuration = .seconds(10)) {
    file = ScenarioFile(name: "small", duration: duration)
    for i in 0..<nodes { file.cluster.nodes.append(NodeSettings(name: "node-\(i)")) }
    file.cluster.timing = Self.constantTiming
    // Pods of these tests have no probes unless a test gives them some.
    file.cluster.kubelet.unprobed = .whenAnswering
    file.cluster.dns.latency = .constant(0)
  }

  private static var constantTiming: TimingSettings {
    var t = TimingSettings()
    t.kubeletStatus = .constant(0.1)
    t.kubeletWatch = .constant(0.01)
    t.podStart = .constant(0.1)
    t.podReady = .constant(0.1)
    t.scheduler = .constant(0.01)
    t.workloadController = .constant(0.01)
    t.endpointController = .constant(0.01)
    t.proxyWatch = .constant(0.005)
    t.proxySync = .constant(0.05)
    t.proxyRestart = .constant(2)
    t.nodeAddressUpdate = .constant(3)
    t.routePropagation = .constant(1)
    t.nodeBoot = .constant(5)
    return t
  }

  // MARK: Objects

  static func pod(_ name: String, app: String, node: Int, port: Int? = 8080, transport: String = "TCP")
    -> APIObject
  {
    var spec = PodSpec()
    spec.nodeName = "node-\(node)"
    var container = Container(name: "c")
    if let port {
      var declared = ContainerPort(containerPort: port)
      declared.protocol = transport
      container.ports = [declared]
    }
    spec.containers = [container]
    return .pod(Pod(metadata: ObjectMeta(name: name, labels: ["app": app]), spec: spec))
  }

  static func service(
    _ name: String = "web", app: String? = "web", port: Int = 80, targetPort: Int = 8080,
    transport: String = "TCP",
    _ change: (inout ServiceSpec) -> Void = { _ in }
  ) -> APIObject {
    var spec = ServiceSpec()
    if let app { spec.selector = ["app": app] }
    var servicePort = ServicePort()
    servicePort.port = port
    servicePort.targetPort = .int(targetPort)
    servicePort.protocol = transport
    spec.ports = [servicePort]
    change(&spec)
    return .service(Service(metadata: ObjectMeta(name: name), spec: spec))
  }

  /// Pods `web-0`, `web-1`, … on these nodes.
  mutating func addWeb(on nodes: [Int], port: Int? = 8080, transport: String = "TCP") {
    for (i, node) in nodes.enumerated() {
      file.objects.append(Self.pod("web-\(i)", app: "web", node: node, port: port, transport: transport))
    }
  }

  mutating func add(_ object: APIObject) { file.objects.append(object) }

  /// The Service `web`.
  mutating func addService(_ change: (inout ServiceSpec) -> Void = { _ in }) {
    add(Self.service("web", change))
  }

  // MARK: Traffic

  /// How the processes of the pods `web` behave: 1 ms per request unless changed.
  mutating func serve(_ change: (inout ServerSettings) -> Void = { _ in }) {
    var server = ServerSettings(name: "web", place: .pods(namespace: "default", labels: ["app": "web"]))
    server.serviceTime = .constant(0.001)
    change(&server)
    file.servers.append(server)
  }

  static let web = NamespacedName(name: "web")

  /// A client pod on `node` that calls the Service `web` every 100 ms, with nothing in step with the events of tests.
  mutating func addClient(
    on node: Int = 0, to target: ClientSettings.Target = .service(SmallWorld.web, port: .first),
    every: Double = 0.1, _ change: (inout ClientSettings) -> Void = { _ in }
  ) {
    let app = "client-\(file.clients.count)"
    file.objects.append(Self.pod(app, app: app, node: node, port: nil))
    var client = ClientSettings(
      name: app, place: .pods(namespace: "default", labels: ["app": app]), target: target,
      arrivals: .renewal(.constant(every)))
    change(&client)
    file.clients.append(client)
  }

  mutating func addOutsideClient(
    count: Int = 1, to target: ClientSettings.Target, every: Double = 0.1,
    _ change: (inout ClientSettings) -> Void = { _ in }
  ) {
    var client = ClientSettings(
      name: "client-\(file.clients.count)",
      place: .outside(address: IPv4Address("203.0.113.10")!, count: count),
      target: target, arrivals: .renewal(.constant(every)))
    change(&client)
    file.clients.append(client)
  }

  mutating func at(_ seconds: Double, _ action: ClusterAction) {
    file.events.append(TimedAction(at: .zero + SimDuration(seconds: seconds), action: action))
  }

  // MARK: Running

  /// Runs the scenario and checks the world's and the result's invariants.
  func run(replication: UInt32 = 0, sourceLocation: SourceLocation = #_sourceLocation) throws -> RunResult {
    var world = try World.make(file, replication: replication)
    // An attempt that nothing will ever decide would keep the run going for good.
    let limit = EventLimit()
    do {
      try world.run(observer: limit)
    } catch is RunInterrupted {
      Issue.record(
        "\(world.undecided) undecided at \(world.now): \(world.stuckConnections())",
        sourceLocation: sourceLocation)
    }
    let broken = world.brokenInvariants()
    #expect(broken == [], sourceLocation: sourceLocation)
    let result = world.result(variant: "base")
    #expect(result.brokenInvariants() == [], sourceLocation: sourceLocation)
    return result
  }
}

/// Stops a run that has gone on for too long.
private final class EventLimit: RunObserver {
  func progress(now: SimTime, end: SimTime, events: Int) -> Bool {
    events < 4_000_000 && now < end + .hours(2)
  }
}

extension World {
  /// Connections that wait for something, for the message of a run that does not end.
  fileprivate func stuckConnections() -> [String] {
    var stuck: [String] = []
    for slot in 0..<UInt32(connections.used) where stuck.count < 5 {
      let c = connections[slot].pointee
      let isBetweenRequests = c.phase == .idle && c.requestsLeft > 0
      guard c.phase == .connecting || c.phase == .awaiting || isBetweenRequests else { continue }
      stuck.append("\(c.phase) \(c.tuple) deadline \(c.deadline) server \(c.server) left \(c.requestsLeft)")
    }
    return stuck
  }
}

extension PodTarget {
  static func web(_ index: Int) -> PodTarget { .named(NamespacedName(name: "web-\(index)")) }
}

extension RunResult {
  func count(_ outcome: Outcome) -> Int { groups.reduce(0) { $0 + ($1.outcome == outcome ? $1.count : 0) } }
  func count(_ cause: Cause) -> Int { groups.reduce(0) { $0 + ($1.cause == cause ? $1.count : 0) } }
  /// `outcome/cause: count`, of everything that was not completed.
  var failures: [String] {
    groups.filter { $0.outcome != .completed }.map {
      "\($0.outcome.rawValue)/\($0.cause?.rawValue ?? "-"): \($0.count)"
    }
  }
}
