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
  // EndpointSlice controllers
  /// A change has waited for its batch period.
  case endpointSyncDue(ServiceID)
  /// A worker's next write for a Service.
  case reconcileEndpoints(ServiceID)
  // API server
  case apiServerReturns
  /// The controllers work again after the outage with that number.
  case controllersReturn(UInt16)
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
  /// An init container has ended.
  case startStage(PodID, UInt16)
  /// The kubelet has looked at the container runtime and sees what the pod's containers are.
  case containersNoticed(PodID, UInt16)
  /// The second value is the generation of the pod's probe timer.
  case probesDue(PodID, UInt16)
  case flapBegins(PodID, UInt16)
  case hangEnds(PodID, UInt16)
  case sandboxNoticed(PodID)
  /// The kubelet's part of an orderly shutdown goes on, or ends.
  case shutdownStage(NodeID, UInt16)
  // Nodes
  case heartbeatMissed(NodeID, UInt16)
  case evictPods(NodeID, UInt16)
  case powerOff(NodeID, UInt16)
  case powerOn(NodeID, UInt16)
  case bootComplete(NodeID, UInt16)
  case reportNodeStatus(NodeID)
  /// The controller's next look finds the node ready again.
  case untaint(NodeID, UInt16)
  /// The kubelet's lease client, which had no answer, tries again.
  case leaseRetry(NodeID, UInt16)
  /// The cloud's controller reads the machine's addresses.
  case cloudReportsAddress(NodeID)
  /// The route controller comes by.
  case reconcileRoute(NodeID)
  /// Pod garbage collection looks at a node that was declared out of service.
  case collectTerminating(NodeID, UInt16)
  /// The node with the index in the second value learns where the first one's pods are.
  case learnRoute(NodeID, on: UInt16)
  case collectOrphans(NodeID, UInt16)
  // External load balancer
  case provisionLoadBalancer(ServiceID)
  /// The second value is the index of the health check.
  case checkNode(NodeID, UInt16)
  /// The data plane hears of a target; twice the index of the check, odd: of its health alone.
  case targetHeard(NodeID, UInt16)
  case targetDrained(NodeID, UInt16)
  case targetReadressed(NodeID, UInt16)
  // The scenario
  case action(UInt32)
  /// Occurrence number of the random process with the index in the second value.
  case occurrence(UInt32, UInt16)
  case linkEffectEnds(UInt32)
  /// A step of the rollout of kube-proxy's configuration with the number in the first value.
  case rolloutStep(UInt32, UInt16)
}
