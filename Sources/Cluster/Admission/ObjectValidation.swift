// SPDX-License-Identifier: GPL-3.0-or-later
//
// Whether an object other than a Service may exist. EndpointSlices and Endpoints as the API server checks
// them (golden/errors/slice-*; k/k `pkg/apis/discovery/validation`, VAL); Pods and workloads lightly: only
// what the model reads.

import NetworkTypes

/// Validation of everything but Services, which `ServiceAdmission` admits.
public enum ObjectValidation {
  /// The slice with defaults (protocol TCP); throws the API server's refusal.
  public static func admit(_ written: EndpointSlice) throws(APIRefusal) -> EndpointSlice {
    var slice = written
    for index in slice.ports.indices where slice.ports[index].protocol.isEmpty {
      slice.ports[index].protocol = "TCP"
    }
    var errors = FieldErrors()
    errors.checkName(slice.metadata)
    if slice.addressType.isEmpty {
      errors.required("addressType")
    } else {
      errors.checkOneOf("addressType", slice.addressType, ["IPv4", "IPv6", "FQDN"])
    }
    errors.checkEndpoints(slice)
    errors.checkPorts("ports", slice.ports, portIsOptional: true)
    try errors.throwIfAny(kind: "EndpointSlice", name: slice.metadata.name)
    return slice
  }

  /// The object with defaults (protocol TCP); throws the API server's refusal.
  public static func admit(_ written: Endpoints) throws(APIRefusal) -> Endpoints {
    var endpoints = written
    var errors = FieldErrors()
    errors.checkName(endpoints.metadata)
    for index in endpoints.subsets.indices {
      let path = "subsets[\(index)]"
      for port in endpoints.subsets[index].ports.indices
      where endpoints.subsets[index].ports[port].protocol.isEmpty {
        endpoints.subsets[index].ports[port].protocol = "TCP"
      }
      let subset = endpoints.subsets[index]
      if subset.addresses.isEmpty, subset.notReadyAddresses.isEmpty {
        errors.required(path, "must specify `addresses` or `notReadyAddresses`")
      }
      for (list, addresses) in [
        ("addresses", subset.addresses), ("notReadyAddresses", subset.notReadyAddresses),
      ] {
        for (number, address) in addresses.enumerated() where !FieldRules.looksLikeIPv6(address.ip) {
          errors.checkAddress("\(path).\(list)[\(number)].ip", address.ip)
        }
      }
      errors.checkPorts(path + ".ports", subset.ports, portIsOptional: false)
    }
    try errors.throwIfAny(kind: "Endpoints", name: endpoints.metadata.name)
    return endpoints
  }

  /// The pod as it is; throws the API server's refusal.
  public static func admit(_ pod: Pod) throws(APIRefusal) -> Pod {
    var errors = FieldErrors()
    errors.checkName(pod.metadata)
    errors.checkLabels("metadata.labels", pod.metadata.labels)
    errors.checkPodSpec("spec", pod.spec)
    try errors.throwIfAny(kind: "Pod", name: pod.metadata.name)
    return pod
  }

  /// The workload as it is; throws the API server's refusal. The selector must match the template's labels.
  public static func admit(_ workload: Workload) throws(APIRefusal) -> Workload {
    var errors = FieldErrors()
    errors.checkName(workload.metadata)
    if workload.replicas < 0 {
      errors.invalid("spec.replicas", workload.replicas, "must be greater than or equal to 0")
    }
    if workload.selector.matchLabels.isEmpty, workload.selector.matchExpressions.isEmpty {
      errors.required("spec.selector")
    } else if !workload.selector.matches(workload.templateLabels) {
      let labels = workload.templateLabels.sorted { $0.key < $1.key }
      let json = "{" + labels.map { "\"\($0.key)\":\"\($0.value)\"" }.joined(separator: ",") + "}"
      errors.invalid(
        "spec.template.metadata.labels", json: json, "`selector` does not match template `labels`")
    }
    errors.checkRollout(workload)
    errors.checkPodSpec("spec.template.spec", workload.template)
    if workload.template.restartPolicy != .always {
      errors.unsupported(
        "spec.template.spec.restartPolicy", workload.template.restartPolicy.rawValue, supported: ["Always"])
    }
    try errors.throwIfAny(kind: workload.kind.rawValue, name: workload.metadata.name)
    return workload
  }
}

