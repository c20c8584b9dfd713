// SPDX-License-Identifier: GPL-3.0-or-later

import Cluster
import NetworkTypes
import SimKernel
import SimRandom

/// A group of equal clients: where they are, whom they call, how often, and how patient they are.
public struct ClientSettings: Sendable, Equatable {
  public enum Place: Sendable, Equatable {
    /// In each running pod with these labels.
    case pods(namespace: String, labels: Labels)
    /// A process in the node's own network namespace, on each of these nodes (empty: all).
    case nodes([String])
    /// Hosts outside the cluster, with consecutive addresses from `address`.
    case outside(address: IPv4Address, count: Int)
  }

  /// What the client's configuration says it connects to.
  public enum Target: Sendable, Equatable {
    /// By DNS name of a Service (`web.shop`), port by name or number: resolved by the modelled DNS.
    case service(NamespacedName, port: PortReference)
    /// NodePort of a Service on one node, or on all in turn (nil), at the address the client knows.
    case nodePort(NamespacedName, port: PortReference, node: String?)
    /// The load balancer's ingress address.
    case loadBalancer(NamespacedName, port: PortReference)
    case externalIP(NamespacedName, port: PortReference)
    case address(IPv4Address, port: UInt16)
    /// By a DNS name outside the cluster.
    case name(String, port: UInt16)
  }
  public enum PortReference: Sendable, Equatable {
    case number(UInt16)
    case name(String)
    /// The Service's only or first port.
    case first
  }

  public enum Arrivals: Sendable, Equatable {
    /// Open loop, per client: renewal process with this time between two operations, in seconds.
    case renewal(Distribution)
    /// Open loop: Poisson with a rate that changes piecewise linearly (time, per second), by thinning.
    case varyingPoisson([RatePoint])
    /// Open loop: operations at exactly these times.
    case trace([SimTime])
    /// Closed loop: this many users per client, each thinks, then operates, then thinks again.
    case closed(users: Int, think: Distribution)
  }
  public struct RatePoint: Sendable, Equatable {
    public var at: SimTime
    /// Operations per second.
    public var rate: Double
    public init(at: SimTime, rate: Double) {
      self.at = at
      self.rate = rate
    }
  }

  public enum ConnectionUse: Sendable, Equatable {
    /// A new connection per operation.
    case perOperation
    /// Up to `size` kept-alive connections; idle ones are closed after `idleTimeout`, all after `maxAge`.
    case pool(size: Int, idleTimeout: SimDuration?, maxAge: SimDuration?)
  }

  public var name: String
  public var place: Place
  public var target: Target
  public var transport: TransportProtocol = .tcp
  public var arrivals: Arrivals
  public var connections: ConnectionUse = .perOperation
  /// Requests one after the other within one operation.
  public var requests: Distribution = .constant(1)
  /// Time between a response and the next request of the same operation, seconds.
  public var requestGap: Distribution = .constant(0)
  public var connectTimeout: SimDuration = .seconds(5)
  public var requestTimeout: SimDuration = .seconds(10)
  public var retry = RetrySettings()
  /// Positive answers of the resolver are kept for their TTL (nil) or for this time; 0 = ask each time.
  public var dnsCache: SimDuration?
  /// The cache of a runtime by name, in place of `dnsCache`.
  public var dnsCachePreset: DNSCachePolicy?
  /// The name as the client's configuration has it; nil: the Service's name, with its namespace where that
  /// is another one. Read where DNS is made of pods.
  public var dnsName: String?
  /// TCP keepalive probes on pooled idle connections; nil = off.
  public var keepalive: SimDuration?
  /// net.ipv4.tcp_syn_linear_timeouts of kernels from 6.5 (4) or 0 for the classic schedule (FACTS E3).
  public var synLinearTimeouts = 4
  /// net.ipv4.tcp_syn_retries and tcp_retries2 (FACTS E3, E4).
  public var synRetries = Retransmission.synRetries
  public var dataRetries = Retransmission.dataRetries
  /// net.ipv4.ip_local_port_range.
  public var localPorts = PortPool.range
  public var start: SimTime = .zero
  /// nil = the scenario's duration.
  public var stop: SimTime?

  public var cachePolicy: DNSCachePolicy {
    dnsCachePreset ?? DNSCachePolicy(dnsCache.map { .fixed($0) } ?? .timeToLive)
  }

  public init(name: String, place: Place, target: Target, arrivals: Arrivals) {
    self.name = name
    self.place = place
    self.target = target
    self.arrivals = arrivals
  }
}

public struct RetrySettings: Sendable, Equatable {
  /// Further attempts after the first; 0 = none.
  public var limit = 0
  /// Wait before the first retry, seconds; doubled (× `factor`) each time up to `max`.
  public var backoff: Distribution = .constant(0.1)
  public var factor = 2.0
  public var max: SimDuration = .seconds(10)
  public init() {}
}
