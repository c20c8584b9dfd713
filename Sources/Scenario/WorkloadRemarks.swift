// SPDX-License-Identifier: GPL-3.0-or-later
//
// What workloads ask for and the model does not have: told by name before a run.

import Cluster

extension ScenarioFile {
  /// Sentences about workloads and pods; empty if everything they ask for is modelled.
  var workloadRemarks: [String] {
    var owners: [String: [String]] = [:]
    var order: [String] = []
    func note(_ field: String, _ owner: String) {
      if owners[field] == nil { order.append(field) }
      owners[field, default: []].append(owner)
    }
    for object in objects {
      switch object {
      case .workload(let workload):
        let name = "\(workload.kind.rawValue) \(workload.metadata.namespacedName)"
        for field in workload.template.scheduling.unmodelled { note(field, name) }
        if workload.kind == .statefulSet, cluster.minorVersion < 35, workload.maxUnavailable != .int(1) {
          note("maxUnavailable (StatefulSets have it from 1.35 on)", name)
        }
      case .pod(let pod):
        for field in pod.spec.scheduling.unmodelled { note(field, "Pod \(pod.metadata.namespacedName)") }
      default: break
      }
    }
    return order.map {
      "the scheduler and controllers do without \($0): \(owners[$0]!.joined(separator: ", "))"
    }
  }
}
