// SPDX-License-Identifier: GPL-3.0-or-later
//
// Builds the rules of one node's tables in kube-proxy's order (k/k pkg/proxy/iptables/proxier.go; compared
// with golden/cluster/iptables). The nat and the filter table may be of different revisions. Left out: the
// KUBE-FIREWALL rule against packets to loopback addresses (the kernel takes them for martians anyway).

import Cluster
import NetworkTypes
import SimKernel

extension ProxyFleet {
  /// The rules that `node` has in its kernel now.
  public mutating func iptablesRules(of node: NodeID) -> IptablesRuleset {
    iptablesRules(nat: tables[node.index].nat, filter: tables[node.index].filter)
  }

  /// The rules that `node` would have, made from the API's present state.
  public mutating func freshIptablesRules(of node: NodeID) -> IptablesRuleset {
    let fresh = freshTable(node)
    return iptablesRules(nat: fresh, filter: fresh)
  }

  private mutating func iptablesRules(nat: TableState, filter: TableState) -> IptablesRuleset {
    var rules = IptablesRuleset()
    if nat.eyes >= 0 {
      var builder = IptablesNatBuilder(eyes: eyes[Int(nat.eyes)])
      for port in programmedPorts(nat) { builder.add(port) }
      builder.finish(nodePortAddresses: nodePortAddresses(eyes[Int(nat.eyes)]))
      rules.nat = builder.table
    }
    if filter.eyes >= 0 {
      var builder = IptablesFilterBuilder()
      for port in programmedPorts(filter) { builder.add(port) }
      builder.finish(dropsInvalid: eyes[Int(filter.eyes)].dropsInvalid)
      rules.filter = builder.table
    }
    return rules
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

struct ProgrammedEndpoint: Equatable {
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
  func to(_ address: IPv4Address) -> [IptablesMatch] {
    [.destination(host(address)), .transport(spec.transport), .destinationPort(spec.port)]
  }
  func toNodePort() -> [IptablesMatch] { [.transport(spec.transport), .destinationPort(spec.nodePort)] }
  /// All endpoints that some chain leads to, each once: cluster set first.
  var reachable: [ProgrammedEndpoint] { cluster + local.filter { !cluster.contains($0) } }
}

func host(_ address: IPv4Address) -> IPv4CIDR { IPv4CIDR(base: address, prefixLength: 32) }

/// 127.0.0.0/8
let loopbackBlock = IPv4CIDR(base: .loopback, prefixLength: 8)

struct IptablesNatBuilder {
  let eyes: NodeEyes
  private(set) var table = IptablesTable()

  private var podBlock: IPv4CIDR {
    IPv4CIDR(base: IPv4Address(bits: eyes.podBase), prefixLength: UInt8(eyes.podMask.nonzeroBitCount))
  }

  init(eyes: NodeEyes) {
    self.eyes = eyes
    for chain in [IptablesChainName.prerouting, .output] {
      table.append(chain, IptablesRule([], .jump(.services)))
    }
    table.append(.postrouting, IptablesRule([], .jump(.kubePostrouting)))
    table.declare(.services)
    table.declare(.nodePorts)
    table.append(.kubePostrouting, IptablesRule([.isNotMarked], .returnToCaller))
    table.append(.kubePostrouting, IptablesRule([], .clearMark))
    table.append(.kubePostrouting, IptablesRule([], .masquerade))
    table.append(.markMasquerade, IptablesRule([], .mark))
  }

  /// The dispatch chain's last rule.
  mutating func finish(nodePortAddresses: ArraySlice<IPv4Address>) {
    if eyes.acceptsAnyNodePortAddress {
      var matches = [IptablesMatch.destinationIsLocal]
      if !eyes.localhostNodePorts { matches.append(.notDestination(loopbackBlock)) }
      table.append(.services, IptablesRule(matches, .jump(.nodePorts)))
    } else {
      for address in nodePortAddresses {
        table.append(.services, IptablesRule([.destination(host(address))], .jump(.nodePorts)))
      }
    }
  }

  mutating func add(_ port: ProgrammedPort) {
    guard port.traits.contains(.hasEndpoints) else { return }
    let internalChain: IptablesChainName =
      port.traits.contains(.internalLocal) ? .localPolicy(port.id) : .clusterPolicy(port.id)
    addDispatch(port, internalChain)
    if port.traits.contains(.hasInternal) { addClusterIPMasquerade(port, internalChain) }
    if port.spec.isExternallyAccessible { addExternal(port) }
    if port.traits.contains(.usesFirewall) { addFirewall(port) }
    addChoice(port, .clusterPolicy(port.id), port.cluster)
    addChoice(port, .localPolicy(port.id), port.local)
    for endpoint in port.reachable { addEndpoint(port, endpoint) }
  }

  private mutating func append(
    _ chain: IptablesChainName, _ matches: [IptablesMatch], _ target: IptablesTarget, _ port: ProgrammedPort
  ) {
    table.append(chain, IptablesRule(matches, target, servicePort: port.id))
  }

  private mutating func addDispatch(_ port: ProgrammedPort, _ internalChain: IptablesChainName) {
    if port.traits.contains(.hasInternal) {
      append(.services, port.to(port.spec.clusterIP), .jump(internalChain), port)
    }
    for address in port.spec.externalIPs {
      append(.services, port.to(address), .jump(.external(port.id)), port)
    }
    let entry: IptablesChainName =
      port.traits.contains(.usesFirewall) ? .firewall(port.id) : .external(port.id)
    for address in port.spec.loadBalancerVIPs { append(.services, port.to(address), .jump(entry), port) }
    guard port.spec.nodePort != 0 else { return }
    if eyes.localhostNodePorts {
      // Counts uses of localhost node ports (golden/cluster/iptables).
      append(
        .nodePorts, [.destination(loopbackBlock)] + port.toNodePort(), .jump(.external(port.id)), port)
    }
    append(.nodePorts, port.toNodePort(), .jump(.external(port.id)), port)
  }

  /// FACTS C7: cluster IP traffic from elsewhere than this cluster's pods.
  private mutating func addClusterIPMasquerade(_ port: ProgrammedPort, _ chain: IptablesChainName) {
    let matches = port.to(port.spec.clusterIP)
    if eyes.masqueradesAll {
      append(chain, matches, .jump(.markMasquerade), port)
    } else if eyes.hasDetector {
      append(chain, [.notSource(podBlock)] + matches, .jump(.markMasquerade), port)
    }
  }

  private mutating func addExternal(_ port: ProgrammedPort) {
    let chain = IptablesChainName.external(port.id)
    let cluster = IptablesTarget.jump(.clusterPolicy(port.id))
    if port.traits.contains(.externalLocal) {
      if eyes.hasDetector { append(chain, [.source(podBlock)], cluster, port) }
      append(chain, [.sourceIsLocal], .jump(.markMasquerade), port)
      append(chain, [.sourceIsLocal], cluster, port)
    } else {
      append(chain, [], .jump(.markMasquerade), port)
    }
    if port.traits.contains(.hasExternal) {
      let isLocal = port.traits.contains(.externalLocal)
      append(chain, [], isLocal ? .jump(.localPolicy(port.id)) : cluster, port)
    }
  }

  /// FACTS C8.
  private mutating func addFirewall(_ port: ProgrammedPort) {
    let chain = IptablesChainName.firewall(port.id)
    for range in port.spec.sourceRanges { append(chain, [.source(range)], .jump(.external(port.id)), port) }
    if port.spec.sourceRanges.contains(where: { $0.contains(eyes.nodeIP) }) {
      for address in port.spec.loadBalancerVIPs {
        append(chain, [.source(host(address))], .jump(.external(port.id)), port)
      }
    }
    append(chain, [], .none, port)
  }

  /// FACTS D1: affinity checks first, then 1/(n−i) each, the last without a condition.
  private mutating func addChoice(
    _ port: ProgrammedPort, _ chain: IptablesChainName, _ endpoints: [ProgrammedEndpoint]
  ) {
    if port.spec.affinity > .zero {
      for endpoint in endpoints {
        let list = IptablesChainName.endpoint(port.id, endpoint.backend)
        append(chain, [.seenRecently(list: list, within: port.spec.affinity)], .jump(list), port)
      }
    }
    for (i, endpoint) in endpoints.enumerated() {
      let left = endpoints.count - i
      append(
        chain, left > 1 ? [.oneIn(left)] : [], .jump(.endpoint(port.id, endpoint.backend)), port)
    }
  }

  private mutating func addEndpoint(_ port: ProgrammedPort, _ endpoint: ProgrammedEndpoint) {
    let chain = IptablesChainName.endpoint(port.id, endpoint.backend)
    append(chain, [.source(host(endpoint.address))], .jump(.markMasquerade), port)
    var matches = [IptablesMatch.transport(port.spec.transport)]
    if port.spec.affinity > .zero { matches.append(.stamp(list: chain)) }
    append(
      chain, matches, .dnat(endpoint.backend, address: endpoint.address, port: endpoint.port), port)
  }
}

struct IptablesFilterBuilder {
  private(set) var table = IptablesTable()

  init() {
    let new = [IptablesMatch.state(.new)]
    table.append(.input, IptablesRule(new, .jump(.proxyFirewall)))
    table.append(.input, IptablesRule([], .jump(.nodePorts)))
    table.append(.input, IptablesRule(new, .jump(.externalServices)))
    table.append(.forward, IptablesRule(new, .jump(.proxyFirewall)))
    table.append(.forward, IptablesRule([], .jump(.kubeForward)))
    table.append(.forward, IptablesRule(new, .jump(.services)))
    table.append(.forward, IptablesRule(new, .jump(.externalServices)))
    table.append(.output, IptablesRule(new, .jump(.proxyFirewall)))
    table.append(.output, IptablesRule(new, .jump(.services)))
    let dispatch: [IptablesChainName] = [
      .externalServices, .kubeForward, .nodePorts, .proxyFirewall, .services,
    ]
    for chain in dispatch { table.declare(chain) }
  }

  /// FACTS C9: INVALID packets are dropped unless tcp_be_liberal.
  mutating func finish(dropsInvalid: Bool) {
    if dropsInvalid { table.append(.kubeForward, IptablesRule([.state(.invalid)], .drop)) }
    table.append(.kubeForward, IptablesRule([.isMarked], .accept))
    table.append(.kubeForward, IptablesRule([.state(.relatedOrEstablished)], .accept))
  }

  /// FACTS C6.
  mutating func add(_ port: ProgrammedPort) {
    let hasEndpoints = port.traits.contains(.hasEndpoints)
    let refusal: IptablesTarget = hasEndpoints ? .drop : .reject
    if !port.traits.contains(.hasInternal) {
      append(.services, port.to(port.spec.clusterIP), refusal, port)
    }
    if port.traits.contains(.usesFirewall) {
      for address in port.spec.loadBalancerVIPs { append(.proxyFirewall, port.to(address), .drop, port) }
    }
    if !port.traits.contains(.hasExternal) {
      for address in port.spec.externalIPs + port.spec.loadBalancerVIPs {
        append(.externalServices, port.to(address), refusal, port)
      }
      if port.spec.nodePort != 0 {
        append(.externalServices, [.destinationIsLocal] + port.toNodePort(), refusal, port)
      }
    }
    if port.spec.healthCheckNodePort != 0 {
      append(
        .nodePorts, [.transport(.tcp), .destinationPort(port.spec.healthCheckNodePort)], .accept, port)
    }
  }

  private mutating func append(
    _ chain: IptablesChainName, _ matches: [IptablesMatch], _ target: IptablesTarget, _ port: ProgrammedPort
  ) {
    table.append(chain, IptablesRule(matches, target, servicePort: port.id))
  }
}
