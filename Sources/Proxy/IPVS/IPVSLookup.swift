// SPDX-License-Identifier: GPL-3.0-or-later
//
// The compiled form of virtual servers and their real servers.

import Cluster
import NetworkTypes
import SimKernel

extension ProxyFleet {
  mutating func ipvsVerdict(_ packet: Packet, _ table: TableState) -> Verdict { Verdict(kind: .notProxied) }
  mutating func explainIPVS(_ packet: Packet, _ table: TableState) -> DecisionExplanation { .notProxied }
  mutating func ipvsTexts(_ node: NodeID, _ table: TableState) -> [RuleText] { [] }
}
