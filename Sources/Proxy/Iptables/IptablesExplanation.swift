// SPDX-License-Identifier: GPL-3.0-or-later
//
// The walk through iptables rules in words.

import NetworkTypes
import SimKernel

extension ProxyFleet {
  mutating func explainIptables(_ packet: Packet, nat: TableState, filter: TableState) -> DecisionExplanation
  {
    let first = iptablesVerdict(packet, nat: nat, filter: filter)
    let count = candidateSets.list(first.candidates).count
    guard first.kind == .forward, count > 1 else {
      return DecisionExplanation(branches: [DecisionBranch(verdict: first, probability: 1, steps: [])])
    }
    var branches: [DecisionBranch] = []
    for k in 0..<count {
      var chosen = packet
      chosen.random = UInt64.max / UInt64(count) * UInt64(k) + UInt64.max / UInt64(count) / 2
      branches.append(
        DecisionBranch(
          verdict: iptablesVerdict(chosen, nat: nat, filter: filter), probability: 1 / Double(count),
          steps: []))
    }
    return DecisionExplanation(branches: branches)
  }
}
