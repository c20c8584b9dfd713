// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the scheduler asks of a node and how it compares nodes, after k/k pkg/scheduler/framework/plugins:
// NodeUnschedulable, TaintToleration, NodeAffinity, NodeResourcesFit (LeastAllocated), PodTopologySpread,
// InterPodAffinity, with the default profile's weights. Ties go to the node with the fewest pods, then to the
// first by name, where upstream draws lots. Preemption, volumes, images and balanced allocation are not
// modelled.

import SimKernel

enum PodScheduler {
  /// Why a node does not get a pod, in the scheduler's words.
  enum Refusal: String, CaseIterable {
    case notReady = "node(s) were not ready"
    case cordoned = "node(s) were unschedulable"
    case taint = "node(s) had untolerated taint(s)"
    case selector = "node(s) didn't match Pod's node affinity/selector"
    case pods = "Too many pods"
    case cpu = "Insufficient cpu"
    case memory = "Insufficient memory"
    case ports = "node(s) didn't have free ports for the requested pod ports"
    case affinity = "node(s) didn't match pod affinity rules"
    case antiAffinity = "node(s) didn't match pod anti-affinity rules"
    case spread = "node(s) didn't match pod topology spread constraints"
  }

  /// Weights of the default profile (k/k pkg/scheduler/apis/config/v1/default_plugins.go).
  static let spreadWeight = 2
  static let taintWeight = 3
  static let nodeAffinityWeight = 2
  static let podAffinityWeight = 2
  /// maxSkew of the system's default constraints (PodTopologySpread, defaultingType System).
  static let defaultHostSkew = 3
  static let defaultZoneSkew = 5
  /// What a pod without requests counts for when nodes are compared (k/k pkg/scheduler/util
  /// DefaultMilliCPURequest, DefaultMemoryRequest).
  static let assumedCPU: Int64 = 100
  static let assumedMemory: Int64 = 200 << 20

  static let hostnameLabel = "kubernetes.io/hostname"

  /// Taints that a DaemonSet's pods tolerate (k/k pkg/controller/daemon/util
  /// AddOrUpdateDaemonPodTolerations).
  static let daemonTolerates: Set<String> = [
    "node.kubernetes.io/not-ready:NoExecute", "node.kubernetes.io/unreachable:NoExecute",
    "node.kubernetes.io/unschedulable:NoSchedule", "node.kubernetes.io/unreachable:NoSchedule",
    "node.kubernetes.io/disk-pressure:NoSchedule",
    "node.kubernetes.io/memory-pressure:NoSchedule", "node.kubernetes.io/pid-pressure:NoSchedule",
  ]

  // MARK: A node alone

  /// Any pod without wishes may go there.
  static func isOpen(_ node: Node) -> Bool {
    node.ready == .ready && !node.isUnschedulable && !node.taints.contains(where: repels)
  }

  /// What the node's object has against the pod.
  static func refusal(_ node: Node, _ spec: PodSpec) -> Refusal? {
    if node.ready != .ready { return .notReady }
    if node.isUnschedulable, !isCovered(ControlPlane.unschedulableTaint, by: spec.tolerations) {
      return .cordoned
    }
    let untolerated = node.taints.contains { repels($0) && !isCovered($0, by: spec.tolerations) }
    if untolerated { return .taint }
    return isWanted(node, spec) ? nil : .selector
  }

  /// nodeSelector and required node affinity.
  static func isWanted(_ node: Node, _ spec: PodSpec) -> Bool {
    let terms = spec.scheduling.nodeTerms
    return LabelSelector(spec.nodeSelector).matches(node.metadata.labels)
      && (terms.isEmpty || terms.contains { $0.matches(node.metadata.labels) })
  }

  /// Whether a DaemonSet puts a pod on the node, and whether one that is there may stay
  /// (k/k pkg/controller/daemon NodeShouldRunDaemonPod).
  static func daemon(on node: Node, _ spec: PodSpec) -> (shouldRun: Bool, mayStay: Bool) {
    guard isWanted(node, spec) else { return (false, false) }
    let repelling = node.taints.filter {
      repels($0) && !daemonTolerates.contains($0) && !isCovered($0, by: spec.tolerations)
    }
    return (repelling.isEmpty, !repelling.contains { $0.hasSuffix(":NoExecute") })
  }

