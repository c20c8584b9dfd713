// SPDX-License-Identifier: GPL-3.0-or-later
//
// From a scenario to what the lab builds and asks: its machines, the places from which it connects, and every
// address of every Service.

import Cluster
import Foundation
import KernelLab
import NetworkTypes
import Proxy
import Scenario
import SimKernel
import Simulation

/// A place from which the lab connects.
struct LabVantage {
  enum Place {
    case node(Int)
    case pod(Int)
    /// Index of the outsider.
    case outside(Int)
  }
  var name: String
  var place: Place
  /// As `sim trace --from` and `--via` name them.
  var from: String
  var via: String?
}

/// An address that the lab tries.
struct LabTarget {
  var name: String
  var end: LabEnd
  var transport: TransportProtocol
  /// Of a node or a pod: a packet from outside goes straight there.
  var isMachine = false
  /// Tried from nodes only.
  var isLoopback = false
  var isSticky = false
}

/// A scenario as the lab sees it in one mode at one instant.
struct LabCluster {
  let file: ScenarioFile
  let mode: LabMode
  let time: SimTime
  let view: APIView
  let plan: LabPlan

  /// Pods with this label are places to connect from.
  static let vantageLabel = "vantage"
  /// Addresses of the first outsider, for many clients of a sticky Service.
  static let crowd = (1...400).map { IPv4Address(bits: IPv4Address("172.18.4.0")!.bits + UInt32($0)) }

  init(path: String, mode: LabMode, at time: SimTime) throws {
    var file = try ScenarioLoader.load(path: path)
    file.setMode(of: mode == .iptables ? .iptables : .nftables)
    self.file = file
    self.mode = mode
    self.time = time
    view = try SimulationRun.apiView(file, at: time)
    plan = try Self.plan(file, view)
  }

  private static func plan(_ file: ScenarioFile, _ view: APIView) throws -> LabPlan {
    let nodes = view.nodes.compactMap { node -> LabPlan.Node? in
      guard let address = node.internalIPs.first, let block = node.podCIDR else { return nil }
      return LabPlan.Node(name: node.metadata.name, address: address, podCIDR: block)
    }
    guard let first = nodes.indices.first, let last = nodes.indices.last else {
      throw LabError.unusable("the scenario has no node with an address and a podCIDR")
    }
    let pods = view.pods.compactMap { pod -> LabPlan.Pod? in
      guard let address = pod.status.podIP, !pod.spec.hostNetwork,
        let node = nodes.firstIndex(where: { $0.name == pod.spec.nodeName })
      else { return nil }
      let ports = pod.spec.containers.flatMap(\.ports).compactMap { port -> LabPlan.Port? in
        guard let transport = TransportProtocol(apiName: port.protocol), transport != .sctp else {
          return nil
        }
        return LabPlan.Port(UInt16(port.containerPort), transport)
      }
      return LabPlan.Pod(name: pod.metadata.name, address: address, node: node, ports: ports)
    }
    let network = IPv4CIDR("172.18.0.0/16")!
    var outsiders = [
      LabPlan.Outsider(name: "outside 1", address: network.address(at: 101), more: crowd, via: first),
      LabPlan.Outsider(name: "outside 2", address: network.address(at: 102), via: last),
    ]
    for (address, _) in outsideServers(file) {
      outsiders.append(LabPlan.Outsider(name: "server \(address)", address: address, via: first))
    }
    return LabPlan(
      nodes: nodes, pods: pods, outsiders: outsiders, nodeNetwork: network, podNetwork: file.cluster.podCIDR,
      masqueradesPodTraffic: file.network.masqueradesPodTraffic)
  }

  /// Servers outside of the cluster, each with its address.
  static func outsideServers(_ file: ScenarioFile) -> [(IPv4Address, LabPlan.Port)] {
    file.servers.flatMap { server -> [(IPv4Address, LabPlan.Port)] in
      guard case .outside(let addresses) = server.place, let port = server.port else { return [] }
      return addresses.map { ($0, LabPlan.Port(port, server.transport)) }
    }
  }

  // MARK: From where

