// SPDX-License-Identifier: GPL-3.0-or-later
//
// The one place where proxy modes part. A new mode is a file with its lookup and one case here.

import Cluster
import NetworkTypes
import SimKernel

extension ProxyFleet {
  /// Modes that nodes may ask for; `init` refuses any other.
  public static let supportedModes: [ProxyMode] = [.iptables]

  /// What tables in these states do with a new connection's first packet.
  @inline(__always)
  mutating func verdict(_ packet: Packet, nat: TableState, filter: TableState) -> Verdict {
    // A node that has not programmed anything since its boot has no rules in any mode.
    guard nat.eyes >= 0 else { return Verdict(kind: .notProxied) }
    switch eyes[Int(nat.eyes)].mode {
    case .iptables: return iptablesVerdict(packet, nat: nat, filter: filter)
    case .ipvs, .nftables, .ebpf:
      preconditionFailure("mode \(eyes[Int(nat.eyes)].mode) passed the check of supported modes")
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
}
