// SPDX-License-Identifier: GPL-3.0-or-later
//
// The nat table's rules in the order in which kube-proxy writes them (k/k pkg/proxy/iptables/proxier.go; held
// byte for byte against golden/cluster/iptables).

import NetworkTypes
import SimKernel

struct IptablesNatBuilder {
  /// k/k pkg/proxy/iptables/proxier.go, largeClusterEndpointsThreshold (FACTS C3).
  static var largeClusterEndpoints: Int { 1000 }

  let eyes: NodeEyes
  /// Rules that choose among endpoints, and endpoints' own, carry no comment.
  let isLargeCluster: Bool
  private(set) var table = IptablesTable(.nat)

  private var podBlock: IPv4CIDR {
    IPv4CIDR(base: IPv4Address(bits: eyes.podBase), prefixLength: UInt8(eyes.podMask.nonzeroBitCount))
  }

  init(eyes: NodeEyes, isLargeCluster: Bool) {
    self.eyes = eyes
    self.isLargeCluster = isLargeCluster
    for chain in [IptablesChainName.prerouting, .output] {
      table.append(chain, IptablesRule([.comment(.portals)], .jump(.services)))
    }
    table.append(.postrouting, IptablesRule([.comment(.postrouting)], .jump(.kubePostrouting)))
    table.declare(.services)
    table.declare(.nodePorts)
    table.append(.kubePostrouting, IptablesRule([.isNotMarked], .returnToCaller))
    table.append(.kubePostrouting, IptablesRule([], .clearMark))
    table.append(.kubePostrouting, IptablesRule([.comment(.needsSNAT)], .masquerade))
    table.append(.markMasquerade, IptablesRule([], .mark))
  }

  /// The dispatch chain's last rules.
  mutating func finish(nodePortAddresses: ArraySlice<IPv4Address>, isIPv6: Bool = false) {
    guard eyes.acceptsAnyNodePortAddress else {
      for address in nodePortAddresses {
        table.append(
          .services,
          IptablesRule([.destination(host(address)), .comment(.nodePorts)], .jump(.nodePorts)))
      }
      return
    }
    var matches: [IptablesMatch] = []
    if isIPv6 {
      matches.append(.notIPv6Loopback)
    } else if !eyes.localhostNodePorts {
      matches.append(.notDestination(loopbackBlock))
    }
    matches += [.comment(.nodePorts), .destinationIsLocal]
    table.append(.services, IptablesRule(matches, .jump(.nodePorts)))
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
      append(.services, port.to(port.spec.clusterIP, .clusterIP), .jump(internalChain), port)
    }
    for address in port.spec.externalIPs {
      append(.services, port.to(address, .externalIP), .jump(.external(port.id)), port)
    }
    let entry: IptablesChainName =
      port.traits.contains(.usesFirewall) ? .firewall(port.id) : .external(port.id)
    for address in port.spec.loadBalancerVIPs {
      append(.services, port.to(address, .loadBalancerIP), .jump(entry), port)
    }
    guard port.spec.nodePort != 0 else { return }
    let matches: [IptablesMatch] = [
      .transport(port.spec.transport), .comment(.service), .destinationPort(port.spec.nodePort),
    ]
    if eyes.localhostNodePorts {
      // Counts uses of localhost node ports.
      append(
        .nodePorts, [.destination(loopbackBlock)] + matches + [.counted(.localhostNodePorts)],
        .jump(.external(port.id)), port)
    }
    append(.nodePorts, matches, .jump(.external(port.id)), port)
  }

  /// FACTS C7: cluster IP traffic from elsewhere than this cluster's pods.
  private mutating func addClusterIPMasquerade(_ port: ProgrammedPort, _ chain: IptablesChainName) {
    let matches = port.to(port.spec.clusterIP, .clusterIP)
    if eyes.masqueradesAll {
      append(chain, matches, .jump(.markMasquerade), port)
    } else if eyes.hasDetector {
      append(chain, [.notSource(podBlock)] + matches, .jump(.markMasquerade), port)
    }
  }

  private mutating func addExternal(_ port: ProgrammedPort) {
    let chain = IptablesChainName.external(port.id)
    let cluster = IptablesTarget.jump(.clusterPolicy(port.id))
    let isLocal = port.traits.contains(.externalLocal)
    if isLocal {
      if eyes.hasDetector {
        append(chain, [.source(podBlock), .comment(.podsToExternal)], cluster, port)
      }
      append(chain, [.comment(.masqueradeLocal), .sourceIsLocal], .jump(.markMasquerade), port)
      append(chain, [.comment(.routeLocal), .sourceIsLocal], cluster, port)
    } else {
      append(chain, [.comment(.masqueradeExternal)], .jump(.markMasquerade), port)
    }
    if port.traits.contains(.hasExternal) {
      append(chain, [], isLocal ? .jump(.localPolicy(port.id)) : cluster, port)
    }
  }

  /// FACTS C8.
  private mutating func addFirewall(_ port: ProgrammedPort) {
    let chain = IptablesChainName.firewall(port.id)
    var accepted = port.spec.sourceRanges
    if accepted.contains(where: { $0.contains(eyes.nodeIP) }) {
      accepted += port.spec.loadBalancerVIPs.map { host($0) }
    }
    for block in accepted {
      append(chain, [.source(block), .comment(.loadBalancerIP)], .jump(.external(port.id)), port)
    }
    append(chain, [.comment(.droppedByFirewall)], .none, port)
  }

  private func comment(_ comment: IptablesComment) -> [IptablesMatch] {
    isLargeCluster ? [] : [.comment(comment)]
  }

  /// FACTS D1: affinity checks first, then 1/(n−i) each, the last without a condition.
  private mutating func addChoice(
    _ port: ProgrammedPort, _ chain: IptablesChainName, _ endpoints: [ProgrammedEndpoint]
  ) {
    if port.spec.affinity > .zero {
      for endpoint in endpoints {
        let list = IptablesChainName.endpoint(port.id, endpoint.backend)
        let check = IptablesMatch.seenRecently(list: list, within: port.spec.affinity)
        append(chain, comment(.choice(endpoint.address, endpoint.port)) + [check], .jump(list), port)
      }
    }
    for (i, endpoint) in endpoints.enumerated() {
      let left = endpoints.count - i
      append(
        chain, comment(.choice(endpoint.address, endpoint.port)) + (left > 1 ? [.oneIn(left)] : []),
        .jump(.endpoint(port.id, endpoint.backend)), port)
    }
  }

  private mutating func addEndpoint(_ port: ProgrammedPort, _ endpoint: ProgrammedEndpoint) {
    let chain = IptablesChainName.endpoint(port.id, endpoint.backend)
    append(chain, [.source(host(endpoint.address))] + comment(.service), .jump(.markMasquerade), port)
    var matches = [IptablesMatch.transport(port.spec.transport)] + comment(.service)
    if port.spec.affinity > .zero { matches.append(.stamp(list: chain)) }
    matches.append(.transportModule(port.spec.transport))
    append(
      chain, matches, .dnat(endpoint.backend, address: endpoint.address, port: endpoint.port), port)
  }
}
