// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a pod's spec asks of its node: requests, host ports, affinities and spread constraints. Fields that
// would change where a pod goes and that the scheduler does not have are noted by name.

import Cluster
import SimKernel

enum SchedulingReader {
  static func read(_ spec: ObjectFields, _ log: inout ReadingLog) -> PodScheduling {
    var scheduling = PodScheduling()
    readRequests(spec, into: &scheduling, &log)
    if let affinity = spec.object("affinity", &log) { readAffinity(affinity, into: &scheduling, &log) }
    for constraint in spec.objects("topologySpreadConstraints", &log) {
      readSpread(constraint, into: &scheduling, &log)
    }
    for key in ["priorityClassName", "schedulingGates", "resourceClaims", "overhead"]
    where spec.value(key) != nil {
      scheduling.unmodelled.append(key)
    }
    if let scheduler = spec.string("schedulerName", &log), scheduler != "default-scheduler" {
      scheduling.unmodelled.append("schedulerName")
    }
    return scheduling
  }

  // MARK: Resources

  /// Containers and sidecars side by side; other init containers one after the other, before them
  /// (k/k pkg/api/v1/resource PodRequests; sidecars that start before an init container are added to all).
  private static func readRequests(
    _ spec: ObjectFields, into scheduling: inout PodScheduling, _ log: inout ReadingLog
  ) {
    var sum: (cpu: Int64?, memory: Int64?) = (nil, nil)
    var most: (cpu: Int64?, memory: Int64?) = (nil, nil)
    func add(_ a: Int64?, _ b: Int64?) -> Int64? { a == nil && b == nil ? nil : (a ?? 0) + (b ?? 0) }
    func larger(_ a: Int64?, _ b: Int64?) -> Int64? { a.map { max($0, b ?? 0) } ?? b }
    for container in spec.objects("containers", &log) {
      let asked = requests(of: container, &log)
      sum = (add(sum.cpu, asked.cpu), add(sum.memory, asked.memory))
      for port in container.objects("ports", &log) {
        let isHost = spec.bool("hostNetwork", &log) ?? false
        guard let number = port.int("hostPort", &log) ?? (isHost ? port.int("containerPort", &log) : nil),
          number > 0
        else { continue }
        let name = port.string("protocol", &log) ?? "TCP"
        scheduling.hostPorts.append(HostPort(port: number, protocol: name))
      }
    }
    for container in spec.objects("initContainers", &log) {
      let asked = requests(of: container, &log)
      if container.string("restartPolicy", &log) == "Always" {
        sum = (add(sum.cpu, asked.cpu), add(sum.memory, asked.memory))
      } else {
        most = (larger(most.cpu, asked.cpu), larger(most.memory, asked.memory))
      }
    }
    scheduling.cpuMillis = larger(sum.cpu, most.cpu)
    scheduling.memory = larger(sum.memory, most.memory)
  }

  /// A limit without a request is the request (API default).
  private static func requests(
    of container: ObjectFields, _ log: inout ReadingLog
  ) -> (cpu: Int64?, memory: Int64?) {
    guard let resources = container.object("resources", &log) else { return (nil, nil) }
    let requests = resources.object("requests", &log)
    let limits = resources.object("limits", &log)
    let cpu = requests?.milli("cpu", &log) ?? limits?.milli("cpu", &log)
    let memory = requests?.milli("memory", &log) ?? limits?.milli("memory", &log)
    return (cpu, memory.map { $0 / 1000 })
  }

  // MARK: Affinity

  private static func readAffinity(
    _ affinity: ObjectFields, into scheduling: inout PodScheduling, _ log: inout ReadingLog
  ) {
    let required = "requiredDuringSchedulingIgnoredDuringExecution"
    let preferred = "preferredDuringSchedulingIgnoredDuringExecution"
    if let node = affinity.object("nodeAffinity", &log) {
      for term in node.object(required, &log)?.objects("nodeSelectorTerms", &log) ?? [] {
        scheduling.nodeTerms.append(nodeTerm(term, &scheduling, &log))
      }
      for entry in node.objects(preferred, &log) {
        guard let term = entry.object("preference", &log) else { continue }
        let weight = entry.int("weight", &log) ?? 1
        scheduling.preferredNodeTerms.append(
          WeightedNodeTerm(weight: weight, term: nodeTerm(term, &scheduling, &log)))
      }
    }
    for (key, sign) in [("podAffinity", 1), ("podAntiAffinity", -1)] {
      guard let pods = affinity.object(key, &log) else { continue }
      for term in pods.objects(required, &log) {
        let content = podTerm(term, &scheduling, &log)
        if sign > 0 { scheduling.affinity.append(content) } else { scheduling.antiAffinity.append(content) }
      }
      for entry in pods.objects(preferred, &log) {
        guard let term = entry.object("podAffinityTerm", &log) else { continue }
        let weight = sign * (entry.int("weight", &log) ?? 1)
        scheduling.preferredPods.append(
          WeightedPodTerm(weight: weight, term: podTerm(term, &scheduling, &log)))
      }
    }
  }

