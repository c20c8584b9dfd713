// SPDX-License-Identifier: GPL-3.0-or-later
//
// What `sim get` shows: the API's objects at one instant. Decides nothing about their layout.

import SimKernel

/// The API's objects at one instant, each kind sorted by namespace and name.
public struct APIView: Sendable {
  public private(set) var services: [Service]
  public private(set) var endpoints: [Endpoints]
  public private(set) var slices: [EndpointSlice]
  public private(set) var pods: [Pod]
  public private(set) var nodes: [Node]
  public private(set) var workloads: [Workload]
  public private(set) var states: [WorkloadState]
  public private(set) var budgets: [BudgetState]
  public private(set) var autoscalers: [AutoscalerState]
  /// The instant from which ages are counted.
  public var now: SimTime
  /// Unix time in seconds of `SimTime.zero`, for timestamps in `-o yaml` and `-o json`.
  public var epoch: Int64

  /// The calendar date that simulated time starts at unless told otherwise: 2026-01-01T00:00:00Z. Shown in
  /// timestamps only; nothing depends on it.
  public static let defaultEpoch: Int64 = 1_767_225_600

  /// Sorts what it is given.
  public init(
    services: [Service] = [], endpoints: [Endpoints] = [], slices: [EndpointSlice] = [], pods: [Pod] = [],
    nodes: [Node] = [], workloads: [WorkloadState] = [], budgets: [BudgetState] = [],
    autoscalers: [AutoscalerState] = [], now: SimTime, epoch: Int64 = APIView.defaultEpoch
  ) {
    self.services = services.sorted { $0.metadata.namespacedName < $1.metadata.namespacedName }
    self.endpoints = endpoints.sorted { $0.metadata.namespacedName < $1.metadata.namespacedName }
    self.slices = slices.sorted { $0.metadata.namespacedName < $1.metadata.namespacedName }
    self.pods = pods.sorted { $0.metadata.namespacedName < $1.metadata.namespacedName }
    self.nodes = nodes.sorted { $0.metadata.name < $1.metadata.name }
    states = workloads.sorted {
      $0.object.metadata.namespacedName < $1.object.metadata.namespacedName
    }
    self.workloads = states.map(\.object)
    self.budgets = budgets.sorted {
      $0.object.metadata.namespacedName < $1.object.metadata.namespacedName
    }
    self.autoscalers = autoscalers.sorted {
      $0.object.metadata.namespacedName < $1.object.metadata.namespacedName
    }
    self.now = now
    self.epoch = epoch
  }
}

/// A kind that `sim get` can show.
public enum KubectlKind: String, Sendable, CaseIterable {
  case nodes
  case pods
  case services
  case endpoints
  case endpointSlices = "endpointslices"
  case deployments
  case replicaSets = "replicasets"
  case statefulSets = "statefulsets"
  case daemonSets = "daemonsets"
  case autoscalers = "horizontalpodautoscalers"
  case budgets = "poddisruptionbudgets"

  /// Plural, singular and short names as kubectl takes them (`eps` is ours: kubectl has no short name for
  /// EndpointSlices), in any case.
  public init?(argument: some StringProtocol) {
    switch argument.lowercased() {
    case "no", "node", "nodes": self = .nodes
    case "po", "pod", "pods": self = .pods
    case "svc", "service", "services": self = .services
    case "ep", "endpoints": self = .endpoints
    case "eps", "endpointslice", "endpointslices": self = .endpointSlices
    case "deploy", "deployment", "deployments": self = .deployments
    case "rs", "replicaset", "replicasets": self = .replicaSets
    case "sts", "statefulset", "statefulsets": self = .statefulSets
    case "ds", "daemonset", "daemonsets": self = .daemonSets
    case "hpa", "horizontalpodautoscaler", "horizontalpodautoscalers": self = .autoscalers
    case "pdb", "poddisruptionbudget", "poddisruptionbudgets": self = .budgets
    default: return nil
    }
  }

  public var isNamespaced: Bool { self != .nodes }

  /// The resource with its API group, as in the API server's messages.
  public var qualifiedName: String {
    switch self {
    case .endpointSlices: "endpointslices.discovery.k8s.io"
    case .deployments, .replicaSets, .statefulSets, .daemonSets: "\(rawValue).apps"
    case .autoscalers: "\(rawValue).autoscaling"
    case .budgets: "\(rawValue).policy"
    case .nodes, .pods, .services, .endpoints: rawValue
    }
  }
}
