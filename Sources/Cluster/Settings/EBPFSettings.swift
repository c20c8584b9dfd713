// SPDX-License-Identifier: GPL-3.0-or-later
//
// What Cilium's kube-proxy replacement can be told, as far as it decides the fate of a connection. Names
// follow Cilium's Helm values; defaults are Cilium's own, with their sources beside them.

import SimKernel

/// One node's agent; meaningful with `ProxyMode.ebpf`.
public struct EBPFSettings: Sendable, Hashable {
  /// How traffic from outside is spread (FACTS D4).
  public enum Algorithm: String, Sendable, CaseIterable {
    case random, maglev
  }
  /// How traffic from outside reaches a backend of another node (FACTS D4).
  public enum Forwarding: String, Sendable, CaseIterable {
    case snat, dsr
    /// DSR for TCP, SNAT for the rest.
    case hybrid
  }
  /// Answer to a packet from outside for a Service without backends.
  public enum NoBackendResponse: String, Sendable, CaseIterable {
    case reject, drop
  }

  /// loadBalancer.algorithm
  public var algorithm = Algorithm.random
  /// maglev.tableSize: one of `maglevTableSizes`.
  public var maglevTableSize = 16381
  /// maglev.hashSeed: 12 bytes in base64 (cilium pkg/maglev, DefaultHashSeed).
  public var maglevHashSeed = "JLfvgnHc2kaSUFaI"
  /// loadBalancer.mode
  public var forwarding = Forwarding.snat
  /// bpf.lbExternalClusterIP: cluster IPs are served to traffic from outside.
  public var externalClusterIP = false
  /// loadBalancer.serviceTopology: zone hints of EndpointSlices count.
  public var serviceTopology = false
  /// Not bpf.disableExternalIPMitigation: sockets inside the cluster are not translated for external IPs
  /// (CVE-2020-8554).
  public var externalIPMitigation = true
  /// service-no-backend-response
  public var noBackendResponse = NoBackendResponse.reject
  /// socketLB.terminatePodConnections: connected UDP sockets of a backend that goes are destroyed.
  public var terminatesSockets = true
  /// kubeProxyReplacementHealthzBindAddr is set: something answers the load balancer's checks of port 10256.
  /// Cilium leaves it unset; on here, because a cluster behind a load balancer needs it. Assumed.
  public var healthz = true
  public var maps = EBPFMapSizes()
  public var conntrack = EBPFConntrackTimeouts()
  /// Time that the agent collects events of the API server before it works on them
  /// (pkg/loadbalancer/reflectors, reflectorWaitTime).
  public var reflectorWaitTime: SimDuration = .milliseconds(100)
  /// From there until the maps are written. Assumed: a map update is a system call of a few microseconds, the
  /// agent's own tables take the rest.
  public var reconcileTime: SimDuration = .milliseconds(10)

  public init() {}

  /// The primes that maglev.tableSize may be (Cilium, Documentation/network/kubernetes/kubeproxy-free.rst).
  public static var maglevTableSizes: [Int] {
    [251, 509, 1021, 2039, 4093, 8191, 16381, 32749, 65521, 131071]
  }

  /// Twelve bytes in base64 are sixteen characters without padding.
  public static func isMaglevHashSeed(_ text: String) -> Bool {
    text.utf8.count == 16
      && text.utf8.allSatisfy { c in
        (65...90).contains(c) || (97...122).contains(c) || (48...57).contains(c) || c == 43 || c == 47
      }
  }

  /// Traffic of this kind is answered by the backend's node itself.
  public func usesDSR(isTCP: Bool) -> Bool {
    forwarding == .dsr || (forwarding == .hybrid && isTCP)
  }
}

/// Entries that the maps have room for (FACTS D4).
public struct EBPFMapSizes: Sendable, Hashable {
  /// bpf-lb-map-max for cilium_lb4_services_v2: an entry per frontend and one per backend slot of each.
  public var services = 65536
  /// bpf-lb-map-max for cilium_lb4_backends_v3.
  public var backends = 65536
  /// bpf-lb-map-max for cilium_lb4_affinity; least recently used entries make room.
  public var affinity = 65536
  /// bpf-ct-global-tcp-max
  public var conntrackTCP = 524_288
  /// bpf-ct-global-any-max
  public var conntrackOther = 262_144
  /// bpf-nat-global-max; a masqueraded flow takes two entries.
  public var nat = 524_288
  public init() {}
}

/// bpf-ct-timeout-…: FACTS D4.
public struct EBPFConntrackTimeouts: Sendable, Hashable {
  public var tcp: SimDuration = .seconds(8000)
  public var tcpSyn: SimDuration = .seconds(60)
  public var tcpFin: SimDuration = .seconds(10)
  public var other: SimDuration = .seconds(60)
  public init() {}
}
