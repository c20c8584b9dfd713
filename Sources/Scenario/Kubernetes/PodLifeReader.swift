// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a manifest says about the life of pods: probes with the API's defaults, preStop hooks, images, restart
// policy. A field of the wrong type is a mistake at its place; values that the API would refuse are left to it.

import Cluster
import SimKernel

extension PodReader {
  static func readLife(_ fields: ObjectFields, into spec: inout PodSpec, _ log: inout ReadingLog) {
    spec.priorityClassName = fields.string("priorityClassName", &log)
    if let policy = word(fields, "restartPolicy", RestartPolicy.self, &log) { spec.restartPolicy = policy }
  }

  static func readLife(_ fields: ObjectFields, into container: inout Container, _ log: inout ReadingLog) {
    container.image = fields.string("image", &log) ?? ""
    container.imagePullPolicy = word(fields, "imagePullPolicy", ImagePullPolicy.self, &log)
    container.startupProbe = probe(fields, "startupProbe", &log)
    container.readinessProbe = probe(fields, "readinessProbe", &log)
    container.livenessProbe = probe(fields, "livenessProbe", &log)
    guard let lifecycle = fields.object("lifecycle", &log) else { return }
    lifecycle.check(.lifecycle, &log)
    if let hook = lifecycle.object("preStop", &log) { container.preStop = preStop(hook, &log) }
  }

  private static func word<W: RawRepresentable & CaseIterable>(
    _ fields: ObjectFields, _ key: String, _ type: W.Type, _ log: inout ReadingLog
  ) -> W? where W.RawValue == String {
    guard let text = fields.string(key, &log), !text.isEmpty, let value = fields.value(key) else { return nil }
    if let found = W(rawValue: text) { return found }
    let known = W.allCases.map(\.rawValue)
    log.wrong(
      value, fields.path.key(key), "expected one of " + known.joined(separator: ", "),
      suggestion: nearestName(to: text, in: known))
    return nil
  }

  private static func probe(_ fields: ObjectFields, _ key: String, _ log: inout ReadingLog) -> Probe? {
    guard let content = fields.object(key, &log) else { return nil }
    content.check(.probe, &log)
    var probe = Probe(handlers: Probe.Handler.allCases.filter { content.value($0.rawValue) != nil })
    // Zero means the default, as for the API server, which does not tell it from nothing.
    func seconds(_ name: String, _ log: inout ReadingLog) -> SimDuration? {
      content.int(name, &log).flatMap { $0 == 0 ? nil : SimDuration.seconds(1) * Int64($0) }
    }
    func count(_ name: String, _ log: inout ReadingLog) -> Int? {
      content.int(name, &log).flatMap { $0 == 0 ? nil : $0 }
    }
    probe.initialDelay = seconds("initialDelaySeconds", &log) ?? probe.initialDelay
    probe.period = seconds("periodSeconds", &log) ?? probe.period
    probe.timeout = seconds("timeoutSeconds", &log) ?? probe.timeout
    probe.successThreshold = count("successThreshold", &log) ?? probe.successThreshold
    probe.failureThreshold = count("failureThreshold", &log) ?? probe.failureThreshold
    probe.terminationGracePeriod = content.int("terminationGracePeriodSeconds", &log).map {
      SimDuration.seconds(1) * Int64($0)
    }
    return probe
  }

  private static func preStop(_ hook: ObjectFields, _ log: inout ReadingLog) -> PreStopHook {
    hook.check(.lifecycleHandler, &log)
    if let sleep = hook.object("sleep", &log) {
      return .sleep(SimDuration.seconds(1) * Int64(sleep.int("seconds", &log) ?? 0))
    }
    guard let exec = hook.object("exec", &log),
      let time = SleepCommand.duration(exec.strings("command", &log))
    else { return .unknown }
    return .command(time)
  }
}

/// Commands that do nothing but wait: `sleep 5`, also by way of a shell.
enum SleepCommand {
  /// nil: the command does something else.
  static func duration(_ command: [String]) -> SimDuration? {
    var words = command
    if words.count == 3, words[1] == "-c", let shell = words[0].split(separator: "/").last,
      ["sh", "bash", "ash", "dash"].contains(shell)
    {
      words = words[2].split(whereSeparator: { $0 == " " || $0 == ";" }).map(String.init)
    }
    guard words.count == 2, words[0].split(separator: "/").last == "sleep" else { return nil }
    return seconds(words[1])
  }

  /// sleep(1): a number, with s, m, h or d behind it if wanted.
  private static func seconds(_ text: String) -> SimDuration? {
    let units: [Character: Double] = ["s": 1, "m": 60, "h": 3600, "d": 86400]
    var number = text[...]
    var factor = 1.0
    if let last = number.last, let unit = units[last] {
      number = number.dropLast()
      factor = unit
    }
    guard let value = Double(number), value.isFinite, value >= 0 else { return nil }
    return SimDuration(seconds: value * factor)
  }
}
