// SPDX-License-Identifier: GPL-3.0-or-later
//
// Worlds with everything at once, drawn at random: all kinds of clients, Services and servers, and every
// action that a scenario knows, close together. Nothing is predicted but that the run ends and its sums
// agree.

import Cluster
import NetworkTypes
import Scenario
import SimKernel
import SimRandom
import Testing
import Traffic

@testable import Simulation

struct RandomWorldTests {
  private struct Draw {
    var stream: RandomStream
    init(_ seed: UInt64) {
      stream = RandomStream(
        key: RandomKey(seed: seed, replication: 0, purpose: RandomPurpose("world"), entity: 0))
    }
    mutating func below(_ n: Int) -> Int { Int(stream.below(UInt64(n))) }
    mutating func chance(_ p: Double) -> Bool { stream.bernoulli(p) }
    mutating func pick<T>(_ list: [T]) -> T { list[below(list.count)] }
  }

  static func world(_ seed: UInt64) -> SmallWorld {
    var d = Draw(seed)
    var w = SmallWorld(nodes: 3, duration: .seconds(40))
    w.file.seed = seed
    if d.chance(0.5) { w.file.cluster.timing = TimingSettings() }
    w.file.cluster.timing.nodeBoot = .constant(2)
    w.file.cluster.timing.nodeMonitorGrace = .seconds(6)
    w.file.cluster.timing.evictionToleration = .seconds(5)
    w.file.cluster.nodes[2].zone = "b"
    if d.chance(0.3) { w.file.cluster.nodes[0].conntrackMax = 40 }
    for i in 0..<3 where d.chance(0.3) {
      w.file.cluster.nodes[i].podCIDR = IPv4CIDR("10.244.\(40 + i).0/28")!
    }
    w.file.network.deadPodIP = d.pick(DeadAddressAnswer.allCases)
    w.file.network.loss = d.pick([0, 0.01, 0.2])
    w.file.network.sameZone = d.pick([.constant(0.0001), .exponential(mean: 0.05), .constant(0.3)])
    w.file.cluster.dns.loss = d.pick([0, 0.2])
    addServices(&w, &d)
    addClients(&w, &d)
    for _ in 0..<25 { w.at(1 + 0.001 * Double(d.below(38_000)), action(&d)) }
    return w
  }

  private static func addServices(_ w: inout SmallWorld, _ d: inout Draw) {
    let isUDP = d.chance(0.3)
    var template = PodSpec()
    var container = Container(name: "c")
    container.ports = [ContainerPort(containerPort: 8080)]
    container.ports[0].protocol = isUDP ? "UDP" : "TCP"
    template.containers = [container]
    template.hostNetwork = d.chance(0.15)
    template.terminationGracePeriod = .seconds(Int64(d.below(5)))
    var deployment = Workload(
      kind: .deployment, metadata: ObjectMeta(name: "web"), selector: LabelSelector(["app": "web"]),
      templateLabels: ["app": "web"], template: template)
    deployment.replicas = 1 + d.below(4)
    w.add(.workload(deployment))
    let policy = d.pick(["Cluster", "Local"])
    let affinity = d.pick(["None", "ClientIP"])
    w.add(
      SmallWorld.service(transport: isUDP ? "UDP" : "TCP") {
        $0.type = "LoadBalancer"
        $0.externalTrafficPolicy = policy
        $0.sessionAffinity = affinity
        $0.externalIPs = ["80.11.12.10"]
      })
    w.add(SmallWorld.service("pods", transport: isUDP ? "UDP" : "TCP") { $0.clusterIP = "None" })
    w.serve {
      $0.transport = isUDP ? .udp : .tcp
      $0.serviceTime = .exponential(mean: d.pick([0.001, 0.1, 1]))
      if d.chance(0.3) { $0.concurrency = 2 }
      if d.chance(0.3) { $0.queue = 3 }
      if d.chance(0.3) { $0.maxConnections = 2 }
      $0.backlog = d.pick([0, 3, 4096])
      $0.onTermination = d.pick([.exit, .drain, .ignore])
      $0.drain = .seconds(2)
      $0.preStop = .milliseconds(d.pick([0, 700]))
      if d.chance(0.4) { $0.idleTimeout = .milliseconds(300) }
    }
    w.file.cluster.dns.records = [
      ExternalRecord(name: "db.example.com", addresses: [IPv4Address("198.51.100.1")!], ttl: .seconds(2))
    ]
    var outside = ServerSettings(
      name: "db", place: .outside([IPv4Address("198.51.100.1")!, IPv4Address("198.51.100.2")!]))
    outside.port = 80
    w.file.servers.append(outside)
  }

