// SPDX-License-Identifier: GPL-3.0-or-later
//
// The walk through nftables rules in words: what an interpreted packet met, with the rules as nft prints them.

import Cluster
import NetworkTypes
import SimKernel

extension ProxyFleet {
  mutating func explainNftables(_ packet: Packet, _ table: TableState) -> DecisionExplanation {
    let rules = nftablesRules(table)
    let walks = nftablesInterpreter(rules, packet).allWalks(packet.flow, origin: packet.origin)
    let writer = NftablesWriter(family: .ip, names: NftablesNames(rules, history))
    let narrator = NftablesNarrator(table: rules, writer: writer)
    var branches: [DecisionBranch] = []
    for (walk, outOf) in walks {
      branches.append(
        DecisionBranch(
          verdict: nftablesVerdict(of: walk, packet, table), probability: 1 / Double(outOf),
          steps: narrator.steps(walk)))
    }
    return DecisionExplanation(branches: branches)
  }

  /// With what affinity sets hold for the packet's source at its time.
  func nftablesInterpreter(_ rules: NftablesTable, _ packet: Packet) -> NftablesInterpreter {
    let node = tables[Int(packet.node)]
    let range = Int(node.firstAddress)..<Int(node.firstAddress + node.addressCount)
    var holders: [UInt32] = []
    var ports: [PortNameID] = []
    for set in rules.affinitySets {
      let port = history.backends.portName(ofChain: set.chain)
      if !ports.contains(port) { ports.append(port) }
    }
    for port in ports {
      recent.chains(
        node: packet.node, port: port, source: packet.flow.source, since: packet.at + .nanoseconds(1),
        into: &holders)
    }
    let remembered = Set(holders)
    return NftablesInterpreter(
      table: rules, localAddresses: Array(addressPool[range]), isRemembered: { remembered.contains($0) })
  }

  /// A walk's outcome as the packet path tells it.
  mutating func nftablesVerdict(
    of walk: NftablesWalk, _ packet: Packet, _ table: TableState
  ) -> Verdict {
    var verdict = Verdict(kind: walk.kind, rulesWalked: walk.rulesWalked)
    verdict.lookups = walk.lookups
    let locality = eyes[Int(table.eyes)].locality
    func servicePort(_ fleet: inout ProxyFleet) -> ServicePortID {
      walk.port.isNone ? .none : fleet.plan(walk.port, table, locality: locality).servicePort
    }
    switch walk.kind {
    case .forward:
      guard let endpoint = walk.endpoint else { preconditionFailure("forwarded to nothing") }
      verdict.servicePort = servicePort(&self)
      verdict.masquerade = walk.masquerade
      verdict.viaAffinity = walk.viaAffinity
      verdict.backend = endpoint.backend
      verdict.address = endpoint.address
      verdict.port = endpoint.port
      verdict.candidates = candidateSets.intern(walk.candidates.map(\.backend))
    case .reject, .drop:
      verdict.reason = Self.reason(walk)
      let isAboutClusterIPs = walk.end == .clusterIPsCheck
      verdict.servicePort = isAboutClusterIPs ? .none : servicePort(&self)
    case .notProxied:
      let present = nftablesVerdict(packet, table)
      (verdict.reason, verdict.servicePort) = (present.reason, present.servicePort)
    }
    return verdict
  }

  private static func reason(_ walk: NftablesWalk) -> VerdictReason {
    switch walk.end {
    case .firewall: .sourceRange
    case .clusterIPsCheck: walk.kind == .reject ? .unknownPort : .unallocatedAddress
    default: walk.kind == .reject ? .noEndpoints : .localPolicy
    }
  }
}

/// Tells a walk: rules that only lead from chain to chain are told, too, since a reader of `nft list` looks
/// for them.
struct NftablesNarrator {
  let table: NftablesTable
  let writer: NftablesWriter

  func steps(_ walk: NftablesWalk) -> [DecisionStep] {
    walk.events.map { event in
      switch event {
      case .rule(let chain, let index):
        let rule = table[chain][index]
        return step(writer.names.text(chain), writer.text(rule), why(rule))
      case .element(let map, let key):
        guard let element = table.element(map, key) else { preconditionFailure("no element \(key)") }
        return step(writer.names.text(map), writer.text(map, key, element), why(map, element))
      case .choice(let endpoint, let outOf):
        let text = "numgen random mod \(outOf)"
        let what = "\(endpoint.address):\(endpoint.port)"
        return step(
          "", text, outOf == 1 ? "\(what), the only endpoint" : "\(what), one of \(outOf) at random")
      }
    }
  }

  private func step(_ chain: String, _ rule: String, _ why: String) -> DecisionStep {
    DecisionStep(table: "ip kube-proxy", chain: chain, rule: rule, why: why)
  }

  private func why(_ map: NftablesMap, _ element: NftablesElement) -> String {
    let service = writer.names.label(element.port)
    switch map {
    case .firewallIPs: return "load-balancer address of \(service) with loadBalancerSourceRanges"
    case .serviceIPs: return "destination belongs to \(service)"
    case .serviceNodePorts: return "node port of \(service)"
    case .noEndpointServices, .noEndpointNodePorts:
      return element.verdict == .drop
        ? "traffic policy Local of \(service) and no endpoint on this node: dropped"
        : "\(service) has no endpoint: rejected"
    }
  }

  private func why(_ rule: NftablesRule) -> String {
    let conditions = rule.matches.compactMap(why).joined(separator: ", ")
    let effects = rule.statements.compactMap(why).joined(separator: ", ")
    return [conditions, effects].filter { !$0.isEmpty }.joined(separator: ": ")
  }

  private func why(_ match: NftablesMatch) -> String? {
    switch match {
    case .isNew: "first packet of a connection"
    case .destinationIn(.clusterIPs): "destination is some Service's cluster IP"
    case .destinationIn(.nodePortIPs): "destination takes node ports"
    case .destinationIn, .transport: nil
    case .destination: "destination is in the range"
    case .notDestination: "destination is not loopback"
    case .destinationIsLocal: "destination is this node"
    case .source: "source is in the range"
    case .notSource: "source is no pod"
    case .sourceOutside: "source is outside loadBalancerSourceRanges"
    case .sourceIn: "session affinity remembers the source"
    case .sourceIsLocal: "source is this node"
    case .isMarked: "marked for masquerading"
    case .isNotMarked: "not marked for masquerading"
    case .isTranslated: "translated here"
    case .isHairpin: "an endpoint reached itself"
    }
  }

  private func why(_ statement: NftablesStatement) -> String? {
    switch statement {
    case .jump, .goto, .clearMark, .gotoRandom: nil
    case .lookup: "looked up"
    case .mark: "marked for masquerading"
    case .masquerade: "source replaced by that of the interface it leaves by"
    case .reject: "refused with ICMP port unreachable"
    case .drop: "dropped"
    case .returnToCaller: "no masquerading"
    case .translate(let endpoint): "destination becomes \(endpoint.address):\(endpoint.port)"
    case .translateToRandom: "destination becomes an endpoint"
    case .remember: "source remembered for session affinity"
    }
  }
}
