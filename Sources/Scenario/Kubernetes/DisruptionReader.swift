// SPDX-License-Identifier: GPL-3.0-or-later
//
// policy/v1 PodDisruptionBudget.

import Cluster

enum DisruptionReader {
  static func read(
    _ object: ObjectFields, _ metadata: ObjectMeta, _ log: inout ReadingLog
  ) -> PodDisruptionBudget {
    object.check(.workload, &log)
    var budget = PodDisruptionBudget(metadata: metadata, selector: nil)
    guard let spec = object.object("spec", &log) else {
      if object.value("spec") == nil { log.wrong(object.node, object.path.key("spec"), "expected a spec") }
      return budget
    }
    spec.check(.budgetSpec, &log)
    budget.selector = spec.object("selector", &log).map { WorkloadReader.readSelector($0, &log) }
    budget.minAvailable = bound("minAvailable", spec, &log)
    budget.maxUnavailable = bound("maxUnavailable", spec, &log)
    if budget.minAvailable != nil, budget.maxUnavailable != nil, let value = spec.value("maxUnavailable") {
      log.wrong(
        value, spec.path.key("maxUnavailable"), "minAvailable and maxUnavailable cannot be both set")
    }
    if let text = spec.string("unhealthyPodEvictionPolicy", &log) {
      if let policy = PodDisruptionBudget.UnhealthyPodEviction(rawValue: text) {
        budget.unhealthyPodEviction = policy
      } else if let value = spec.value("unhealthyPodEvictionPolicy") {
        log.wrong(
          value, spec.path.key("unhealthyPodEvictionPolicy"), "expected IfHealthyBudget or AlwaysAllow")
      }
    }
    return budget
  }

  private static func bound(_ key: String, _ spec: ObjectFields, _ log: inout ReadingLog) -> IntOrString? {
    guard let bound = spec.intOrString(key, &log), let value = spec.value(key) else { return nil }
    switch bound {
    case .int(let number) where number >= 0: return bound
    case .string(let text) where isPercentage(text): return bound
    default:
      log.wrong(value, spec.path.key(key), "expected a number of pods or a percentage such as 50%")
      return nil
    }
  }

  private static func isPercentage(_ text: String) -> Bool {
    text.hasSuffix("%") && Int(text.dropLast()).map { (0...100).contains($0) } ?? false
  }
}
