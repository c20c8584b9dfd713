// SPDX-License-Identifier: GPL-3.0-or-later
//
// apps/v1 Deployment, ReplicaSet, StatefulSet and DaemonSet.

import Cluster
import SimKernel

enum WorkloadReader {
  static func read(
    _ kind: Workload.Kind, _ object: ObjectFields, _ metadata: ObjectMeta, _ log: inout ReadingLog
  ) -> Workload {
    object.check(.workload, &log)
    var workload = Workload(
      kind: kind, metadata: metadata, selector: LabelSelector([:]), templateLabels: [:], template: PodSpec())
    guard let spec = object.object("spec", &log) else {
      if object.value("spec") == nil { log.wrong(object.node, object.path.key("spec"), "expected a spec") }
      return workload
    }
    spec.check(.workloadSpec, &log)
    if kind != .daemonSet { workload.replicas = spec.int("replicas", &log) ?? 1 }
    if let seconds = spec.int("minReadySeconds", &log) {
      workload.minReady = SimDuration.seconds(1) * Int64(seconds)
    }
    if let selector = spec.object("selector", &log) { workload.selector = readSelector(selector, &log) }
    if let template = spec.object("template", &log) {
      template.check(.template, &log)
      if let metadata = template.object("metadata", &log) {
        metadata.check(.metadata, &log)
        workload.templateLabels = metadata.labels("labels", &log) ?? [:]
      }
      if let pod = template.object("spec", &log) { workload.template = PodReader.readSpec(pod, &log) }
    }
    workload.isPaused = spec.bool("paused", &log) ?? false
    if let seconds = spec.int("progressDeadlineSeconds", &log) {
      // The largest number means never (HasProgressDeadline).
      let isNever = seconds >= Int(Int32.max)
      workload.progressDeadline = isNever ? nil : SimDuration.seconds(1) * Int64(seconds)
    }
    workload.isParallel = spec.string("podManagementPolicy", &log) == "Parallel"
    readStrategy(spec, into: &workload, &log)
    return workload
  }

  private static func readStrategy(
    _ spec: ObjectFields, into workload: inout Workload, _ log: inout ReadingLog
  ) {
    let key = workload.kind == .deployment ? "strategy" : "updateStrategy"
    guard let strategy = spec.object(key, &log) else { return }
    strategy.check(.strategy, &log)
    workload.recreates = strategy.string("type", &log) == "Recreate"
    workload.updatesOnDelete = strategy.string("type", &log) == "OnDelete"
    guard let bounds = strategy.object("rollingUpdate", &log) else { return }
    bounds.check(.rollingUpdate, &log)
    workload.maxSurge = bounds.intOrString("maxSurge", &log) ?? workload.maxSurge
    workload.maxUnavailable = bounds.intOrString("maxUnavailable", &log) ?? workload.maxUnavailable
    workload.partition = max(0, bounds.int("partition", &log) ?? 0)
  }

  static func readSelector(_ fields: ObjectFields, _ log: inout ReadingLog) -> LabelSelector {
    fields.check(.selector, &log)
    var selector = LabelSelector(fields.labels("matchLabels", &log) ?? [:])
    for requirement in fields.objects("matchExpressions", &log) {
      requirement.check(.requirement, &log)
      let name = requirement.string("operator", &log) ?? ""
      guard let op = LabelRequirement.Operator(rawValue: name) else {
        let known = LabelRequirement.Operator.allCases.map(\.rawValue)
        log.wrong(
          requirement.value("operator") ?? requirement.node, requirement.path.key("operator"),
          "expected one of " + known.joined(separator: ", "), suggestion: nearestName(to: name, in: known))
        continue
      }
      selector.matchExpressions.append(
        LabelRequirement(
          key: requirement.string("key", &log) ?? "", op: op, values: requirement.strings("values", &log)))
    }
    return selector
  }
}
