// SPDX-License-Identifier: GPL-3.0-or-later
//
// Cilium's kube-proxy replacement: socket and packet load balancing.

import Cluster
import NetworkTypes
import SimKernel

extension ProxyFleet {
  mutating func ebpfVerdict(_ packet: Packet, _ table: TableState) -> Verdict { Verdict(kind: .notProxied) }
  mutating func explainEBPF(_ packet: Packet, _ table: TableState) -> DecisionExplanation { .notProxied }
  mutating func ebpfTexts(_ node: NodeID, _ table: TableState) -> [RuleText] { [] }
}
