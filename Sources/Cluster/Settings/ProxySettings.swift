// SPDX-License-Identifier: GPL-3.0-or-later

import NetworkTypes
import SimKernel

/// How kube-proxy (or its replacement) programs a node.
public enum ProxyMode: String, Sendable, CaseIterable {
  case iptables
  case ipvs
  case nftables
  case ebpf
}

/// One node's kube-proxy configuration; defaults from FACTS C1 (kube-proxy v1alpha1 defaults).
public struct ProxySettings: Sendable, Equatable {
  public var mode: ProxyMode = .iptables
  /// Sources inside are pods to the local detector. nil: no detector, so ClusterIP traffic is never
  /// masqueraded and externalTrafficPolicy Local has no pod short circuit (FACTS C7).
  public var clusterCIDR: IPv4CIDR?
  public var masqueradeAll = false
  /// Empty: any local address (iptables). FACTS C1.
  public var nodePortAddresses: [IPv4CIDR] = []
  public var localhostNodePorts = true
  public var minSyncPeriod: SimDuration = .seconds(1)
  public var syncPeriod: SimDuration = .seconds(30)
  public var conntrackMaxPerCore: Int = 32768
  public var conntrackMin: Int = 131072
  public var tcpEstablishedTimeout: SimDuration = .hours(24)
  public var tcpCloseWaitTimeout: SimDuration = .hours(1)
  /// Zero: leave the kernel's value.
  public var udpTimeout: SimDuration = .zero
  public var udpStreamTimeout: SimDuration = .zero
  public var tcpBeLiberal = false
  /// Rules of another mode that kube-proxy does not remove at its start are removed too, as by
  /// `kube-proxy --cleanup` run before.
  public var removesLeftovers = false
  /// Read in ipvs mode only.
  public var ipvs = IPVSSettings()
  /// Of Cilium's agent, in mode ebpf.
  public var ebpf = EBPFSettings()

  public init() {}
}
