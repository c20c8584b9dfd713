// SPDX-License-Identifier: GPL-3.0-or-later
//
// Builds a plan out of namespaces:
//
//     outsider ---+                      +-- veth pair -- pod        routed, as kind's network plugin does:
//                 | bridge               |                           the node's end has the gateway's address
//     node -------+-- 172.18.0.1     node+-- veth pair -- pod        and a route of its own to each pod
//     node -------+  (drops the rest)
//
// The bridge's namespace answers for the default route and forwards nothing: what no rule took meets silence
// there.

#if os(Linux)
  import NetworkTypes

  public final class LabNetwork {
    public let plan: LabPlan
    /// By index in the plan.
    public private(set) var nodes: [NetworkNamespace] = []
    public private(set) var pods: [NetworkNamespace] = []
    public private(set) var outsiders: [NetworkNamespace] = []
    private let fabric: NetworkNamespace

    /// - Throws: `LabError` if the plan has problems or the machine refuses a step.
    public init(_ plan: LabPlan) throws {
      guard plan.problems.isEmpty else { throw LabError.unusable(plan.problems.joined(separator: "\n")) }
      self.plan = plan
      fabric = try NetworkNamespace("fabric")
      for node in plan.nodes { nodes.append(try NetworkNamespace(node.name)) }
      for pod in plan.pods { pods.append(try NetworkNamespace(pod.name)) }
      for host in plan.outsiders { outsiders.append(try NetworkNamespace(host.name)) }
      try buildFabric()
      for index in plan.nodes.indices { try buildNode(index) }
      for index in plan.pods.indices { try buildPod(index) }
      for index in plan.outsiders.indices { try buildOutsider(index) }
    }

    // MARK: Parts

    private var everyNetworkBits: UInt8 { plan.nodeNetwork.prefixLength }

    private func batch(_ place: NetworkNamespace, _ lines: [String]) throws {
      try place.run(["ip", "-batch", "-"], input: lines.joined(separator: "\n") + "\n")
    }

    private func buildFabric() throws {
      var lines = ["link set lo up", "link add fabric type bridge", "link set fabric up"]
      lines.append("addr add \(plan.nodeNetwork.address(at: 1))/\(everyNetworkBits) dev fabric")
      let ends = nodes.enumerated().map { ("n\($0)", $1) } + outsiders.enumerated().map { ("o\($0)", $1) }
      for (name, space) in ends {
        lines.append("link add \(name) type veth peer name eth0 netns \(space.path)")
        lines.append("link set \(name) master fabric up")
      }
      try batch(fabric, lines)
      // A path's other end may be an address of another machine's rules: nothing is filtered by its way back.
      for space in [fabric] + nodes + pods + outsiders {
        for part in ["all", "default"] {
          try space.set("ipv4/conf/\(part)/rp_filter", "0")
          try space.set("ipv4/conf/\(part)/send_redirects", "0")
          try space.set("ipv4/conf/\(part)/accept_redirects", "0")
        }
      }
    }

    private func buildNode(_ index: Int) throws {
      let node = plan.nodes[index]
      try nodes[index].set("ipv4/ip_forward", "1")
      // kube-proxy sets it, for node ports on 127.0.0.1 (FACTS C9).
      try nodes[index].set("ipv4/conf/all/route_localnet", "1")
      // Every refusal is to be seen: the limit on ICMP errors has a check of its own.
      try nodes[index].set("ipv4/icmp_ratelimit", "0")
      try nodes[index].set("ipv4/icmp_msgs_per_sec", "100000")
      try nodes[index].set("ipv4/icmp_msgs_burst", "10000")
      var lines = [
        "link set lo up", "link set eth0 up", "addr add \(node.address)/\(everyNetworkBits) dev eth0",
      ]
      for (other, peer) in plan.nodes.enumerated() where other != index {
        lines.append("route add \(peer.podCIDR) via \(peer.address)")
      }
      lines.append("route add default via \(plan.nodeNetwork.address(at: 1))")
      try batch(nodes[index], lines)
    }

    private func buildPod(_ index: Int) throws {
      let pod = plan.pods[index]
      let node = plan.nodes[pod.node]
      try batch(
        nodes[pod.node],
        [
          "link add p\(index) type veth peer name eth0 netns \(pods[index].path)",
          "link set p\(index) up", "addr add \(node.gateway)/32 dev p\(index)",
          "route add \(pod.address)/32 dev p\(index)",
        ])
      try batch(
        pods[index],
        [
          "link set lo up", "link set eth0 up", "addr add \(pod.address)/32 dev eth0",
          "route add \(node.gateway)/32 dev eth0", "route add default via \(node.gateway)",
        ])
    }

    private func buildOutsider(_ index: Int) throws {
      let host = plan.outsiders[index]
      var lines = ["link set lo up", "link set eth0 up"]
      for address in [host.address] + host.more {
        lines.append("addr add \(address)/\(everyNetworkBits) dev eth0")
      }
      lines.append("route add default via \(plan.nodes[host.via].address)")
      try batch(outsiders[index], lines)
    }
  }
#endif
