// SPDX-License-Identifier: GPL-3.0-or-later
//
// The walk through iptables rules in words.

import NetworkTypes
import SimKernel

extension ProxyFleet {
  mutating func explainIptables(_ packet: Packet, nat: TableState, filter: TableState) -> DecisionExplanation
  {
    .notProxied
  }
}
