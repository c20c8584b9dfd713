// SPDX-License-Identifier: GPL-3.0-or-later
//
// The kubelets: a bound pod becomes processes with an address. Images and init containers come first. What
// probes find is in ControlPlane+Probes, what reaches the API in ControlPlane+PodStatus, the end in
// ControlPlane+Termination.

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
    // A kubelet whose node shuts down takes no more pods (KEP-2000).
    if nodes[record.node.index].gracefulShutdown != nil { return }
    beginStart(pod, &out)
  }

  // MARK: Start

  /// Images of init containers and their runs, one after the other, then the containers' images, then sandbox
  /// and containers after `podStart`.
  mutating func beginStart(_ pod: PodID, _ out: inout ControlPlaneOutput) {
    let (spec, epoch) = (pods[pod.index].spec, pods[pod.index].epoch)
    pods[pod.index].process = .starting
    pods[pod.index].initContainersDone = 0
    (pods[pod.index].isBeingShutDown, pods[pod.index].isFinished) = (false, false)
    pods[pod.index].refreshView()
    makeProbes(pod)
    if !spec.initContainers.isEmpty { queueStatusReport(pod, &out) }
    var time = now
    for container in spec.initContainers {
      guard let there = image(of: container, for: pod, at: time) else { return hinderStart(pod, &out) }
      time = noticed(there + draw(.initContainer, pod: pod), by: pods[pod.index].node)
      out.schedule.append((time, .startStage(pod, epoch)))
    }
    for container in spec.containers {
      guard let there = image(of: container, for: pod, at: time) else { return hinderStart(pod, &out) }
      time = there
    }
    out.schedule.append((time + draw(.podStart, pod: pod), .containersStart(pod, epoch)))
  }

  /// imagePullPolicy Never, and the image is not there.
  private mutating func hinderStart(_ pod: PodID, _ out: inout ControlPlaneOutput) {
    pods[pod.index].startHindrance = "ErrImageNeverPull"
    log(object(pod), "cannot start", "ErrImageNeverPull", &out)
    queueStatusReport(pod, &out)
  }

  /// - Returns: when a container's image is on the pod's node; nil: never.
  private mutating func image(of container: Container, for pod: PodID, at time: SimTime) -> SimTime? {
    let (node, image) = (pods[pod.index].node.index, container.image)
    if image.isEmpty { return time }
    let policy = container.effectivePullPolicy
    if nodes[node].images.has(image, at: time) {
      return policy == .always ? time + draw(.imageCheck, pod: pod) : time
    }
    if policy == .never { return nil }
    // Named after image and node: whichever pod comes first, the pull takes as long.
    let entity = StableHash.of("image/\(image)@\(nodes[node].name)")
    return nodes[node].images.pull(
      image, at: time, takes: draws.duration(.imagePull, entity: entity, number: 0),
      inLine: settings.kubelet.serializesPulls)
  }

  mutating func initContainerEnded(_ pod: PodID, _ epoch: UInt16, _ out: inout ControlPlaneOutput) {
    guard pods[pod.index].epoch == epoch, pods[pod.index].process == .starting else { return }
    pods[pod.index].initContainersDone += 1
    queueStatusReport(pod, &out)
  }

  mutating func containersStart(_ pod: PodID, _ epoch: UInt16, _ out: inout ControlPlaneOutput) {
    guard pods[pod.index].epoch == epoch, pods[pod.index].process == .starting else { return }
    guard assignAddress(pod, &out) else {
      // The kubelet tries again: its sync of a failed sandbox comes with the next pod sync.
      log(object(pod), "no address", "pod CIDR of \(nodes[pods[pod.index].node.index].name) is full", &out)
      return out.schedule.append((now + draw(.podStart, pod: pod), .containersStart(pod, epoch)))
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
    pods[pod.index].startedAt = now
    pods[pod.index].isHeldBack = false
    for worker in pods[pod.index].probes.indices {
      pods[pod.index].probes[worker].containerStarted(at: now)
    }
    pods[pod.index].isStarted = !pods[pod.index].probes.contains { $0.kind == .startup }
    out.changes.append(.podProcessStarted(pod))
    log(object(pod), "started", pods[pod.index].address.map { "\($0)" } ?? "", &out)
    let answers = now + applicationStart(pod)
    out.schedule.append((answers, .applicationReady(pod, pods[pod.index].epoch)))
    containersChanged(pod, &out)
  }

  /// How long the application takes from its process's start to its listener.
  private mutating func applicationStart(_ pod: PodID) -> SimDuration {
    guard let own = pods[pod.index].behaviour.startup else { return draw(.podReady, pod: pod) }
    defer { pods[pod.index].draws += 1 }
    return draws.duration(
      own, Delay.podReady.purpose, entity: pods[pod.index].drawEntity, number: pods[pod.index].draws)
  }

  mutating func applicationReady(_ pod: PodID, _ epoch: UInt16, _ out: inout ControlPlaneOutput) {
    guard pods[pod.index].epoch == epoch, pods[pod.index].hasProcess else { return }
    pods[pod.index].isApplicationReady = true
    out.changes.append(.podListens(pod))
    if !pods[pod.index].isProbeFailing { log(object(pod), "answers", "", &out) }
    applicationChanged(pod, &out)
    scheduleFlap(pod, &out)
  }

  // MARK: Restart

  /// A container that has ended is started again, in the same sandbox.
  mutating func containerRestarts(_ pod: PodID, _ epoch: UInt16, _ out: inout ControlPlaneOutput) {
    guard pods[pod.index].epoch == epoch, pods[pod.index].process == .ended,
      !pods[pod.index].isDeletionSeen, !nodes[pods[pod.index].node.index].isShuttingDown
    else { return }
    pods[pod.index].restarts += 1
    startProcess(pod, &out)
  }

  /// The kubelet knows that the container ended at `end` and starts it again when its back-off allows.
  mutating func scheduleRestart(
    _ pod: PodID, end: SimTime, at noticed: SimTime, _ out: inout ControlPlaneOutput
  ) {
    guard pods[pod.index].spec.restartPolicy != .never else {
      pods[pod.index].isFinished = true
      return
    }
    let held = pods[pod.index].backoff.heldUntil(end: end)
    pods[pod.index].isHeldBack = held > noticed
    let start = held > noticed ? retried(pod, from: noticed, until: held) : noticed
    pods[pod.index].backoff.restarted(after: end, at: start, settings.kubelet)
    queueRestart(pod, at: start, &out)
  }

  mutating func queueRestart(_ pod: PodID, at time: SimTime, _ out: inout ControlPlaneOutput) {
    let start = isSimple ? time : time + draw(.containerStart, pod: pod)
    out.schedule.append((start, .containerRestarts(pod, pods[pod.index].epoch)))
  }

  /// A held-back start is tried again when the pod's worker comes round: 10 s after a failed sync, up to half
  /// of it later (k/k pkg/kubelet/pod_workers.go completeWork), from 1.35 on when the back-off is over, at
  /// most a minute after. Which release has the second is assumed.
  private mutating func retried(_ pod: PodID, from noticed: SimTime, until held: SimTime) -> SimTime {
    if settings.timing.kubeletStatus != nil { return held }
    let waitsForEnd = Behaviours.retriesAtBackoffEnd.value(in: settings.minorVersion)
    var time = noticed
    while time < held {
      var stream = draws.stream(
        .requeue, entity: pods[pod.index].drawEntity, number: pods[pod.index].requeues)
      pods[pod.index].requeues += 1
      let wait = waitsForEnd ? min(held - time, .seconds(60)) : .seconds(10)
      time += SimDuration(seconds: wait.seconds * (1 + 0.5 * stream.uniform()))
      // Rounding must not let it come a nanosecond early.
      if waitsForEnd, held - time < .microseconds(1) { time = max(time, held) }
    }
    return time
  }
}
