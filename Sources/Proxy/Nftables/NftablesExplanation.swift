// SPDX-License-Identifier: GPL-3.0-or-later
//
// The walk through nftables rules in words: what an interpreted packet met, with rules as nft prints them.

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
    verdict.lookups = UInt16(clamping: walk.lookups)
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

/// Tells a walk. Left out are rules that matched and did nothing: jumps to a chain, and lookups that found
/// nothing.
struct NftablesNarrator {
  let table: NftablesTable
  let writer: NftablesWriter

  func steps(_ walk: NftablesWalk) -> [DecisionStep] {
    var steps: [DecisionStep] = []
    for (position, event) in walk.events.enumerated() {
      let next = position + 1 < walk.events.count ? walk.events[position + 1] : nil
      switch event {
      case .rule(let chain, let index):
        let rule = table[chain][index]
        guard let why = why(rule, next) else { continue }
        steps.append(step(writer.names.text(chain), writer.text(rule), why))
      case .element(let map, let key):
        guard let element = table.element(map, key) else { preconditionFailure("no element \(key)") }
        steps.append(step(writer.names.text(map), writer.text(map, key, element), why(map, element)))
      case .choice: continue
      }
    }
    return steps
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

  /// nil: the rule did nothing to the packet.
  private func why(_ rule: NftablesRule, _ next: NftablesWalk.Event?) -> String? {
    var effects: [String] = []
    for statement in rule.statements {
      switch (statement, next) {
      case (.jump(.markForMasquerade), _): effects.append("to be marked for masquerading")
      case (.jump, _): continue
      case (.lookup, .element): effects.append("found")
      case (.lookup, _): continue
      case (.gotoRandom, .choice(let endpoint, let outOf)),
        (.translateToRandom, .choice(let endpoint, let outOf)):
        let share = outOf == 1 ? "the only endpoint" : "one of \(outOf) with equal chances"
        effects.append("\(endpoint.address):\(endpoint.port), \(share)")
      default: if let effect = why(statement) { effects.append(effect) }
      }
    }
    if effects.isEmpty { return nil }
    let conditions = rule.matches.compactMap(why)
    return (conditions.isEmpty ? "" : conditions.joined(separator: ", ") + ": ")
      + effects.joined(separator: ", ")
  }

  private func why(_ match: NftablesMatch) -> String? {
    switch match {
    case .isNew: nil
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
    case .jump, .lookup, .clearMark, .gotoRandom, .translateToRandom: nil
    case .goto(.clusterPolicy): "to the endpoints of the cluster"
    case .goto(.localPolicy): "to the endpoints of this node"
    case .goto: "to the endpoint"
    case .mark: "marked for masquerading"
    case .masquerade: "source replaced by that of the interface it leaves by"
    case .reject: "refused with ICMP port unreachable"
    case .drop: "dropped"
    case .returnToCaller: "no masquerading"
    case .translate(let endpoint): "destination becomes \(endpoint.address):\(endpoint.port)"
    case .remember: "source remembered for session affinity"
    }
  }
}
