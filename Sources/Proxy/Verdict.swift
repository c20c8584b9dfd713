// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a node's table does with the first packet of a connection.

import NetworkTypes
import SimKernel

/// What becomes of a packet at a node's tables.
@frozen public enum VerdictKind: UInt8, Sendable, BitwiseCopyable, CaseIterable {
  /// Rewritten to `backend`.
  case forward
  /// ICMP port unreachable, at once.
  case reject
  /// Silence.
  case drop
  /// No rule of kube-proxy applies; the packet goes where routing takes it.
  case notProxied
}

/// Why a packet was rejected, dropped or passed by.
@frozen public enum VerdictReason: UInt8, Sendable, BitwiseCopyable, CaseIterable {
  case none
  /// No usable endpoint in the cluster (FACTS C6).
  case noEndpoints
  /// Traffic policy Local and usable endpoints only on other nodes (FACTS C6).
  case localPolicy
  /// Source outside loadBalancerSourceRanges (FACTS C8).
  case sourceRange
  /// A node port on an address of this node that nodePortAddresses does not cover; with `notProxied`.
  case nodePortAddress
  /// A Service's cluster IP on a port that the Service does not have: nftables and ipvs refuse it (FACTS D2,
  /// D3).
  case unknownPort
  /// An address of the Service range that no Service has: nftables drops it (FACTS D2).
  case unallocatedAddress
  /// All real servers of the virtual server have weight 0 or are overloaded (FACTS D3).
  case noDestination
  /// An eBPF map had no room for the entry that the packet needed (FACTS D4).
  case mapFull
}

/// The fate of a new connection at one node.
@frozen public struct Verdict: Sendable, Hashable, BitwiseCopyable {
  public var kind: VerdictKind
  public var reason: VerdictReason
  /// The source address is replaced by that of the interface by which the packet leaves (FACTS C7).
  public var masquerade: Bool
  /// The client came back to a backend that session affinity remembered.
  public var viaAffinity: Bool
  /// ipvs forwards it: the flow's later packets pass by its connection table too (ipvs mode only).
  public var isScheduled: Bool
  /// DNAT target; meaningful with `forward`.
  public var port: UInt16
  /// Decided at connect() or sendmsg() of a socket on this node: the connection itself gets another
  /// destination, and a reject is an error of the system call (FACTS D4).
  public var isAtSocket: Bool
  /// The answer goes past this node, under the address that was asked (DSR, FACTS D4).
  public var returnsDirectly: Bool
  /// Hash lookups in maps and sets, for its latency cost.
  public var lookups: UInt16
  public var address: IPv4Address
  /// none where no Service port claims the packet.
  public var servicePort: ServicePortID
  public var backend: BackendID
  /// The backends between which this decision chose, each equally likely; affinity leaves one.
  public var candidates: CandidateSetID
  /// Rules that the packet was compared with, for its latency cost (FACTS H1).
  public var rulesWalked: UInt32

  @inlinable public init(
    kind: VerdictKind, reason: VerdictReason = .none, servicePort: ServicePortID = .none,
    rulesWalked: UInt32 = 0
  ) {
    self.kind = kind
    self.reason = reason
    self.masquerade = false
    self.viaAffinity = false
    self.isScheduled = false
    self.port = 0
    self.isAtSocket = false
    self.returnsDirectly = false
    self.address = IPv4Address(bits: 0)
    self.servicePort = servicePort
    self.backend = .none
    self.candidates = .none
    self.rulesWalked = rulesWalked
    self.lookups = 0
  }
}
