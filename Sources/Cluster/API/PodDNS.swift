// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a pod's spec says of its resolver: dnsPolicy and dnsConfig.

import NetworkTypes

/// `spec.dnsPolicy` and `spec.dnsConfig` of a pod.
public struct PodDNS: Sendable, Equatable {
  /// k/k pkg/apis/core/types.go, DNSPolicy.
  public enum Policy: String, Sendable, CaseIterable {
    /// The cluster's DNS; for a hostNetwork pod the same as `default` (k/k pkg/kubelet/network/dns/dns.go).
    case clusterFirst = "ClusterFirst"
    case clusterFirstWithHostNet = "ClusterFirstWithHostNet"
    /// The node's own resolv.conf.
    case `default` = "Default"
    /// Only what dnsConfig says.
    case none = "None"
  }
  public struct Option: Sendable, Equatable {
    public var name: String
    public var value: String?
    public init(_ name: String, _ value: String? = nil) {
      self.name = name
      self.value = value
    }
  }
  public var policy = Policy.clusterFirst
  public var nameservers: [IPv4Address] = []
  public var searches: [String] = []
  /// Later ones win over those that the policy brings.
  public var options: [Option] = []
  public init() {}
}
