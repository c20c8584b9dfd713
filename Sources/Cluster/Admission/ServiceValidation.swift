// SPDX-License-Identifier: GPL-3.0-or-later
//
// Whether a defaulted Service may exist: every rule of FACTS A4, in the order in which the API server
// applies them (VAL, ValidateService), since several causes are shown in that order.

import NetworkTypes

struct ServiceValidation {
  let service: Service
  /// Kubernetes 1.x: Service names are RFC 1035 labels before 1.36, RFC 1123 labels from then on (KEP-5311).
  let minorVersion: Int
  private(set) var errors = FieldErrors()

  init(_ service: Service, minorVersion: Int) {
    self.service = service
    self.minorVersion = minorVersion
  }

  private var spec: ServiceSpec { service.spec }
  private var type: String { spec.type ?? "" }

  /// The causes for a refusal; empty if the Service may exist.
  static func causes(_ service: Service, minorVersion: Int) -> [String] {
    var validation = ServiceValidation(service, minorVersion: minorVersion)
    validation.checkMetadata()
    validation.checkType()
    validation.checkPorts()
    validation.checkSelectorAndAffinity()
    validation.checkFamilies()
    validation.checkClusterIPs()
    for (index, address) in service.spec.externalIPs.enumerated() {
      validation.checkExternalIP("spec.externalIPs[\(index)]", address)
    }
    validation.errors.checkOneOf(
      "spec.type", validation.type, ServiceType.allCases.map(\.rawValue).sorted())
    validation.checkNodePortsAndDuplicates()
    validation.checkLoadBalancer()
    validation.checkPolicies()
    return validation.errors.causes
  }

  private mutating func checkMetadata() {
    let metadata = service.metadata
    if metadata.name.isEmpty {
      errors.required("metadata.name", "name or generateName is required")
    } else {
      let messages =
        Behaviours.relaxedServiceNames.value(in: minorVersion)
        ? FieldRules.label(metadata.name) : FieldRules.label1035(metadata.name)
      errors.invalid("metadata.name", metadata.name, each: messages)
    }
    errors.invalid("metadata.namespace", metadata.namespace, each: FieldRules.label(metadata.namespace))
    errors.checkLabels("metadata.labels", metadata.labels)
  }

  private mutating func checkType() {
    if spec.ports.isEmpty, spec.clusterIP != "None", type != "ExternalName" { errors.required("spec.ports") }
    switch type {
    case "LoadBalancer":
      for (index, port) in spec.ports.enumerated() where port.port == 10250 {
        errors.invalid(
          "spec.ports[\(index)]", 10250, "may not expose port 10250 externally since it is used by kubelet")
      }
      refuseHeadless()
    case "NodePort": refuseHeadless()
    case "ExternalName": checkExternalName()
    default: break
    }
  }

  private mutating func refuseHeadless() {
    if spec.clusterIP == "None" {
      errors.invalid("spec.clusterIPs[0]", "None", "may not be set to 'None' for \(type) services")
    }
  }

  private mutating func checkExternalName() {
    let detail = "may not be set for ExternalName services"
    if !spec.clusterIPs.isEmpty { errors.forbidden("spec.clusterIPs", detail) }
    if !spec.ipFamilies.isEmpty { errors.forbidden("spec.ipFamilies", detail) }
    if spec.ipFamilyPolicy != nil { errors.forbidden("spec.ipFamilyPolicy", detail) }
    var name = spec.externalName ?? ""
    if name.hasSuffix(".") { name.removeLast() }
    if name.isEmpty {
      errors.required("spec.externalName")
    } else {
      errors.invalid("spec.externalName", name, each: FieldRules.subdomain(name))
    }
  }

  private mutating func checkPorts() {
    var names: Set<String> = []
    for (index, port) in spec.ports.enumerated() {
      let path = "spec.ports[\(index)]"
      if port.name.isEmpty {
        if spec.ports.count > 1 { errors.required(path + ".name") }
      } else {
        errors.invalid(path + ".name", port.name, each: FieldRules.label(port.name))
        if !names.insert(port.name).inserted { errors.duplicate(path + ".name", json: "\"\(port.name)\"") }
      }
      errors.checkPort(path + ".port", port.port)
      errors.checkOneOf(path + ".protocol", port.protocol ?? "", ["SCTP", "TCP", "UDP"])
      switch port.targetPort ?? .int(port.port) {
      case .int(let number): errors.checkPort(path + ".targetPort", number)
      case .string(let name): errors.invalid(path + ".targetPort", name, each: FieldRules.portName(name))
      }
      if let name = port.appProtocol {
        errors.invalid(path + ".appProtocol", name, each: FieldRules.labelKey(name))
      }
    }
  }

  private mutating func checkSelectorAndAffinity() {
    if let selector = spec.selector { errors.checkLabels("spec.selector", selector) }
    errors.checkOneOf("spec.sessionAffinity", spec.sessionAffinity ?? "", ["ClientIP", "None"])
    if spec.sessionAffinity == "ClientIP", let seconds = spec.affinityTimeoutSeconds,
      !(1...86400).contains(seconds)
    {
      errors.invalid(
        "spec.sessionAffinityConfig.clientIP.timeoutSeconds", seconds,
        "must be greater than 0 and less than 86400")
    }
  }

  /// The modelled cluster is single-stack IPv4.
  private mutating func checkFamilies() {
    guard type != "ExternalName" else { return }
    let isFree = spec.clusterIP == "None" && (spec.selector ?? [:]).isEmpty
    if let policy = spec.ipFamilyPolicy {
      errors.checkOneOf(
        "spec.ipFamilyPolicy", policy, ["PreferDualStack", "RequireDualStack", "SingleStack"])
      if policy == "RequireDualStack", !isFree {
        errors.invalid(
          "spec.ipFamilyPolicy", policy, "this cluster is not configured for dual-stack services")
      }
    }
    for (index, family) in spec.ipFamilies.enumerated() {
      let path = "spec.ipFamilies[\(index)]"
      errors.checkOneOf(path, family, ["IPv4", "IPv6"])
      if family == "IPv6", !isFree { errors.invalid(path, family, "not configured on this cluster") }
    }
  }

