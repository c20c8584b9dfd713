// SPDX-License-Identifier: GPL-3.0-or-later
//
// How a pod ends: deletion seen by its kubelet -> preStop -> SIGTERM -> exit, or SIGKILL when the grace
// period is over -> sandbox and address gone -> object out of the API. A container that its liveness probe
// ends goes the same way up to the exit. A crash ends a process without any of it. (FACTS F2; k/k
// pkg/kubelet/pod_workers.go, syncTerminatingPod; kuberuntime_container.go killContainer.)

import SimKernel

extension ControlPlane {
  /// Process ended → its sandbox is gone and its address free. Assumed: a CNI DEL takes about 100 ms.
  static var sandboxTeardown: SimDuration { .milliseconds(100) }
  /// What a process gets at least between SIGTERM and SIGKILL (minimumGracePeriodInSeconds).
  static var minimumGrace: SimDuration { .seconds(2) }

  mutating func kubeletSeesDeletion(_ pod: PodID, _ out: inout ControlPlaneOutput) {
    let record = pods[pod.index]
    guard !record.node.isNone else { return }
    guard canReach(record.node) else {
      return deferUntilReachable(.kubeletSeesDeletion(pod), record.node)
    }
    if record.isDeletionSeen { return graceShortened(pod, &out) }
    pods[pod.index].isDeletionSeen = true
    stopLivenessAndStartup(pod, &out)
    switch record.process {
    case .running:
      // Already on its way for another reason: the kill under way goes on.
      guard !record.isBeingRestarted, !record.isBeingShutDown else { return }
      beginTermination(pod, grace: record.gracePeriod, &out)
    case .notStarted, .starting:
      pods[pod.index].epoch &+= 1
      pods[pod.index].process = .ended
      queueSandboxRemoval(pod, &out)
    case .ended:
      pods[pod.index].epoch &+= 1
      queueSandboxRemoval(pod, &out)
    case .terminating: break
    }
  }

  /// preStop within the grace period, then SIGTERM, then SIGKILL when the rest is over. The hook's time counts
  /// in whole seconds, and at least two seconds are left.
  mutating func beginTermination(_ pod: PodID, grace: SimDuration, _ out: inout ControlPlaneOutput) {
    let preStop = min(pods[pod.index].preStop, max(grace, .zero))
    let counted = SimDuration.seconds(preStop.nanoseconds / 1_000_000_000)
    let kill = preStop + max(grace - counted, Self.minimumGrace)
    let epoch = pods[pod.index].epoch
    out.schedule.append((now + kill, .gracePeriodOver(pod, epoch)))
    if preStop > .zero {
      out.schedule.append((now + preStop, .preStopEnded(pod, epoch)))
    } else {
      sendTerminationSignal(pod, &out)
    }
  }

  /// Another deletion with less time: what is under way is given up and the kill begins anew with it.
  private mutating func graceShortened(_ pod: PodID, _ out: inout ControlPlaneOutput) {
    guard pods[pod.index].hasProcess, pods[pod.index].isGraceShortened else { return }
    pods[pod.index].isGraceShortened = false
    let epoch = pods[pod.index].epoch
    let kill = now + max(pods[pod.index].gracePeriod, Self.minimumGrace)
    out.schedule.append((kill, .gracePeriodOver(pod, epoch)))
    if pods[pod.index].process == .running { sendTerminationSignal(pod, &out) }
  }

  mutating func preStopEnded(_ pod: PodID, _ epoch: UInt16, _ out: inout ControlPlaneOutput) {
    guard pods[pod.index].epoch == epoch, pods[pod.index].process == .running else { return }
    sendTerminationSignal(pod, &out)
  }

  mutating func sendTerminationSignal(_ pod: PodID, _ out: inout ControlPlaneOutput) {
    pods[pod.index].process = .terminating
    out.changes.append(.podTerminationSignal(pod))
    log(object(pod), "SIGTERM", "", &out)
    applicationChanged(pod, &out)
    // One that hangs does not hear it.
    if let delay = pods[pod.index].behaviour.exitDelay, !pods[pod.index].isHanging {
      out.schedule.append((now + delay, .processExits(pod, pods[pod.index].epoch)))
    }
  }

