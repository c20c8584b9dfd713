// SPDX-License-Identifier: GPL-3.0-or-later
//
// Builds the table of one node: the part that every table has (setupNFTables in k/k
// pkg/proxy/nftables/proxier.go, compared with golden/cluster/nftables); NftablesServiceRules adds Services.

import Cluster
import NetworkTypes
import SimKernel

/// A Service port to program.
struct NftablesPort {
  var name: PortNameID
  var order: UInt64
  var port: ProgrammedPort
  /// Addresses of endpoints that their slice puts on this node.
  var local: [ProgrammedEndpoint]
}

extension ProxyFleet {
  var nftablesLayout: NftablesLayout { NftablesLayout(minorVersion: minorVersion) }

  /// ServiceCIDR objects are GA and on by default from 1.33 (FACTS A1); before, kube-proxy knows no range.
  var nftablesServiceCIDRs: [IPv4CIDR] { 
    Behaviours.nftablesKnowsServiceCIDRs.value(in: minorVersion) ? serviceCIDRs : []
  }

  mutating func nftablesRules(_ table: TableState) -> NftablesTable {
    let eyes = self.eyes[Int(table.eyes)]
    var builder = NftablesBuilder(
      eyes: eyes, layout: nftablesLayout, serviceCIDRs: nftablesServiceCIDRs,
      nodePortIPs: eyes.acceptsAnyNodePortAddress ? nil : Array(nodePortAddresses(eyes)))
    let ports = nftablesPorts(history.heads.indices.map { PortNameID($0) }, table)
    // Where Service ports compete for a key of a map the last one written has it.
    for port in ports.sorted(by: { ($0.order, $0.name) < ($1.order, $1.name) }) { builder.addElements(port) }
    // The kernel lists chains as they were made; the order in which Services were first seen stands for that.
    for port in ports { builder.addChains(port, history.backends) }
    return builder.table
  }

  /// Those of the named Service ports that exist, spelled out.
  mutating func nftablesPorts(_ names: [PortNameID], _ table: TableState) -> [NftablesPort] {
    let locality = eyes[Int(table.eyes)].locality
    let here = localities.values[Int(locality)].node
    var ports: [NftablesPort] = []
    for name in names {
      guard let spec = history.spec(history.specVersion(name, at: table.services)) else { continue }
      let plan = self.plan(name, table, locality: locality)
      let port = ProgrammedPort(
        spec: spec, traits: plan.traits, cluster: nftablesTargets(plan.cluster),
        local: nftablesTargets(plan.local))
      let local = port.reachable.filter { here != .none && history.backends.nodes[$0.backend.index] == here }
      ports.append(
        NftablesPort(name: name, order: dispatchOrder(name, table.orderKey), port: port, local: local))
    }
    return ports
  }

  private func nftablesTargets(_ set: CandidateSetID) -> [ProgrammedEndpoint] {
    candidateSets.list(set).map { id in
      let target = history.backends.target(id)
      return ProgrammedEndpoint(backend: id, address: target.address, port: target.port)
    }
  }
}

struct NftablesBuilder {
  let eyes: NodeEyes
  let layout: NftablesLayout
  var table = NftablesTable()

  var podBlock: IPv4CIDR {
    IPv4CIDR(base: IPv4Address(bits: eyes.podBase), prefixLength: UInt8(eyes.podMask.nonzeroBitCount))
  }

  /// For the part that belongs to Services only.
  init(eyes: NodeEyes, layout: NftablesLayout) {
    self.eyes = eyes
    self.layout = layout
    table.layout = layout
  }

  init(eyes: NodeEyes, layout: NftablesLayout, serviceCIDRs: [IPv4CIDR], nodePortIPs: [IPv4Address]?) {
    self.init(eyes: eyes, layout: layout)
    table.nodePortIPs = nodePortIPs
    addBaseChains()
    addChecks(serviceCIDRs)
    addDispatch()
    addMasquerading()
    add(.reject, [], [.reject])
  }

  mutating func add(
    _ chain: NftablesChain, _ matches: [NftablesMatch], _ statements: [NftablesStatement],
    _ comment: String? = nil
  ) {
    table.append(chain, NftablesRule(matches, statements, comment: comment))
  }

  private mutating func addBaseChains() {
    for chain in NftablesChain.base { table.declare(chain) }
    let jumps: [(from: NftablesChain, to: NftablesChain, onlyNew: Bool)] = [
      (.filterInput, .nodePortEndpointsCheck, true), (.filterInput, .serviceEndpointsCheck, true),
      (.filterForward, .serviceEndpointsCheck, true), (.filterOutput, .serviceEndpointsCheck, true),
      (.filterPrerouting, .firewallCheck, true), (.filterOutputPreDNAT, .firewallCheck, true),
      (.natOutput, .services, false), (.natPrerouting, .services, false),
      (.natPostrouting, .masquerading, false), (.filterForward, .clusterIPsCheck, true),
      (.filterOutput, .clusterIPsCheck, true),
    ]
    for jump in jumps {
      table.declare(jump.to)
      add(jump.from, jump.onlyNew ? [.isNew] : [], [.jump(jump.to)])
    }
    if layout == .endpointChains {
      add(.markForMasquerade, [], [.mark])
    }
  }

  /// What a destination must be to take node ports: an address of the set, or any local one but loopback
  /// where nodePortAddresses covers everything (NFT, setupNFTables).
  private func nodePortDestination(checksLocal: Bool) -> [NftablesMatch] {
    if table.nodePortIPs != nil { return [.destinationIn(.nodePortIPs)] }
    return (checksLocal ? [.destinationIsLocal] : []) + [.notDestination(loopbackBlock)]
  }

  private mutating func addChecks(_ serviceCIDRs: [IPv4CIDR]) {
    add(
      .clusterIPsCheck, [.destinationIn(.clusterIPs)], [.reject],
      "Reject traffic to invalid ports of ClusterIPs")
    if !serviceCIDRs.isEmpty {
      add(
        .clusterIPsCheck, [.destination(serviceCIDRs)], [.drop], "Drop traffic to unallocated ClusterIPs")
    }
    add(.serviceEndpointsCheck, [], [.lookup(.noEndpointServices)])
    // The input hook sees local destinations only.
    add(.nodePortEndpointsCheck, nodePortDestination(checksLocal: false), [.lookup(.noEndpointNodePorts)])
    add(.firewallCheck, [], [.lookup(.firewallIPs)])
  }

  private mutating func addDispatch() {
    if layout == .directTranslation {
      let isClusterIP = NftablesMatch.destinationIn(.clusterIPs)
      if eyes.masqueradesAll {
        add(.services, [isClusterIP], [.mark], "masquerade all clusterIP traffic")
      } else if eyes.hasDetector {
        add(
          .services, [isClusterIP, .notSource(podBlock)], [.mark],
          "masquerade clusterIP traffic from outside cluster")
      }
    }
    add(.services, [], [.lookup(.serviceIPs)])
    add(.services, nodePortDestination(checksLocal: true), [.lookup(.serviceNodePorts)])
  }

  private mutating func addMasquerading() {
    if layout == .directTranslation {
      add(.masquerading, [.isMarked], [.clearMark, .masquerade])
      add(.masquerading, [.isTranslated, .isHairpin], [.masquerade])
    } else {
      add(.masquerading, [.isNotMarked], [.returnToCaller])
      add(.masquerading, [], [.clearMark])
      add(.masquerading, [], [.masquerade])
    }
  }
}
