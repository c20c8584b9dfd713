// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the API server fills in before it validates a Service: defaults (FACTS A5), and on an update the
// allocated values that the writer left out and the fields that a change of type makes meaningless
// (k/k `pkg/registry/core/service/strategy.go`, `storage/alloc.go`).

extension Service {
  /// Default session affinity timeout (FACTS A4): three hours.
  static let defaultAffinityTimeout = 10800

  /// Allocated from the pools: everything but headless and ExternalName.
  var needsClusterIP: Bool { spec.type != ServiceType.externalName.rawValue && spec.clusterIP != "None" }
  /// May have node ports: NodePort and LoadBalancer.
  var mayHaveNodePorts: Bool {
    spec.type == ServiceType.nodePort.rawValue || spec.type == ServiceType.loadBalancer.rawValue
  }
  /// Gets a node port for every port.
  var needsNodePorts: Bool {
    mayHaveNodePorts
      && (spec.type == ServiceType.nodePort.rawValue || spec.allocateLoadBalancerNodePorts != false)
  }
  var needsHealthCheckNodePort: Bool {
    spec.type == ServiceType.loadBalancer.rawValue && spec.externalTrafficPolicy == "Local"
  }

  /// This Service with the API server's defaults.
  func withDefaults() -> Service {
    var service = self
    service.setDefaults()
    return service
  }

  private mutating func setDefaults() {
    if spec.type == nil || spec.type == "" { spec.type = ServiceType.clusterIP.rawValue }
    if spec.sessionAffinity == nil || spec.sessionAffinity == "" { spec.sessionAffinity = "None" }
    // golden/errors/affinity-none-config: a configuration without affinity is dropped silently.
    if spec.sessionAffinity == "None" { spec.affinityTimeoutSeconds = nil }
    if spec.sessionAffinity == "ClientIP", spec.affinityTimeoutSeconds == nil {
      spec.affinityTimeoutSeconds = Service.defaultAffinityTimeout
    }
    for index in spec.ports.indices { spec.ports[index].setDefaults() }
    let isExternalName = spec.type == ServiceType.externalName.rawValue
    if isExternallyAccessible, spec.externalTrafficPolicy == nil { spec.externalTrafficPolicy = "Cluster" }
    if !isExternalName, ServiceType(rawValue: spec.type ?? "") != nil, spec.internalTrafficPolicy == nil {
      spec.internalTrafficPolicy = "Cluster"
    }
    if spec.type == ServiceType.loadBalancer.rawValue, spec.allocateLoadBalancerNodePorts == nil {
      spec.allocateLoadBalancerNodePorts = true
    }
    // golden/cases/08-loadbalancer: an ingress IP is shown with its mode (KEP-1860).
    for index in status.loadBalancerIngress.indices
    where status.loadBalancerIngress[index].ip != nil && status.loadBalancerIngress[index].ipMode == nil {
      status.loadBalancerIngress[index].ipMode = "VIP"
    }
    if spec.clusterIP == "" { spec.clusterIP = nil }
    normalizeClusterIPs()
  }

  /// `clusterIP` and `clusterIPs` say the same; either may be written.
  private mutating func normalizeClusterIPs() {
    if let address = spec.clusterIP {
      if spec.clusterIPs.isEmpty { spec.clusterIPs = [address] }
    } else if let first = spec.clusterIPs.first {
      spec.clusterIP = first
    }
  }

  /// Families of a single-stack IPv4 cluster; a headless Service without selector is declared for both, since
  /// its endpoints are not the cluster's to choose (FACTS A5).
  mutating func setFamilies() {
    guard spec.type != ServiceType.externalName.rawValue else { return }
    let isFree = spec.clusterIP == "None" && (spec.selector ?? [:]).isEmpty
    if spec.ipFamilyPolicy == nil { spec.ipFamilyPolicy = isFree ? "RequireDualStack" : "SingleStack" }
    if spec.ipFamilies.isEmpty { spec.ipFamilies = ["IPv4"] }
    if isFree, spec.ipFamilyPolicy != "SingleStack", spec.ipFamilies.count == 1 {
      spec.ipFamilies.append(spec.ipFamilies[0] == "IPv4" ? "IPv6" : "IPv4")
    }
  }

