// SPDX-License-Identifier: GPL-3.0-or-later
//
// What workloads ask for and the model does not have: told by name before a run.

import Cluster
import SimKernel

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
        if workload.kind == .statefulSet, workload.maxUnavailable != .int(1),
          !Behaviours.statefulSetMaxUnavailable.value(in: cluster.minorVersion)
        {
          note("maxUnavailable (StatefulSets have it from 1.35 on)", name)
        }
      case .pod(let pod):
        for field in pod.spec.scheduling.unmodelled { note(field, "Pod \(pod.metadata.namespacedName)") }
      default: break
      }
    }
    let unmodelled = order.map {
      "the scheduler and controllers do without \($0): \(owners[$0]!.joined(separator: ", "))"
    }
    return unmodelled + autoscalerRemarks + lateEventRemarks
  }

  /// The API server takes an autoscaler whose target does not exist or cannot be scaled, and so does a run.
  private var autoscalerRemarks: [String] {
    var scalable: Set<String> = []
    for case .workload(let workload) in objects where workload.kind != .daemonSet {
      scalable.insert("\(workload.kind.rawValue) \(workload.metadata.namespacedName)")
    }
    var remarks: [String] = []
    for case .horizontalPodAutoscaler(let scaler) in objects {
      let target = "\(scaler.targetKind) \(scaler.metadata.namespace)/\(scaler.targetName)"
      if !scalable.contains(target) {
        remarks.append(
          "HorizontalPodAutoscaler \(scaler.metadata.namespacedName) has nothing to scale: there is no \(target)"
        )
      }
    }
    return remarks
  }

  /// After `duration` a run goes on until every attempt is decided, and no longer.
  private var lateEventRemarks: [String] {
    events.enumerated().filter { $0.element.at > SimTime.zero + duration }.map {
      "events[\($0.offset)] comes after the duration of the run: it happens only if attempts are open then"
    }
  }
}
