// SPDX-License-Identifier: GPL-3.0-or-later
//
// The rules that a node has in its kernel, as data. The nat and the filter table may be of different
// revisions: a sync commits filter first. The builders of the two tables stand beside this file.

import Cluster
import NetworkTypes
import SimKernel

extension ProxyFleet {
  /// The rules that `node` has in its kernel now.
  public mutating func iptablesRules(of node: NodeID) -> IptablesRuleset {
    iptablesRules(nat: tables[node.index].nat, filter: tables[node.index].filter)
  }

  mutating func iptablesRules(nat: TableState, filter: TableState) -> IptablesRuleset {
    var rules = IptablesRuleset()
    if nat.eyes >= 0 {
      let ports = programmedPorts(nat)
      var builder = IptablesNatBuilder(
        eyes: eyes[Int(nat.eyes)], isLargeCluster: isLargeCluster(nat))
      for port in ports { builder.add(port) }
      builder.finish(nodePortAddresses: nodePortAddresses(eyes[Int(nat.eyes)]))
      rules.nat = builder.table
    }
    if filter.eyes >= 0 {
      var builder = IptablesFilterBuilder(eyes: eyes[Int(filter.eyes)])
      for port in programmedPorts(filter) { builder.add(port) }
      builder.finish()
      rules.filter = builder.table
    }
    return rules
  }

  /// What a single-stack IPv4 node has in ip6tables: kube-proxy programs both families, and no Service has
  /// IPv6 addresses.
  func iptablesSkeletonIPv6(_ eyes: NodeEyes) -> IptablesRuleset {
    var eyes = eyes
    eyes.localhostNodePorts = false
    // nodePortAddresses without an IPv6 block mean any address there (k/k
    // pkg/proxy/util/nodeport_addresses.go).
    eyes.acceptsAnyNodePortAddress = true
    var rules = IptablesRuleset()
    var nat = IptablesNatBuilder(eyes: eyes, isLargeCluster: false)
    nat.finish(nodePortAddresses: [], isIPv6: true)
    rules.nat = nat.table
    var filter = IptablesFilterBuilder(eyes: eyes)
    filter.finish()
    rules.filter = filter.table
    return rules
  }

  /// FACTS C3: more than 1000 endpoints in all, usable or not; rules that choose among endpoints then go
  /// without comments.
  private func isLargeCluster(_ table: TableState) -> Bool {
    var endpoints = 0
    for index in 0..<history.heads.count {
      let name = PortNameID(index)
      guard history.spec(history.specVersion(name, at: table.services)) != nil else { continue }
      endpoints += history.endpointList(history.endpointsVersion(name, at: table.slices)).count
    }
    return endpoints > IptablesNatBuilder.largeClusterEndpoints
  }

  /// Service ports of a table in the order of its dispatch chains.
  private mutating func programmedPorts(_ table: TableState) -> [ProgrammedPort] {
    let locality = eyes[Int(table.eyes)].locality
    var ports: [(order: UInt64, port: ProgrammedPort)] = []
    for index in 0..<history.heads.count {
      let name = PortNameID(index)
      guard let spec = history.spec(history.specVersion(name, at: table.services)) else { continue }
      let plan = self.plan(name, table, locality: locality)
      ports.append(
        (
          dispatchOrder(name, table.orderKey),
          ProgrammedPort(
            spec: spec, traits: plan.traits, cluster: targets(plan.cluster), local: targets(plan.local))
        ))
    }
    return ports.sorted { $0.order < $1.order }.map(\.port)
  }

  private func targets(_ set: CandidateSetID) -> [ProgrammedEndpoint] {
    candidateSets.list(set).map { id in
      let target = history.backends.target(id)
      return ProgrammedEndpoint(backend: id, address: target.address, port: target.port)
    }
  }
}

struct ProgrammedEndpoint: Hashable {
  var backend: BackendID
  var address: IPv4Address
  var port: UInt16
}

/// A Service port with its plan spelled out.
struct ProgrammedPort {
  var spec: PortSpec
  var traits: PortPlan.Traits
  var cluster: [ProgrammedEndpoint]
  var local: [ProgrammedEndpoint]

  var id: ServicePortID { spec.servicePort }
  func to(_ address: IPv4Address, _ comment: IptablesComment) -> [IptablesMatch] {
    [
      .destination(host(address)), .transport(spec.transport), .comment(comment),
      .destinationPort(spec.port),
    ]
  }
  /// All endpoints that some chain leads to, each once: cluster set first.
  var reachable: [ProgrammedEndpoint] {
    let known = Set(cluster)
    return cluster + local.filter { !known.contains($0) }
  }
}

func host(_ address: IPv4Address) -> IPv4CIDR { IPv4CIDR(base: address, prefixLength: 32) }

/// 127.0.0.0/8
var loopbackBlock: IPv4CIDR { IPv4CIDR(base: .loopback, prefixLength: 8) }