  /// Takes over from the stored object what the API server had allocated and the writer did not mention.
  mutating func keepAllocations(of old: Service) {
    if needsClusterIP, old.needsClusterIP {
      if spec.clusterIP == nil, spec.clusterIPs.isEmpty { spec.clusterIP = old.spec.clusterIP }
      if spec.clusterIPs.isEmpty, spec.clusterIP == old.spec.clusterIP {
        spec.clusterIPs = old.spec.clusterIPs
      }
    }
    if needsNodePorts, old.needsNodePorts { keepNodePorts(of: old) }
    if needsHealthCheckNodePort, old.needsHealthCheckNodePort, (spec.healthCheckNodePort ?? 0) == 0 {
      spec.healthCheckNodePort = old.spec.healthCheckNodePort
    }
  }

  /// A port that had a node port keeps it (same protocol and port), unless another port now claims it.
  private mutating func keepNodePorts(of old: Service) {
    var claimed = spec.ports.map { ($0.protocol ?? "TCP", $0.nodePort) }
    for index in spec.ports.indices where spec.ports[index].nodePort == 0 {
      let port = spec.ports[index]
      let same = old.spec.ports.first {
        $0.port == port.port && ($0.protocol ?? "TCP") == (port.protocol ?? "TCP")
      }
      guard let same, same.nodePort != 0 else { continue }
      let claim = (port.protocol ?? "TCP", same.nodePort)
      if claimed.contains(where: { $0 == claim }) { continue }
      spec.ports[index].nodePort = same.nodePort
      claimed.append(claim)
    }
  }

  /// Clears values that belonged to the old type, if the writer carried them over unchanged.
  mutating func dropFieldsOfOldType(_ old: Service) {
    if old.needsClusterIP, !needsClusterIP, spec.clusterIP != "None", spec.clusterIPs == old.spec.clusterIPs {
      spec.clusterIP = nil
      spec.clusterIPs = []
      spec.ipFamilies = []
      spec.ipFamilyPolicy = nil
    }
    if old.mayHaveNodePorts, !mayHaveNodePorts {
      let before = Set(old.spec.ports.map(\.nodePort))
      for index in spec.ports.indices where before.contains(spec.ports[index].nodePort) {
        spec.ports[index].nodePort = 0
      }
    }
    if old.needsHealthCheckNodePort, !needsHealthCheckNodePort,
      spec.healthCheckNodePort == old.spec.healthCheckNodePort
    {
      spec.healthCheckNodePort = nil
    }
    let wasLoadBalancer = old.spec.type == ServiceType.loadBalancer.rawValue
    if wasLoadBalancer, spec.type != ServiceType.loadBalancer.rawValue {
      if spec.allocateLoadBalancerNodePorts == old.spec.allocateLoadBalancerNodePorts {
        spec.allocateLoadBalancerNodePorts = nil
      }
      if spec.loadBalancerClass == old.spec.loadBalancerClass { spec.loadBalancerClass = nil }
      status.loadBalancerIngress = []
    }
    if old.isExternallyAccessible, !isExternallyAccessible,
      spec.externalTrafficPolicy == old.spec.externalTrafficPolicy
    {
      spec.externalTrafficPolicy = nil
    }
    if spec.type == ServiceType.externalName.rawValue, old.spec.type != spec.type,
      spec.internalTrafficPolicy == old.spec.internalTrafficPolicy
    {
      spec.internalTrafficPolicy = nil
    }
  }
}

extension ServicePort {
  fileprivate mutating func setDefaults() {
    if self.protocol == nil || self.protocol == "" { self.protocol = "TCP" }
    if targetPort == nil || targetPort == .int(0) || targetPort == .string("") { targetPort = .int(port) }
  }
}
