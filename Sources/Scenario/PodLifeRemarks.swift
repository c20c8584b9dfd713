// SPDX-License-Identifier: GPL-3.0-or-later
//
// What manifests say of the life of pods and the run will do otherwise: a preStop hook that the scenario
// replaces, one whose duration nobody can read, one that this version of Kubernetes does not know.

import Cluster
import NetworkTypes
import Traffic

extension ScenarioFile {
  /// Sentences, each about the pods that it names; empty if the run does what the manifests say.
  public var podLifeRemarks: [String] {
    var replaced: [String] = []
    var unknown: [String] = []
    var dropped: [String] = []
    for (name, labels, spec) in podTemplates {
      let hooks = spec.containers.compactMap(\.preStop)
      guard !hooks.isEmpty else { continue }
      if server(of: name, labels)?.preStop != nil {
        replaced.append("\(name)")
        continue
      }
      if hooks.contains(.unknown) { unknown.append("\(name)") }
      let sleeps = hooks.contains { if case .sleep = $0 { true } else { false } }
      if sleeps, !Behaviours.preStopSleep.value(in: cluster.minorVersion) { dropped.append("\(name)") }
    }
    var remarks: [String] = []
    if !replaced.isEmpty {
      remarks.append("\"preStop\" of the servers replaces the hooks in the manifests of \(list(replaced))")
    }
    if !unknown.isEmpty {
      remarks.append(
        "how long the preStop hook of \(list(unknown)) takes is not known and taken as nothing; "
          + "set \"preStop\" of its server")
    }
    if !dropped.isEmpty {
      remarks.append(
        "Kubernetes 1.\(cluster.minorVersion) does not know preStop hooks of kind sleep and drops those of "
          + list(dropped))
    }
    return remarks
  }

  private func list(_ names: [String]) -> String { names.joined(separator: ", ") }

  /// Pods and templates from the beginning and those that events bring.
  private var podTemplates: [(NamespacedName, Labels, PodSpec)] {
    var found: [(NamespacedName, Labels, PodSpec)] = []
    var all = objects
    for event in events { if case .apply(let more) = event.action { all += more } }
    for object in all {
      switch object {
      case .pod(let pod): found.append((pod.metadata.namespacedName, pod.metadata.labels, pod.spec))
      case .workload(let workload):
        found.append((workload.metadata.namespacedName, workload.templateLabels, workload.template))
      default: break
      }
    }
    return found
  }

  /// The first server that describes a pod, as the run takes it.
  private func server(of pod: NamespacedName, _ labels: Labels) -> ServerSettings? {
    servers.first {
      guard case .pods(let namespace, let wanted) = $0.place else { return false }
      return namespace == pod.namespace && LabelSelector(wanted).matches(labels)
    }
  }
}