  private static func nodeTerm(
    _ term: ObjectFields, _ scheduling: inout PodScheduling, _ log: inout ReadingLog
  ) -> NodeSelectorTerm {
    if term.value("matchFields") != nil { note("nodeAffinity matchFields", &scheduling) }
    var requirements: [NodeRequirement] = []
    for entry in term.objects("matchExpressions", &log) {
      let name = entry.string("operator", &log) ?? ""
      guard let op = NodeRequirement.Operator(rawValue: name) else {
        let known = NodeRequirement.Operator.allCases.map(\.rawValue)
        log.wrong(
          entry.value("operator") ?? entry.node, entry.path.key("operator"),
          "expected one of " + known.joined(separator: ", "), suggestion: nearestName(to: name, in: known))
        continue
      }
      requirements.append(
        NodeRequirement(
          key: entry.string("key", &log) ?? "", op: op, values: entry.strings("values", &log)))
    }
    return NodeSelectorTerm(requirements)
  }

  private static func podTerm(
    _ term: ObjectFields, _ scheduling: inout PodScheduling, _ log: inout ReadingLog
  ) -> PodAffinityTerm {
    for key in ["namespaces", "namespaceSelector", "matchLabelKeys", "mismatchLabelKeys"]
    where term.value(key) != nil {
      note("pod affinity \(key)", &scheduling)
    }
    let selector = term.object("labelSelector", &log).map { WorkloadReader.readSelector($0, &log) }
    return PodAffinityTerm(
      selector: selector ?? .nothing, topologyKey: term.string("topologyKey", &log) ?? "")
  }

  private static func readSpread(
    _ constraint: ObjectFields, into scheduling: inout PodScheduling, _ log: inout ReadingLog
  ) {
    for key in ["minDomains", "matchLabelKeys", "nodeAffinityPolicy", "nodeTaintsPolicy"]
    where constraint.value(key) != nil {
      note("topologySpreadConstraints \(key)", &scheduling)
    }
    let mode = constraint.string("whenUnsatisfiable", &log) ?? "DoNotSchedule"
    if mode != "DoNotSchedule", mode != "ScheduleAnyway", let value = constraint.value("whenUnsatisfiable") {
      log.wrong(
        value, constraint.path.key("whenUnsatisfiable"), "expected DoNotSchedule or ScheduleAnyway")
    }
    let selector = constraint.object("labelSelector", &log).map { WorkloadReader.readSelector($0, &log) }
    scheduling.spread.append(
      TopologySpread(
        maxSkew: max(1, constraint.int("maxSkew", &log) ?? 1),
        topologyKey: constraint.string("topologyKey", &log) ?? "", isRequired: mode == "DoNotSchedule",
        selector: selector ?? .nothing))
  }

  private static func note(_ field: String, _ scheduling: inout PodScheduling) {
    if !scheduling.unmodelled.contains(field) { scheduling.unmodelled.append(field) }
  }

  // MARK: Nodes

  static func capacity(_ fields: ObjectFields, base: NodeCapacity, _ log: inout ReadingLog) -> NodeCapacity {
    var capacity = base
    if let cpu = fields.milli("cpu", &log) { capacity.cpuMillis = cpu }
    if let memory = fields.milli("memory", &log) { capacity.memory = memory / 1000 }
    if let pods = fields.milli("pods", &log) { capacity.pods = Int(pods / 1000) }
    return capacity
  }
}

extension LabelSelector {
  /// No selector at all selects no pod.
  static var nothing: LabelSelector {
    LabelSelector([:], matchExpressions: [LabelRequirement(key: "", op: .exists)])
  }
}
