// SPDX-License-Identifier: GPL-3.0-or-later
//
// Whether a workload says how it is rolled out in a way that the API server accepts (k/k
// `pkg/apis/apps/validation`: ValidateDeploymentSpec, ValidateRollingUpdateDeployment,
// ValidatePositiveIntOrPercent, IsNotMoreThan100Percent).

import SimKernel

extension FieldErrors {
  /// Bounds of a rolling update, and the times that go with it.
  mutating func checkRollout(_ workload: Workload) {
    if workload.minReady < .zero {
      invalid("spec.minReadySeconds", Int(workload.minReady.seconds), "must be greater than or equal to 0")
    }
    guard workload.kind == .deployment else { return }
    if let deadline = workload.progressDeadline {
      let seconds = Int(deadline.seconds)
      if deadline < .zero {
        invalid("spec.progressDeadlineSeconds", seconds, "must be greater than or equal to 0")
      }
      if deadline <= workload.minReady {
        invalid("spec.progressDeadlineSeconds", seconds, "must be greater than minReadySeconds")
      }
    }
    if !workload.recreates { checkRollingUpdate("spec.strategy.rollingUpdate", workload) }
  }

  private mutating func checkRollingUpdate(_ path: String, _ workload: Workload) {
    let bounds = [("maxUnavailable", workload.maxUnavailable), ("maxSurge", workload.maxSurge)]
    for (name, value) in bounds { checkBound("\(path).\(name)", value) }
    if bounds.allSatisfy({ Self.number($0.1) == 0 }) {
      invalid(
        path + ".maxUnavailable", json: Self.json(workload.maxUnavailable),
        "may not be 0 when `maxSurge` is 0")
    }
    if case .string = workload.maxUnavailable, let share = Self.number(workload.maxUnavailable), share > 100 {
      invalid(
        path + ".maxUnavailable", json: Self.json(workload.maxUnavailable), "must not be greater than 100%")
    }
  }

  private mutating func checkBound(_ path: String, _ value: IntOrString) {
    switch value {
    case .int(let count) where count < 0: invalid(path, count, "must be greater than or equal to 0")
    case .string(let text) where Self.number(value) == nil:
      invalid(path, text, "a valid percent string must be a numeric string followed by an ending '%'")
    default: break
    }
  }

  /// The count or the percentage; nil if it is neither.
  private static func number(_ value: IntOrString) -> Int? {
    switch value {
    case .int(let count): return count
    case .string(let text):
      guard text.last == "%", text.dropLast().allSatisfy({ $0.isASCII && $0.isNumber }) else { return nil }
      return Int(text.dropLast())
    }
  }

  private static func json(_ value: IntOrString) -> String {
    if case .string(let text) = value { return "\"\(text)\"" }
    return value.description
  }
}
