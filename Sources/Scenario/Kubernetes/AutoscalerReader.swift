// SPDX-License-Identifier: GPL-3.0-or-later
//
// autoscaling/v2 HorizontalPodAutoscaler. One metric is modelled: the mean utilisation of cpu. An autoscaler
// with another one cannot be run, since it would follow a number that nobody has.

import Cluster
import SimKernel

enum AutoscalerReader {
  static func read(
    _ object: ObjectFields, _ metadata: ObjectMeta, _ log: inout ReadingLog
  ) -> HorizontalPodAutoscaler? {
    object.check(.workload, &log)
    guard let spec = object.object("spec", &log) else {
      if object.value("spec") == nil { log.wrong(object.node, object.path.key("spec"), "expected a spec") }
      return nil
    }
    spec.check(.autoscalerSpec, &log)
    guard let target = spec.object("scaleTargetRef", &log), let name = target.string("name", &log),
      let kind = target.string("kind", &log)
    else {
      log.wrong(spec.node, spec.path.key("scaleTargetRef"), "expected kind and name of what is scaled")
      return nil
    }
    guard let written = spec.value("maxReplicas") else {
      log.diagnostics.append(
        Diagnostic(
          position: spec.node.position, path: spec.path.text,
          message: "missing key \"maxReplicas\": an integer from 1 to \(Int32.max)"))
      return nil
    }
    guard let most = spec.int("maxReplicas", &log) else { return nil }
    guard (1...Int(Int32.max)).contains(most) else {
      log.wrong(written, spec.path.key("maxReplicas"), "expected an integer from 1 to \(Int32.max)")
      return nil
    }
    var scaler = HorizontalPodAutoscaler(
      metadata: metadata, targetKind: kind, targetName: name, maxReplicas: most)
    scaler.minReplicas = spec.int("minReplicas", &log) ?? 1
    if scaler.minReplicas < 0 || scaler.minReplicas > most, let value = spec.value("minReplicas") {
      log.wrong(value, spec.path.key("minReplicas"), "expected 0 to maxReplicas, \(most)")
    }
    readMetrics(spec, into: &scaler, &log)
    if let behavior = spec.object("behavior", &log) {
      if let rules = behavior.object("scaleUp", &log) { readRules(rules, into: &scaler.scaleUp, &log) }
      if let rules = behavior.object("scaleDown", &log) { readRules(rules, into: &scaler.scaleDown, &log) }
    }
    return scaler
  }

  private static func readMetrics(
    _ spec: ObjectFields, into scaler: inout HorizontalPodAutoscaler, _ log: inout ReadingLog
  ) {
    for metric in spec.objects("metrics", &log) {
      let resource = metric.object("resource", &log)
      let target = resource?.object("target", &log)
      guard metric.string("type", &log) == "Resource", resource?.string("name", &log) == "cpu",
        target?.string("type", &log) == "Utilization",
        let utilization = target?.int("averageUtilization", &log)
      else {
        log.unmodelled("HorizontalPodAutoscaler metric", metric.node.position)
        continue
      }
      if utilization < 1 {
        log.wrong(metric.node, metric.path, "expected an averageUtilization of at least 1")
      }
      scaler.targetUtilization = max(1, utilization)
    }
  }

  private static func readRules(
    _ fields: ObjectFields, into rules: inout ScalingRules, _ log: inout ReadingLog
  ) {
    if let seconds = fields.int("stabilizationWindowSeconds", &log) {
      rules.stabilization = SimDuration.seconds(1) * Int64(max(0, min(seconds, 3600)))
    }
    if let text = fields.string("selectPolicy", &log) {
      if let selection = ScalingRules.Selection(rawValue: text) {
        rules.selection = selection
      } else if let value = fields.value("selectPolicy") {
        log.wrong(value, fields.path.key("selectPolicy"), "expected Max, Min or Disabled")
      }
    }
    if let tolerance = fields.milli("tolerance", &log) { rules.tolerance = Double(tolerance) / 1000 }
    let policies = fields.objects("policies", &log).compactMap { readPolicy($0, &log) }
    if !policies.isEmpty { rules.policies = policies }
  }

  private static func readPolicy(_ fields: ObjectFields, _ log: inout ReadingLog) -> ScalingRules.Policy? {
    guard let kind = fields.string("type", &log).flatMap({ ScalingRules.Policy.Kind(rawValue: $0) }) else {
      log.wrong(fields.node, fields.path.key("type"), "expected Pods or Percent")
      return nil
    }
    guard let value = fields.int("value", &log), value > 0,
      let seconds = fields.int("periodSeconds", &log), (1...1800).contains(seconds)
    else {
      log.wrong(fields.node, fields.path, "expected a value above 0 and periodSeconds of 1 to 1800")
      return nil
    }
    return ScalingRules.Policy(kind, value: value, period: SimDuration.seconds(1) * Int64(seconds))
  }
}
