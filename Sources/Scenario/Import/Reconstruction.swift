// SPDX-License-Identifier: GPL-3.0-or-later
//
// Objects that a dump names but does not hold, made from what the others say about them: just enough for the
// controllers to come to the same slices and tables. Nothing is made up beyond that.

import Cluster
import NetworkTypes
import OrderedCollections

/// Collects what endpoints say about pods that are missing.
struct Reconstruction {
  private struct MissingPod {
    var endpoint: Endpoint
    var labels: OrderedDictionary<String, (value: String, service: NamespacedName)> = [:]
    /// Named ports by name and protocol.
    var ports: OrderedDictionary<String, EndpointPort> = [:]
    var subdomain: String?
    var position: SourcePosition
  }
  private var missing: OrderedDictionary<NamespacedName, MissingPod> = [:]
  private(set) var diagnostics: [Diagnostic] = []

  /// The name for a pod that no targetRef names.
  static func podName(address: String, service: Service) -> NamespacedName {
    let suffix = address.split(separator: ".").joined(separator: "-")
    return NamespacedName(namespace: service.metadata.namespace, name: "\(service.metadata.name)-\(suffix)")
  }

  mutating func add(
    _ name: NamespacedName, endpoint: Endpoint, ports: [EndpointPort], service: Service,
    position: SourcePosition
  ) {
    var pod = missing[name] ?? MissingPod(endpoint: endpoint, position: position)
    for (key, value) in service.spec.selector ?? [:] {
      if let other = pod.labels[key], other.value != value {
        let message =
          "Pod \(name) is not in the input and cannot be reconstructed: Services \(other.service) and "
          + "\(service.metadata.namespacedName) select it by different values of label \"\(key)\"; add the pods to the input"
        diagnostics.append(Diagnostic(position: position, message: message))
      }
      pod.labels[key] = (value, service.metadata.namespacedName)
    }
    for port in service.spec.ports {
      guard case .string(let target)? = port.targetPort,
        let own = ports.first(where: { $0.name == port.name && $0.protocol == (port.protocol ?? "TCP") })
      else { continue }
      pod.ports["\(target)/\(own.protocol)"] = EndpointPort(
        name: target, port: own.port, protocol: own.protocol)
    }
    if endpoint.hostname != nil { pod.subdomain = service.metadata.name }
    missing[name] = pod
  }

  /// The missing pods, in the order in which they were named.
  func pods() -> [ImportedItem] {
    missing.compactMap { name, pod in Self.item(Self.json(name, pod), at: pod.position) }
  }

  private static func json(_ name: NamespacedName, _ pod: MissingPod) -> OrderedJSON {
    let endpoint = pod.endpoint
    var metadata: [(String, OrderedJSON)] = [
      ("name", .string(name.name)), ("namespace", .string(name.namespace)),
      ("labels", .object(pod.labels.map { ($0.key, .string($0.value.value)) })),
    ]
    if !endpoint.targetUID.isEmpty { metadata.append(("uid", .string(endpoint.targetUID))) }
    if endpoint.isTerminating {
      metadata.append(("deletionTimestamp", .string("2026-01-01T00:00:00Z")))
    }
    var container: [(String, OrderedJSON)] = [("name", .string("app"))]
    if !pod.ports.isEmpty {
      let ports = pod.ports.values.map { port in
        OrderedJSON.object([
          ("name", .string(port.name)), ("containerPort", .integer(port.port ?? 0)),
          ("protocol", .string(port.protocol)),
        ])
      }
      container.append(("ports", .array(ports)))
    }
    var spec: [(String, OrderedJSON)] = []
    if let node = endpoint.nodeName { spec.append(("nodeName", .string(node))) }
    if let hostname = endpoint.hostname {
      spec.append(("hostname", .string(hostname)))
      spec.append(("subdomain", .string(pod.subdomain ?? "")))
    }
    spec.append(("containers", .array([.object(container)])))
    let address = endpoint.addresses.first ?? ""
    let condition = OrderedJSON.object([
      ("type", .string("Ready")), ("status", .string(endpoint.isServing ? "True" : "False")),
    ])
    return .object([
      ("apiVersion", .string("v1")), ("kind", .string("Pod")), ("metadata", .object(metadata)),
      ("spec", .object(spec)),
      (
        "status",
        .object([
          ("conditions", .array([condition])), ("phase", .string("Running")), ("podIP", .string(address)),
        ])
      ),
    ])
  }

  // MARK: Nodes and Endpoints

