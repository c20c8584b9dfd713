// SPDX-License-Identifier: GPL-3.0-or-later
//
// Workloads, budgets and autoscalers with the status that their controllers have written, and how kubectl
// shows them (k/k pkg/printers/internalversion/printers.go). Images are not part of the model, so `-o wide`
// adds nothing.

import SimKernel

/// A workload and its status.
public struct WorkloadState: Sendable {
  public var object: Workload
  public var replicas: Int
  public var ready: Int
  public var updated: Int
  public var available: Int
}

/// A PodDisruptionBudget and its status.
public struct BudgetState: Sendable {
  public var object: PodDisruptionBudget
  public var allowed: Int
  public var healthy: Int
  public var desired: Int
  public var expected: Int
}

/// A HorizontalPodAutoscaler and its status.
public struct AutoscalerState: Sendable {
  public var object: HorizontalPodAutoscaler
  /// Per cent of the request; nil: no metrics yet.
  public var utilization: Int?
  public var replicas: Int
}

extension KubectlKind {
  /// The kind of workload that it lists.
  var workload: Workload.Kind? {
    switch self {
    case .deployments: .deployment
    case .replicaSets: .replicaSet
    case .statefulSets: .statefulSet
    case .daemonSets: .daemonSet
    default: nil
    }
  }
}

extension APIView {
  func states(_ query: KubectlQuery) -> [WorkloadState] {
    states.filter { $0.object.kind == query.kind.workload && query.includes($0.object.metadata) }
  }
}

extension KubectlTable {
  static func workloadHeadings(_ kind: KubectlKind) -> [String] {
    switch kind {
    case .deployments: ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"]
    case .replicaSets: ["NAME", "DESIRED", "CURRENT", "READY", "AGE"]
    case .statefulSets: ["NAME", "READY", "AGE"]
    case .daemonSets:
      ["NAME", "DESIRED", "CURRENT", "READY", "UP-TO-DATE", "AVAILABLE", "NODE SELECTOR", "AGE"]
    case .autoscalers: ["NAME", "REFERENCE", "TARGETS", "MINPODS", "MAXPODS", "REPLICAS", "AGE"]
    case .budgets: ["NAME", "MIN AVAILABLE", "MAX UNAVAILABLE", "ALLOWED DISRUPTIONS", "AGE"]
    case .nodes, .pods, .services, .endpoints, .endpointSlices: []
    }
  }

  static func cells(_ state: WorkloadState, age: String) -> [String] {
    let object = state.object
    let name = object.metadata.name
    switch object.kind {
    case .deployment:
      return [name, "\(state.ready)/\(object.replicas)", "\(state.updated)", "\(state.available)", age]
    case .replicaSet: return [name, "\(object.replicas)", "\(state.replicas)", "\(state.ready)", age]
    case .statefulSet: return [name, "\(state.ready)/\(object.replicas)", age]
    case .daemonSet:
      let selector = object.template.nodeSelector.sorted { $0.key < $1.key }
        .map { "\($0.key)=\($0.value)" }.joined(separator: ",")
      return [
        name, "\(object.replicas)", "\(state.replicas)", "\(state.ready)", "\(state.updated)",
        "\(state.available)", selector.isEmpty ? "<none>" : selector, age,
      ]
    }
  }

  static func cells(_ state: BudgetState, age: String) -> [String] {
    let object = state.object
    return [
      object.metadata.name, object.minAvailable.map { "\($0)" } ?? "N/A",
      object.maxUnavailable.map { "\($0)" } ?? "N/A", "\(state.allowed)", age,
    ]
  }

  static func cells(_ state: AutoscalerState, age: String) -> [String] {
    let object = state.object
    let usage = state.utilization.map { "\($0)%" } ?? "<unknown>"
    return [
      object.metadata.name, "\(object.targetKind)/\(object.targetName)",
      "cpu: \(usage)/\(object.targetUtilization)%", "\(object.minReplicas)", "\(object.maxReplicas)",
      "\(state.replicas)", age,
    ]
  }
}

extension ObjectTrees {
  func tree(_ state: WorkloadState) -> ObjectTree {
    let object = state.object
    var spec = ObjectBuilder()
    if object.kind != .daemonSet { spec["replicas"] = .int(object.replicas) }
    if object.minReady > .zero { spec["minReadySeconds"] = .int(Int(object.minReady.seconds)) }
    if object.isPaused { spec["paused"] = .bool(true) }
    spec["selector"] = .object(["matchLabels": .labels(object.selector.matchLabels)])
    spec["template"] = .object(["metadata": .object(["labels": .labels(object.templateLabels)])])
    var status = ObjectBuilder()
    if object.kind == .daemonSet {
      status["currentNumberScheduled"] = .int(state.replicas)
      status["desiredNumberScheduled"] = .int(object.replicas)
      status["numberAvailable"] = .int(state.available)
      status["numberReady"] = .int(state.ready)
      status["updatedNumberScheduled"] = .int(state.updated)
    } else {
      status["availableReplicas"] = .int(state.available)
      status["readyReplicas"] = .int(state.ready)
      status["replicas"] = .int(state.replicas)
      if object.kind != .replicaSet { status["updatedReplicas"] = .int(state.updated) }
    }
    return .object([
      "apiVersion": .string("apps/v1"), "kind": .string(object.kind.rawValue),
      "metadata": metadata(object.metadata), "spec": spec.tree, "status": status.tree,
    ])
  }

  private func tree(_ bound: IntOrString) -> ObjectTree {
    switch bound {
    case .int(let number): .int(number)
    case .string(let text): .string(text)
    }
  }

  func tree(_ state: BudgetState) -> ObjectTree {
    let object = state.object
    var spec = ObjectBuilder()
    if let least = object.minAvailable { spec["minAvailable"] = tree(least) }
    if let most = object.maxUnavailable { spec["maxUnavailable"] = tree(most) }
    if let selector = object.selector {
      spec["selector"] = .object(["matchLabels": .labels(selector.matchLabels)])
    }
    let status: [String: ObjectTree] = [
      "currentHealthy": .int(state.healthy), "desiredHealthy": .int(state.desired),
      "disruptionsAllowed": .int(state.allowed), "expectedPods": .int(state.expected),
    ]
    return .object([
      "apiVersion": .string("policy/v1"), "kind": .string("PodDisruptionBudget"),
      "metadata": metadata(object.metadata), "spec": spec.tree, "status": .object(status),
    ])
  }

  func tree(_ state: AutoscalerState) -> ObjectTree {
    let object = state.object
    let resource: ObjectTree = .object([
      "name": .string("cpu"),
      "target": .object([
        "averageUtilization": .int(object.targetUtilization), "type": .string("Utilization"),
      ]),
    ])
    let metrics: ObjectTree = .list([.object(["resource": resource, "type": .string("Resource")])])
    let reference: ObjectTree = .object([
      "kind": .string(object.targetKind), "name": .string(object.targetName),
    ])
    let spec: [String: ObjectTree] = [
      "maxReplicas": .int(object.maxReplicas), "minReplicas": .int(object.minReplicas), "metrics": metrics,
      "scaleTargetRef": reference,
    ]
    return .object([
      "apiVersion": .string("autoscaling/v2"), "kind": .string("HorizontalPodAutoscaler"),
      "metadata": metadata(object.metadata), "spec": .object(spec),
      "status": .object(["currentReplicas": .int(state.replicas)]),
    ])
  }
}
