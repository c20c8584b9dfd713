// SPDX-License-Identifier: GPL-3.0-or-later
//
// How long one part of the cluster takes to learn of another.

import SimKernel
import SimRandom

/// Delays by which one part of the cluster learns of another. Every distribution is in seconds.
public struct TimingSettings: Sendable, Equatable {
  /// Container, process or readiness changed → the pod's status in the API, as one delay instead of the
  /// kubelet's own ways (`KubeletSettings`); nil: by these.
  public var kubeletStatus: Distribution?
  /// Pod object written → its kubelet acts on it. Assumed: one watch delivery.
  public var kubeletWatch: Distribution = .uniform(low: 0.005, high: 0.05)
  /// Sandbox, network and containers of a pod, from its kubelet's first look to running processes, without
  /// pulls and init containers. Assumed; the SLO is p99 ≤ 5 s (FACTS F5).
  public var podStart: Distribution = .lognormal(median: 1.5, sigma: 0.4, min: nil, max: 30)
  /// Process started → the application listens and would answer its probes. Assumed.
  public var podReady: Distribution = .uniform(low: 0.5, high: 2)
  /// Pod pending → bound to a node. Assumed.
  public var scheduler: Distribution = .uniform(low: 0.005, high: 0.05)
  /// Workload controller's reaction to a missing or surplus pod. Assumed.
  public var workloadController: Distribution = .uniform(low: 0.005, high: 0.05)
  /// Pod or Service changed in the API → EndpointSlice written; golden/dynamics saw it within 50 ms.
  public var endpointController: Distribution = .uniform(low: 0.01, high: 0.05)
  /// API write → kube-proxy's informer on one node has it. Assumed.
  public var proxyWatch: Distribution = .uniform(low: 0.002, high: 0.02)
  /// Duration of one kube-proxy sync, whatever it writes; nil: worked out by
  /// `ClusterSettings.syncCalibration`.
  public var proxySync: Distribution?
  /// Share of the sync after which the filter table is committed; nat follows at its end. nil: worked out, or
  /// one half beside a given `proxySync`.
  public var filterCommitShare: Double?
  /// kube-proxy process: exit → first sync of the new process begins. Assumed.
  public var proxyRestart: Distribution = .uniform(low: 2, high: 5)
  /// The last part of `proxyRestart`: the new process has removed other modes' rules and asks the API for its
  /// lists → first sync begins. Assumed.
  public var proxyListing: Distribution = .uniform(low: 0.3, high: 1)
  /// Between two renewals of a node's lease: a quarter of its duration of 40 s, and up to 4 % more
  /// (k/k component-helpers lease/controller.go: JitterUntil with factor 0.04).
  public var leaseRenewal: Distribution = .uniform(low: 10, high: 10.4)
  /// node-monitor-period: 5 s (FACTS F1).
  public var nodeMonitorPeriod: SimDuration = .seconds(5)
  /// node-monitor-grace-period; nil = by version: 40 s up to 1.31, 50 s from 1.32 (FACTS F1).
  public var nodeMonitorGrace: SimDuration?
  /// Toleration of not-ready and unreachable before pods are evicted: 300 s (FACTS F1).
  public var evictionToleration: SimDuration = .seconds(300)
  /// Node address changed → Node object updated: kubelet's status period of 10 s, random phase (FACTS J).
  public var nodeAddressUpdate: Distribution = .uniform(low: 0, high: 10)
  /// Node object updated → routes or overlay peers on other nodes updated. Assumed; CNI-specific.
  public var routePropagation: Distribution = .uniform(low: 0.1, high: 2)
  /// A node's boot: power-on → kubelet, kube-proxy and pods may start. Assumed.
  public var nodeBoot: Distribution = .uniform(low: 20, high: 40)

  public init() {}
}
