// SPDX-License-Identifier: GPL-3.0-or-later
//
// How a pod ends: deletion seen by its kubelet -> preStop -> SIGTERM -> exit, or SIGKILL when the grace
// period is over -> sandbox and address gone -> object out of the API. A crash ends a process without any
// of it. (FACTS F2; k/k pkg/kubelet syncTerminatingPod, kuberuntime killContainer.)

import SimKernel

extension ControlPlane {
  /// Process ended → its sandbox is gone and its address free. Assumed: a CNI DEL takes about 100 ms.
  static var sandboxTeardown: SimDuration { .milliseconds(100) }
  /// What a process still gets when its preStop hook used up the grace period (FACTS F2).
  static var graceAfterPreStop: SimDuration { .seconds(2) }

  mutating func kubeletSeesDeletion(_ pod: PodID, _ out: inout ControlPlaneOutput) {
    let record = pods[pod.index]
    guard !record.isDeletionSeen, !record.node.isNone else { return }
    guard canReach(record.node) else {
      return deferUntilReachable(.kubeletSeesDeletion(pod), record.node)
    }
    pods[pod.index].isDeletionSeen = true
    switch record.process {
    case .running: beginTermination(pod, &out)
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

  private mutating func beginTermination(_ pod: PodID, _ out: inout ControlPlaneOutput) {
    let grace = pods[pod.index].gracePeriod
    let preStop = min(pods[pod.index].behaviour.preStop, grace)
    let kill = preStop > .zero && preStop == grace ? grace + Self.graceAfterPreStop : grace
    let epoch = pods[pod.index].epoch
    guard kill > .zero else { return endProcess(pod, crashed: false, &out) }
    out.schedule.append((now + kill, .gracePeriodOver(pod, epoch)))
    if preStop > .zero {
      out.schedule.append((now + preStop, .preStopEnded(pod, epoch)))
    } else {
      sendTerminationSignal(pod, &out)
    }
  }

  mutating func preStopEnded(_ pod: PodID, _ epoch: UInt16, _ out: inout ControlPlaneOutput) {
    guard pods[pod.index].epoch == epoch, pods[pod.index].process == .running else { return }
    sendTerminationSignal(pod, &out)
  }

  mutating func sendTerminationSignal(_ pod: PodID, _ out: inout ControlPlaneOutput) {
    pods[pod.index].process = .terminating
    out.changes.append(.podTerminationSignal(pod))
    log(object(pod), "SIGTERM", "", &out)
    if let delay = pods[pod.index].behaviour.exitDelay {
      out.schedule.append((now + delay, .processExits(pod, pods[pod.index].epoch)))
    }
  }

  /// The process is gone. Its node is up.
  mutating func endProcess(_ pod: PodID, crashed: Bool, _ out: inout ControlPlaneOutput) {
    guard pods[pod.index].hasProcess else { return }
    markEnded(pod, crashed: crashed, &out)
    log(object(pod), crashed ? "crashed" : "ended", "", &out)
    if pods[pod.index].isDeletionSeen { return queueSandboxRemoval(pod, &out) }
    queueStatusReport(pod, &out)
    guard crashed else { return }
    // The kubelet notices within its relist period, as with any other change of a container.
    let wait = pods[pod.index].backoff.delayAfterCrash(at: now) + draw(.kubeletStatus, pod: pod)
    out.schedule.append((now + wait, .containerRestarts(pod, pods[pod.index].epoch)))
  }

  /// The process ends without anybody acting on it.
  mutating func markEnded(_ pod: PodID, crashed: Bool, _ out: inout ControlPlaneOutput) {
    pods[pod.index].epoch &+= 1
    pods[pod.index].process = .ended
    pods[pod.index].isApplicationReady = false
    out.changes.append(.podProcessEnded(pod, crashed: crashed))
  }

  private mutating func queueSandboxRemoval(_ pod: PodID, _ out: inout ControlPlaneOutput) {
    queueStatusReport(pod, &out)
    out.schedule.append((now + Self.sandboxTeardown, .sandboxRemoved(pod)))
  }

  mutating func sandboxRemoved(_ pod: PodID, _ out: inout ControlPlaneOutput) {
    // After a power loss meanwhile, boot cleans up.
    guard nodes[pods[pod.index].node.index].isUp, !pods[pod.index].isGoneFromNode else { return }
    releaseAddress(pod, &out)
    pods[pod.index].isGoneFromNode = true
    out.schedule.append((now + draw(.kubeletStatus, pod: pod), .confirmPodGone(pod)))
    forgetIfGone(pod)
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
