// SPDX-License-Identifier: GPL-3.0-or-later
//
// The compiled form of the nftables rules.

import Cluster
import NetworkTypes
import SimKernel

extension ProxyFleet {
  mutating func nftablesVerdict(_ packet: Packet, _ table: TableState) -> Verdict {
    Verdict(kind: .notProxied)
  }
  mutating func explainNftables(_ packet: Packet, _ table: TableState) -> DecisionExplanation { .notProxied }
  mutating func nftablesTexts(_ table: TableState) -> [RuleText] { [] }
}