  private static func isCovered(_ taint: String, by tolerations: [Toleration]) -> Bool {
    tolerations.contains { $0.covers(taint) }
  }

  /// Taints are written `key[=value]:effect`; PreferNoSchedule repels nobody.
  private static func repels(_ taint: String) -> Bool {
    taint.hasSuffix(":NoSchedule") || taint.hasSuffix(":NoExecute")
  }

  static func unwelcoming(_ node: Node, _ spec: PodSpec) -> Int {
    node.taints.count { $0.hasSuffix(":PreferNoSchedule") && !isCovered($0, by: spec.tolerations) }
  }

  // MARK: Scores

  /// Free share of what the node has, 0 to 100; 0 where nothing limits it.
  static func leastAllocated(_ used: NodeUsage, _ capacity: NodeCapacity, _ scheduling: PodScheduling) -> Int
  {
    var scores: [Int64] = []
    func score(_ allocatable: Int64?, _ requested: Int64) {
      guard let allocatable, allocatable > 0 else { return }
      scores.append(requested > allocatable ? 0 : (allocatable - requested) * 100 / allocatable)
    }
    score(capacity.cpuMillis, used.countedCPU + (scheduling.cpuMillis ?? assumedCPU))
    score(capacity.memory, used.countedMemory + (scheduling.memory ?? assumedMemory))
    return scores.isEmpty ? 0 : Int(scores.reduce(0, +)) / scores.count
  }

  /// From raw numbers of which less is better (spreading) to 0…100.
  static func fewest(_ raw: [Int]) -> [Int] {
    guard let most = raw.max(), let least = raw.min(), most > 0 else { return raw.map { _ in 100 } }
    return raw.map { 100 * (most + least - $0) / most }
  }

  /// Taints that would rather not have it: the fewest get 100 (DefaultNormalizeScore, reversed).
  static func leastUnwelcome(_ raw: [Int]) -> [Int] {
    guard let most = raw.max(), most > 0 else { return raw.map { _ in 100 } }
    return raw.map { 100 - 100 * $0 / most }
  }

  /// Weights of preferred terms that hold: the most get 100.
  static func most(_ raw: [Int]) -> [Int] {
    guard let most = raw.max(), most > 0 else { return raw.map { _ in 0 } }
    return raw.map { 100 * $0 / most }
  }

  /// Between the least and the most, which may be negative (InterPodAffinity).
  static func between(_ raw: [Int]) -> [Int] {
    guard let most = raw.max(), let least = raw.min(), most > least else { return raw.map { _ in 0 } }
    return raw.map { 100 * ($0 - least) / (most - least) }
  }
}

/// What the pods of a node ask for in sum, terminating ones included.
struct NodeUsage: Sendable, Equatable {
  var cpu: Int64 = 0
  var memory: Int64 = 0
  /// With something assumed for pods that ask for nothing.
  var countedCPU: Int64 = 0
  var countedMemory: Int64 = 0
  var pods = 0

  mutating func add(_ scheduling: PodScheduling, times: Int64) {
    cpu += times * (scheduling.cpuMillis ?? 0)
    memory += times * (scheduling.memory ?? 0)
    countedCPU += times * (scheduling.cpuMillis ?? PodScheduler.assumedCPU)
    countedMemory += times * (scheduling.memory ?? PodScheduler.assumedMemory)
    pods += Int(times)
  }

  /// Whether one more fits.
  func refusal(_ scheduling: PodScheduling, _ capacity: NodeCapacity) -> PodScheduler.Refusal? {
    if pods >= capacity.pods { return .pods }
    if let limit = capacity.cpuMillis, let asked = scheduling.cpuMillis, asked > 0, cpu + asked > limit {
      return .cpu
    }
    if let limit = capacity.memory, let asked = scheduling.memory, asked > 0, memory + asked > limit {
      return .memory
    }
    return nil
  }
}
