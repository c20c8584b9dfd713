// SPDX-License-Identifier: GPL-3.0-or-later

import NetworkTypes
import Proxy

/// Why a packet did not get through, as seen at the place where it ended. The but-for test of
/// World+Causes.swift turns it into a `Cause`.
enum Loss {
  /// The node's table rejected or dropped it.
  case refusedByTable(node: Int, Verdict, FlowTuple, FlowOrigin)
  /// No one owns the destination address.
  case unrouted(node: Int, FlowTuple, FlowOrigin)
  /// An address outside the cluster's knowledge, sent to by an outside client.
  case unknownAddress(IPv4Address)
  case nodeDown(Int)
  /// `on` sends packets for pods of `to` to an address that `to` no longer has.
  case staleRoute(on: Int, to: Int)
  case lossOnPath
  case partition
  case conntrackFull(node: Int)
  case conntrackInvalid(node: Int)
  /// Two packets passed the node's tables at once, of one flow or with the same translated tuple, and only
  /// one of their entries could stay.
  case insertRace(node: Int)
  /// A reply met a node that does not remember the flow's translation.
  case conntrackMissing(node: Int)
  /// ipvs dropped the packet to be rid of a connection whose real server takes no more.
  case expiredByPacket(node: Int)
  /// The reply does not come from the address that the client spoke to: the client throws it away.
  case foreignReply(node: Int)
  case snatPortsExhausted(node: Int)
  /// The pod's address is no one's any more.
  case podGone(node: Int, IPv4Address)
  /// The host lives, but nothing listens on the port.
  case portClosed(node: Int, IPv4Address, port: UInt16)
  case backlogFull(node: Int)
  case queueOverflow(node: Int)
  case loadBalancerHasNoTarget
  /// The load balancer ended the connection, or has forgotten it: its target left, or failed its checks.
  case loadBalancerCut(node: Int)
  /// The load balancer has forgotten the connection because it was idle.
  case loadBalancerIdle(node: Int)
  /// The process that held the connection ended, or closed it.
  case serverEnded(node: Int, crashed: Bool)
  case serverClosedIdle(node: Int)
  /// The host does not know the connection: another pod has the address by now, or it was restarted.
  case foreignConnection(node: Int, isSamePod: Bool)
  /// The answer came, or would have come, after the client's patience ended.
  case slowServer(node: Int)
}
