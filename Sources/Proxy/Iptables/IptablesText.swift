// SPDX-License-Identifier: GPL-3.0-or-later
//
// iptables rules as `iptables-save` prints them.

import NetworkTypes
import SimKernel

extension ProxyFleet {
  mutating func iptablesTexts(nat: TableState, filter: TableState) -> [RuleText] { [] }
}
