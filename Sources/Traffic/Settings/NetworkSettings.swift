// SPDX-License-Identifier: GPL-3.0-or-later

import NetworkTypes
import SimKernel
import SimRandom

/// One-way delays and properties of the pod network and of what surrounds the nodes. Seconds.
public struct NetworkSettings: Sendable, Equatable {
  /// Between two pods, or a pod and its node, on one node.
  public var sameNode: Distribution = .constant(0.00002)
  /// Between two nodes of a zone.
  public var sameZone: Distribution = .constant(0.0001)
  public var betweenZones: Distribution = .constant(0.0005)
  /// Between a node and anything outside the cluster.
  public var outside: Distribution = .constant(0.002)
  /// Share of packets lost on each path between nodes or to the outside.
  public var loss = 0.0
  /// Traffic that a pod sends out of the pod network leaves with its node's address, as most CNIs do.
  public var masqueradesPodTraffic = true
  /// Masquerading draws a source port at random (--random-fully), or keeps the client's where it is free.
  public var masqueradesRandomFully = true
  /// Two flows that choose the same source port within this time do not see each other: the second one's packet
  /// is dropped when it is inserted (FACTS E6). Zero: insertions are instantaneous.
  public var insertRace = SimDuration.zero
  /// Share of TCP responses that conntrack finds outside of their window (k/k issue 74839).
  public var outOfWindow = 0.0
  /// What answers for a pod IP that is gone while its node lives (FACTS E5).
  public var deadPodIP: DeadAddressAnswer = .hostUnreachable
  /// What packets cost in nodes' tables.
  public var costs = PacketCosts()
  /// What holds the rules of nodes in mode iptables. iptables-nft is the default of Debian since 10 and of
  /// RHEL since 8.
  public var iptablesBackend = IptablesBackend.nft
  /// Name in the calibration file, if the scenario names one.
  public var calibration: String?
  public init() {}
}

public enum DeadAddressAnswer: String, Sendable, CaseIterable {
  /// Bridge CNI: three ARP requests 1 s apart, then ICMP host unreachable.
  case hostUnreachable = "host_unreachable"
  /// Per-pod routes with a blackhole block route: silence.
  case blackhole
  case reset
}
