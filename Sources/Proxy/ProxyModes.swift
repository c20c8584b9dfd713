// SPDX-License-Identifier: GPL-3.0-or-later
//
// The one place where proxy modes part: one switch per question. A new mode is a folder with its functions
// and one case in each switch.

import Cluster
import NetworkTypes
import SimKernel

extension ProxyFleet {
  /// What tables in these states do with a new connection's first packet.
  @inline(__always)
  mutating func verdict(_ packet: Packet, nat: TableState, filter: TableState) -> Verdict {
    // A node that has not programmed anything since its boot has no rules in any mode.
    guard nat.eyes >= 0 else { return Verdict(kind: .notProxied) }
    switch eyes[Int(nat.eyes)].mode {
    case .iptables: return iptablesVerdict(packet, nat: nat, filter: filter)
    case .nftables: return nftablesVerdict(packet, nat)
    case .ipvs: return ipvsVerdict(packet, nat)
    case .ebpf: return ebpfVerdict(packet, nat)
    }
  }

  /// All ways that a new connection's first packet can go at `node`, each with its probability and what
  /// decided it there: the rules, interpreted one by one. Changes nothing but caches; affinity, round-robin
  /// positions and connection counts are read as they are.
  /// - Parameter fresh: by a table made from the API's present state, instead of the one in the kernel.
  public mutating func explain(
    node: NodeID, flow: FlowTuple, origin: FlowOrigin, at: SimTime, fresh: Bool = false
  ) -> DecisionExplanation {
    let packet = Packet(flow: flow, origin: origin, node: node.rawValue, at: at, random: 0, stamps: false)
    let present = freshTable(node)
    let nat = fresh ? present : tables[node.index].nat
    let filter = fresh ? present : tables[node.index].filter
    if !fresh, tables[node.index].hasLeftovers { return explainAmongLeftovers(packet, tables[node.index]) }
    return explainTable(packet, nat: nat, filter: filter)
  }

  /// The rules of one mode.
  mutating func explainTable(
    _ packet: Packet, nat: TableState, filter: TableState
  ) -> DecisionExplanation {
    guard nat.eyes >= 0 else { return .notProxied }
    switch eyes[Int(nat.eyes)].mode {
    case .iptables: return explainIptables(packet, nat: nat, filter: filter)
    case .nftables: return explainNftables(packet, nat)
    case .ipvs: return explainIPVS(packet, nat)
    case .ebpf: return explainEBPF(packet, nat)
    }
  }

  /// What `node` has programmed now, in its mode's own language, as the user's tool would print it: one text
  /// per tool, in the order in which `sim rules` shows them. Empty for a node without rules since its boot.
  /// - Parameter at: the present, by which texts tell what expires when; nil leaves out what expires.
  public mutating func ruleTexts(of node: NodeID, at: SimTime? = nil) -> [RuleText] {
    let state = tables[node.index]
    guard state.nat.eyes >= 0 else { return [] }
    let stays = state.hasLeftovers ? leftoverTexts(node) : []
    switch eyes[Int(state.nat.eyes)].mode {
    case .iptables: return iptablesTexts(nat: state.nat, filter: state.filter) + stays
    case .nftables: return nftablesTexts(node, state.nat, at: at) + stays
    case .ipvs: return ipvsTexts(node, state.nat) + stays
    case .ebpf: return ebpfTexts(node, state.nat) + stays
    }
  }
}

/// A packet with what its node's kernel knows about it.
struct Packet: BitwiseCopyable {
  var flow: FlowTuple
  var origin: FlowOrigin
  var node: UInt32
  var at: SimTime
  var random: UInt64
  /// Affinity lists are stamped.
  var stamps: Bool

  /// One of `count` positions, each as likely as the others.
  @inline(__always) func drawnPosition(of count: UInt32) -> UInt32 {
    UInt32(truncatingIfNeeded: random.multipliedFullWidth(by: UInt64(count)).high)
  }
}
