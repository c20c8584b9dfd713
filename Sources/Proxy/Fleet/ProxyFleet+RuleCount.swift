// SPDX-License-Identifier: GPL-3.0-or-later
//
// How many rules or entries a node has in its kernel, for comparisons of modes, and which mode wrote them.

import Cluster
import NetworkTypes

extension ProxyFleet {
  /// The mode of the tables that `node` has in its kernel; nil without any since its boot.
  @inline(__always) public func programmedMode(of node: NodeID) -> ProxyMode? {
    let state = tables[node.index].nat
    return state.eyes < 0 ? nil : eyes[Int(state.eyes)].mode
  }

  /// A rule of the node drops forwarded packets in state INVALID: mode iptables, unless tcpBeLiberal (FACTS C9).
  public func dropsInvalid(_ node: NodeID) -> Bool {
    let state = tables[node.index].filter
    guard state.eyes >= 0 else { return false }
    return eyes[Int(state.eyes)].mode == .iptables && eyes[Int(state.eyes)].dropsInvalid
  }

  /// What `node` holds for its Services: rules (iptables), rules (nftables),
  /// servers, set entries and rules (ipvs), map entries (ebpf). Nil for a node without any since its boot.
  /// The last two are counted in what their tools would print, in time proportional to the table.
  public mutating func ruleCount(of node: NodeID) -> Int? {
    guard let mode = programmedMode(of: node) else { return nil }
    if mode == .nftables { return nftablesRuleCount(tables[node.index].nat) }
    if mode == .iptables {
      let counts = iptablesRuleCounts(of: node)
      return counts.filter + counts.nat
    }
    return ruleTexts(of: node).reduce(0) { $0 + $1.entryCount }
  }
}

extension RuleText {
  /// Rules and entries in the text; other views of the same entries count as none.
  var entryCount: Int {
    let lines = text.split(separator: "\n")
    switch command {
    case let name where name.hasPrefix("iptables-save"): return lines.count { $0.hasPrefix("-A ") }
    case "ipvsadm -Sn": return lines.count { $0.hasPrefix("-A ") || $0.hasPrefix("-a ") }
    case "ipset save": return lines.count { $0.hasPrefix("add ") }
    case "cilium-dbg bpf lb list": return max(0, lines.count - 1)
    default: return 0
    }
  }
}