  private static func addClients(_ w: inout SmallWorld, _ d: inout Draw) {
    guard case .tcp = w.file.servers[0].transport else { return addClients(.udp, &w, &d) }
    addClients(.tcp, &w, &d)
    w.addClient(on: 1, to: .name("db.example.com", port: 80)) { vary(&$0, .tcp, &d) }
  }

  private static func addClients(_ transport: TransportProtocol, _ w: inout SmallWorld, _ d: inout Draw) {
    let web = SmallWorld.web
    w.addClient(on: 0) { vary(&$0, transport, &d) }
    w.addClient(on: 1, to: .service(NamespacedName(name: "pods"), port: .first)) { vary(&$0, transport, &d) }
    w.addClient(on: 2, to: .nodePort(web, port: .first, node: nil)) { vary(&$0, transport, &d) }
    w.addClient {
      vary(&$0, transport, &d)
      $0.place = .nodes([])
    }
    w.addClient {
      vary(&$0, transport, &d)
      $0.place = .pods(namespace: "default", labels: ["app": "web"])
    }
    w.addOutsideClient(count: 2, to: .loadBalancer(web, port: .first)) { vary(&$0, transport, &d) }
    w.addOutsideClient(to: .externalIP(web, port: .first)) { vary(&$0, transport, &d) }
    w.addOutsideClient(to: .nodePort(web, port: .first, node: nil)) { vary(&$0, transport, &d) }
  }

  private static func vary(_ c: inout ClientSettings, _ transport: TransportProtocol, _ d: inout Draw) {
    c.transport = transport
    c.arrivals = d.pick([
      .renewal(.exponential(mean: 0.2)), .closed(users: 3, think: .exponential(mean: 0.3)),
      .varyingPoisson([.init(at: .zero, rate: 2), .init(at: .zero + .seconds(20), rate: 8)]),
    ])
    if d.chance(0.5) {
      c.connections = .pool(
        size: 1 + d.below(3), idleTimeout: d.chance(0.5) ? .milliseconds(400) : nil,
        maxAge: d.chance(0.5) ? .seconds(2) : nil)
      if d.chance(0.5) { c.keepalive = .milliseconds(500) }
    }
    c.requests = d.pick([.constant(1), .geometric(probability: 0.4)])
    c.requestGap = d.pick([.constant(0), .exponential(mean: 0.5)])
    c.connectTimeout = .milliseconds(d.pick([100, 1500, 8000]))
    c.requestTimeout = .milliseconds(d.pick([100, 1500, 8000]))
    c.retry.limit = d.below(3)
    c.synLinearTimeouts = d.pick([0, 4])
    c.dnsCache = d.pick([nil, .zero, .seconds(10)])
  }

  private static func action(_ d: inout Draw) -> ClusterAction {
    let node = NodeTarget.named("node-\(d.below(3))")
    let web = PodTarget.random(namespace: "default", labels: ["app": "web"])
    let link = LinkTarget(
      from: .node("node-\(d.below(3))"), to: d.pick([.anyNode, .outside, .controlPlane, .node("node-1")]))
    let address = IPv4Address("172.18.0.\(100 + d.below(100))")!
    switch d.below(19) {
    case 0: return .nodeDrain(node)
    case 1: return .nodeUncordon(node)
    case 2:
      return .nodeCrash(
        node, returnAfter: .uniform(low: 0, high: 5), newAddress: d.chance(0.5) ? address : nil)
    case 3:
      return .nodeReboot(node, downFor: .uniform(low: 0, high: 3), newAddress: d.chance(0.5) ? address : nil)
    case 4: return .nodeAddressChange(node, newAddress: address)
    case 5: return .nodeDelete(node)
    case 6: return .nodeJoin(NodeSettings(name: "node-\(d.below(5))"))
    case 7, 8: return .podDelete(web)
    case 9: return .podCrash(web)
    case 10: return .podUnready(web, duration: .constant(1))
    case 11: return .scale(SmallWorld.web, replicas: d.below(6))
    case 12: return .rollout(SmallWorld.web)
    case 13: return .proxyRestart(node)
    case 14: return .linkDegrade(link, delay: .exponential(mean: 0.1), loss: 0.3, duration: .constant(2))
    case 15: return .partition(link, duration: .uniform(low: 0, high: 4))
    case 16: return .delete(.service, SmallWorld.web)
    case 17: return .apply([SmallWorld.service { $0.type = "LoadBalancer" }])
    default:
      return .dnsChange(name: "db.example.com", addresses: [IPv4Address("198.51.100.\(1 + d.below(3))")!])
    }
  }

