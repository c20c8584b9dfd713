// SPDX-License-Identifier: GPL-3.0-or-later
//
// Sysctls of a node's kernel that decide about flows. Names and defaults: Linux
// Documentation/networking/nf_conntrack-sysctl.rst and ip-sysctl.rst.

import SimKernel

/// A node's sysctls; nil: the kernel's default.
public struct KernelSettings: Sendable, Equatable {
  /// net.netfilter.nf_conntrack_max. kube-proxy writes it at its start unless `conntrack.maxPerCore` is 0.
  public var conntrackMax: Int?
  /// net.netfilter.nf_conntrack_tcp_timeout_*, by the rest of the name.
  public var timeouts: [Timeout: SimDuration] = [:]
  /// net.netfilter.nf_conntrack_tcp_loose: a packet from the middle of an unknown connection opens a flow;
  /// otherwise it is INVALID.
  public var tcpLoose = true
  /// net.netfilter.nf_conntrack_tcp_be_liberal: only RSTs outside of the window are INVALID.
  public var tcpBeLiberal = false
  /// net.ipv4.icmp_ratelimit: least milliseconds between ICMP errors to one peer, after a burst of six
  /// (XRLIM_BURST_FACTOR in net/ipv4/icmp.c). 0: no limit.
  public var icmpRateLimit = 1000
  /// net.ipv4.icmp_msgs_per_sec and icmp_msgs_burst: limit for all peers together (icmp_global_allow).
  public var icmpMessagesPerSecond = 1000
  public var icmpMessagesBurst = 50

  /// A state whose idle time can be set.
  public enum Timeout: String, Sendable, CaseIterable {
    case synSent = "tcp_timeout_syn_sent"
    case synReceived = "tcp_timeout_syn_recv"
    case established = "tcp_timeout_established"
    case finWait = "tcp_timeout_fin_wait"
    case closeWait = "tcp_timeout_close_wait"
    case lastAck = "tcp_timeout_last_ack"
    case timeWait = "tcp_timeout_time_wait"
    case close = "tcp_timeout_close"
    case udp = "udp_timeout"
    case udpStream = "udp_timeout_stream"

    /// Name as `sysctl` has it.
    public var sysctl: String { "net.netfilter.nf_conntrack_\(rawValue)" }
  }

  public init() {}
}
