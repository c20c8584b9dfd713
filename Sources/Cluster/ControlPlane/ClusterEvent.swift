// SPDX-License-Identifier: GPL-3.0-or-later
//
// The control plane's own timers: what one part of the cluster will do after its delay. Events carry
// indices and a generation only; an event whose generation is no longer current (the process ended, the
// node went down) is ignored when it fires. What has become true is told apart, by `ClusterChange`.

import SimKernel

/// A timer of the control plane, handed back to `ControlPlane.handle` when its time has come. At most 8
/// bytes.
///
/// The second value of most cases is the generation of the pod's process or of the node's power state in
/// which the timer was set.
@frozen public enum ClusterEvent: Hashable, Sendable, BitwiseCopyable {
  // Scheduler and workload controllers
  case schedulePod(PodID)
  case syncWorkload(WorkloadID)
  /// The second value is the number of pods in the batch.
  case createReplicas(WorkloadID, UInt16)
  case syncBudget(UInt32)
  // Autoscaler and metrics server
  case autoscale(UInt32)
  case scrapeMetrics
  // Drains, by number
  case drainBegins(UInt16)
  case evict(PodID, UInt16)
  case drainTimesOut(UInt16)
  // EndpointSlice controller
  case reconcileEndpoints(ServiceID)
  // Kubelet
  case kubeletSeesPod(PodID, UInt16)
  case containersStart(PodID, UInt16)
  case applicationReady(PodID, UInt16)
  case reportPodStatus(PodID)
  case kubeletSeesDeletion(PodID)
  case preStopEnded(PodID, UInt16)
  case processExits(PodID, UInt16)
  case gracePeriodOver(PodID, UInt16)
  case sandboxRemoved(PodID)
  case confirmPodGone(PodID)
  case containerRestarts(PodID, UInt16)
  case probeRecovers(PodID, UInt16)
  // Nodes
  case heartbeatMissed(NodeID, UInt16)
  case evictPods(NodeID, UInt16)
  case powerOff(NodeID, UInt16)
  case powerOn(NodeID, UInt16)
  case bootComplete(NodeID, UInt16)
  case reportNodeStatus(NodeID)
  /// The node with the index in the second value learns where the first one's pods are.
  case learnRoute(NodeID, on: UInt16)
  case collectOrphans(NodeID, UInt16)
  // External load balancer
  case provisionLoadBalancer(ServiceID)
  /// The second value is the index of the health check.
  case checkNode(NodeID, UInt16)
  // The scenario
  case action(UInt32)
  /// Occurrence number of the random process with the index in the second value.
  case occurrence(UInt32, UInt16)
  case linkEffectEnds(UInt32)
}
