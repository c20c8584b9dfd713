// SPDX-License-Identifier: GPL-3.0-or-later
//
// One real server of a virtual server as the kernel keeps it (struct ip_vs_dest, Linux include/net/ip_vs.h),
// and what a scheduler may look at.

import NetworkTypes
import SimKernel

struct RealServer: BitwiseCopyable {
  var address: IPv4Address
  var port: UInt16
  /// Whom kube-proxy meant by this address and port when it last added or kept it.
  var backend: BackendID
  var weight: Int32
  /// The last weight that was not zero: Maglev keeps a quiescent server's places by it.
  var lastWeight: Int32
  /// Connections in ESTABLISHED, and all others.
  var active: Int32 = 0
  var inactive: Int32 = 0
  /// In its virtual server's list (IP_VS_DEST_F_AVAILABLE).
  var isAvailable = true
  /// Waits for its last connection with weight 0 (pkg/proxy/ipvs/graceful_termination.go).
  var isDraining = false
  /// Tells holders of a stale number that the place was given to another server.
  var generation: UInt32 = 0
  var removedAt = SimTime.zero

  init(address: IPv4Address, port: UInt16, backend: BackendID, weight: Int32 = 1) {
    self.address = address
    self.port = port
    self.backend = backend
    self.weight = weight
    lastWeight = weight
  }

  /// ip_vs_dest_conn_overhead: an active connection counts as 256 inactive ones.
  var overhead: Int64 { Int64(active) << 8 + Int64(inactive) }
  var connections: Int32 { active + inactive }

  mutating func setWeight(_ new: Int32) {
    weight = new
    if new != 0 { lastWeight = new }
  }
}

/// What a scheduler may know of the packet.
struct SchedulingInput {
  var source: IPv4Address
  var sourcePort: UInt16
  var destination: IPv4Address
  var now = SimTime.zero
  /// Uniform bits, for the one scheduler that draws.
  var random: UInt64 = 0
}