  /// A node with the address that its pods call hostIP, and the /24 of their addresses if that is free.
  static func node(
    _ name: String, pods: [Pod], zone: String?, taken: [IPv4CIDR], at position: SourcePosition
  ) -> (item: ImportedItem, hasAddress: Bool)? {
    let host = pods.compactMap { $0.status.hostIP ?? ($0.spec.hostNetwork ? $0.status.podIP : nil) }.first
    let addresses = pods.filter { !$0.spec.hostNetwork }.compactMap(\.status.podIP)
    var metadata: [(String, OrderedJSON)] = [("name", .string(name))]
    if let zone { metadata.append(("labels", .object([(Node.zoneLabel, .string(zone))]))) }
    var spec: [(String, OrderedJSON)] = []
    if let first = addresses.first {
      let block = IPv4CIDR(base: first, prefixLength: 24)
      if addresses.allSatisfy(block.contains), !taken.contains(where: { $0.overlaps(block) }) {
        spec.append(("podCIDR", .string("\(block)")))
      }
    }
    var status: [(String, OrderedJSON)] = []
    if let host {
      let entry = OrderedJSON.object([("type", .string("InternalIP")), ("address", .string("\(host)"))])
      status.append(("addresses", .array([entry])))
    }
    let json = OrderedJSON.object([
      ("apiVersion", .string("v1")), ("kind", .string("Node")), ("metadata", .object(metadata)),
      ("spec", .object(spec)), ("status", .object(status)),
    ])
    return item(json, at: position).map { ($0, host != nil) }
  }

  /// Endpoints of which these slices are the mirror.
  static func endpoints(
    _ name: NamespacedName, from slices: [EndpointSlice], at position: SourcePosition
  ) -> ImportedItem? {
    let subsets = slices.map { slice in
      var pairs: [(String, OrderedJSON)] = []
      for (key, isReady) in [("addresses", true), ("notReadyAddresses", false)] {
        let addresses = slice.endpoints.filter { $0.isReady == isReady }.map { address($0) }
        if !addresses.isEmpty { pairs.append((key, .array(addresses))) }
      }
      pairs.append(("ports", .array(slice.ports.map { port($0) })))
      return OrderedJSON.object(pairs)
    }
    let metadata = OrderedJSON.object([("name", .string(name.name)), ("namespace", .string(name.namespace))])
    let json = OrderedJSON.object([
      ("apiVersion", .string("v1")), ("kind", .string("Endpoints")), ("metadata", metadata),
      ("subsets", .array(subsets)),
    ])
    return item(json, at: position)
  }

  /// The slice that a writer of these Endpoints writes beside them: of the first subset, under the same name.
  static func slice(of endpoints: Endpoints, at position: SourcePosition) -> ImportedItem? {
    guard let subset = endpoints.subsets.first else { return nil }
    let ready = subset.addresses.map { entry($0, isReady: true) }
    let unready = subset.notReadyAddresses.map { entry($0, isReady: false) }
    let metadata = OrderedJSON.object([
      ("name", .string(endpoints.metadata.name)), ("namespace", .string(endpoints.metadata.namespace)),
      ("labels", .object([(EndpointSlice.serviceNameLabel, .string(endpoints.metadata.name))])),
    ])
    let json = OrderedJSON.object([
      ("apiVersion", .string("discovery.k8s.io/v1")), ("kind", .string("EndpointSlice")),
      ("metadata", metadata), ("addressType", .string("IPv4")), ("endpoints", .array(ready + unready)),
      ("ports", .array(subset.ports.map { port($0) })),
    ])
    return item(json, at: position)
  }

  private static func entry(_ address: EndpointAddress, isReady: Bool) -> OrderedJSON {
    var pairs: [(String, OrderedJSON)] = [
      ("addresses", .array([.string(address.ip)])),
      ("conditions", .object([("ready", .boolean(isReady))])),
    ]
    if let node = address.nodeName { pairs.append(("nodeName", .string(node))) }
    return .object(pairs)
  }

  private static func port(_ port: EndpointPort) -> OrderedJSON {
    var pairs: [(String, OrderedJSON)] = []
    if !port.name.isEmpty { pairs.append(("name", .string(port.name))) }
    if let number = port.port { pairs.append(("port", .integer(number))) }
    pairs.append(("protocol", .string(port.protocol)))
    return .object(pairs)
  }

  private static func address(_ endpoint: Endpoint) -> OrderedJSON {
    var pairs: [(String, OrderedJSON)] = [("ip", .string(endpoint.addresses.first ?? ""))]
    if let hostname = endpoint.hostname { pairs.append(("hostname", .string(hostname))) }
    if let node = endpoint.nodeName { pairs.append(("nodeName", .string(node))) }
    if let pod = endpoint.targetPod {
      pairs.append(
        (
          "targetRef",
          .object([
            ("kind", .string("Pod")), ("name", .string(pod.name)), ("namespace", .string(pod.namespace)),
          ])
        ))
    }
    return .object(pairs)
  }

  /// Read back as if it had been in the input.
  private static func item(_ json: OrderedJSON, at position: SourcePosition) -> ImportedItem? {
    var mistakes: [Diagnostic] = []
    guard let document = try? DocumentReader.read(text: json.text(), path: "reconstructed.json").first,
      let object = ManifestDecoder().objects(in: document, diagnostics: &mistakes).objects.first
    else { return nil }
    return ImportedItem(object: object, document: document, position: position, isDumped: true)
  }
}