extension FieldErrors {
  fileprivate func throwIfAny(kind: String, name: String) throws(APIRefusal) {
    if !isEmpty { throw APIRefusal(kind: kind, name: name, causes: causes) }
  }

  fileprivate mutating func checkName(_ metadata: ObjectMeta) {
    if metadata.name.isEmpty {
      required("metadata.name", "name or generateName is required")
    } else {
      invalid("metadata.name", metadata.name, each: FieldRules.subdomain(metadata.name))
    }
    invalid("metadata.namespace", metadata.namespace, each: FieldRules.label(metadata.namespace))
  }

  /// At most 1000 endpoints of 1 to 100 addresses (k/k `pkg/apis/discovery/validation`).
  fileprivate mutating func checkEndpoints(_ slice: EndpointSlice) {
    if slice.endpoints.count > 1000 {
      let detail = "must have at most 1000 items"
      invalid("endpoints", json: String(slice.endpoints.count), detail)
    }
    for (index, endpoint) in slice.endpoints.enumerated() {
      let path = "endpoints[\(index)].addresses"
      if endpoint.addresses.isEmpty { required(path, "must contain at least 1 address") }
      guard slice.addressType == "IPv4" else { continue }
      for (number, address) in endpoint.addresses.enumerated() {
        if FieldRules.looksLikeIPv6(address) {
          invalid("\(path)[\(number)]", address, "must be an IPv4 address")
        } else {
          checkAddress("\(path)[\(number)]", address)
        }
      }
    }
  }

  fileprivate mutating func checkPorts(_ path: String, _ ports: [EndpointPort], portIsOptional: Bool) {
    var names: Set<String> = []
    for (index, port) in ports.enumerated() {
      let path = "\(path)[\(index)]"
      if !portIsOptional, ports.count > 1, port.name.isEmpty { required(path + ".name") }
      if !port.name.isEmpty { invalid(path + ".name", port.name, each: FieldRules.label(port.name)) }
      if !names.insert(port.name).inserted, portIsOptional {
        duplicate(path + ".name", json: "\"\(port.name)\"")
      }
      if let number = port.port {
        checkPort(path + ".port", number)
      } else if !portIsOptional {
        checkPort(path + ".port", 0)
      }
      checkOneOf(path + ".protocol", port.protocol, ["SCTP", "TCP", "UDP"])
    }
  }

  fileprivate mutating func checkPodSpec(_ path: String, _ spec: PodSpec) {
    if spec.containers.isEmpty { required(path + ".containers") }
    var names: Set<String> = []
    for (index, container) in spec.containers.enumerated() {
      let path = "\(path).containers[\(index)]"
      if container.name.isEmpty {
        required(path + ".name")
      } else {
        invalid(path + ".name", container.name, each: FieldRules.label(container.name))
        if !names.insert(container.name).inserted { duplicate(path + ".name", json: "\"\(container.name)\"") }
      }
      for (number, port) in container.ports.enumerated() {
        let path = "\(path).ports[\(number)]"
        if !port.name.isEmpty { invalid(path + ".name", port.name, each: FieldRules.portName(port.name)) }
        checkPort(path + ".containerPort", port.containerPort)
        checkOneOf(path + ".protocol", port.protocol, ["SCTP", "TCP", "UDP"])
      }
    }
    checkLife(path, spec)
    if spec.terminationGracePeriod < .zero {
      invalid(
        path + ".terminationGracePeriodSeconds", Int(spec.terminationGracePeriod.seconds),
        "must be greater than or equal to 0")
    }
  }
}
