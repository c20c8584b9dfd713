// SPDX-License-Identifier: GPL-3.0-or-later
//
// What becomes of probes: the application changes, ProbeWorker says when that becomes a result, and a result
// makes a pod ready or not, lets its other probes begin, or ends its container. One timer per pod, set to the
// earliest result that will differ. Events that make an application unready or hang, and pods that flap.

import SimKernel
import SimRandom

extension ControlPlane {
  // MARK: The application changes

  /// The readiness probe fails from now on, or succeeds again.
  mutating func setProbeFailing(_ isFailing: Bool, _ pod: PodID, _ out: inout ControlPlaneOutput) {
    pods[pod.index].probeEpoch &+= 1
    guard pods[pod.index].isProbeFailing != isFailing else { return }
    pods[pod.index].isProbeFailing = isFailing
    log(object(pod), isFailing ? "probe fails" : "probe succeeds", "", &out)
    applicationChanged(pod, &out)
  }

  mutating func probeRecovers(_ pod: PodID, _ epoch: UInt16, _ out: inout ControlPlaneOutput) {
    if pods[pod.index].probeEpoch == epoch { setProbeFailing(false, pod, &out) }
  }

  /// The process lives on and answers nothing: until `duration` is over, or it is restarted.
  mutating func hang(_ pod: PodID, for duration: SimDuration?, _ out: inout ControlPlaneOutput) {
    guard pods[pod.index].hasProcess, !pods[pod.index].isHanging else { return }
    pods[pod.index].isHanging = true
    out.changes.append(.podHangs(pod, true))
    log(object(pod), "hangs", "", &out)
    applicationChanged(pod, &out)
    if let duration { out.schedule.append((now + duration, .hangEnds(pod, pods[pod.index].epoch))) }
  }

  mutating func hangEnds(_ pod: PodID, _ epoch: UInt16, _ out: inout ControlPlaneOutput) {
    guard pods[pod.index].epoch == epoch, pods[pod.index].isHanging else { return }
    pods[pod.index].isHanging = false
    out.changes.append(.podHangs(pod, false))
    log(object(pod), "answers", "again", &out)
    applicationChanged(pod, &out)
  }

  /// What probes find may be something else from now on.
  mutating func applicationChanged(_ pod: PodID, _ out: inout ControlPlaneOutput) {
    for index in pods[pod.index].probes.indices {
      let finding = pods[pod.index].finding(of: pods[pod.index].probes[index])
      pods[pod.index].probes[index].finds(finding, at: now)
    }
    setProbeTimer(pod, &out)
    // Nothing that would have to be probed first.
    if !pods[pod.index].hasReadinessProbe { reportIfReadinessDiffers(pod, &out) }
  }

  private mutating func reportIfReadinessDiffers(_ pod: PodID, _ out: inout ControlPlaneOutput) {
    guard let before = store.pod(pod)?.status.isReady, before != pods[pod.index].isReadyToKubelet
        || isSimple
    else { return }
    queueStatusReport(pod, &out)
  }

  // MARK: Workers

  /// The kubelet's first look at a pod makes its probe workers. Soon after the kubelet's own start, each waits
  /// for a random part of its period first (worker.go run).
  mutating func makeProbes(_ pod: PodID) {
    let node = nodes[pods[pod.index].node.index]
    let (begin, since) = (now, now - node.reachableSince)
    var stream = draws.stream(.probePhase, entity: pods[pod.index].drawEntity, number: 1)
    pods[pod.index].makeProbes { probe in
      probe.period > since ? begin + SimDuration(seconds: stream.uniform() * probe.period.seconds) : begin
    }
  }

  /// At t = 0 a pod has long run: its images are there, all its probes have had their say, and their ticks
  /// stand anywhere in their periods.
  mutating func settleKubelet(_ pod: PodID) {
    let spec = pods[pod.index].spec
    for container in spec.containers + spec.initContainers where !container.image.isEmpty {
      nodes[pods[pod.index].node.index].images.add(container.image, at: .zero - .hours(1))
    }
    pods[pod.index].startedAt = .zero - .hours(1)
    pods[pod.index].initContainersDone = spec.initContainers.count
    pods[pod.index].refreshView()
    var stream = draws.stream(.probePhase, entity: pods[pod.index].drawEntity, number: 0)
    let begin = now
    pods[pod.index].makeProbes { begin - SimDuration(seconds: stream.uniform() * $0.period.seconds) }
    for index in pods[pod.index].probes.indices {
      let finding = pods[pod.index].finding(of: pods[pod.index].probes[index])
      pods[pod.index].probes[index].settle(finding, at: begin)
    }
    pods[pod.index].isStarted = true
  }

