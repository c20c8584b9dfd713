// SPDX-License-Identifier: GPL-3.0-or-later
//
// The cluster's DNS and the zones outside of it.

import NetworkTypes
import SimKernel
import SimRandom

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
