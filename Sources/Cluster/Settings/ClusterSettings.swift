// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a scenario says about the cluster beside its Kubernetes objects.

import NetworkTypes
import SimKernel
import SimRandom

/// The cluster of a scenario.
public struct ClusterSettings: Sendable, Equatable {
  /// Minor version of Kubernetes 1.x that selects version-dependent behaviour, e.g. 36.
  public var minorVersion = 36
  /// Shown as part of the kubelets' version; decides nothing.
  public var patchVersion = 0
  public var nodes: [NodeSettings] = []
  /// kubeadm's default service subnet.
  public var serviceCIDR = IPv4CIDR("10.96.0.0/12")!
  /// kind's default pod subnet; nodes without a podCIDR get /24 blocks of it in order.
  public var podCIDR = IPv4CIDR("10.244.0.0/16")!
  /// `--service-node-port-range`
  public var nodePortRange: ClosedRange<Int> = 30000...32767
  /// Of nodes that say nothing of their own. nil = kube-proxy's defaults with clusterCIDR = podCIDR.
  public var proxy: ProxySettings?
  public var timing = TimingSettings()
  /// Whose syncs take how long; `timing.proxySync` has the last word.
  public var syncCalibration: SyncCalibration = .smallMachine
  public var kubelet = KubeletSettings()
  public var loadBalancer = LoadBalancerSettings()
  public var nodeAddresses = NodeAddressSettings()
  public var dns = DNSSettings()
  public var endpointController = EndpointControllerSettings()
  public var watch = WatchSettings()
  /// Of nodes that say nothing of their own.
  public var kernel = KernelSettings()

  public init() {}
}

/// One node of the cluster.
public struct NodeSettings: Sendable, Equatable {
  public var name: String
  public var zone: String?
  public var roles: [String] = []
  /// InternalIPs, the primary one first. Empty: the next free address of 172.18.0.0/16, as kind gives them.
  public var addresses: [IPv4Address] = []
  public var externalAddresses: [IPv4Address] = []
  public var podCIDR: IPv4CIDR?
  public var labels: [String: String] = [:]
  public var isUnschedulable = false
  /// The kubelet was started with --node-ip: another address never gets into the Node object.
  public var pinsAddress = false
  public var proxy: ProxySettings?
  public var cores = 4
  /// nf_conntrack_max; nil = max(conntrackMin, cores × conntrackMaxPerCore) as kube-proxy sets it.
  public var conntrackMax: Int?
  /// API write → this node's kube-proxy has it; nil: as `timing.proxyWatch` says.
  public var proxyWatch: Distribution?
  /// nil: the cluster's.
  public var kernel: KernelSettings?
  /// What pods can have of it; without more, 110 pods and no other limit.
  public var allocatable = NodeCapacity()
  /// False: the node joins later by an event.
  public var joinsAtStart = true

  public init(name: String) { self.name = name }
}