  /// The process is gone. Its node is up.
  mutating func endProcess(_ pod: PodID, crashed: Bool, _ out: inout ControlPlaneOutput) {
    guard pods[pod.index].hasProcess else { return }
    let wasRestart = pods[pod.index].isBeingRestarted
    let before = pods[pod.index].lastEnd
    markEnded(pod, crashed: crashed, &out)
    log(object(pod), crashed ? "crashed" : "ended", "", &out)
    if pods[pod.index].isDeletionSeen { return queueSandboxRemoval(pod, &out) }
    if pods[pod.index].isBeingShutDown { return endedByShutdown(pod, &out) }
    if wasRestart { return restartAfterProbe(pod, previousEnd: before, &out) }
    containersChanged(pod, &out)
  }

  /// The kubelet itself ended the container and starts another one in the same sync. Its back-off counts from
  /// the end of the instance before, which is all that this sync knows of (computePodActions, doBackOff).
  private mutating func restartAfterProbe(
    _ pod: PodID, previousEnd: SimTime?, _ out: inout ControlPlaneOutput
  ) {
    pods[pod.index].refreshView()
    queueStatusReport(pod, &out)
    guard pods[pod.index].spec.restartPolicy != .never else {
      pods[pod.index].isFinished = true
      return
    }
    if let previousEnd {
      guard pods[pod.index].backoff.heldUntil(end: previousEnd) <= now else {
        return scheduleRestart(pod, end: now, at: now, &out)
      }
      pods[pod.index].backoff.restarted(after: previousEnd, at: now, settings.kubelet)
    }
    queueRestart(pod, at: now, &out)
  }

  /// The process ends without anybody acting on it.
  mutating func markEnded(_ pod: PodID, crashed: Bool, _ out: inout ControlPlaneOutput) {
    pods[pod.index].epoch &+= 1
    pods[pod.index].process = .ended
    pods[pod.index].isApplicationReady = false
    pods[pod.index].isHanging = false
    pods[pod.index].isBeingRestarted = false
    pods[pod.index].lastEnd = now
    for worker in pods[pod.index].probes.indices { pods[pod.index].probes[worker].disable() }
    setProbeTimer(pod, &out)
    out.changes.append(.podProcessEnded(pod, crashed: crashed))
  }

  private mutating func queueSandboxRemoval(_ pod: PodID, _ out: inout ControlPlaneOutput) {
    // The end of the kill says itself what is left (syncTerminatingPod).
    pods[pod.index].refreshView()
    queueStatusReport(pod, &out)
    out.schedule.append((now + Self.sandboxTeardown, .sandboxRemoved(pod)))
  }

  mutating func sandboxRemoved(_ pod: PodID, _ out: inout ControlPlaneOutput) {
    // After a power loss meanwhile, boot cleans up.
    guard nodes[pods[pod.index].node.index].isUp, !pods[pod.index].isGoneFromNode else { return }
    releaseAddress(pod, &out)
    pods[pod.index].isGoneFromNode = true
    // The pod's worker goes on to its last phase when the runtime has been looked at again.
    out.schedule.append((noticed(now, by: pods[pod.index].node), .sandboxNoticed(pod)))
    forgetIfGone(pod)
  }

  mutating func sandboxNoticed(_ pod: PodID, _ out: inout ControlPlaneOutput) {
    out.schedule.append((statusWritten(pod), .confirmPodGone(pod)))
  }

  mutating func releaseAddress(_ pod: PodID, _ out: inout ControlPlaneOutput) {
    guard let address = pods[pod.index].address else { return }
    pods[pod.index].address = nil
    if pods[pod.index].isHostNetwork { return }
    nodes[pods[pod.index].node.index].addressPool.release(address)
    out.changes.append(.podAddressReleased(pod, address))
  }

  /// The kubelet deletes the object for good, now that nothing of the pod is left.
  mutating func confirmPodGone(_ pod: PodID, _ out: inout ControlPlaneOutput) {
    let node = pods[pod.index].node
    guard canReach(node) else { return deferUntilReachable(.confirmPodGone(pod), node) }
    removePod(pod, &out)
  }
}
