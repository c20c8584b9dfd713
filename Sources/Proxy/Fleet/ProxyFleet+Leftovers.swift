// SPDX-License-Identifier: GPL-3.0-or-later
//
// Packets in a kernel that holds the rules of two modes, in the order of the hooks:
//
//     Cilium's programs (socket, tc) -> nat PREROUTING, OUTPUT (-100) -> a node's own packets: ipvs (-98)
//     -> filter INPUT (0), where KUBE-EXTERNAL-SERVICES of mode iptables and KUBE-IPVS-FILTER of mode ipvs hang
//     -> packets to the node's own addresses, those of kube-ipvs0 among them: ipvs in INPUT (98)
//
// (Linux include/uapi/linux/netfilter_ipv4.h for the priorities, net/netfilter/ipvs/ip_vs_core.c ip_vs_ops;
// chains and their hooks from pkg/proxy/iptables/proxier.go and pkg/proxy/ipvs/proxier.go.) Modes iptables and
// ipvs use the same nat chain KUBE-SERVICES, so what the later one writes replaces what the earlier one had:
//
// - ipvs after iptables: of the old rules only KUBE-EXTERNAL-SERVICES in filter INPUT still matches. External
//   addresses and node ports of Services that had no endpoint at the change stay refused.
// - iptables after ipvs: virtual servers and kube-ipvs0 stay. Packets that nat leaves alone are delivered to
//   kube-ipvs0, past FORWARD and so past the REJECT of cluster IPs, and ipvs sends them to the real servers
//   of the time of the change.
// - Cilium after any: what its programs do not take reaches the old rules.

import Cluster
import NetworkTypes
import SimKernel

extension ProxyFleet {
  /// As `verdict`, on a node that has rules of an earlier mode too.
  @inline(never)
  mutating func verdictAmongLeftovers(_ packet: Packet, _ state: NodeTables) -> Verdict {
    let stays = leftovers(of: Int(packet.node))
    return verdict(packet, nat: state.nat, filter: state.filter, earlier: stays[...])
  }

  private mutating func verdict(
    _ packet: Packet, nat: TableState, filter: TableState, earlier: ArraySlice<Leftover>
  ) -> Verdict {
    switch mode(nat) {
    case nil: return Verdict(kind: .notProxied)
    case .ebpf:
      let own = verdict(packet, nat: nat, filter: filter)
      guard own.kind == .notProxied, let below = earlier.last else { return own }
      return verdict(packet, nat: below.nat, filter: below.filter, earlier: earlier.dropLast())
    case .ipvs:
      if let old = earlier.first(where: { $0.mode == .iptables }),
        let refused = refusedInInput(packet, old.filter)
      {
        return refused
      }
      return verdict(packet, nat: nat, filter: filter)
    case .iptables:
      let own = verdict(packet, nat: nat, filter: filter)
      guard let old = earlier.first(where: { $0.mode == .ipvs }), reachesOldServer(packet, own, nat, old.nat)
      else { return own }
      return pastOldServer(packet, old.nat)
    case .nftables: return verdict(packet, nat: nat, filter: filter)
    }
  }

  /// filter INPUT of mode iptables, which sees what comes to kube-ipvs0 from pods and from outside.
  private mutating func refusedInInput(_ packet: Packet, _ filter: TableState) -> Verdict? {
    guard packet.origin != .node else { return nil }
    var verdict = Verdict(kind: .notProxied)
    return isRefusedExternally(packet, filter, &verdict) ? verdict : nil
  }

  /// nat left the packet alone, or only FORWARD would refuse it, where packets to kube-ipvs0 do not pass.
  private func reachesOldServer(
    _ packet: Packet, _ own: Verdict, _ nat: TableState, _ old: TableState
  ) -> Bool {
    if own.kind == .forward { return false }
    let found = ipvsDestination(packet, old)
    guard found.isBound, found.owner != nil else { return false }
    if own.kind == .notProxied || packet.origin == .node { return true }
    let flow = packet.flow
    return isClusterIP(flow.destination, flow.destinationPort, flow.transport, nat)
  }

  /// ipvs alone: the rules that marked for masquerading have been overwritten.
  private mutating func pastOldServer(_ packet: Packet, _ old: TableState) -> Verdict {
    var verdict = ipvsVerdict(packet, old)
    verdict.masquerade = false
    return verdict
  }

  // MARK: Explanation

