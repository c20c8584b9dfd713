// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a packet pays for a node's tables, on its next hop. Later packets pay a constant per node, at the hop
// that leaves the node or enters it, so that hops of a class stay equally long and their lanes in order.

import Cluster
import NetworkTypes
import Proxy
import Scenario
import SimKernel
import Traffic

/// The costs of one proxy mode, in nanoseconds.
struct ModeCosts: BitwiseCopyable {
  var firstPacket: Double
  var perRule: Double
  var perLookup: Double
  var establishedPacket: Int64

  init(_ costs: DataPathCosts) {
    firstPacket = costs.firstPacket.nanoseconds
    perRule = costs.perRule.nanoseconds
    perLookup = costs.perLookup.nanoseconds
    establishedPacket = Int64(costs.establishedPacket.nanoseconds.rounded())
  }

  /// By `ProxyMode.index`.
  static func table(_ network: NetworkSettings) -> Table<ModeCosts> {
    Table(ProxyMode.allCases.map { ModeCosts(network.costs[DataPath($0, network.iptablesBackend)]) })
  }
}

extension ProxyMode {
  /// Its place in `allCases`.
  fileprivate var index: Int {
    switch self {
    case .iptables: 0
    case .ipvs: 1
    case .nftables: 2
    case .ebpf: 3
    }
  }
}

extension World {
  /// What a flow's first packet pays beyond what a later one does.
  @inline(__always) func firstPacketCost(_ verdict: Verdict, _ node: Int) -> SimDuration {
    let mode = Int(nodePlanes[node].programmedMode)
    if mode < 0 { return .zero }
    let costs = modeCosts[mode]
    let walk = costs.perRule * Double(verdict.rulesWalked) + costs.perLookup * Double(verdict.lookups)
    let whole = Int64(costs.firstPacket + walk + 0.5)
    return .nanoseconds(max(0, whole - nodePlanes[node].packetCost))
  }

  /// What later packets pay at a node follows the mode that it has programmed.
  mutating func refreshPacketCost(of node: Int) {
    let mode = proxies.programmedMode(of: NodeID(node))?.index
    nodePlanes[node].programmedMode = Int8(mode ?? -1)
    nodePlanes[node].packetCost = mode.map { modeCosts[$0].establishedPacket } ?? 0
  }

  /// What any packet pays on a hop: for the tables that it has passed, and for those that it will meet.
  @inline(__always) func passingCost(from: Int, to: Int, entersNode: Bool) -> SimDuration {
    var cost: Int64 = 0
    if from != HopEnd.outsideIndex { cost += nodePlanes[from].packetCost }
    if entersNode, to != HopEnd.outsideIndex { cost += nodePlanes[to].packetCost }
    return .nanoseconds(cost)
  }
}