  @Test(arguments: UInt64(1)...30) func everyRunEndsAndItsSumsAgree(_ seed: UInt64) throws {
    let result = try Self.world(seed).run()
    #expect(result.attempted > 500)
    #expect(result.count(.completed) > 0)
  }

  /// Any provider, any steering, cuts and forgotten flows, taints and zones, addresses reported by anybody.
  @Test(arguments: UInt64(1)...20) func everyRunEndsWithAnyLoadBalancer(_ seed: UInt64) throws {
    var d = Draw(seed &+ 5000)
    var w = Self.world(seed)
    var balancer = d.pick(LoadBalancerProvider.allCases).settings
    balancer.checkInterval = .seconds(1)
    balancer.steering = d.pick(LoadBalancerSettings.Steering.allCases)
    balancer.targets = d.pick(LoadBalancerSettings.TargetKind.allCases)
    balancer.drain = d.pick([nil, .zero, .seconds(2)])
    balancer.idleTimeout = d.pick([nil, .milliseconds(300)])
    balancer.idleAction = d.pick(LoadBalancerSettings.IdleAction.allCases)
    balancer.resetsUnhealthy = d.chance(0.5)
    balancer.registration = d.pick([.constant(0), .uniform(low: 0, high: 3)])
    balancer.deregistration = balancer.registration
    balancer.unhealthyDelay = balancer.registration
    w.file.cluster.loadBalancer = balancer
    w.file.cluster.minorVersion = d.pick([24, 29, 31, 36])
    w.file.cluster.nodeAddresses.reporter = d.pick(NodeAddressSettings.Reporter.allCases)
    w.file.cluster.nodeAddresses.cloudRefresh = .uniform(low: 0, high: 8)
    w.file.cluster.nodeAddresses.routes = d.pick(NodeAddressSettings.Routes.allCases)
    w.file.cluster.nodeAddresses.routesFollowAddress = d.chance(0.5)
    let taints = [
      "ToBeDeletedByClusterAutoscaler:NoSchedule", "node.kubernetes.io/out-of-service=x:NoExecute",
    ]
    for taint in taints {
      let node = NodeTarget.named("node-\(d.below(3))")
      w.at(5 + 0.001 * Double(d.below(20_000)), .nodeTaint(node, taint: taint))
      w.at(26 + 0.001 * Double(d.below(10_000)), .nodeUntaint(node, taint: taint))
    }
    w.at(15.5, .partition(LinkTarget(from: .zone("b"), to: .anyNode), duration: .constant(1)))
    let result = try w.run()
    #expect(result.attempted > 500)
    #expect(result.count(.completed) > 0)
  }

  @Test(arguments: UInt64(1)...20) func everyRunEndsInModeIPVSToo(_ seed: UInt64) throws {
    var world = Self.world(seed)
    world.file.setMode(of: .ipvs)
    for i in world.file.cluster.nodes.indices {
      world.file.cluster.nodes[i].proxy = world.file.cluster.proxy
      let schedulers = IPVSScheduler.allCases
      world.file.cluster.nodes[i].proxy?.ipvs.scheduler = schedulers[(Int(seed) + i) % schedulers.count]
      if seed % 2 == 0 { world.file.cluster.nodes[i].proxy?.ipvs.kernelVersion = KernelVersion(5, 4) }
    }
    let result = try world.run()
    #expect(result.attempted > 500)
    #expect(result.count(.completed) > 0)
  }

  @Test(arguments: UInt64(1)...15) func soTheyDoWithCiliumOnTheNodes(_ seed: UInt64) throws {
    var w = Self.world(seed)
    w.useCilium {
      $0.algorithm = seed % 2 == 0 ? .random : .maglev
      $0.maglevTableSize = 251
      $0.forwarding = [.snat, .dsr, .hybrid][Int(seed % 3)]
      if seed % 5 == 0 {
        $0.maps.conntrackTCP = 20
        $0.maps.nat = 8
        $0.maps.services = 12
      }
    }
    let result = try w.run()
    #expect(result.attempted > 500)
    #expect(result.count(.completed) > 0)
  }
}
