// SPDX-License-Identifier: GPL-3.0-or-later
//
// How what happens on a node gets into the API. A container's change is seen when the kubelet looks at the
// runtime next (PLEG, every second); a probe's result at once. Then the status is written: one update after the
// other, within the rate limit of the kubelet's client. Where the scenario sets `timing.kubeletStatus`, that one
// delay stands for all of it.

import NetworkTypes
import SimKernel

extension ControlPlane {
  /// One delay stands for all the kubelet's ways.
  var isSimple: Bool { settings.timing.kubeletStatus != nil }

  // MARK: Noticing

  /// When the kubelet of a node sees what happens on it at `time`.
  func noticed(_ time: SimTime, by node: NodeID) -> SimTime {
    if isSimple || settings.kubelet.isEvented { return time }
    let period = max(1, settings.kubelet.relistPeriod.nanoseconds)
    var stream = draws.stream(.relistPhase, entity: nodes[node.index].drawEntity, number: 0)
    let phase = Int64(stream.uniform() * Double(period))
    let rest = ((time.nanoseconds - phase) % period + period) % period
    return rest == 0 ? time : time + .nanoseconds(period - rest)
  }

  /// A container has started or ended; its kubelet will see it.
  mutating func containersChanged(_ pod: PodID, _ out: inout ControlPlaneOutput) {
    let seen = noticed(now, by: pods[pod.index].node)
    guard seen > now else { return containersNoticed(pod, pods[pod.index].epoch, &out) }
    out.schedule.append((seen, .containersNoticed(pod, pods[pod.index].epoch)))
  }

  mutating func containersNoticed(_ pod: PodID, _ epoch: UInt16, _ out: inout ControlPlaneOutput) {
    let node = nodes[pods[pod.index].node.index]
    guard pods[pod.index].epoch == epoch, node.isUp else { return }
    pods[pod.index].refreshView()
    let record = pods[pod.index]
    if record.hasProcess, !node.isShuttingDown { enableProbes(pod, &out) }
    let isLeftAlone = record.isDeletionSeen || record.isBeingShutDown || node.isShuttingDown
    if record.process == .ended, !isLeftAlone, let end = record.lastEnd {
      let start = isSimple ? now + draw(.kubeletStatus, pod: pod) : now
      scheduleRestart(pod, end: end, at: start, &out)
    }
    queueStatusReport(pod, &out)
  }

  // MARK: Writing

  /// The kubelet will write the pod's status as it is by then; reports that wait already serve for later
  /// news.
  mutating func queueStatusReport(_ pod: PodID, _ out: inout ControlPlaneOutput) {
    guard !pods[pod.index].isStatusReportPending, nodes[pods[pod.index].node.index].isUp else { return }
    pods[pod.index].isStatusReportPending = true
    out.schedule.append((statusWritten(pod), .reportPodStatus(pod)))
  }

  /// When an update of the pod that is wanted now is in the API.
  mutating func statusWritten(_ pod: PodID) -> SimTime {
    if isSimple { return now + draw(.kubeletStatus, pod: pod) }
    let limit = settings.kubelet.apiLimit(minorVersion: settings.minorVersion)
    let takes = draw(.statusWrite, pod: pod)
    return nodes[pods[pod.index].node.index].statusWriter.write(
      at: now, takes: takes, qps: limit.qps, burst: limit.burst)
  }

  mutating func reportPodStatus(_ pod: PodID, _ out: inout ControlPlaneOutput) {
    let node = pods[pod.index].node
    guard canReach(node) else {
      // Cut off: it stays pending. Down: the kubelet starts afresh after boot.
      if !nodes[node.index].isUp { pods[pod.index].isStatusReportPending = false }
      return deferUntilReachable(.reportPodStatus(pod), node)
    }
    pods[pod.index].isStatusReportPending = false
    if isSimple { pods[pod.index].refreshView() }
    let record = pods[pod.index]
    let hostIP = nodes[node.index].primaryAddress
    let wasReady = store.pod(pod)?.status.isReady ?? false
    updatePod(pod, &out) { $0.status = record.status(after: $0.status, hostIP: hostIP) }
    if let object = store.pod(pod), object.status.isReady != wasReady {
      log(self.object(pod), wasReady ? "Ready=False" : "Ready=True", "in the API", &out)
    }
  }
}
