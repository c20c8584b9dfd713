// SPDX-License-Identifier: GPL-3.0-or-later
//
// The names that a scenario may refer to: nodes, Services, workloads, pods, DNS records; at the start or by
// something that happens later.

import Cluster
import OrderedCollections

/// What exists in a scenario at one time or another.
struct KnownNames {
  /// False while mistakes hide names, so that nobody is told that a name is unknown which only was misread.
  var nodesAreComplete = true
  var objectsAreComplete = true
  var recordsAreComplete = true

  private(set) var nodes: OrderedSet<String> = []
  /// Every version of a Service that is ever applied.
  private(set) var services: OrderedDictionary<NamespacedName, [Service]> = [:]
  private(set) var workloads: OrderedDictionary<NamespacedName, Workload> = [:]
  private(set) var pods: OrderedSet<NamespacedName> = []
  private(set) var podLabels: [(namespace: String, labels: Labels)] = []
  /// `Kind namespace/name`
  private(set) var objects: OrderedSet<String> = []

  mutating func add(node: String) { nodes.append(node) }

  mutating func add(_ object: APIObject) {
    switch object {
    case .service(let service):
      services[service.metadata.namespacedName, default: []].append(service)
      add(.service, service.metadata)
    case .workload(let workload):
      workloads[workload.metadata.namespacedName] = workload
      podLabels.append((workload.metadata.namespace, workload.templateLabels))
      if let kind = ObjectKind(rawValue: workload.kind.rawValue) { add(kind, workload.metadata) }
    case .pod(let pod):
      pods.append(pod.metadata.namespacedName)
      podLabels.append((pod.metadata.namespace, pod.metadata.labels))
      add(.pod, pod.metadata)
    case .endpointSlice(let slice): add(.endpointSlice, slice.metadata)
    case .endpoints(let endpoints): add(.endpoints, endpoints.metadata)
    case .node(let node): nodes.append(node.metadata.name)
    case .podDisruptionBudget(let budget): add(.podDisruptionBudget, budget.metadata)
    case .horizontalPodAutoscaler(let scaler): add(.horizontalPodAutoscaler, scaler.metadata)
    case .namespace: break
    }
  }

  private mutating func add(_ kind: ObjectKind, _ metadata: ObjectMeta) {
    objects.append("\(kind.rawValue) \(metadata.namespacedName)")
  }

  /// Whether a pod of this name can exist: a Pod object, or one that a workload makes.
  func mayHavePod(_ name: NamespacedName) -> Bool {
    pods.contains(name)
      || workloads.keys.contains { $0.namespace == name.namespace && name.name.hasPrefix($0.name + "-") }
  }

  func hasPods(namespace: String, labels: Labels) -> Bool {
    let selector = LabelSelector(labels)
    return podLabels.contains { $0.namespace == namespace && selector.matches($0.labels) }
  }
}

extension ScenarioDecoder {
  /// Gathers what servers, clients and actions may refer to.
  func collectNames() {
    for node in scenario.cluster.nodes { names.add(node: node.name) }
    for object in scenario.objects { names.add(object) }
    for action in (root["events"]?.items ?? []) + (root["processes"]?.items ?? []) {
      for object in appliedObjects[action.path.text] ?? [] { names.add(object) }
      if let name = action["joinNode"]?["name"]?.string { names.add(node: name) }
    }
  }

  // MARK: References

  func checkNode(_ cursor: Cursor) {
    guard names.nodesAreComplete, let name = cursor.string, !names.nodes.contains(name) else { return }
    mistake(cursor, "expected the name of a node", suggestion: nearestName(to: name, in: names.nodes))
  }

  /// Every version of the Service that is named, none if there is no such Service.
  func services(_ cursor: Cursor) -> [Service] {
    guard let name = cursor.namespacedName else { return [] }
    if let versions = names.services[name] { return versions }
    refuseUnknown(cursor, "a Service", names.services.keys.map(\.description), name)
    return []
  }

  func checkWorkload(_ cursor: Cursor) {
    guard let name = cursor.namespacedName, names.workloads[name] == nil else { return }
    refuseUnknown(cursor, "a workload", names.workloads.keys.map(\.description), name)
  }

  func checkPod(_ cursor: Cursor) {
    guard let name = cursor.namespacedName, !names.mayHavePod(name) else { return }
    refuseUnknown(cursor, "a pod", names.pods.map(\.description), name)
  }

  private func refuseUnknown(_ cursor: Cursor, _ what: String, _ known: [String], _ name: NamespacedName) {
    guard names.objectsAreComplete else { return }
    let nearest = nearestName(to: name.description, in: known)
    mistake(cursor, "expected the name of \(what) as \"namespace/name\"", suggestion: nearest)
  }

  /// `{"namespace", "labels"}` must select a pod that exists at one time or another.
  func checkSelection(_ cursor: Cursor, namespace: String, labels: Labels) {
    guard names.objectsAreComplete, !names.hasPods(namespace: namespace, labels: labels) else { return }
    let text = labels.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
    let known = names.podLabels.filter { $0.namespace == namespace }.flatMap { pod in
      pod.labels.map { "\($0.key)=\($0.value)" }
    }
    let what = labels.isEmpty ? "" : " with labels \(shortened(text))"
    let nearest = labels.count == 1 ? nearestName(to: text, in: known) : nil
    mistake(cursor, "no pod in namespace \"\(namespace)\"\(what)", suggestion: nearest)
  }
}
