// SPDX-License-Identifier: GPL-3.0-or-later
//
// All that kube-proxy's ipvs mode programs on one node, as data: sets, iptables rules, addresses of
// kube-ipvs0 and virtual servers with their endpoints. Made from the Service ports one by one, as
// syncProxyRules does (k/k pkg/proxy/ipvs/proxier.go), and not from the compiled look-up.

import Cluster
import NetworkTypes
import SimKernel

/// A virtual server and whom kube-proxy wants behind it.
struct IPVSServerRule {
  var key: UInt64
  var address: IPv4Address
  var port: UInt16
  var transport: TransportProtocol
  var portName: PortNameID
  var kind: FrontendKind
  var persistence: SimDuration
  var endpoints: CandidateSetID
}

struct IPVSRuleset {
  var sets = IPVSSets()
  var rules: [IPVSRule] = []
  /// In the order in which kube-proxy adds them; one that several Service ports claim is the last one's.
  var virtualServers: [IPVSServerRule] = []
  private var places: [UInt64: Int] = [:]

  mutating func add(_ server: IPVSServerRule) {
    if let place = places[server.key] {
      virtualServers[place] = server
    } else {
      places[server.key] = virtualServers.count
      virtualServers.append(server)
    }
  }
  func virtualServer(_ key: UInt64) -> IPVSServerRule? { places[key].map { virtualServers[$0] } }
  func rules(_ table: IPVSTable, _ chain: String) -> [IPVSRule] {
    rules.filter { $0.table == table && $0.chain == chain }
  }
}

extension ProxyFleet {
  /// What a table of this state has on `node`.
  mutating func ipvsRules(_ node: Int, _ table: TableState) -> IPVSRuleset {
    var ruleset = IPVSRuleset()
    var firewalled: [IPVSRule] = []
    let natEyes = eyes[Int(table.eyes)]
    let nodeAddresses = processes[node].addresses
    let nodePortAddresses = Array(self.nodePortAddresses(natEyes))
    for name in ipvsPortOrder(table) {
      guard let spec = history.spec(history.specVersion(name, at: table.services)) else { continue }
      let plan = self.plan(name, table, locality: natEyes.locality)
      addLoopBack(name, spec, table, natEyes, &ruleset)
      addSets(spec, natEyes, nodePortAddresses, &ruleset, &firewalled)
      for frontend in spec.frontends {
        for address in Self.addresses(frontend, nodePortAddresses) {
          let port = UInt16(truncatingIfNeeded: frontend.key >> 16)
          ruleset.add(
            IPVSServerRule(
              key: Frontend.key(address, port, spec.transport), address: address, port: port,
              transport: spec.transport, portName: name, kind: frontend.kind, persistence: spec.affinity,
              endpoints: ipvsEndpoints(plan, frontend.kind)))
          if frontend.kind != .nodePort, !nodeAddresses.contains(address) {
            ruleset.sets.insert(.address(address), into: .boundAddresses)
          }
        }
      }
    }
    ruleset.rules = IPVSRuleWriter(sets: ruleset.sets, eyes: natEyes).rules(firewalled)
    return ruleset
  }

  /// Service ports of a table in the arbitrary order of kube-proxy's map.
  private func ipvsPortOrder(_ table: TableState) -> [PortNameID] {
    let all = (0..<history.heads.count).map { PortNameID($0) }
    let keyed = all.map { (order: dispatchOrder($0, table.orderKey), name: $0) }
    return keyed.sorted { ($0.order, $0.name) < ($1.order, $1.name) }.map(\.name)
  }

  private static func addresses(_ frontend: Frontend, _ nodePorts: [IPv4Address]) -> [IPv4Address] {
    frontend.kind == .nodePort
      ? nodePorts : [IPv4Address(bits: UInt32(truncatingIfNeeded: frontend.key >> 32))]
  }

  /// Every endpoint of this node, whatever its state, as (itself, itself).
  private func addLoopBack(
    _ name: PortNameID, _ spec: PortSpec, _ table: TableState, _ natEyes: NodeEyes,
    _ ruleset: inout IPVSRuleset
  ) {
    let here = localities.values[Int(natEyes.locality)].node
    for record in history.endpointList(history.endpointsVersion(name, at: table.slices))
    where record.node == here && here != .none {
      let target = history.backends.target(record.backend)
      ruleset.sets.insert(
        .addressPortAddress(target.address, spec.transport, target.port, target.address), into: .loopBack)
    }
  }

  private func addSets(
    _ spec: PortSpec, _ natEyes: NodeEyes, _ nodePortAddresses: [IPv4Address], _ ruleset: inout IPVSRuleset,
    _ firewalled: inout [IPVSRule]
  ) {
    let isLocal = spec.isExternalPolicyLocal
    ruleset.sets.insert(.addressPort(spec.clusterIP, spec.transport, spec.port), into: .clusterIP)
    for address in spec.externalIPs {
      ruleset.sets.insert(
        .addressPort(address, spec.transport, spec.port), into: isLocal ? .externalIPLocal : .externalIP)
    }
    for address in spec.loadBalancerVIPs {
      let entry = IPVSSetEntry.addressPort(address, spec.transport, spec.port)
      ruleset.sets.insert(entry, into: .loadBalancer)
      if isLocal { ruleset.sets.insert(entry, into: .loadBalancerLocal) }
      if spec.hasSourceRanges {
        ruleset.sets.insert(entry, into: .loadBalancerFirewall)
        addSourceRanges(spec, address, natEyes, &ruleset, &firewalled)
      }
    }
    if spec.nodePort != 0, !nodePortAddresses.isEmpty { addNodePort(spec, nodePortAddresses, &ruleset) }
    if spec.healthCheckNodePort != 0 {
      ruleset.sets.insert(.port(spec.healthCheckNodePort), into: .healthCheckNodePort)
    }
  }

  private func addSourceRanges(
    _ spec: PortSpec, _ address: IPv4Address, _ natEyes: NodeEyes, _ ruleset: inout IPVSRuleset,
    _ firewalled: inout [IPVSRule]
  ) {
    for range in spec.sourceRanges {
      ruleset.sets.insert(
        .addressPortBlock(address, spec.transport, spec.port, range), into: .loadBalancerSourceCIDR)
    }
    if spec.sourceRanges.contains(where: { $0.contains(natEyes.nodeIP) }) {
      ruleset.sets.insert(
        .addressPortAddress(address, spec.transport, spec.port, address), into: .loadBalancerSourceIP)
    } else {
      let block = IPv4CIDR(base: address, prefixLength: 32)
      firewalled.append(
        IPVSRule(
          table: .filter, chain: "KUBE-IPVS-OUT-FILTER",
          matches: [.source(block), .virtualAddress(address, spec.transport, spec.port)], target: .drop))
    }
  }

  private func addNodePort(
    _ spec: PortSpec, _ nodePortAddresses: [IPv4Address], _ ruleset: inout IPVSRuleset
  ) {
    var entries: [IPVSSetEntry] = [.port(spec.nodePort)]
    let names: (IPVSSetName, local: IPVSSetName)
    switch spec.transport {
    case .tcp: names = (.nodePortTCP, .nodePortLocalTCP)
    case .udp: names = (.nodePortUDP, .nodePortLocalUDP)
    case .sctp:
      names = (.nodePortSCTP, .nodePortLocalSCTP)
      entries = nodePortAddresses.map { .addressPort($0, .sctp, spec.nodePort) }
    }
    for entry in entries {
      ruleset.sets.insert(entry, into: names.0)
      if spec.isExternalPolicyLocal { ruleset.sets.insert(entry, into: names.local) }
    }
  }
}
