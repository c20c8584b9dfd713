// SPDX-License-Identifier: GPL-3.0-or-later
//
// How many rules or entries a node has in its kernel, for comparisons of modes.

import Cluster
import NetworkTypes

extension ProxyFleet {
  /// Rules (iptables, nftables), rules, set entries and servers (ipvs) or map entries (ebpf) of the Services at `node`; nil for a node
  /// without any since its boot, and for modes that do not say.
  public func ruleCount(of node: NodeID) -> Int? {
    let state = tables[node.index].nat
    guard state.eyes >= 0 else { return nil }
    let eyes = eyes[Int(state.eyes)]
    switch eyes.mode {
    case .iptables:
      let perNodePort = eyes.localhostNodePorts ? 2 : 1
      let dispatch = Int(state.totals.dispatch) + Int(state.totals.nodePorts) * perNodePort
      return dispatch + Int(state.totals.filter) + Int(state.totals.chains)
    case .ipvs: return ipvsRulesWritten(node.index)
    case .nftables, .ebpf:
      return nil
    }
  }
}
