// SPDX-License-Identifier: GPL-3.0-or-later

import NetworkTypes
import SimKernel

public enum ServiceType: String, Sendable, CaseIterable {
  case clusterIP = "ClusterIP"
  case nodePort = "NodePort"
  case loadBalancer = "LoadBalancer"
  case externalName = "ExternalName"
}

/// v1 Service.
public struct Service: Sendable, Equatable {
  public var metadata: ObjectMeta
  public var spec: ServiceSpec
  public var status: ServiceStatus

  public init(metadata: ObjectMeta, spec: ServiceSpec, status: ServiceStatus = ServiceStatus()) {
    self.metadata = metadata
    self.spec = spec
    self.status = status
  }
}

/// `spec` as written or defaulted; nil = not set.
public struct ServiceSpec: Sendable, Equatable {
  public var type: String?
  /// "" or nil: allocate; "None": headless.
  public var clusterIP: String?
  public var clusterIPs: [String] = []
  public var ipFamilies: [String] = []
  public var ipFamilyPolicy: String?
  public var ports: [ServicePort] = []
  public var selector: Labels?
  public var externalName: String?
  public var externalIPs: [String] = []
  public var loadBalancerIP: String?
  public var loadBalancerSourceRanges: [String] = []
  public var loadBalancerClass: String?
  public var allocateLoadBalancerNodePorts: Bool?
  public var externalTrafficPolicy: String?
  public var internalTrafficPolicy: String?
  public var sessionAffinity: String?
  /// `sessionAffinityConfig.clientIP.timeoutSeconds`
  public var affinityTimeoutSeconds: Int?
  public var healthCheckNodePort: Int?
  public var publishNotReadyAddresses = false
  public var trafficDistribution: String?

  public init() {}
}

public struct ServicePort: Sendable, Equatable {
  public var name: String = ""
  public var `protocol`: String?
  public var appProtocol: String?
  public var port: Int = 0
  public var targetPort: IntOrString?
  public var nodePort: Int = 0
  public init() {}
}

public enum IntOrString: Sendable, Equatable, CustomStringConvertible {
  case int(Int)
  case string(String)
  public var description: String {
    switch self {
    case .int(let n): String(n)
    case .string(let s): s
    }
  }
}

public struct ServiceStatus: Sendable, Equatable {
  public var loadBalancerIngress: [LoadBalancerIngress] = []
  public init() {}
}

public struct LoadBalancerIngress: Sendable, Equatable {
  public var ip: String?
  public var hostname: String?
  /// VIP (default) or Proxy: with Proxy, kube-proxy must not short-circuit the address (KEP-1860).
  public var ipMode: String?
  public init(ip: String? = nil, hostname: String? = nil, ipMode: String? = nil) {
    self.ip = ip
    self.hostname = hostname
    self.ipMode = ipMode
  }
}

extension Service {
  /// For validated objects.
  public var serviceType: ServiceType { ServiceType(rawValue: spec.type ?? "ClusterIP") ?? .clusterIP }
  public var isHeadless: Bool { serviceType != .externalName && spec.clusterIP == "None" }
  /// The allocated cluster IP; nil for headless and ExternalName Services.
  public var clusterAddress: IPv4Address? { spec.clusterIP.flatMap { IPv4Address($0) } }
  public var usesLocalExternalPolicy: Bool { spec.externalTrafficPolicy == "Local" }
  public var usesLocalInternalPolicy: Bool { spec.internalTrafficPolicy == "Local" }
  /// NodePort, LoadBalancer, or anything with externalIPs (FACTS A4).
  public var isExternallyAccessible: Bool {
    serviceType == .nodePort || serviceType == .loadBalancer || !spec.externalIPs.isEmpty
  }
}

extension ServicePort {
  public var transport: TransportProtocol { TransportProtocol(apiName: self.protocol ?? "TCP") ?? .tcp }
}