  /// The kubelet knows that the containers run. Startup probes begin, or the others if there is none to wait
  /// for; and a container that is started and not ready gets a readiness probing at once
  /// (prober_manager.go UpdatePodStatus; that it finds the new container's status is assumed).
  mutating func enableProbes(_ pod: PodID, _ out: inout ControlPlaneOutput) {
    let (started, isStarted) = (pods[pod.index].startedAt, pods[pod.index].isStarted)
    for index in pods[pod.index].probes.indices {
      let worker = pods[pod.index].probes[index]
      let isOver = worker.kind != .readiness && pods[pod.index].isDeletionSeen
      guard (worker.kind == .startup) != isStarted, !isOver else { continue }
      pods[pod.index].probes[index].finds(pods[pod.index].finding(of: worker), at: now)
      pods[pod.index].probes[index].enable(from: started + worker.probe.initialDelay, at: now)
      if worker.kind == .readiness, worker.result != true { pods[pod.index].probes[index].probe(at: now) }
    }
    setProbeTimer(pod, &out)
  }

  /// The timer of the pod's probes goes off when the next of their results changes.
  mutating func setProbeTimer(_ pod: PodID, _ out: inout ControlPlaneOutput) {
    let next = pods[pod.index].probes.compactMap { $0.verdict?.at }.min() ?? .distantFuture
    guard next != pods[pod.index].probeTimerAt else { return }
    pods[pod.index].probeTimerAt = next
    pods[pod.index].probeTimer &+= 1
    if next < .distantFuture {
      out.schedule.append((max(now, next), .probesDue(pod, pods[pod.index].probeTimer)))
    }
  }

  mutating func probesDue(_ pod: PodID, _ generation: UInt16, _ out: inout ControlPlaneOutput) {
    guard pods[pod.index].probeTimer == generation else { return }
    pods[pod.index].probeTimerAt = .distantFuture
    let node = nodes[pods[pod.index].node.index]
    guard node.isUp, !node.isShuttingDown else { return }
    for index in pods[pod.index].probes.indices {
      if pods[pod.index].probes[index].decide(at: now) { resultChanged(pod, worker: index, &out) }
    }
    setProbeTimer(pod, &out)
  }

  private mutating func resultChanged(_ pod: PodID, worker index: Int, _ out: inout ControlPlaneOutput) {
    let worker = pods[pod.index].probes[index]
    let isSuccess = worker.result == true
    switch worker.kind {
    case .startup:
      guard isSuccess else { return probeEndsContainer(pod, worker, "startup probe fails", &out) }
      let isStarted = pods[pod.index].probes.allSatisfy { $0.kind != .startup || $0.result == true }
      guard isStarted else { return }
      pods[pod.index].isStarted = true
      log(object(pod), "startup probe succeeds", "", &out)
      enableProbes(pod, &out)
      queueStatusReport(pod, &out)
    case .readiness:
      log(object(pod), isSuccess ? "readiness probe succeeds" : "readiness probe fails", "", &out)
      queueStatusReport(pod, &out)
    case .liveness:
      if !isSuccess { probeEndsContainer(pod, worker, "liveness probe fails", &out) }
    }
  }

  /// The container is ended with the probe's own grace period, if it has one, and started again.
  private mutating func probeEndsContainer(
    _ pod: PodID, _ worker: ProbeWorker, _ reason: String, _ out: inout ControlPlaneOutput
  ) {
    let record = pods[pod.index]
    guard record.process == .running, !record.isDeletionSeen, !record.isBeingRestarted else { return }
    log(object(pod), reason, "its container will be restarted", &out)
    pods[pod.index].isBeingRestarted = true
    beginTermination(pod, grace: worker.probe.terminationGracePeriod ?? record.gracePeriod, &out)
  }

  /// A pod that terminates is probed for readiness only (worker.go; StopLivenessAndStartup).
  mutating func stopLivenessAndStartup(_ pod: PodID, _ out: inout ControlPlaneOutput) {
    for index in pods[pod.index].probes.indices where pods[pod.index].probes[index].kind != .readiness {
      pods[pod.index].probes[index].disable()
    }
    setProbeTimer(pod, &out)
  }

  // MARK: Flapping

  mutating func scheduleFlap(_ pod: PodID, _ out: inout ControlPlaneOutput) {
    guard let flap = pods[pod.index].behaviour.flap, pods[pod.index].isApplicationReady else { return }
    let number = pods[pod.index].flaps * 2
    let wait = draws.duration(flap.every, .flap, entity: pods[pod.index].drawEntity, number: number)
    out.schedule.append((now + wait, .flapBegins(pod, pods[pod.index].epoch)))
  }

  mutating func flapBegins(_ pod: PodID, _ epoch: UInt16, _ out: inout ControlPlaneOutput) {
    guard pods[pod.index].epoch == epoch, let flap = pods[pod.index].behaviour.flap else { return }
    let number = pods[pod.index].flaps * 2 + 1
    pods[pod.index].flaps += 1
    setProbeFailing(true, pod, &out)
    let length = draws.duration(flap.duration, .flap, entity: pods[pod.index].drawEntity, number: number)
    out.schedule.append((now + length, .probeRecovers(pod, pods[pod.index].probeEpoch)))
    let next = draws.duration(
      flap.every, .flap, entity: pods[pod.index].drawEntity, number: pods[pod.index].flaps * 2)
    out.schedule.append((now + length + next, .flapBegins(pod, epoch)))
  }
}
