// SPDX-License-Identifier: GPL-3.0-or-later
//
// A Service port's elements of maps and sets, and its chains, in kube-proxy's order within each chain
// (syncProxyRules in k/k pkg/proxy/nftables/proxier.go; golden/cluster/nftables for 1.36).

import Cluster
import NetworkTypes
import SimKernel

extension NftablesBuilder {
  /// Map and set elements (FACTS C6, C8, D2).
  mutating func addElements(_ item: NftablesPort) {
    let port = item.port
    let spec = port.spec
    table.clusterIPs.insert(spec.clusterIP)
    let refusal: NftablesElement.Verdict =
      port.traits.contains(.hasEndpoints) ? .drop : .goto(.reject)
    func key(_ address: IPv4Address, _ number: UInt16) -> NftablesKey {
      NftablesKey(address: address, transport: spec.transport, port: number)
    }
    func set(_ map: NftablesMap, _ key: NftablesKey, _ verdict: NftablesElement.Verdict) {
      table.set(map, key, NftablesElement(verdict: verdict, port: item.name))
    }
    if port.traits.contains(.hasInternal) {
      set(.serviceIPs, key(spec.clusterIP, spec.port), .goto(internalChain(item)))
    } else {
      set(.noEndpointServices, key(spec.clusterIP, spec.port), refusal)
    }
    for address in spec.externalIPs + spec.loadBalancerVIPs {
      if port.traits.contains(.hasEndpoints) {
        set(.serviceIPs, key(address, spec.port), .goto(.external(item.name)))
      }
      if !port.traits.contains(.hasExternal) {
        set(.noEndpointServices, key(address, spec.port), refusal)
      }
    }
    // Unlike in iptables mode the firewall stands even where there is no endpoint.
    if spec.hasSourceRanges {
      for address in spec.loadBalancerVIPs {
        set(.firewallIPs, key(address, spec.port), .goto(.firewall(item.name)))
      }
    }
    if spec.nodePort != 0 {
      let nodePort = key(.unspecified, spec.nodePort)
      if port.traits.contains(.hasEndpoints) { set(.serviceNodePorts, nodePort, .goto(.external(item.name))) }
      if !port.traits.contains(.hasExternal) { set(.noEndpointNodePorts, nodePort, refusal) }
    }
    if layout == .directTranslation {
      for endpoint in item.local { table.hairpins.insert(key(endpoint.address, endpoint.port)) }
    }
  }

  private func internalChain(_ item: NftablesPort) -> NftablesChain {
    item.port.traits.contains(.internalLocal) ? .localPolicy(item.name) : .clusterPolicy(item.name)
  }

  mutating func addChains(_ item: NftablesPort, _ backends: borrowing BackendTable) {
    let port = item.port
    func chain(_ endpoint: ProgrammedEndpoint) -> UInt32 { backends.target(endpoint.backend).chain }
    if port.traits.contains(.hasEndpoints) {
      if layout == .endpointChains || port.spec.affinity > .zero {
        for endpoint in port.reachable { addEndpoint(item, endpoint, chain(endpoint)) }
      }
      let cluster = port.cluster.map(chain)
      let local = port.local.map(chain)
      addPolicy(item, .clusterPolicy(item.name), port.cluster, cluster)
      addPolicy(item, .localPolicy(item.name), port.local, local)
      if port.spec.isExternallyAccessible { addExternal(item) }
    }
    if port.spec.hasSourceRanges { addFirewall(item) }
  }

  private mutating func addMark(
    _ chain: NftablesChain, _ matches: [NftablesMatch], _ comment: String?, comment135: String? = nil
  ) {
    if layout == .directTranslation {
      add(chain, matches, [.mark], comment)
    } else {
      add(chain, matches, [.jump(.markForMasquerade)], comment135)
    }
  }

  /// FACTS C7.
  private mutating func addExternal(_ item: NftablesPort) {
    let chain = NftablesChain.external(item.name)
    let cluster = NftablesStatement.goto(.clusterPolicy(item.name))
    let isLocal = item.port.traits.contains(.externalLocal)
    if isLocal {
      if eyes.hasDetector { add(chain, [.source(podBlock)], [cluster], "short-circuit pod traffic") }
      addMark(
        chain, [.sourceIsLocal], "masquerade local traffic", comment135: "masquerade local traffic")
      add(chain, [.sourceIsLocal], [cluster], "short-circuit local traffic")
    } else {
      addMark(chain, [], "masquerade")
    }
    if item.port.traits.contains(.hasExternal) {
      add(chain, [], [isLocal ? .goto(.localPolicy(item.name)) : cluster])
    }
  }

  /// FACTS C8.
  private mutating func addFirewall(_ item: NftablesPort) {
    add(
      .firewall(item.name), [.sourceOutside(item.port.spec.acceptedSources(nodeIP: eyes.nodeIP))], [.drop])
  }

  /// Affinity checks first, then a uniform choice.
  private mutating func addPolicy(
    _ item: NftablesPort, _ chain: NftablesChain, _ endpoints: [ProgrammedEndpoint], _ numbers: [UInt32]
  ) {
    guard !endpoints.isEmpty else { return }
    let spec = item.port.spec
    if layout == .endpointChains && chain == internalChain(item) && item.port.traits.contains(.hasInternal) {
      let toClusterIP = NftablesMatch.destination([host(spec.clusterIP)])
      if eyes.masqueradesAll {
        addMark(chain, [toClusterIP], nil)
      } else if eyes.hasDetector {
        addMark(chain, [toClusterIP, .notSource(podBlock)], nil)
      }
    }
    if spec.affinity > .zero {
      for number in numbers { add(chain, [.sourceIn(.affinity(number))], [.goto(.endpoint(number))]) }
    }
    if layout == .endpointChains || spec.affinity > .zero {
      add(chain, [], [.gotoRandom(endpoints, chains: numbers)])
    } else {
      add(chain, [.transport(spec.transport)], [.translateToRandom(endpoints)])
    }
  }

  private mutating func addEndpoint(
    _ item: NftablesPort, _ endpoint: ProgrammedEndpoint, _ number: UInt32
  ) {
    let chain = NftablesChain.endpoint(number)
    if layout == .endpointChains { addMark(chain, [.source(host(endpoint.address))], nil) }
    if item.port.spec.affinity > .zero {
      table.declareAffinitySet(number, timeout: item.port.spec.affinity)
      add(chain, [], [.remember(number)])
    }
    add(chain, [.transport(item.port.spec.transport)], [.translate(endpoint)])
  }
}

extension PortSpec {
  /// Sources that a load-balancer address accepts: the ranges and, if one of them has the node's address, the
  /// load-balancer addresses, as which a cloud may loop a node's packets back (FACTS C8).
  func acceptedSources(nodeIP: IPv4Address) -> [IPv4CIDR] {
    sourceRanges.contains { $0.contains(nodeIP) } ? sourceRanges + loadBalancerVIPs.map(host) : sourceRanges
  }
}
