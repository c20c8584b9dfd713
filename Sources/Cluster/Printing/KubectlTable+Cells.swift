// SPDX-License-Identifier: GPL-3.0-or-later
//
// The cells of kubectl's tables, kind by kind. Rules of k/k `pkg/printers/internalversion/printers.go`,
// checked against golden/.

import NetworkTypes
import SimKernel

extension KubectlTable {
  private static let none = "<none>"
  /// Addresses and ports in a cell before `+ n more...`.
  private static let listMax = 3
  /// Width to which load balancer addresses are cut unless `-o wide`.
  private static let ingressWidth = 16

  private static func orNone(_ text: String) -> String { text.isEmpty ? none : text }
  private static func orUnknown(_ text: String) -> String { text.isEmpty ? "<unknown>" : text }

  // MARK: Services

  static func cells(_ service: Service, age: String, wide: Bool) -> [String] {
    let selector = (service.spec.selector ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    return [
      service.metadata.name, service.spec.type ?? "", orNone(service.spec.clusterIP ?? ""),
      externalIP(service, wide: wide), orNone(portList(service.spec.ports)), age,
    ] + (wide ? [orNone(selector.joined(separator: ","))] : [])
  }

  static func externalIP(_ service: Service, wide: Bool) -> String {
    switch service.serviceType {
    case .clusterIP, .nodePort: return orNone(service.spec.externalIPs.joined(separator: ","))
    case .externalName: return service.spec.externalName ?? ""
    case .loadBalancer:
      let ingress = ingressList(service.status.loadBalancerIngress, wide: wide)
      let all = (ingress.isEmpty ? [] : [ingress]) + service.spec.externalIPs
      return all.isEmpty ? "<pending>" : all.joined(separator: ",")
    }
  }

  private static func ingressList(_ ingress: [LoadBalancerIngress], wide: Bool) -> String {
    var names: [String] = []
    for entry in ingress {
      let name = entry.ip ?? entry.hostname ?? ""
      if !name.isEmpty, !names.contains(name) { names.append(name) }
    }
    let list = names.sorted().joined(separator: ",")
    return wide || list.count <= ingressWidth ? list : list.prefix(ingressWidth - 3) + "..."
  }

  private static func portList(_ ports: [ServicePort]) -> String {
    ports.map { port in
      let number = port.nodePort > 0 ? "\(port.port):\(port.nodePort)" : "\(port.port)"
      return number + "/" + (port.protocol ?? "TCP")
    }.joined(separator: ",")
  }

  // MARK: Endpoints and slices

  /// Ready addresses with their ports; `<none>` without any subset, nothing if all addresses are unready.
  static func addressList(_ endpoints: Endpoints) -> String {
    if endpoints.subsets.isEmpty { return none }
    var list: [String] = []
    for subset in endpoints.subsets {
      if subset.ports.isEmpty { list += subset.addresses.map(\.ip) }
      for port in subset.ports {
        list += subset.addresses.map { "\($0.ip):\(port.port ?? 0)" }
      }
    }
    return withMore(list)
  }

  /// All addresses, ready or not.
  static func addressList(_ endpoints: [Endpoint]) -> String {
    let list = endpoints.flatMap(\.addresses)
    return list.isEmpty ? "<unset>" : withMore(list)
  }

  static func portList(_ ports: [EndpointPort]) -> String {
    let list = ports.map { $0.port.map(String.init) ?? ($0.name.isEmpty ? "*" : $0.name) }
    return list.isEmpty ? "<unset>" : withMore(list)
  }

  private static func withMore(_ list: [String]) -> String {
    let shown = list.prefix(listMax).joined(separator: ",")
    return list.count > listMax ? "\(shown) + \(list.count - listMax) more..." : shown
  }

  // MARK: Pods

  static func cells(_ pod: Pod, age: String, now: SimTime, wide: Bool) -> [String] {
    let total = pod.spec.containers.count
    var restarts = String(pod.status.restartCount)
    if pod.status.restartCount > 0, let last = pod.status.lastRestart {
      restarts += " (\(humanDuration(now - last)) ago)"
    }
    let ready = pod.status.readyContainers ?? (pod.status.isReady ? total : 0)
    return [
      pod.metadata.name, "\(min(ready, total))/\(total)", status(pod),
      restarts, age,
    ]
      + (wide
        ? [pod.status.podIP.map(\.description) ?? none, orNone(pod.spec.nodeName ?? ""), none, none] : [])
  }

  private static func status(_ pod: Pod) -> String {
    if pod.metadata.deletionTimestamp != nil, pod.status.phase == .pending || pod.status.phase == .running {
      return "Terminating"
    }
    if let reason = pod.status.reason, pod.status.phase == .pending || pod.status.phase == .running {
      return reason
    }
    return switch pod.status.phase {
    case .succeeded: "Completed"
    case .failed: "Error"
    case .pending where pod.spec.nodeName != nil: "ContainerCreating"
    case .pending, .running, .unknown: pod.status.phase.rawValue
    }
  }

  // MARK: Nodes

  static func cells(_ node: Node, age: String, wide: Bool) -> [String] {
    let prefix = "node-role.kubernetes.io/"
    var roles: [String] = []
    for (key, value) in node.metadata.labels {
      if key.hasPrefix(prefix), key.count > prefix.count { roles.append(String(key.dropFirst(prefix.count))) }
      if key == "kubernetes.io/role", !value.isEmpty { roles.append(value) }
    }
    let status = node.ready == .ready ? "Ready" : "NotReady"
    let kernel =
      node.kernelVersion.isEmpty || node.architecture.isEmpty
      ? node.kernelVersion : "\(node.kernelVersion) (\(node.architecture))"
    let addresses = [
      orNone(node.internalIPs.first?.description ?? ""), orNone(node.externalIPs.first?.description ?? ""),
      orUnknown(node.osImage), orUnknown(kernel), orUnknown(node.containerRuntime),
    ]
    return [
      node.metadata.name, status + (node.isUnschedulable ? ",SchedulingDisabled" : ""),
      orNone(roles.sorted().joined(separator: ",")), age, node.kubeletVersion,
    ] + (wide ? addresses : [])
  }
}
