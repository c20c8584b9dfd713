// SPDX-License-Identifier: GPL-3.0-or-later
//
// A pod as its kubelet sees it: what the runtime said when it was last looked at, the probes' results, and the
// status that follows from both (k/k pkg/kubelet/kubelet_pods.go generateAPIPodStatus; pkg/kubelet/status
// GeneratePodReadyCondition; probes: pkg/kubelet/prober/prober_manager.go UpdatePodStatus).

import NetworkTypes
import SimKernel

/// The containers of a pod when the runtime was last looked at.
struct KubeletView: Sendable, Equatable {
  var process = PodRecord.Process.notStarted
  var restarts = 0
  var lastEnd: SimTime?
}

extension PodRecord {
  var hasReadinessProbe: Bool { spec.containers.contains { $0.readinessProbe != nil } }

  /// Takes in what the runtime shows now.
  mutating func refreshView() {
    view = KubeletView(process: process, restarts: restarts, lastEnd: lastEnd)
  }

  /// One worker for each probe of its containers, whose ticks count from `origin`.
  mutating func makeProbes(origin: (Probe) -> SimTime) {
    probes = []
    for (index, container) in spec.containers.enumerated() {
      if let probe = container.startupProbe {
        probes.append(ProbeWorker(.startup, container: index, probe, origin: origin(probe)))
      }
      if let probe = container.readinessProbe {
        probes.append(ProbeWorker(.readiness, container: index, probe, origin: origin(probe)))
      }
      if let probe = container.livenessProbe {
        probes.append(ProbeWorker(.liveness, container: index, probe, origin: origin(probe)))
      }
    }
  }

  /// What a probing of the application finds now. It is taken to ask the application that the pod's servers
  /// describe, at a port on which that listens.
  func finding(of worker: ProbeWorker) -> ProbeWorker.Finding {
    let hasStoppedListening = process == .terminating && behaviour.exitDelay != nil && !isHanging
    guard hasProcess, isApplicationReady, !hasStoppedListening else { return .refused }
    if isHanging {
      // The kernel goes on to accept connections for a process that does not.
      if worker.probe.handlers.first == .tcpSocket { return .success }
      return .init(isSuccess: false, takes: worker.probe.timeout)
    }
    return isProbeFailing && worker.kind == .readiness ? .refused : .success
  }

  /// Containers that are ready to their kubelet. Those of a pod that is unready without a probe that says so
  /// are none.
  var readyContainers: Int {
    guard view.process == .running || view.process == .terminating, isStarted else { return 0 }
    if isProbeFailing, !hasReadinessProbe { return 0 }
    var isReady = spec.containers.map { $0.readinessProbe != nil || isReadyUnprobed }
    for worker in probes where worker.kind == .readiness && worker.result != true {
      isReady[worker.container] = false
    }
    return isReady.count { $0 }
  }

  private var isReadyUnprobed: Bool {
    switch unprobed {
    case .whenRunning: true
    case .whenAnswering: isApplicationReady && !isHanging
    }
  }

  /// Condition Ready as the kubelet sets it.
  var isReadyToKubelet: Bool {
    !spec.containers.isEmpty && readyContainers == spec.containers.count
  }

  /// The status that the kubelet reports for what it sees.
  func status(after before: PodStatus, hostIP: IPv4Address) -> PodStatus {
    var status = before
    switch view.process {
    case .notStarted, .starting: break
    case .running, .terminating, .ended: status.phase = isFinished ? .failed : .running
    }
    status.hostIP = hostIP
    if isHostNetwork {
      // Set once and never followed (FACTS J).
      if status.podIP == nil { status.podIP = address }
    } else if let address {
      status.podIP = address
    }
    status.isReady = isReadyToKubelet && !isFinished
    status.readyContainers = isFinished ? 0 : readyContainers
    status.restartCount = max(before.restartCount, view.restarts)
    if view.restarts > 0, let end = view.lastEnd { status.lastRestart = end }
    status.reason = reason
    return status
  }

  /// In kubectl's words, where that is not the phase.
  private var reason: String? {
    switch view.process {
    case .notStarted: return nil
    case .starting:
      if let startHindrance { return startHindrance }
      let count = spec.initContainers.count
      if initContainersDone < count { return "Init:\(initContainersDone)/\(count)" }
      return count > 0 ? "PodInitializing" : nil
    case .running, .terminating: return nil
    case .ended: return isHeldBack ? "CrashLoopBackOff" : "Error"
    }
  }
}