  private mutating func checkClusterIPs() {
    guard type != "ExternalName" else { return }
    if let address = spec.clusterIP, let first = spec.clusterIPs.first, address != first {
      errors.invalid("spec.clusterIPs[0]", first, "first value must match `clusterIP`")
    }
    if spec.clusterIPs.count > 2 {
      let list = ServiceValidation.json(spec.clusterIPs)
      errors.invalid("spec.clusterIPs", json: list, "may only hold up to 2 values")
    }
    for (index, address) in spec.clusterIPs.enumerated() {
      let path = "spec.clusterIPs[\(index)]"
      if address == "None" {
        if spec.clusterIPs.count > 1 {
          errors.invalid(path, address, "'None' must be the first and only value")
        }
      } else if IPv4Address(address) == nil {
        errors.invalid(path, address, FieldRules.notAnAddress)
      }
    }
  }

  /// An IPv6 address is valid to the API server; the model has none, and says so where it reads manifests.
  private mutating func checkExternalIP(_ path: String, _ text: String) {
    if !FieldRules.looksLikeIPv6(text) { errors.checkAddress(path, text) }
  }

  private mutating func checkNodePortsAndDuplicates() {
    if type == "ClusterIP" {
      for (index, port) in spec.ports.enumerated() where port.nodePort != 0 {
        errors.forbidden("spec.ports[\(index)].nodePort", "may not be used when `type` is 'ClusterIP'")
      }
    }
    var nodePorts: Set<String> = []
    for (index, port) in spec.ports.enumerated() where port.nodePort != 0 {
      if !nodePorts.insert("\(port.protocol ?? "")/\(port.nodePort)").inserted {
        errors.duplicate("spec.ports[\(index)].nodePort", json: String(port.nodePort))
      }
    }
    var ports: Set<String> = []
    for (index, port) in spec.ports.enumerated() {
      let name = port.protocol ?? ""
      if !ports.insert("\(name)/\(port.port)").inserted {
        // The API server shows its comparison key, a port with nothing else set (golden/errors/dup-port).
        let key =
          "{\"Name\":\"\",\"Protocol\":\"\(name)\",\"AppProtocol\":null,\"Port\":\(port.port),"
          + "\"TargetPort\":0,\"NodePort\":0}"
        errors.duplicate("spec.ports[\(index)]", json: key)
      }
    }
  }

  private mutating func checkLoadBalancer() {
    let detail = "may only be used when `type` is 'LoadBalancer'"
    if !spec.loadBalancerSourceRanges.isEmpty {
      // The API server spells this field with a capital letter (golden/errors/lbsr-bad).
      if type != "LoadBalancer" { errors.forbidden("spec.LoadBalancerSourceRanges", detail) }
      for (index, range) in spec.loadBalancerSourceRanges.enumerated() {
        let text = range.trimmingBlanks
        if IPv4CIDR(text) == nil, !FieldRules.looksLikeIPv6(text) {
          errors.invalid("spec.LoadBalancerSourceRanges[\(index)]", text, FieldRules.notACIDR)
        }
      }
    }
    if spec.allocateLoadBalancerNodePorts != nil, type != "LoadBalancer" {
      errors.forbidden("spec.allocateLoadBalancerNodePorts", detail)
    }
    if let name = spec.loadBalancerClass {
      if type != "LoadBalancer" { errors.forbidden("spec.loadBalancerClass", detail) }
      errors.invalid("spec.loadBalancerClass", name, each: FieldRules.labelKey(name))
    }
  }

  private mutating func checkPolicies() {
    if service.isExternallyAccessible {
      errors.checkOneOf("spec.externalTrafficPolicy", spec.externalTrafficPolicy ?? "", ["Cluster", "Local"])
    } else if let policy = spec.externalTrafficPolicy, !policy.isEmpty {
      errors.invalid(
        "spec.externalTrafficPolicy", policy, "may only be set for externally-accessible services")
    }
    if let port = spec.healthCheckNodePort, port != 0 {
      if service.needsHealthCheckNodePort {
        errors.checkPort("spec.healthCheckNodePort", port)
      } else {
        errors.invalid(
          "spec.healthCheckNodePort", port,
          "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'")
      }
    }
    if let policy = spec.internalTrafficPolicy {
      errors.checkOneOf("spec.internalTrafficPolicy", policy, ["Cluster", "Local"])
    }
    if let distribution = spec.trafficDistribution {
      let known = Behaviours.trafficDistributions.value(in: minorVersion)
      errors.checkOneOf("spec.trafficDistribution", distribution, known)
    }
  }

  static func json(_ texts: [String]) -> String {
    "[" + texts.map { "\"\($0)\"" }.joined(separator: ",") + "]"
  }
}

extension FieldRules {
  /// Hexadecimal digits and colons, perhaps with a prefix length: meant as IPv6, which the model does not
  /// have.
  static func looksLikeIPv6(_ text: String) -> Bool {
    text.utf8.contains(58)
      && text.utf8.allSatisfy { byte in
        (48...58).contains(byte) || (97...102).contains(byte) || (65...70).contains(byte) || byte == 46
          || byte == 47
      }
  }
}

extension String {
  /// Without leading and trailing spaces and tabs.
  var trimmingBlanks: String {
    var text = self[...]
    while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
    while let last = text.last, last == " " || last == "\t" { text.removeLast() }
    return String(text)
  }
}
