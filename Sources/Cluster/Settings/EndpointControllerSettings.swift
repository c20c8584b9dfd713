// SPDX-License-Identifier: GPL-3.0-or-later
//
// How the controllers that write EndpointSlices are run: flags of kube-controller-manager, and the times that
// no flag sets.

import SimKernel
import SimRandom

/// The EndpointSlice controller; the mirroring controller shares its rate limits and times, each has a client
/// and workers of its own.
public struct EndpointControllerSettings: Sendable, Equatable {
  /// `--concurrent-service-endpoint-syncs`: Services that are worked on at the same time. Default 5 (k/k
  /// pkg/controller/endpointslice/config/v1alpha1/defaults.go).
  public var workers = 5
  /// `--max-endpoints-per-slice` (FACTS B).
  public var endpointsPerSlice = 100
  /// `--endpointslice-updates-batch-period`: a change of a pod waits so long for others (FACTS B).
  public var batchPeriod: SimDuration = .zero
  /// `--kube-api-qps` and `--kube-api-burst` of kube-controller-manager, 20 and 30, for each controller's
  /// client (k/k PR 47731).
  public var apiQPS = 20.0
  public var apiBurst = 30
  /// A worker's time from taking a Service to its first slice written, and from each slice to the next. The
  /// first is part of `timing.endpointController`. Assumed: one write to etcd.
  public var writeTime: SimDuration = .milliseconds(5)
  /// A slice written → the controller's own informer has it. A sync that begins before is put off by a
  /// second and more (k/k pkg/controller/endpointslice, StaleSlices). Assumed: one watch delivery.
  public var ownWatch: Distribution = .uniform(low: 0.002, high: 0.01)
  /// The same for Endpoints that are copied into slices.
  public var mirroring = MirroringSettings()

  public init() {}
}

/// The mirroring controller (KEP-752; k/k pkg/controller/endpointslicemirroring/config).
public struct MirroringSettings: Sendable, Equatable {
  /// `--mirroring-concurrent-service-endpoint-syncs`
  public var workers = 5
  /// `--mirroring-max-endpoints-per-subset`: addresses beyond it are not mirrored (FACTS B).
  public var endpointsPerSubset = 1000
  /// `--mirroring-endpointslice-updates-batch-period`
  public var batchPeriod: SimDuration = .zero

  public init() {}
}