  /// The first and the last node, labelled pods, and hosts outside that send by the first and by the last
  /// node.
  var vantages: [LabVantage] {
    var found: [LabVantage] = []
    for pod in view.pods where pod.metadata.labels[Self.vantageLabel] != nil {
      guard let index = plan.pods.firstIndex(where: { $0.name == pod.metadata.name }) else { continue }
      found.append(
        LabVantage(
          name: "\(pod.metadata.name), on \(plan.nodes[plan.pods[index].node].name)", place: .pod(index),
          from: "pod/\(pod.metadata.namespacedName)", via: nil))
    }
    let ends = [plan.nodes.startIndex, plan.nodes.index(before: plan.nodes.endIndex)]
    for index in ends.first == ends.last ? [ends[0]] : ends {
      let name = plan.nodes[index].name
      found.append(LabVantage(name: name, place: .node(index), from: "node/\(name)", via: nil))
    }
    for index in 0..<2 {
      let host = plan.outsiders[index]
      let node = plan.nodes[host.via].name
      found.append(
        LabVantage(
          name: "outside, via \(node)", place: .outside(index), from: "external/\(host.address)",
          via: "node/\(node)"))
    }
    return found
  }

  // MARK: Whereto

  /// Every address of every Service, and some that no Service has.
  var targets: [LabTarget] {
    var found = view.services.flatMap(targets)
    if let web = view.services.first(where: { $0.clusterAddress != nil && !$0.spec.ports.isEmpty }),
      let address = web.clusterAddress
    {
      found.append(
        LabTarget(name: "a port it has not \(address):81", end: LabEnd(address, 81), transport: .tcp))
      found.append(
        LabTarget(name: "UDP to its TCP port \(address):80", end: LabEnd(address, 80), transport: .udp))
    }
    let free = file.cluster.serviceCIDR.address(at: 4242)
    found.append(LabTarget(name: "no Service's \(free):80", end: LabEnd(free, 80), transport: .tcp))
    return found
  }

  private func targets(_ service: Service) -> [LabTarget] {
    let name = service.metadata.name
    if service.isHeadless { return headless(service) }
    let isSticky = service.spec.sessionAffinity == "ClientIP"
    var found: [LabTarget] = []
    func add(_ kind: String, _ address: IPv4Address, _ port: Int, _ transport: TransportProtocol) {
      let end = LabEnd(address, UInt16(port))
      var target = LabTarget(
        name: "\(name) \(kind) \(end)\(transport == .udp ? " UDP" : "")", end: end, transport: transport)
      target.isSticky = isSticky
      target.isMachine = plan.nodes.contains { $0.address == address }
      target.isLoopback = address.isLoopback
      found.append(target)
    }
    for port in service.spec.ports where port.transport != .sctp {
      if let address = service.clusterAddress { add("clusterIP", address, port.port, port.transport) }
      for text in service.spec.externalIPs {
        if let address = IPv4Address(text) { add("externalIP", address, port.port, port.transport) }
      }
      for ingress in service.status.loadBalancerIngress {
        if let address = ingress.ip.flatMap({ IPv4Address($0) }) {
          add("lbIP", address, port.port, port.transport)
        }
      }
      guard port.nodePort > 0 else { continue }
      for node in plan.nodes { add("nodePort", node.address, port.nodePort, port.transport) }
      add("nodePort", IPv4Address("127.0.0.1")!, port.nodePort, port.transport)
    }
    return found
  }

  /// A headless Service is its pods' own addresses.
  private func headless(_ service: Service) -> [LabTarget] {
    let slices = view.slices.filter { $0.serviceName == service.metadata.namespacedName }
    var found: [LabTarget] = []
    for slice in slices {
      for (endpoint, port) in slice.endpoints.flatMap({ endpoint in slice.ports.map { (endpoint, $0) } }) {
        guard let address = endpoint.addresses.first.flatMap({ IPv4Address($0) }), let number = port.port,
          let transport = TransportProtocol(apiName: port.protocol)
        else { continue }
        let end = LabEnd(address, UInt16(number))
        found.append(
          LabTarget(
            name: "\(service.metadata.name) pod \(end)", end: end, transport: transport, isMachine: true))
      }
    }
    return found
  }

  /// Pods' addresses are known inside the cluster only.
  func tries(_ target: LabTarget, from vantage: LabVantage) -> Bool {
    switch vantage.place {
    case .node: true
    case .pod: !target.isLoopback
    case .outside:
      !target.isLoopback && !(target.isMachine && file.cluster.podCIDR.contains(target.end.address))
    }
  }
}
