// SPDX-License-Identifier: GPL-3.0-or-later
//
// The walk through a node's rules as steps with words: every way that the packet can go, found by
// interpreting the rules one by one, with the node's real affinity lists.

import Cluster
import NetworkTypes
import SimKernel

extension ProxyFleet {
  mutating func explainIptables(_ packet: Packet, nat: TableState, filter: TableState) -> DecisionExplanation
  {
    let rules = iptablesRules(nat: nat, filter: filter)
    let node = tables[Int(packet.node)]
    let addresses = Array(
      addressPool[Int(node.firstAddress)..<Int(node.firstAddress + node.addressCount)])
    let stamps = affinityStamps(packet, nat)
    let at = packet.at
    let interpreter = IptablesInterpreter(rules: rules, localAddresses: addresses) { list, _, within in
      guard let stamp = stamps[list] else { return false }
      return stamp >= at - within
    }
    let words = IptablesWords(
      rules: rules, writer: IptablesTextWriter(names: iptablesNames), flow: packet.flow,
      origin: packet.origin,
      at: at, stamps: stamps)
    var quiet = packet
    quiet.stamps = false
    let lookup = iptablesVerdict(quiet, nat: nat, filter: filter)
    var branches: [DecisionBranch] = []
    for (walk, share) in interpreter.allWalks(packet.flow, origin: packet.origin) {
      branches.append(
        DecisionBranch(
          verdict: verdict(of: walk, rules, packet, nat, lookup: lookup),
          probability: Double(share.numerator) / Double(share.denominator), steps: words.steps(of: walk)))
    }
    return DecisionExplanation(branches: branches)
  }

  /// When the source was stamped in the lists of the Service ports that the packet may be for.
  private func affinityStamps(_ packet: Packet, _ nat: TableState) -> [IptablesChainName: SimTime] {
    let flow = packet.flow
    var byChain: [UInt32: SimTime] = [:]
    for key in [
      Frontend.key(flow.destination, flow.destinationPort, flow.transport),
      Frontend.key(.unspecified, flow.destinationPort, flow.transport),
    ] {
      let frontend = history.frontends.find(key)
      if frontend == .max { continue }
      var index = history.frontendHeads[Int(frontend)].latest
      while index >= 0 {
        let claim = history.claims[Int(index)]
        for stamp in recent.stamps(node: packet.node, port: claim.portName, source: flow.source) {
          byChain[stamp.chain] = stamp.at
        }
        index = claim.previous
      }
    }
    if byChain.isEmpty { return [:] }
    var stamps: [IptablesChainName: SimTime] = [:]
    for index in 0..<history.backends.targets.count {
      guard let at = byChain[history.backends.targets[index].chain] else { continue }
      let port = history.backends.portNames[index]
      guard let spec = history.spec(history.specVersion(port, at: nat.services)) else { continue }
      stamps[.endpoint(spec.servicePort, BackendID(index))] = at
    }
    return stamps
  }

  /// - Parameter lookup: the compiled lookup's answer, for the set between which a forwarding rule chose.
  private mutating func verdict(
    of walk: IptablesWalk, _ rules: IptablesRuleset, _ packet: Packet, _ nat: TableState, lookup: Verdict
  ) -> Verdict {
    var verdict = Verdict(
      kind: walk.kind, servicePort: walk.servicePort, rulesWalked: UInt32(clamping: walk.rulesWalked))
    switch walk.kind {
    case .forward:
      let target = history.backends.target(walk.backend)
      verdict.backend = walk.backend
      verdict.address = target.address
      verdict.port = target.port
      verdict.masquerade = walk.masquerade
      verdict.viaAffinity = walk.viaAffinity
      verdict.candidates = lookup.candidates
    case .reject: verdict.reason = .noEndpoints
    case .drop:
      switch walk.steps.last?.chain {
      case .proxyFirewall: verdict.reason = .sourceRange
      case .kubeFirewall: verdict.reason = .none
      default: verdict.reason = .localPolicy
      }
    case .notProxied:
      let flow = packet.flow
      let isLocal = self.isLocal(flow.destination, tables[Int(packet.node)])
      if isLocal, !acceptsNodePort(flow.destination, isLocal: true, eyes[Int(nat.eyes)]) {
        explainNodePort(
          Frontend.key(.unspecified, flow.destinationPort, flow.transport), nat, &verdict)
      }
    }
    return verdict
  }
}
