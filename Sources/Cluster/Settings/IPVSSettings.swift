// SPDX-License-Identifier: GPL-3.0-or-later
//
// What only the ipvs mode reads: the `ipvs` section of KubeProxyConfiguration, and the version of the node's
// kernel, which decides what becomes of a reused client port.

import NetworkTypes
import SimKernel

/// How a virtual server chooses a real server (FACTS D3; Linux net/netfilter/ipvs/ip_vs_*.c).
public enum IPVSScheduler: String, Sendable, CaseIterable {
  /// Round robin.
  case rr
  /// Weighted round robin.
  case wrr
  /// Least connections.
  case lc
  /// Weighted least connections.
  case wlc
  /// Locality-based least connections.
  case lblc
  /// The same with a set of servers per destination.
  case lblcr
  /// Source hashing.
  case sh
  /// Maglev hashing.
  case mh
  /// Destination hashing.
  case dh
  /// Shortest expected delay.
  case sed
  /// Never queue.
  case nq
  /// Weighted overflow.
  case ovf
  /// Weighted fail over.
  case fo
  /// The better of two random choices.
  case twos
}

/// Version of a Linux kernel: major and minor number.
public struct KernelVersion: Sendable, Hashable, Comparable {
  public var major: Int
  public var minor: Int
  public init(_ major: Int, _ minor: Int) {
    self.major = major
    self.minor = minor
  }

  /// `6.1`; anything behind a second dot or a dash is ignored, as in `5.15.0-91-generic`.
  public init?(_ text: String) {
    let numbers = text.split(separator: "-", omittingEmptySubsequences: false)[0].split(
      separator: ".", omittingEmptySubsequences: false)
    guard numbers.count >= 2, let major = Int(numbers[0]), let minor = Int(numbers[1]), major >= 0,
      minor >= 0
    else { return nil }
    self.init(major, minor)
  }

  public static func < (a: Self, b: Self) -> Bool { (a.major, a.minor) < (b.major, b.minor) }
}

extension KernelVersion: CustomStringConvertible {
  public var description: String { "\(major).\(minor)" }
}

/// Defaults: k/k pkg/proxy/apis/config/v1alpha1/defaults.go and pkg/proxy/ipvs/proxier.go.
public struct IPVSSettings: Sendable, Equatable {
  /// kube-proxy's default is rr.
  public var scheduler: IPVSScheduler = .rr
  /// Virtual servers in these blocks are not kube-proxy's to clean up; decides nothing here, where nobody
  /// else makes any.
  public var excludeCIDRs: [IPv4CIDR] = []
  /// arp_ignore 1 and arp_announce 2; ARP is not modelled.
  public var strictARP = false
  /// Idle time of ESTABLISHED. Zero: leave the kernel's 900 s.
  public var tcpTimeout: SimDuration = .zero
  /// Of FIN_WAIT. Zero: leave the kernel's 120 s.
  public var tcpFinTimeout: SimDuration = .zero
  /// Of UDP. Zero: leave the kernel's 300 s.
  public var udpTimeout: SimDuration = .zero
  /// Of the node. 6.1, as in Debian 12.
  public var kernelVersion = KernelVersion(6, 1)
  /// net.ipv4.vs.conn_reuse_mode, 0 or 1; nil: 0 on kernels before 5.9, where kube-proxy sets it, 1 from
  /// 5.9 on, where kube-proxy leaves the kernel's default (k/k pkg/proxy/ipvs/proxier.go, NewProxier).
  public var connReuseMode: Int?

  public init() {}

  /// The mode in force.
  public var effectiveReuseMode: Int { connReuseMode ?? (kernelVersion < KernelVersion(5, 9) ? 0 : 1) }
}
