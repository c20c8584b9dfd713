// SPDX-License-Identifier: GPL-3.0-or-later
//
// Random small clusters in which everything that rules depend on occurs, often in odd combinations; for every
// proxy mode. Outcome.swift asks what becomes of their packets.

import Cluster
import NetworkTypes
import SimKernel

@testable import Proxy

/// SplitMix64; the seed is all that a failure needs to print.
struct TestRandom {
  private var state: UInt64
  /// Neighbouring seeds must not give the same stream, shifted: the seed is mixed before it becomes the
  /// state.
  init(seed: UInt64) {
    state = seed &* 0xD1B5_4A32_D192_ED03
    state = next() ^ seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }
  mutating func below(_ n: Int) -> Int { Int(next() % UInt64(n)) }
  mutating func chance(_ percent: Int) -> Bool { below(100) < percent }
  mutating func pick<Element>(_ list: [Element]) -> Element { list[below(list.count)] }
}

struct RandomWorld {
  var random: TestRandom
  /// Of all nodes.
  let mode: ProxyMode
  /// Further settings of all nodes, drawn by the caller.
  var change: (inout ProxySettings) -> Void = { _ in }
  let nodeNames = ["n0", "n1", "n2"]
  let zones = ["a", "b"]
  static let externalIPs = ["80.11.12.10", "80.11.12.11", "192.168.0.2"]
  static let loadBalancerIPs = ["1.2.3.4", "5.6.7.8", "80.11.12.10"]
  static let nodePorts = [0, 30001, 30002, 30003]
  static let ports = [80, 443]

  init(seed: UInt64, mode: ProxyMode = .iptables) {
    random = TestRandom(seed: seed)
    self.mode = mode
  }

  mutating func settings() -> ProxySettings {
    testSettings { settings in
      settings.mode = mode
      change(&settings)
      if random.chance(25) { settings.clusterCIDR = nil }
      settings.masqueradeAll = random.chance(20)
      settings.localhostNodePorts = random.chance(70)
      if random.chance(40) {
        let blocks = ["192.168.0.0/24", "192.168.1.0/24", "127.0.0.0/8", "10.9.0.0/16"]
        settings.nodePortAddresses = [random.pick(blocks), random.pick(blocks)].compactMap { IPv4CIDR($0) }
      }
    }
  }

  mutating func nodes() -> [ProxyNode] {
    nodeNames.indices.map { i in
      testNode(
        i, nodeNames[i], zone: random.chance(80) ? random.pick(zones) : nil,
        ["192.168.0.\(2 + i)", "192.168.1.\(2 + i)"], settings())
    }
  }

  mutating func service(_ id: Int) -> Service {
    testService("s\(id)", clusterIP: "172.30.0.\(10 + id)") { service in
      service.spec.type = random.pick(["ClusterIP", "NodePort", "LoadBalancer"])
      service.spec.ports = (0..<(1 + random.below(2))).map { i in
        var port = ServicePort()
        port.name = "p\(i)"
        port.port = Self.ports[i]
        port.protocol = random.pick(["TCP", "TCP", "UDP"])
        port.nodePort = service.spec.type == "ClusterIP" ? 0 : random.pick(Self.nodePorts)
        return port
      }
      if random.chance(30) { service.spec.externalIPs = [random.pick(Self.externalIPs)] }
      if random.chance(40) { service.spec.externalTrafficPolicy = "Local" }
      if random.chance(30) { service.spec.internalTrafficPolicy = "Local" }
      if random.chance(30) {
        service.spec.sessionAffinity = "ClientIP"
        service.spec.affinityTimeoutSeconds = 100
      }
      if service.spec.type == "LoadBalancer" {
        if service.spec.externalTrafficPolicy == "Local" { service.spec.healthCheckNodePort = 31000 + id }
        let mode = random.chance(15) ? "Proxy" : random.pick([nil, "VIP"])
        service.status.loadBalancerIngress = [
          LoadBalancerIngress(ip: random.pick(Self.loadBalancerIPs), ipMode: mode)
        ]
        if random.chance(50) {
          let ranges = ["203.0.113.0/25", " 192.168.0.0/24", "10.0.0.0/9"]
          service.spec.loadBalancerSourceRanges = [random.pick(ranges), random.pick(ranges)]
        }
      }
    }
  }

  mutating func slices(for service: Service) -> [EndpointSlice] {
    let hintsForAll = random.chance(30)
    let endpoints = (0..<random.below(6)).map { _ in endpoint(hasHints: hintsForAll || random.chance(20)) }
    let ports = service.spec.ports.map {
      EndpointPort(name: $0.name, port: 8000 + $0.port, protocol: $0.protocol ?? "TCP")
    }
    return [testSlice(endpoints, ports: ports)]
  }

  private mutating func endpoint(hasHints: Bool) -> Endpoint {
    let node = random.below(3)
    var endpoint = testEndpoint(
      "10.180.\(node).\(1 + random.below(12))", node: nodeNames[node],
      random.pick(["R", "R", "R", "T", "X", "U"]))
    if hasHints {
      endpoint.zoneHints = [random.pick(zones)]
      if random.chance(50) { endpoint.nodeHints = [random.pick(nodeNames)] }
    }
    return endpoint
  }

  mutating func probe() -> Probe {
    let to = random.pick(
      ["172.30.0.10", "172.30.0.11", "172.30.0.12", "172.30.0.13", "172.30.0.99", "127.0.0.1"]
        + ["192.168.0.2", "192.168.1.2", "192.168.0.3"] + Self.externalIPs + Self.loadBalancerIPs)
    let from = random.pick(
      ["10.0.0.2", "10.180.0.3", "10.180.1.5", "10.200.0.1", "192.168.0.2", "127.0.0.1"]
        + ["203.0.113.2", "203.0.113.130", "1.2.3.4"])
    let origin: FlowOrigin =
      from.hasPrefix("10.")
      ? .pod : ["192.168.0.2", "127.0.0.1", "1.2.3.4"].contains(from) ? .node : .outside
    return Probe(
      from: from, to: to, port: random.pick(Self.ports + Self.nodePorts.dropFirst()),
      transport: random.pick([.tcp, .tcp, .udp]), origin: origin)
  }

  /// Four Services on three nodes, converged.
  mutating func build(_ services: inout [Service]) -> ProxyWorld {
    var world = ProxyWorld(nodes: nodes())
    for id in 0..<4 {
      services.append(service(id))
      world.put(id, services[id])
      world.put(id, slices: slices(for: services[id]))
    }
    world.converge()
    return world
  }

  /// One write, of a kind that a proxy may notice.
  mutating func mutate(_ world: inout ProxyWorld, _ services: inout [Service]) {
    let id = random.below(services.count)
    switch random.below(5) {
    case 0: world.put(id, nil)
    case 1:
      services[id] = service(id)
      world.put(id, services[id])
    default: world.put(id, slices: slices(for: services[id]))
    }
  }
}
