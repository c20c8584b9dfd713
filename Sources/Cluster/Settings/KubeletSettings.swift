// SPDX-License-Identifier: GPL-3.0-or-later
//
// How the kubelets of a cluster work: what a start takes beside the containers themselves, how soon a change
// is noticed and reported, how long a crashing container waits. What manifests say (probes, hooks, grace
// periods) is not here.

import SimKernel
import SimRandom

public struct KubeletSettings: Sendable, Equatable {
  /// What a container without a readiness probe counts as.
  public enum Unprobed: String, Sendable, CaseIterable {
    /// Ready as soon as it runs, as in Kubernetes (k/k pkg/kubelet/prober/prober_manager.go).
    case whenRunning
    /// Ready while the application answers, as if a probe looked at every instant.
    case whenAnswering
  }

  /// Time between two looks of the PLEG at the container runtime (k/k pkg/kubelet/kubelet.go
  /// genericPlegRelistPeriod).
  public var relistPeriod: SimDuration = .seconds(1)
  /// The runtime tells of changes itself (feature gate EventedPLEG, off by default): seen at once.
  public var isEvented = false
  /// One status update: reading and patching the Pod object. Assumed.
  public var statusWrite: Distribution = .uniform(low: 0.005, high: 0.03)
  /// `kubeAPIQPS` and `kubeAPIBurst`; nil = by version: 50 and 100 from 1.27 on, 5 and 10 before
  /// (k/k PR 116121).
  public var apiQPS: Int?
  public var apiBurst: Int?
  /// Pull of an image that the node does not have. Assumed.
  public var imagePull: Distribution = .lognormal(median: 3, sigma: 0.6, min: nil, max: 120)
  /// Asking the registry whether a present image is current (imagePullPolicy Always). Assumed.
  public var imageCheck: Distribution = .uniform(low: 0.1, high: 0.5)
  /// `serializeImagePulls`: one pull at a time on a node (KubeletConfiguration default).
  public var serializesPulls = true
  /// How long an init container runs. Assumed.
  public var initContainer: Distribution = .uniform(low: 0.5, high: 2)
  /// Making and starting a container once more in its pod's sandbox. Assumed.
  public var containerStart: Distribution = .uniform(low: 0.1, high: 0.5)
  /// First and longest wait before a container that keeps ending is started again (FACTS F2).
  /// KubeletConfiguration crashLoopBackOff.maxContainerRestartPeriod changes the longest, from 1.32 (alpha)
  /// and 1.35 (beta) on (KEP-5593); the gate ReduceDefaultCrashLoopBackOffDecay (alpha from 1.33) makes them
  /// 1 s and 60 s (KEP-4603).
  public var crashLoopFirst: SimDuration = .seconds(10)
  public var crashLoopLongest: SimDuration = .seconds(300)
  /// `shutdownGracePeriod`; zero = off (KubeletConfiguration default).
  public var shutdownGracePeriod: SimDuration = .zero
  /// `shutdownGracePeriodCriticalPods`: the part of it that is kept for critical pods.
  public var shutdownGracePeriodCriticalPods: SimDuration = .zero
  public var unprobed = Unprobed.whenRunning

  public init() {}

  /// Requests per second and burst in force.
  public func apiLimit(minorVersion: Int) -> (qps: Int, burst: Int) {
    let isFast = Behaviours.fasterKubeletClient.value(in: minorVersion)
    return (apiQPS ?? (isFast ? 50 : 5), apiBurst ?? (isFast ? 100 : 10))
  }
}
