// SPDX-License-Identifier: GPL-3.0-or-later
//
// The cluster's DNS and the zones outside of it. Either ideal, a delay and a share of lost queries, or made
// of pods behind a Service, with everything between a client's getaddrinfo and them.

import NetworkTypes
import SimKernel
import SimRandom

/// The modelled cluster DNS and the zones outside of it.
public struct DNSSettings: Sendable, Equatable {
  /// TTL of cluster records (kubeadm Corefile: 30 s, FACTS G; the plugin's own default is 5 s).
  public var ttl: SimDuration = .seconds(30)
  /// Ideal DNS: round trip of a query that is not answered from a client's cache.
  public var latency: Distribution = .constant(0.0005)
  /// Ideal DNS: share of queries that get no answer; the resolver waits 5 s and asks again (resolv.conf(5)).
  public var loss = 0.0
  public var clusterDomain = "cluster.local"
  /// Names outside the cluster.
  public var records: [ExternalRecord] = []
  /// The Service whose pods answer; nil: ideal.
  public var service: NamespacedName?
  public var coreDNS = CoreDNSSettings()
  public var upstream = UpstreamDNSSettings()
  public var resolver = ResolverSettings()
  public var insertRace = InsertRaceSettings()
  /// nil: no cache on the nodes.
  public var nodeLocal: NodeLocalDNSSettings?
  public init() {}
}

/// CoreDNS as the pods of the DNS Service run it: kubeadm's Corefile (k/k
/// cmd/kubeadm/app/phases/addons/dns/manifests.go).
public struct CoreDNSSettings: Sendable, Equatable {
  /// Time that a query takes in CoreDNS, where no entry of `servers` describes its pods. Assumed: its own
  /// benchmarks report tens of thousands of queries per core and second.
  public var serviceTime: Distribution = .exponential(mean: 0.0001)
  /// Change in the API → this pod's CoreDNS answers by it. Assumed like kube-proxy's watch.
  public var watchDelay: Distribution = .uniform(low: 0.005, high: 0.1)
  /// `cache 30`: longest time that an answer is kept.
  public var cacheTTL: SimDuration = .seconds(30)
  /// Answers are kept at least so long (coredns plugin/cache, MINTTL 5).
  public var cacheMinimum: SimDuration = .seconds(5)
  /// kubeadm switches the cache off for the cluster's domain.
  public var cachesClusterDomain = false
  public init() {}
}

/// The resolver that CoreDNS forwards names outside the cluster's domain to.
public struct UpstreamDNSSettings: Sendable, Equatable {
  /// Round trip of a forwarded query. Assumed.
  public var latency: Distribution = .constant(0.005)
  /// It keeps records for their TTL and says what is left of it, as recursive resolvers do; otherwise it
  /// asks the zone's own server each time.
  public var caches = false
  /// How long it is believed that a name does not exist (the zone's SOA minimum). Assumed.
  public var negativeTTL: SimDuration = .seconds(30)
  public init() {}
}

/// Two packets of one UDP socket that pass a node's tables at the same time, before either is confirmed
/// (FACTS E6).
public struct InsertRaceSettings: Sendable, Equatable {
  /// Probability that the second of two queries sent together overtakes the confirmation of the first. No
  /// figure is published; 0 switches the race off.
  public var probability = 0.0
  /// Linux of the nodes. Before 4.19 the second packet is dropped (insert_failed); from 4.19 on only where
  /// the two were given different endpoints (commit ed07d9a021df); from 5.6 on neither (6a757c07e51f).
  public var kernel = KernelVersion(6, 1)
  public init() {}

  /// What becomes of the second packet.
  public enum Resolution: Sendable { case drop, dropUnlessSameEndpoint, keep }
  public var resolution: Resolution {
    if kernel < KernelVersion(4, 19) { return .drop }
    return kernel < KernelVersion(5, 6) ? .dropUnlessSameEndpoint : .keep
  }
}

/// NodeLocal DNSCache (KEP-1024; k/k cluster/addons/dns/nodelocaldns/nodelocaldns.yaml).
public struct NodeLocalDNSSettings: Sendable, Equatable {
  /// What the pods' resolv.conf names.
  public enum ClusterDNS: String, Sendable, CaseIterable {
    /// The DNS Service's address, which the cache answers for on its node. Impossible where ipvs binds that
    /// address itself: there queries go to the Service.
    case service
    /// The cache's link-local address.
    case local
  }
  /// The DaemonSet whose pods are the caches.
  public var daemonSet = NamespacedName(namespace: "kube-system", name: "node-local-dns")
  public var address = IPv4Address("169.254.20.10")!
  public var clusterDNS = ClusterDNS.service
  /// `success 9984 30`
  public var successTTL: SimDuration = .seconds(30)
  /// `denial 9984 5`
  public var denialTTL: SimDuration = .seconds(5)
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
