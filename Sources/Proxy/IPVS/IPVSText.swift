// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the user's tools print on a node in ipvs mode: `ipvsadm -Sn` (print_service_entry in ipvsadm.c, which
// sorts by protocol, address and port, and real servers by address and port), `ipset save`, `iptables-save`
// with kube-proxy's own chains and the jumps to them, and the addresses of kube-ipvs0.

import Cluster
import NetworkTypes
import SimKernel

extension ProxyFleet {
  mutating func ipvsTexts(_ node: NodeID, _ table: TableState) -> [RuleText] {
    let ruleset = ipvsRules(node.index, table)
    return [
      RuleText(command: "ipvsadm -Sn", text: ipvsadmText(node.index, ruleset)),
      RuleText(command: "ipset save", text: Self.ipsetText(ruleset.sets)),
      RuleText(command: "iptables-save", text: Self.iptablesText(ruleset)),
      RuleText(command: "ip -o addr show dev kube-ipvs0", text: Self.addressText(ruleset.sets)),
    ]
  }

  // MARK: ipvsadm

  private func ipvsadmText(_ node: Int, _ ruleset: IPVSRuleset) -> String {
    let settings = hasIPVS(node) ? ipvs[node]!.settings : processes[node].settings.ipvs
    let sorted = ruleset.virtualServers.sorted {
      ($0.transport, $0.address, $0.port) < ($1.transport, $1.address, $1.port)
    }
    var text = ""
    for rule in sorted {
      text += "-A \(Self.virtualServerText(rule.address, rule.port, rule.transport)) -s \(settings.scheduler)"
      if rule.persistence > .zero { text += " -p \(rule.persistence.nanoseconds / 1_000_000_000)" }
      // The flag that kube-proxy sets for Maglev.
      if settings.scheduler == .mh { text += " -b mh-port" }
      text += "\n"
      for server in realServers(node, rule) {
        text += "-a \(Self.virtualServerText(rule.address, rule.port, rule.transport))"
        text += " -r \(server.address):\(server.port) -m -w \(server.weight)\n"
      }
    }
    return text
  }

  static func virtualServerText(
    _ address: IPv4Address, _ port: UInt16, _ transport: TransportProtocol
  ) -> String {
    let option: String
    switch transport {
    case .tcp: option = "-t"
    case .udp: option = "-u"
    case .sctp: option = "--sctp-service"
    }
    return "\(option) \(address):\(port)"
  }

  /// As the kernel has them, draining ones with weight 0 among them.
  private func realServers(_ node: Int, _ rule: IPVSServerRule) -> [RealServer] {
    var servers: [RealServer] = []
    if hasIPVS(node), let place = ipvs[node]!.index[rule.key],
      !ipvs[node]!.virtualServers[Int(place)].isRemoved
    {
      let known = ipvs[node]!.virtualServers[Int(place)]
      servers = known.list.map { known.servers[Int($0)] }
    } else {
      for backend in candidateSets.list(rule.endpoints) {
        let target = history.backends.target(backend)
        servers.append(RealServer(address: target.address, port: target.port, backend: backend))
      }
    }
    return servers.sorted { ($0.address, $0.port) < ($1.address, $1.port) }
  }

  // MARK: ipset

  private static func ipsetText(_ sets: IPVSSets) -> String {
    var text = ""
    for name in IPVSSetName.allCases {
      text += name.createLine + "\n"
      for entry in sets.sorted(name) { text += "add \(name.rawValue) \(entry.text)\n" }
    }
    return text
  }

  // MARK: iptables

  private static func iptablesText(_ ruleset: IPVSRuleset) -> String {
    tableText(.filter, IPVSChains.filterBuiltIn, IPVSChains.filter, ruleset)
      + tableText(.nat, IPVSChains.natBuiltIn, IPVSChains.nat, ruleset)
  }

  private static func tableText(
    _ table: IPVSTable, _ builtIn: [String], _ chains: [String], _ ruleset: IPVSRuleset
  ) -> String {
    var lines = ["*\(table.rawValue)"]
    for chain in builtIn { lines.append(":\(chain) ACCEPT [0:0]") }
    for chain in chains { lines.append(":\(chain) - [0:0]") }
    for chain in builtIn + chains { lines += ruleset.rules(table, chain).map(\.text) }
    lines.append("COMMIT")
    return lines.joined(separator: "\n") + "\n"
  }

  // MARK: kube-ipvs0

  /// Interface numbers are the node's own affair; kube-ipvs0 comes after lo and eth0 here.
  private static func addressText(_ sets: IPVSSets) -> String {
    var text = ""
    for entry in sets.sorted(.boundAddresses) {
      text += "3: kube-ipvs0    inet \(entry.text)/32 scope global kube-ipvs0"
      text += #"\       valid_lft forever preferred_lft forever"# + "\n"
    }
    return text
  }
}
