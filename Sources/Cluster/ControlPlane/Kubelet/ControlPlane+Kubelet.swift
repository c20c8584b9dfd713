// SPDX-License-Identifier: GPL-3.0-or-later
//
// The kubelets: a bound pod becomes processes with an address, and what the processes do becomes the pod's
// status in the API. Termination is in ControlPlane+Termination.

import NetworkTypes
import SimKernel

extension ControlPlane {
  /// Puts an unbound pod on a node.
  mutating func bind(_ pod: PodID, to node: NodeID, _ out: inout ControlPlaneOutput) {
    attach(pod, to: node)
    let name = nodes[node.index].name
    updatePod(pod, &out) { $0.spec.nodeName = name }
    log(object(pod), "scheduled", "to \(name)", &out)
    let seen = now + draw(.kubeletWatch, pod: pod)
    out.schedule.append((seen, .kubeletSeesPod(pod, pods[pod.index].epoch)))
  }

  /// Enters the pod in its node's list.
  mutating func attach(_ pod: PodID, to node: NodeID) {
    pods[pod.index].node = node
    nodes[node.index].pods.append(pod)
    nodes[node.index].livePods += 1
    account(pod, times: 1)
  }

  /// A down node drops the event (its kubelet lists its pods after boot); one that is cut off keeps it.
  /// - Returns: whether the node's kubelet can work on it now.
  func canReach(_ node: NodeID) -> Bool { nodes[node.index].reachesControlPlane }

  mutating func deferUntilReachable(_ event: ClusterEvent, _ node: NodeID) {
    if nodes[node.index].isUp { nodes[node.index].deferred.append(event) }
  }

  mutating func kubeletSeesPod(_ pod: PodID, _ epoch: UInt16, _ out: inout ControlPlaneOutput) {
    let record = pods[pod.index]
    guard record.epoch == epoch, record.process == .notStarted, store.pod(pod) != nil else { return }
    guard canReach(record.node) else {
      return deferUntilReachable(.kubeletSeesPod(pod, epoch), record.node)
    }
    beginStart(pod, &out)
  }

  /// Sandbox and containers will be there after `podStart`.
  mutating func beginStart(_ pod: PodID, _ out: inout ControlPlaneOutput) {
    pods[pod.index].process = .starting
    let ready = now + draw(.podStart, pod: pod)
    out.schedule.append((ready, .containersStart(pod, pods[pod.index].epoch)))
  }

  mutating func containersStart(_ pod: PodID, _ epoch: UInt16, _ out: inout ControlPlaneOutput) {
    guard pods[pod.index].epoch == epoch, pods[pod.index].process == .starting else { return }
    guard assignAddress(pod, &out) else {
      // The kubelet tries again: its sync of a failed sandbox comes with the next pod sync.
      log(object(pod), "no address", "pod CIDR of \(nodes[pods[pod.index].node.index].name) is full", &out)
      return beginStart(pod, &out)
    }
    startProcess(pod, &out)
  }

  /// Gives the pod's network namespace its address.
  /// - Returns: false if the node has no free one.
  mutating func assignAddress(_ pod: PodID, _ out: inout ControlPlaneOutput) -> Bool {
    let node = pods[pod.index].node.index
    if pods[pod.index].isHostNetwork {
      pods[pod.index].address = nodes[node].primaryAddress
      return true
    }
    if pods[pod.index].address != nil { return true }
    guard let address = nodes[node].addressPool.allocate() else { return false }
    pods[pod.index].address = address
    out.changes.append(.podAddressAssigned(pod, address))
    return true
  }

  mutating func startProcess(_ pod: PodID, _ out: inout ControlPlaneOutput) {
    pods[pod.index].process = .running
    pods[pod.index].backoff.processStarted(at: now)
    out.changes.append(.podProcessStarted(pod))
    log(object(pod), "started", pods[pod.index].address.map { "\($0)" } ?? "", &out)
    let ready = now + draw(.podReady, pod: pod)
    out.schedule.append((ready, .applicationReady(pod, pods[pod.index].epoch)))
    queueStatusReport(pod, &out)
  }

