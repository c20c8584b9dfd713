// SPDX-License-Identifier: GPL-3.0-or-later
//
// Deployments that the API server refuses for the way they are to be rolled out.

import SimKernel
import Testing

@testable import Cluster

@Suite struct RolloutValidationTests {
  static func deployment(_ change: (inout Workload) -> Void) -> Workload {
    var pod = PodSpec()
    pod.containers = [Container(name: "c")]
    var workload = Workload(
      kind: .deployment, metadata: ObjectMeta(name: "web"), selector: LabelSelector(["app": "web"]),
      templateLabels: ["app": "web"], template: pod)
    change(&workload)
    return workload
  }

  static let refused: [(Workload, String)] = [
    (
      deployment { ($0.maxSurge, $0.maxUnavailable) = (.int(0), .string("0%")) },
      #"spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "0%": may not be 0 when `maxSurge` is 0"#
    ),
    (
      deployment { $0.maxSurge = .string("abc") },
      #"spec.strategy.rollingUpdate.maxSurge: Invalid value: "abc": a valid percent string must be a "#
        + "numeric string followed by an ending '%'"
    ),
    (
      deployment { $0.maxSurge = .int(-1) },
      "spec.strategy.rollingUpdate.maxSurge: Invalid value: -1: must be greater than or equal to 0"
    ),
    (
      deployment { $0.maxUnavailable = .string("150%") },
      #"spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "150%": must not be greater than 100%"#
    ),
    (
      deployment { $0.minReady = .seconds(700) },
      "spec.progressDeadlineSeconds: Invalid value: 600: must be greater than minReadySeconds"
    ),
    (
      deployment { $0.minReady = .seconds(-1) },
      "spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0"
    ),
  ]

  @Test("a rollout that cannot be is refused with the API server's reason", arguments: refused)
  func aRolloutThatCannotBe(_ workload: Workload, _ reason: String) {
    do {
      _ = try ObjectValidation.admit(workload)
      Issue.record("accepted")
    } catch {
      #expect(error.causes == [reason])
    }
  }

  @Test(
    "what a rollout does not need may say anything",
    arguments: [
      deployment { ($0.maxSurge, $0.maxUnavailable) = (.int(0), .int(1)) },
      deployment { ($0.maxSurge, $0.maxUnavailable) = (.string("150%"), .int(0)) },
      deployment { ($0.recreates, $0.maxSurge, $0.maxUnavailable) = (true, .int(0), .int(0)) },
      deployment { ($0.minReady, $0.progressDeadline) = (.seconds(700), nil) },
    ])
  func whatARolloutDoesNotNeed(_ workload: Workload) throws {
    _ = try ObjectValidation.admit(workload)
  }
}
