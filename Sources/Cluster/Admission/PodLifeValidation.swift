// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the API server refuses of probes, hooks and init containers (VAL: validateProbe, validateHandler,
// validateSleepAction, validateInitContainers; FACTS A).

import SimKernel

extension FieldErrors {
  /// - Parameter path: of the pod's spec.
  mutating func checkLife(_ path: String, _ spec: PodSpec) {
    for (index, container) in spec.initContainers.enumerated() {
      checkInitContainer("\(path).initContainers[\(index)]", container)
    }
    for (index, container) in spec.containers.enumerated() {
      let path = "\(path).containers[\(index)]"
      checkProbe(path + ".livenessProbe", container.livenessProbe, .liveness)
      checkProbe(path + ".readinessProbe", container.readinessProbe, .readiness)
      checkProbe(path + ".startupProbe", container.startupProbe, .startup)
      checkPreStop(path + ".lifecycle.preStop", container.preStop, grace: spec.terminationGracePeriod)
      for (number, port) in container.ports.enumerated() where port.hostPort != 0 {
        let path = "\(path).ports[\(number)]"
        checkPort(path + ".hostPort", port.hostPort)
        if spec.hostNetwork, port.hostPort != port.containerPort {
          invalid(
            path + ".containerPort", port.containerPort, "must match `hostPort` when `hostNetwork` is true")
        }
      }
    }
  }

  private mutating func checkInitContainer(_ path: String, _ container: Container) {
    if container.name.isEmpty { required(path + ".name") }
    let message = "may not be set for init containers without restartPolicy=Always"
    if container.preStop != nil { forbidden(path + ".lifecycle", message) }
    if container.livenessProbe != nil { forbidden(path + ".livenessProbe", message) }
    if container.readinessProbe != nil { forbidden(path + ".readinessProbe", message) }
    if container.startupProbe != nil { forbidden(path + ".startupProbe", message) }
  }

  private mutating func checkProbe(_ path: String, _ probe: Probe?, _ kind: ProbeWorker.Kind) {
    guard let probe else { return }
    if probe.handlers.isEmpty { required(path, "must specify a handler type") }
    for handler in probe.handlers.dropFirst() {
      forbidden("\(path).\(handler.rawValue)", "may not specify more than 1 handler type")
    }
    let numbers = [
      ("initialDelaySeconds", probe.initialDelay.wholeSeconds), ("timeoutSeconds", probe.timeout.wholeSeconds),
      ("periodSeconds", probe.period.wholeSeconds), ("successThreshold", probe.successThreshold),
      ("failureThreshold", probe.failureThreshold),
    ]
    for (name, value) in numbers where value < 0 {
      invalid("\(path).\(name)", value, "must be greater than or equal to 0")
    }
    if kind != .readiness, probe.successThreshold != 1 {
      invalid(path + ".successThreshold", probe.successThreshold, "must be 1")
    }
    guard let grace = probe.terminationGracePeriod?.wholeSeconds else { return }
    let name = path + ".terminationGracePeriodSeconds"
    if kind == .readiness {
      invalid(name, grace, "must not be set for readinessProbes")
    } else if grace <= 0 {
      invalid(name, grace, "must be greater than 0")
    }
  }

  private mutating func checkPreStop(_ path: String, _ hook: PreStopHook?, grace: SimDuration) {
    guard case .sleep(let time) = hook, time < .zero || time > grace else { return }
    invalid(
      path + ".sleep", time.wholeSeconds,
      "must be non-negative and less than terminationGracePeriodSeconds (\(grace.wholeSeconds))")
  }
}

extension SimDuration {
  fileprivate var wholeSeconds: Int { Int(nanoseconds / 1_000_000_000) }
}
