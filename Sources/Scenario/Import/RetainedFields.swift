// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which fields of a Kubernetes object are copied into a scenario: those that its reader reads. What a pod
// runs, its environment, volumes and managed fields stay where they are, because a scenario is passed around.

/// A tree of field names. A name without further names keeps everything below it; lists are transparent.
struct RetainedFields {
  private var children: [String: RetainedFields] = [:]

  /// - Parameter paths: such as `spec.containers.ports`.
  init(_ paths: [String]) {
    for path in paths { add(path.split(separator: ".")[...]) }
  }

  private init() {}

  private mutating func add(_ path: ArraySlice<Substring>) {
    guard let first = path.first else { return }
    children[String(first), default: RetainedFields()].add(path.dropFirst())
  }

  /// The node with only these fields, in their order; null and empty values are left out.
  func reduced(_ node: DocumentNode) -> DocumentNode {
    switch node.content {
    case .scalar: return node
    case .sequence(let items): return DocumentNode(.sequence(items.map { reduced($0) }), at: node.position)
    case .mapping(let entries):
      var kept: [DocumentNode.Entry] = []
      for var entry in entries where !entry.value.isNull {
        if !children.isEmpty {
          guard let child = children[entry.key] else { continue }
          entry.value = child.reduced(entry.value)
        }
        kept.append(entry)
      }
      return DocumentNode(.mapping(kept), at: node.position)
    }
  }

  private static let metadata = [
    "apiVersion", "kind", "metadata.name", "metadata.generateName", "metadata.namespace", "metadata.labels",
    "metadata.annotations", "metadata.uid", "metadata.creationTimestamp", "metadata.deletionTimestamp",
    "metadata.generation", "metadata.ownerReferences.apiVersion", "metadata.ownerReferences.kind",
    "metadata.ownerReferences.name", "metadata.ownerReferences.uid", "metadata.ownerReferences.controller",
  ]
  private static let podSpec = [
    "nodeName", "hostNetwork", "hostname", "subdomain", "terminationGracePeriodSeconds", "nodeSelector",
    "tolerations", "restartPolicy", "priorityClassName",
  ] + containerFields.flatMap { ["containers." + $0, "initContainers." + $0] } + ["initContainers.restartPolicy"]
  /// Of a hook the command stays, because it says how long that takes. Of a probe only how it is made, when it
  /// comes and what counts: no path, no headers.
  private static let containerFields =
    ["name", "ports", "image", "imagePullPolicy", "lifecycle.preStop.exec", "lifecycle.preStop.sleep"]
    + ["startupProbe", "readinessProbe", "livenessProbe"].flatMap { probe in
      [
        "httpGet.port", "tcpSocket.port", "grpc.port", "exec.command", "initialDelaySeconds", "periodSeconds",
        "timeoutSeconds", "successThreshold", "failureThreshold", "terminationGracePeriodSeconds",
      ].map { probe + "." + $0 }
    }

  private static func fields(_ paths: [String], below prefix: String = "") -> RetainedFields {
    RetainedFields(metadata + paths.map { prefix + $0 })
  }

  private static let service = fields(
    FieldNames.serviceSpec.known.map { "spec." + $0 } + ["status.loadBalancer"])
  private static let slice = fields(
    ["addressType", "ports"] + FieldNames.endpoint.known.map { "endpoints." + $0 })
  private static let endpoints = fields(["subsets"])
  private static let pod = fields(
    podSpec.map { "spec." + $0 } + [
      "status.phase", "status.podIP", "status.podIPs", "status.hostIP", "status.conditions.type",
      "status.conditions.status", "status.containerStatuses.name", "status.containerStatuses.restartCount",
    ])
  private static let node = fields([
    "spec.podCIDR", "spec.podCIDRs", "spec.unschedulable", "spec.taints.key", "spec.taints.value",
    "spec.taints.effect", "status.addresses", "status.conditions.type", "status.conditions.status",
    "status.nodeInfo.architecture", "status.nodeInfo.containerRuntimeVersion",
    "status.nodeInfo.kernelVersion", "status.nodeInfo.kubeletVersion", "status.nodeInfo.osImage",
  ])
  private static let workload = fields(
    [
      "spec.replicas", "spec.selector", "spec.minReadySeconds", "spec.strategy", "spec.updateStrategy",
      "spec.serviceName", "spec.template.metadata.labels",
    ] + podSpec.map { "spec.template.spec." + $0 })
  private static let namespace = fields([])

  /// - Parameter kind: one of the kinds that the model reads.
  static func of(kind: String) -> RetainedFields {
    switch kind {
    case "Service": service
    case "EndpointSlice": slice
    case "Endpoints": endpoints
    case "Pod": pod
    case "Node": node
    case "Namespace": namespace
    default: workload
    }
  }

  /// Conditions other than Ready and kubectl's memory of a manifest tell the model nothing.
  static func withoutNoise(_ node: DocumentNode) -> DocumentNode {
    var node = node
    node = node.replacing(["metadata", "annotations"]) { annotations in
      let kept = (annotations.mapping ?? []).filter {
        $0.key != "kubectl.kubernetes.io/last-applied-configuration"
      }
      return kept.isEmpty ? nil : DocumentNode(.mapping(kept), at: annotations.position)
    }
    return node.replacing(["status", "conditions"]) { conditions in
      let kept = (conditions.sequence ?? []).filter { $0["type"]?.string == "Ready" }
      return kept.isEmpty ? nil : DocumentNode(.sequence(kept), at: conditions.position)
    }
  }
}

extension DocumentNode {
  /// This node with the value at a path of keys replaced or, for nil, taken out; as it is if there is none.
  func replacing(_ path: [String], _ change: (DocumentNode) -> DocumentNode?) -> DocumentNode {
    guard let first = path.first, let entries = mapping else { return self }
    var result: [Entry] = []
    for var entry in entries {
      if entry.key == first {
        let rest = Array(path.dropFirst())
        guard let value = rest.isEmpty ? change(entry.value) : entry.value.replacing(rest, change) else {
          continue
        }
        entry.value = value
      }
      result.append(entry)
    }
    return DocumentNode(.mapping(result), at: position)
  }

  /// This mapping with a key set: in its place, or at the end.
  func setting(_ key: String, to value: DocumentNode) -> DocumentNode {
    var entries = mapping ?? []
    if let index = entries.firstIndex(where: { $0.key == key }) {
      entries[index].value = value
    } else {
      entries.append(Entry(key: key, keyPosition: value.position, value: value))
    }
    return DocumentNode(.mapping(entries), at: position)
  }

  static func text(_ text: String, at position: SourcePosition) -> DocumentNode {
    DocumentNode(.scalar(Scalar(text: text, isPlain: false)), at: position)
  }

  /// The value as JSON, typed as Kubernetes' reader types it.
  var json: OrderedJSON {
    switch content {
    case .mapping(let entries):
      return .object(entries.filter { !$0.value.isNull }.map { ($0.key, $0.value.json) })
    case .sequence(let items): return .array(items.filter { !$0.isNull }.map(\.json))
    case .scalar(let scalar):
      if kind == .boolean, let flag = bool { return .boolean(flag) }
      if kind == .integer, let number = int { return .integer(number) }
      if kind == .number, let number = double, number.isFinite { return .number(number) }
      return .string(scalar.text)
    }
  }
}