  mutating func applicationReady(_ pod: PodID, _ epoch: UInt16, _ out: inout ControlPlaneOutput) {
    guard pods[pod.index].epoch == epoch, pods[pod.index].hasProcess else { return }
    pods[pod.index].isApplicationReady = true
    if !pods[pod.index].isProbeFailing { log(object(pod), "ready", "", &out) }
    queueStatusReport(pod, &out)
  }

  /// A container's process died and is started again after its back-off, in the same sandbox.
  mutating func containerRestarts(_ pod: PodID, _ epoch: UInt16, _ out: inout ControlPlaneOutput) {
    guard pods[pod.index].epoch == epoch, !pods[pod.index].isDeletionSeen,
      !nodes[pods[pod.index].node.index].isShuttingDown
    else { return }
    pods[pod.index].restarts += 1
    startProcess(pod, &out)
  }

  // MARK: Readiness probe

  /// The probe fails from now on, or succeeds again.
  mutating func setProbeFailing(_ isFailing: Bool, _ pod: PodID, _ out: inout ControlPlaneOutput) {
    pods[pod.index].probeEpoch &+= 1
    guard pods[pod.index].isProbeFailing != isFailing else { return }
    pods[pod.index].isProbeFailing = isFailing
    log(object(pod), isFailing ? "probe fails" : "probe succeeds", "", &out)
    queueStatusReport(pod, &out)
  }

  mutating func probeRecovers(_ pod: PodID, _ epoch: UInt16, _ out: inout ControlPlaneOutput) {
    if pods[pod.index].probeEpoch == epoch { setProbeFailing(false, pod, &out) }
  }

  // MARK: Status

  /// The kubelet will write the pod's status as it is by then; reports that wait already serve for later
  /// news.
  mutating func queueStatusReport(_ pod: PodID, _ out: inout ControlPlaneOutput) {
    guard !pods[pod.index].isStatusReportPending, nodes[pods[pod.index].node.index].isUp else { return }
    pods[pod.index].isStatusReportPending = true
    out.schedule.append((now + draw(.kubeletStatus, pod: pod), .reportPodStatus(pod)))
  }

  mutating func reportPodStatus(_ pod: PodID, _ out: inout ControlPlaneOutput) {
    let node = pods[pod.index].node
    guard canReach(node) else {
      // Cut off: it stays pending. Down: the kubelet starts afresh after boot.
      if !nodes[node.index].isUp { pods[pod.index].isStatusReportPending = false }
      return deferUntilReachable(.reportPodStatus(pod), node)
    }
    pods[pod.index].isStatusReportPending = false
    let record = pods[pod.index]
    let hostIP = nodes[node.index].primaryAddress
    let wasReady = store.pod(pod)?.status.isReady ?? false
    updatePod(pod, &out) { $0.status = Self.status(of: record, before: $0.status, hostIP: hostIP) }
    if let object = store.pod(pod), object.status.isReady != wasReady {
      log(self.object(pod), wasReady ? "Ready=False" : "Ready=True", "in the API", &out)
    }
  }

  /// The status that a kubelet reports for what it sees.
  static func status(of record: PodRecord, before: PodStatus, hostIP: IPv4Address) -> PodStatus {
    var status = before
    if record.process != .notStarted && record.process != .starting { status.phase = .running }
    status.hostIP = hostIP
    if record.isHostNetwork {
      // Set once and never followed (FACTS J).
      if status.podIP == nil { status.podIP = record.address }
    } else if let address = record.address {
      status.podIP = address
    }
    status.isReady = record.isReadyInReality
    status.restartCount = before.restartCount > record.restarts ? before.restartCount : record.restarts
    return status
  }
}
