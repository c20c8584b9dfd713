// SPDX-License-Identifier: GPL-3.0-or-later
//
// How often a node's kernel answers with an ICMP error (net/ipv4/icmp.c). Both limits apply to port unreachable,
// which REJECT sends: icmp_ratemask 6168 has bit 3, destination unreachable. Errors that leave by loopback, to
// the node's own sockets, are exempt.
//
// - Towards one peer: a bucket of XRLIM_BURST_FACTOR 6, one more every icmp_ratelimit milliseconds
//   (inet_peer_xrlim_allow; six at once and then one a second were measured).
// - Towards all peers: a bucket of icmp_msgs_burst, icmp_msgs_per_sec more every second (icmp_global_allow). A
//   message that the first limit holds back takes nothing from it (as from 6.12). The kernel takes 0 to 2 at
//   random for one message and refills every 20 ms; here it is 1, and continuously.

import Cluster
import NetworkTypes
import SimKernel

/// What is left of both limits.
struct ICMPLimiter {
  private struct Bucket {
    var at: Int64
    var level: Double
  }
  private var peers: [UInt64: Bucket] = [:]
  private var nodes: [Int: Bucket] = [:]
  private static var burstFactor: Double { 6 }

  mutating func allows(node: Int, peer: IPv4Address, _ kernel: KernelSettings, now: SimTime) -> Bool {
    let key = Self.key(node, peer)
    let all = level(nodes[node], Double(kernel.icmpMessagesBurst), Double(kernel.icmpMessagesPerSecond), now)
    let own = peerLevel(key, kernel, now)
    guard all >= 1 else { return false }
    let allowed = own >= 1
    if kernel.icmpRateLimit > 0 {
      peers[key] = Bucket(at: now.nanoseconds, level: allowed ? own - 1 : own)
    }
    nodes[node] = Bucket(at: now.nanoseconds, level: allowed ? all - 1 : all)
    return allowed
  }

  /// As `allows`, without taking anything.
  func wouldAllow(node: Int, peer: IPv4Address, _ kernel: KernelSettings, now: SimTime) -> Bool {
    level(nodes[node], Double(kernel.icmpMessagesBurst), Double(kernel.icmpMessagesPerSecond), now) >= 1
      && peerLevel(Self.key(node, peer), kernel, now) >= 1
  }

  private static func key(_ node: Int, _ peer: IPv4Address) -> UInt64 {
    UInt64(node) << 32 | UInt64(peer.bits)
  }

  private func peerLevel(_ key: UInt64, _ kernel: KernelSettings, _ now: SimTime) -> Double {
    if kernel.icmpRateLimit == 0 { return Self.burstFactor }
    return level(peers[key], Self.burstFactor, 1000 / Double(kernel.icmpRateLimit), now)
  }

  private func level(_ bucket: Bucket?, _ burst: Double, _ perSecond: Double, _ now: SimTime) -> Double {
    guard let bucket else { return burst }
    return min(burst, bucket.level + Double(now.nanoseconds - bucket.at) * 1e-9 * perSecond)
  }
}
