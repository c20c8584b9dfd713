// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which machines the lab has and how they are joined: nodes with their pods, and hosts outside. Values only;
// `LabNetwork` makes namespaces of them.

import NetworkTypes

/// A cluster as the lab builds it.
public struct LabPlan: Sendable, Equatable {
  /// A node: one namespace, in which our rules are loaded.
  public struct Node: Sendable, Equatable {
    public var name: String
    public var address: IPv4Address
    public var podCIDR: IPv4CIDR
    public init(name: String, address: IPv4Address, podCIDR: IPv4CIDR) {
      self.name = name
      self.address = address
      self.podCIDR = podCIDR
    }
    /// What pods have as their gateway, and what they see of traffic that their node masquerades.
    public var gateway: IPv4Address { podCIDR.address(at: 1) }
  }

  /// A port on which a pod answers.
  public struct Port: Sendable, Hashable {
    public var number: UInt16
    public var transport: TransportProtocol
    public init(_ number: UInt16, _ transport: TransportProtocol) {
      self.number = number
      self.transport = transport
    }
  }

  /// A pod: one namespace, joined to its node's by a pair of interfaces, routed as kind's network plugin
  /// does.
  public struct Pod: Sendable, Equatable {
    public var name: String
    public var address: IPv4Address
    /// Index in `nodes`.
    public var node: Int
    public var ports: [Port]
    public init(name: String, address: IPv4Address, node: Int, ports: [Port]) {
      self.name = name
      self.address = address
      self.node = node
      self.ports = ports
    }
  }

  /// A machine beside the nodes, on their network.
  public struct Outsider: Sendable, Equatable {
    public var name: String
    public var address: IPv4Address
    /// Addresses that it also has.
    public var more: [IPv4Address]
    /// Index in `nodes` of the one to which it sends what is not on its network.
    public var via: Int
    public init(name: String, address: IPv4Address, more: [IPv4Address] = [], via: Int) {
      self.name = name
      self.address = address
      self.more = more
      self.via = via
    }
  }

  public var nodes: [Node]
  public var pods: [Pod]
  public var outsiders: [Outsider]
  /// The network that joins nodes and outsiders.
  public var nodeNetwork: IPv4CIDR
  /// The block of all pods' addresses.
  public var podNetwork: IPv4CIDR
  /// Pod traffic to anything outside of `podNetwork` leaves with its node's address, as in kind.
  public var masqueradesPodTraffic: Bool

  public init(
    nodes: [Node], pods: [Pod], outsiders: [Outsider], nodeNetwork: IPv4CIDR, podNetwork: IPv4CIDR,
    masqueradesPodTraffic: Bool
  ) {
    self.nodes = nodes
    self.pods = pods
    self.outsiders = outsiders
    self.nodeNetwork = nodeNetwork
    self.podNetwork = podNetwork
    self.masqueradesPodTraffic = masqueradesPodTraffic
  }

  /// Why the plan cannot be built, if so; each problem in a sentence.
  public var problems: [String] {
    var found: [String] = []
    var seen: Set<IPv4Address> = [nodeNetwork.address(at: 1)]
    let machines =
      nodes.map { ($0.name, $0.address) } + outsiders.map { ($0.name, $0.address) }
      + outsiders.flatMap { host in host.more.map { (host.name, $0) } }
    for (name, address) in machines {
      if !nodeNetwork.contains(address) { found.append("\(name): \(address) is not in \(nodeNetwork)") }
      if !seen.insert(address).inserted { found.append("\(name): \(address) is taken") }
    }
    for pod in pods {
      guard nodes.indices.contains(pod.node) else {
        found.append("\(pod.name): there is no node \(pod.node)")
        continue
      }
      if !nodes[pod.node].podCIDR.contains(pod.address) {
        found.append("\(pod.name): \(pod.address) is not in its node's block \(nodes[pod.node].podCIDR)")
      }
      if !seen.insert(pod.address).inserted { found.append("\(pod.name): \(pod.address) is taken") }
    }
    return found
  }
}
