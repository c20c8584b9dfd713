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
  public var loadBalancer = LoadBalancerSettings()
  public var dns = DNSSettings()

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
  public var proxy: ProxySettings?
  public var cores = 4
  /// nf_conntrack_max; nil = max(conntrackMin, cores × conntrackMaxPerCore) as kube-proxy sets it.
  public var conntrackMax: Int?
  /// False: the node joins later by an event.
  public var joinsAtStart = true

  public init(name: String) { self.name = name }
}

/// Delays by which one part of the cluster learns of another. Every distribution is in seconds.
public struct TimingSettings: Sendable, Equatable {
  /// Container or process changed → the pod's status in the API. Assumed: kubelet reacts within its
  /// one-second PLEG relist at worst.
  public var kubeletStatus: Distribution = .uniform(low: 0.05, high: 1.0)
  /// Pod object written → its kubelet acts on it. Assumed: one watch delivery.
  public var kubeletWatch: Distribution = .uniform(low: 0.005, high: 0.05)
  /// Scheduled → containers running (image present). Assumed; the SLO is p99 ≤ 5 s (FACTS F5).
  public var podStart: Distribution = .lognormal(median: 1.5, sigma: 0.4, min: nil, max: 30)
  /// Running → application answers its readiness probe for the first time. Assumed.
  public var podReady: Distribution = .uniform(low: 0.5, high: 2)
  /// Pod pending → bound to a node. Assumed.
  public var scheduler: Distribution = .uniform(low: 0.005, high: 0.05)
  /// Workload controller's reaction to a missing or surplus pod. Assumed.
  public var workloadController: Distribution = .uniform(low: 0.005, high: 0.05)
  /// Pod or Service changed in the API → EndpointSlice written; golden/dynamics saw it within 50 ms.
  public var endpointController: Distribution = .uniform(low: 0.01, high: 0.05)
  /// API write → kube-proxy's informer on one node has it. Assumed.
  public var proxyWatch: Distribution = .uniform(low: 0.002, high: 0.02)
  /// Duration of one kube-proxy sync: golden/dynamics, iptables, 30 Services, partial: mean 60 ms.
  public var proxySync: Distribution = .gamma(shape: 9, scale: 0.0067)
  /// Share of the sync after which the filter table is committed; nat follows at its end. Assumed.
  public var filterCommitShare = 0.5
  /// kube-proxy process: exit → first sync of the new process begins. Assumed.
  public var proxyRestart: Distribution = .uniform(low: 2, high: 5)
  /// Lease renewal period: 10 s (FACTS F1).
  public var leaseRenewal: Distribution = .constant(10)
  /// node-monitor-period: 5 s (FACTS F1).
  public var nodeMonitorPeriod: SimDuration = .seconds(5)
  /// node-monitor-grace-period; nil = by version: 40 s up to 1.31, 50 s from 1.32 (FACTS F1).
  public var nodeMonitorGrace: SimDuration?
  /// Toleration of not-ready and unreachable before pods are evicted: 300 s (FACTS F1).
  public var evictionToleration: SimDuration = .seconds(300)
  /// Node address changed → Node object updated: kubelet's status period of 10 s, random phase (FACTS J).
  public var nodeAddressUpdate: Distribution = .uniform(low: 0, high: 10)
  /// Node object updated → routes or overlay peers on other nodes updated. Assumed; CNI-specific.
  public var routePropagation: Distribution = .uniform(low: 0.1, high: 2)
  /// A node's boot: power-on → kubelet, kube-proxy and pods may start. Assumed.
  public var nodeBoot: Distribution = .uniform(low: 20, high: 40)

  public init() {}
}

/// The modelled external load balancer (one for all Services of type LoadBalancer without a
/// loadBalancerClass).
public struct LoadBalancerSettings: Sendable, Equatable {
  /// Addresses given to `status.loadBalancer.ingress` where a manifest has none.
  public var addressPool = IPv4CIDR("192.0.2.0/24")!
  /// Service created → ingress address written.
  public var provisioning: Distribution = .constant(2)
  /// Health check of a node: kube-proxy's 10256, or healthCheckNodePort with policy Local (FACTS F3, GCE).
  public var checkInterval: SimDuration = .seconds(8)
  public var checkTimeout: SimDuration = .seconds(1)
  public var healthyThreshold = 1
  public var unhealthyThreshold = 3
  public init() {}
}

/// The modelled cluster DNS and the zones outside of it.
public struct DNSSettings: Sendable, Equatable {
  /// TTL of cluster records (kubeadm Corefile: 30 s, FACTS G).
  public var ttl: SimDuration = .seconds(30)
  /// Round trip of a query that is not answered from a client's cache.
  public var latency: Distribution = .constant(0.0005)
  /// Share of queries that get no answer; the resolver waits 5 s and asks again (resolv.conf(5)).
  public var loss = 0.0
  public var clusterDomain = "cluster.local"
  /// Names outside the cluster.
  public var records: [ExternalRecord] = []
  public init() {}
}

/// A DNS record outside of the cluster.
public struct ExternalRecord: Sendable, Equatable {
  public var name: String
  public var addresses: [IPv4Address]
  public var ttl: SimDuration
  public init(name: String, addresses: [IPv4Address], ttl: SimDuration = .seconds(60)) {
    self.name = name
    self.addresses = addresses
    self.ttl = ttl
  }
}
