// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a change of a node's proxy mode does outside of its rules: what packets cost, and whose connection
// tracking the node has. Between iptables, ipvs and nftables the kernel's table stays, with every translation
// in it; Cilium has tables of its own, and neither knows the other's flows (cilium/cilium PR 16139: to switch
// disrupts the node's existing connections).

import Cluster
import NetworkTypes
import Proxy
import SimKernel

extension World {
  mutating func kernelChanged(_ change: KernelChange) {
    let node = change.node.index
    let name = "node/\(nodePlanes[node].name)"
    switch change.kind {
    case .removed(let mode):
      refreshPacketCost(of: node)
      events.append(
        ClusterEventRow(
          time: now, object: name, action: "kube-proxy removes rules", detail: "of mode \(mode.rawValue)"))
      if mode == .ebpf { replaceConntrack(of: node, isCilium: false) }
    case .programmed(let mode, let before):
      let stays = proxies.leftoverModes(of: change.node).map { "rules of mode \($0.rawValue) stay" }
      let from = before.map { "after \($0.rawValue)" } ?? "where there were none"
      events.append(
        ClusterEventRow(
          time: now, object: name, action: "kube-proxy programs mode \(mode.rawValue)",
          detail: ([from] + stays).joined(separator: "; ")))
      if mode == .ebpf { replaceConntrack(of: node, isCilium: true) }
    }
  }

  /// The node's flows are known to the other table only: none of them is known from now on.
  private mutating func replaceConntrack(of node: Int, isCilium: Bool) {
    guard conntrack[node].pointee.isCilium != isCilium else { return }
    let record = control.nodes[node]
    conntrack[node].pointee = World.conntrackTable(
      of: record.proxy, nodePlanes[node].kernel, capacity: record.conntrackMax, isCilium: isCilium)
  }
}
