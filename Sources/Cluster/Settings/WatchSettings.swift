// SPDX-License-Identifier: GPL-3.0-or-later
//
// How the API server's news reach those who watch it, and how long everybody needs after an outage of it.

import SimKernel
import SimRandom

public struct WatchSettings: Sendable, Equatable {
  /// A watch is closed after a time between this and twice this, and taken up again where it ended: 5 min
  /// (k/k staging client-go/tools/cache/reflector.go, minWatchTimeout). Zero: never.
  public var timeout: SimDuration = .minutes(5)
  /// Watch closed → open again. Assumed: a round trip and a new request on an open connection.
  public var reconnect: Distribution = .uniform(low: 0.002, high: 0.01)
  /// API server back → the controllers work again, after an outage in which kube-controller-manager lost its
  /// lease (renew deadline 10 s) and exited. Assumed: its restart and the next try for the lease.
  public var controllersReturn: Distribution = .uniform(low: 2, high: 15)

  public init() {}

  /// `--leader-elect-renew-deadline` (k/k staging component-base/config/v1alpha1/defaults.go).
  static var renewDeadline: SimDuration { .seconds(10) }
  /// `--leader-elect-retry-period` (as above): the controllers' next try after a shorter outage.
  static var retryPeriod: SimDuration { .seconds(2) }
  /// The kubelet sends statuses that it could not send at its next sync of all (syncPeriod in k/k
  /// pkg/kubelet/status/status_manager.go) and its node status as often.
  static var kubeletPeriod: SimDuration { .seconds(10) }
}
