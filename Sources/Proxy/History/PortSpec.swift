// SPDX-License-Identifier: GPL-3.0-or-later
//
// What kube-proxy takes from a Service: one `PortSpec` per port of a Service that it proxies at all.
// Headless and ExternalName Services give none (FACTS A5), ipMode Proxy addresses give no rule (FACTS C8).

import Cluster
import NetworkTypes
import SimKernel

/// One port of one version of a Service.
struct PortSpec: Equatable {
  var servicePort: ServicePortID
  var transport: TransportProtocol
  var port: UInt16
  var nodePort: UInt16
  var clusterIP: IPv4Address
  var externalIPs: [IPv4Address]
  var loadBalancerVIPs: [IPv4Address]
  var sourceRanges: [IPv4CIDR]
  var healthCheckNodePort: UInt16
  var isExternalPolicyLocal: Bool
  var isInternalPolicyLocal: Bool
  /// Zero: no session affinity.
  var affinity: SimDuration
  /// False where an old kube-proxy misses the annotation that asks for hints.
  var followsHints = true

  var isExternallyAccessible: Bool {
    nodePort != 0 || !loadBalancerVIPs.isEmpty || !externalIPs.isEmpty
  }
  /// Even with external policy Local, pods and the node itself are short-circuited to the cluster set.
  var usesClusterEndpoints: Bool { !isInternalPolicyLocal || isExternallyAccessible }
  var usesLocalEndpoints: Bool {
    isInternalPolicyLocal || (isExternalPolicyLocal && isExternallyAccessible)
  }
  var hasSourceRanges: Bool { !sourceRanges.isEmpty && !loadBalancerVIPs.isEmpty }
}

/// An address and port by which a Service port is reached. The order of the kinds is that of the rules that
/// kube-proxy writes for one Service port.
enum FrontendKind: UInt8, Comparable, BitwiseCopyable {
  case clusterIP, externalIP, loadBalancer, nodePort
  static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

struct Frontend: Hashable {
  var key: UInt64
  var kind: FrontendKind

  /// Never zero: the protocol number is not. Node ports take the unspecified address.
  @inline(__always) static func key(_ address: IPv4Address, _ port: UInt16, _ transport: TransportProtocol)
    -> UInt64
  {
    UInt64(address.bits) << 32 | UInt64(port) << 16 | UInt64(transport.rawValue)
  }
}

extension PortSpec {
  /// All frontends, in the order of their rules.
  var frontends: [Frontend] {
    func at(_ address: IPv4Address, _ kind: FrontendKind) -> Frontend {
      Frontend(key: Frontend.key(address, port, transport), kind: kind)
    }
    var all = [at(clusterIP, .clusterIP)]
    all += externalIPs.map { at($0, .externalIP) }
    all += loadBalancerVIPs.map { at($0, .loadBalancer) }
    if nodePort != 0 {
      all.append(Frontend(key: Frontend.key(.unspecified, nodePort, transport), kind: .nodePort))
    }
    return all
  }
}

extension Service {
  /// FACTS A5: ExternalName, even with a clusterIP, and anything without a cluster IP is not proxied.
  var isProxied: Bool { serviceType != .externalName && clusterAddress != nil }

  /// The addresses of `status.loadBalancer` that a node short-circuits: all but those with ipMode Proxy.
  var virtualLoadBalancerAddresses: [IPv4Address] {
    uniqued(
      status.loadBalancerIngress.compactMap { ingress in
        (ingress.ipMode ?? "VIP") == "VIP" ? ingress.ip.flatMap { IPv4Address($0) } : nil
      })
  }

  /// - Parameter needsTopologyAnnotation: hints count only with the annotation (versions up to 1.30).
  func portSpec(
    _ port: ServicePort, servicePort: ServicePortID, needsTopologyAnnotation: Bool = false
  ) -> PortSpec {
    let isExternal = isExternallyAccessible
    let ranges = spec.loadBalancerSourceRanges.compactMap { text in
      // Surrounding blanks are tolerated (FACTS A4).
      IPv4CIDR(text.filter { $0 != " " })
    }
    // Timeout of ClientIP affinity: 10800 s where the object says nothing (FACTS A5).
    let affinity = spec.sessionAffinity == "ClientIP" ? spec.affinityTimeoutSeconds ?? 10800 : 0
    return PortSpec(
      servicePort: servicePort, transport: port.transport, port: UInt16(clamping: port.port),
      nodePort: UInt16(clamping: port.nodePort), clusterIP: clusterAddress ?? .unspecified,
      externalIPs: uniqued(spec.externalIPs.compactMap { IPv4Address($0) }),
      loadBalancerVIPs: virtualLoadBalancerAddresses, sourceRanges: ranges,
      healthCheckNodePort: UInt16(clamping: spec.healthCheckNodePort ?? 0),
      // FACTS C5.5: the external policy counts only where there is external access.
      isExternalPolicyLocal: isExternal && usesLocalExternalPolicy,
      isInternalPolicyLocal: usesLocalInternalPolicy, affinity: .seconds(Int64(affinity)),
      followsHints: !needsTopologyAnnotation || asksForZoneHints)
  }
}

/// Elements in order of first sight.
func uniqued<Element: Equatable>(_ elements: [Element]) -> [Element] {
  var seen: [Element] = []
  for element in elements where !seen.contains(element) { seen.append(element) }
  return seen
}