  mutating func explainAmongLeftovers(_ packet: Packet, _ state: NodeTables) -> DecisionExplanation {
    let stays = leftovers(of: Int(packet.node))
    return explain(packet, nat: state.nat, filter: state.filter, earlier: stays[...])
  }

  private mutating func explain(
    _ packet: Packet, nat: TableState, filter: TableState, earlier: ArraySlice<Leftover>
  ) -> DecisionExplanation {
    switch mode(nat) {
    case nil: return .notProxied
    case .ebpf:
      let own = explainTable(packet, nat: nat, filter: filter)
      guard let way = own.branches.first, way.verdict.kind == .notProxied, let below = earlier.last else {
        return own
      }
      let rest = explain(packet, nat: below.nat, filter: below.filter, earlier: earlier.dropLast())
      return rest.after(way.steps + [Self.leftBehind(by: below.mode)])
    case .ipvs:
      guard let old = earlier.first(where: { $0.mode == .iptables }),
        let refused = refusedInInput(packet, old.filter)
      else { return explainTable(packet, nat: nat, filter: filter) }
      let way = DecisionBranch(
        verdict: refused, probability: 1, steps: [Self.leftBehind(by: .iptables), refusal(refused)])
      return DecisionExplanation(branches: [way])
    case .iptables:
      let own = explainTable(packet, nat: nat, filter: filter)
      guard let way = own.branches.first, let old = earlier.first(where: { $0.mode == .ipvs }),
        reachesOldServer(packet, way.verdict, nat, old.nat)
      else { return own }
      var rest = explainIPVS(packet, old.nat)
      for way in rest.branches.indices { rest.branches[way].verdict.masquerade = false }
      return rest.after(own.branches.count == 1 ? [Self.leftBehind(by: .ipvs)] : [])
    case .nftables: return explainTable(packet, nat: nat, filter: filter)
    }
  }

  private static func leftBehind(by mode: ProxyMode) -> DecisionStep {
    DecisionStep(
      table: "kernel", chain: "rules of mode \(mode.rawValue)", rule: "left behind",
      why: "the node's kube-proxy changed its mode; it neither writes nor removes these")
  }

  private func refusal(_ verdict: Verdict) -> DecisionStep {
    DecisionStep(
      table: "filter", chain: "KUBE-EXTERNAL-SERVICES",
      rule: verdict.kind == .reject ? "-j REJECT --reject-with icmp-port-unreachable" : "-j DROP",
      why: "in INPUT, before ipvs: so it was for this address when the mode changed")
  }

  // MARK: Texts

  /// What the user's tools would print of the rules that stay, each text told apart by its command.
  mutating func leftoverTexts(_ node: NodeID) -> [RuleText] {
    var texts: [RuleText] = []
    for old in leftovers(of: node.index) {
      for text in leftoverTexts(node, old) {
        texts.append(
          RuleText(command: "\(text.command) (left behind by mode \(old.mode.rawValue))", text: text.text))
      }
    }
    return texts
  }

  private mutating func leftoverTexts(_ node: NodeID, _ old: Leftover) -> [RuleText] {
    let isOverwritten = mode(tables[node.index].nat) != .ebpf
    switch old.mode {
    case .iptables:
      let texts = iptablesTexts(nat: old.nat, filter: old.filter)
      return isOverwritten ? texts.prefix(1).map { $0.onlyTable("filter") } : texts
    case .ipvs:
      return ipvsTexts(node, old.nat).filter { !isOverwritten || $0.command != "iptables-save" }
    case .nftables: return nftablesTexts(node, old.nat, at: nil)
    case .ebpf: return ebpfTexts(node, old.nat)
    }
  }
}

extension DecisionExplanation {
  /// The same ways, each with these steps before its own.
  fileprivate func after(_ steps: [DecisionStep]) -> DecisionExplanation {
    DecisionExplanation(
      branches: branches.map {
        DecisionBranch(verdict: $0.verdict, probability: $0.probability, steps: steps + $0.steps)
      })
  }
}

extension RuleText {
  /// Of a text in the language of iptables-save, one table.
  fileprivate func onlyTable(_ table: String) -> RuleText {
    var lines: [Substring] = []
    var isInside = false
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("*") { isInside = line == "*\(table)" }
      if isInside { lines.append(line) }
      if line == "COMMIT" { isInside = false }
    }
    return RuleText(command: command, text: lines.map { $0 + "\n" }.joined())
  }
}
