// SPDX-License-Identifier: GPL-3.0-or-later
//
// The part of a pod's spec that says which nodes may have it: what it asks for, which ports it holds on its
// node, and its affinities. How nodes are chosen is PodScheduler's business.

/// What a pod asks of its node.
public struct PodScheduling: Sendable, Equatable {
  /// Sum of the containers' cpu requests, thousandths of a core; nil: no container has one.
  public var cpuMillis: Int64?
  /// Sum of the containers' memory requests, bytes; nil: no container has one.
  public var memory: Int64?
  /// Ports of the node itself: one pod per node, address and protocol (addresses are not told apart).
  public var hostPorts: [HostPort] = []
  /// `requiredDuringScheduling` of nodeAffinity: one of the terms must hold; empty: any node will do.
  public var nodeTerms: [NodeSelectorTerm] = []
  /// `preferredDuringScheduling` of nodeAffinity.
  public var preferredNodeTerms: [WeightedNodeTerm] = []
  public var affinity: [PodAffinityTerm] = []
  public var antiAffinity: [PodAffinityTerm] = []
  /// Negative weights are anti-affinity.
  public var preferredPods: [WeightedPodTerm] = []
  public var spread: [TopologySpread] = []
  /// `spec.priority` and preemption are not modelled; named by `unmodelled`.
  public var unmodelled: [String] = []

  public init() {}

  /// Nothing but the number of pods limits where it goes.
  public var isPlain: Bool { self == PodScheduling() }
  /// Its place depends on where other pods are, beyond their number.
  var looksAtPods: Bool { !affinity.isEmpty || !antiAffinity.isEmpty || !spread.isEmpty }
}

/// A port that a pod holds on its node.
public struct HostPort: Sendable, Hashable {
  public var port: Int
  public var `protocol`: String
  public init(port: Int, protocol: String = "TCP") {
    self.port = port
    self.protocol = `protocol`
  }
}

/// A term of nodeAffinity; all of its requirements must hold.
public struct NodeSelectorTerm: Sendable, Equatable {
  public var requirements: [NodeRequirement]
  public init(_ requirements: [NodeRequirement]) { self.requirements = requirements }

  /// A term without requirements matches no node (API documentation of NodeSelectorTerm).
  public func matches(_ labels: Labels) -> Bool {
    !requirements.isEmpty && requirements.allSatisfy { $0.matches(labels) }
  }
}

/// One requirement about a node's labels.
public struct NodeRequirement: Sendable, Equatable {
  public enum Operator: String, Sendable, CaseIterable {
    case isIn = "In"
    case isNotIn = "NotIn"
    case exists = "Exists"
    case doesNotExist = "DoesNotExist"
    case isGreater = "Gt"
    case isLess = "Lt"
  }
  public var key: String
  public var op: Operator
  public var values: [String]
  public init(key: String, op: Operator, values: [String] = []) {
    self.key = key
    self.op = op
    self.values = values
  }

  public func matches(_ labels: Labels) -> Bool {
    let value = labels[key]
    switch op {
    case .isIn: return value.map(values.contains) ?? false
    case .isNotIn: return value.map { !values.contains($0) } ?? true
    case .exists: return value != nil
    case .doesNotExist: return value == nil
    case .isGreater, .isLess:
      guard let number = value.flatMap({ Int($0) }), let bound = values.first.flatMap({ Int($0) }) else {
        return false
      }
      return op == .isGreater ? number > bound : number < bound
    }
  }
}

public struct WeightedNodeTerm: Sendable, Equatable {
  public var weight: Int
  public var term: NodeSelectorTerm
  public init(weight: Int, term: NodeSelectorTerm) {
    self.weight = weight
    self.term = term
  }
}

/// Pods of the same namespace with these labels, together or apart in a domain of nodes.
public struct PodAffinityTerm: Sendable, Equatable {
  public var selector: LabelSelector
  /// The label of nodes whose values are the domains.
  public var topologyKey: String
  public init(selector: LabelSelector, topologyKey: String) {
    self.selector = selector
    self.topologyKey = topologyKey
  }
}

public struct WeightedPodTerm: Sendable, Equatable {
  public var weight: Int
  public var term: PodAffinityTerm
  public init(weight: Int, term: PodAffinityTerm) {
    self.weight = weight
    self.term = term
  }
}

/// One of `topologySpreadConstraints`.
public struct TopologySpread: Sendable, Equatable {
  public var maxSkew: Int
  public var topologyKey: String
  /// `whenUnsatisfiable: DoNotSchedule`; false: ScheduleAnyway.
  public var isRequired: Bool
  public var selector: LabelSelector
  public init(maxSkew: Int, topologyKey: String, isRequired: Bool, selector: LabelSelector) {
    self.maxSkew = maxSkew
    self.topologyKey = topologyKey
    self.isRequired = isRequired
    self.selector = selector
  }
}

/// What a node has for pods; nil: no limit.
public struct NodeCapacity: Sendable, Equatable {
  /// Thousandths of a core.
  public var cpuMillis: Int64?
  /// Bytes.
  public var memory: Int64?
  /// Pods at a time: the kubelet's default is 110 (k/k pkg/kubelet/apis/config/v1beta1 defaults, MaxPods).
  public var pods = 110
  public init() {}
}
