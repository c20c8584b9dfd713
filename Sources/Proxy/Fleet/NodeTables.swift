// SPDX-License-Identifier: GPL-3.0-or-later
//
// What one node has in its kernel: two tables, each a pair of revisions seen through the eyes that the
// process had when it programmed them.

import Cluster
import NetworkTypes
import SimKernel

/// One programmed kernel table.
struct TableState: BitwiseCopyable {
  var services: UInt32
  var slices: UInt32
  /// Index into the fleet's eyes; −1: nothing programmed since boot.
  var eyes: Int32
  /// Key of the arbitrary order of Service ports in the dispatch chains, new with each sync (FACTS D1).
  var orderKey: UInt64
  var totals: RuleTotals

  static let empty = TableState(services: 0, slices: 0, eyes: -1, orderKey: 0, totals: RuleTotals())
}

/// The part of a node that packets touch.
struct NodeTables: BitwiseCopyable {
  var nat = TableState.empty
  var filter = TableState.empty
  /// The node's interface addresses in the fleet's address pool: the kernel's own, always current view.
  var firstAddress: UInt32 = 0
  var addressCount: UInt32 = 0
  /// Eyes of a table made now.
  var freshEyes: Int32 = -1
  /// The kernel holds rules of an earlier mode too.
  var hasLeftovers = false
}

/// What a kube-proxy process knows of its own node when it writes rules.
struct NodeEyes: Equatable {
  var mode: ProxyMode
  var locality: UInt32
  /// The address that kube-proxy took for its node's at start.
  var nodeIP: IPv4Address
  var hasDetector: Bool
  var podBase: UInt32
  var podMask: UInt32
  var masqueradesAll: Bool
  var localhostNodePorts: Bool
  /// Packets in state INVALID are dropped: not tcpBeLiberal (FACTS C9).
  var dropsInvalid: Bool
  /// nodePortAddresses is empty: any local address accepts node ports.
  var acceptsAnyNodePortAddress: Bool
  /// Otherwise the addresses found when the rules were written, in the address pool.
  var firstNodePortAddress: UInt32
  var nodePortAddressCount: UInt32
  /// Index of the agent's settings, in mode ebpf.
  var agent: Int32 = -1

  @inline(__always) func isPod(_ address: IPv4Address) -> Bool {
    hasDetector && address.bits & podMask == podBase
  }
}

extension IPv4Address {
  /// 127.0.0.1, present on every node.
  static let loopback = IPv4Address(bits: 0x7F00_0001)
}
