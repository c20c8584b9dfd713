// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a PodDisruptionBudget allows, from the pods and controllers that the API has
// (k/k pkg/controller/disruption/disruption.go; pkg/registry/core/pod/storage/eviction.go).

import SimKernel

/// `status` of a PodDisruptionBudget.
struct DisruptionCount: Sendable, Equatable {
  var expected = 0
  var healthy = 0
  var desired = 0
  var allowed = 0

  /// How long an eviction that was granted counts against the budget while its pod is still there
  /// (DeletionTimeout).
  static var evictionMemory: SimDuration { .seconds(120) }

  init() {}

  /// - Parameters:
  ///   - matching: pods that the selector names, terminating ones included.
  ///   - scale: sum of the replicas that the pods' controllers want.
  ///   - healthy: pods that are Ready, not terminating and not being evicted.
  init(_ budget: PodDisruptionBudget, matching: Int, scale: Int, healthy: Int) {
    self.healthy = healthy
    if let most = budget.maxUnavailable {
      expected = scale
      desired = max(0, scale - RollingUpdate.number(most, of: scale, roundingUp: true))
    } else if case .int(let least) = budget.minAvailable {
      expected = matching
      desired = max(0, least)
    } else if let least = budget.minAvailable {
      expected = scale
      desired = RollingUpdate.number(least, of: scale, roundingUp: true)
    }
    allowed = expected > 0 ? max(0, healthy - desired) : 0
  }

  enum Answer: Equatable {
    /// Deleted; `counts`: it used up a part of the budget.
    case granted(counts: Bool)
    /// 429 TooManyRequests.
    case refused
  }

  /// The API server's answer to an eviction.
  func answer(podIsReady: Bool, policy: PodDisruptionBudget.UnhealthyPodEviction) -> Answer {
    if !podIsReady {
      if policy == .alwaysAllow { return .granted(counts: false) }
      if healthy >= desired, desired > 0 { return .granted(counts: false) }
    }
    return allowed > 0 ? .granted(counts: true) : .refused
  }
}
