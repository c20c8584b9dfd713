// SPDX-License-Identifier: GPL-3.0-or-later
//
// An API server that is away for a while: what needs it waits, what runs on machines goes on. Afterwards
// everybody comes back in his own time: kubelets with their next sync, controllers with their next try, or,
// where kube-controller-manager lost its lease meanwhile, with a new process that looks at everything anew.

import SimKernel
import SimRandom

struct APIServerState: Sendable {
  var isDown = false
  var downSince = SimTime.zero
  /// Number of outages.
  var outages: UInt16 = 0
  /// The controllers do not work: the API server is down, or they are not back yet.
  var controllersAreAway = false
  /// The controllers' process is a new one after this outage.
  var lostLease = false
  /// What came due meanwhile, in order.
  var postponed: [ClusterEvent] = []
  var postponedActions: [(action: ClusterAction, draw: ActionDraw)] = []
}

/// Who does an event of the control plane, for the time without API server.
private enum Doer {
  /// Machines and processes, load balancers, the scenario: they go on.
  case reality
  case kubelet
  /// A kubelet's watch brings news.
  case kubeletWatch
  case controllers
  /// Runs, and meets a failing write.
  case endpointController
}

extension ClusterEvent {
  fileprivate var doer: Doer {
    switch self {
    case .containersStart, .applicationReady, .preStopEnded, .processExits, .gracePeriodOver, .sandboxRemoved,
      .containerRestarts, .probeRecovers, .powerOff, .powerOn, .bootComplete, .checkNode, .action,
      .occurrence,
      .linkEffectEnds, .apiServerReturns, .controllersReturn, .learnRoute, .startStage, .containersNoticed,
      .probesDue, .flapBegins, .hangEnds, .sandboxNoticed, .shutdownStage, .targetHeard, .targetDrained,
      .targetReadressed:
      .reality
    case .reportPodStatus, .reportNodeStatus, .confirmPodGone, .leaseRetry: .kubelet
    case .kubeletSeesPod, .kubeletSeesDeletion: .kubeletWatch
    case .endpointSyncDue, .reconcileEndpoints: .endpointController
    case .schedulePod, .syncWorkload, .heartbeatMissed, .evictPods, .collectOrphans, .provisionLoadBalancer,
      .createReplicas, .syncBudget, .autoscale, .scrapeMetrics, .drainBegins, .evict, .drainTimesOut,
      .rolloutStep, .untaint, .cloudReportsAddress, .reconcileRoute, .collectTerminating:
      .controllers
    }
  }
}

extension ControlPlane {
  /// The API server stops and is back after `downFor`.
  mutating func stopAPIServer(downFor: SimDuration, _ out: inout ControlPlaneOutput) {
    guard !apiServer.isDown else { return log("apiserver", "stop ignored", "it is down already", &out) }
    apiServer.isDown = true
    apiServer.downSince = now
    apiServer.outages &+= 1
    apiServer.controllersAreAway = true
    log("apiserver", "down", "", &out)
    out.changes.append(.apiServer(isUp: false))
    out.schedule.append((now + max(downFor, .nanoseconds(1)), .apiServerReturns))
  }

  /// Keeps an event whose doer cannot work now for later.
  mutating func postpones(_ event: ClusterEvent) -> Bool {
    guard apiServer.controllersAreAway else { return false }
    switch event.doer {
    case .reality: return false
    case .kubelet, .kubeletWatch: guard apiServer.isDown else { return false }
    case .controllers: break
    case .endpointController: guard apiServer.lostLease, !apiServer.isDown else { return false }
    }
    apiServer.postponed.append(event)
    return true
  }

  mutating func apiServerReturns(_ out: inout ControlPlaneOutput) {
    apiServer.isDown = false
    // A process that has not come back from the last outage yet is a new one in any case.
    apiServer.lostLease =
      apiServer.lostLease || now - apiServer.downSince >= WatchSettings.renewDeadline
    log("apiserver", "up", apiServer.lostLease ? "the controllers' process starts anew" : "", &out)
    out.changes.append(.apiServer(isUp: true))
    let events = apiServer.postponed
    apiServer.postponed = events.filter { $0.doer == .controllers || $0.doer == .endpointController }
    for (number, event) in events.enumerated() {
      switch event.doer {
      case .kubelet:
        let wait = fraction(of: WatchSettings.kubeletPeriod, "kubelet", number)
        out.schedule.append((now + wait, event))
      case .kubeletWatch:
        let back = ReflectorBackoff.afterRefusals(lost: apiServer.downSince, back: now) { attempt in
          self.share("watch/\(number)", attempt)
        }
        out.schedule.append((back, event))
      default: break
      }
    }
    let wait =
      apiServer.lostLease
      ? draws.duration(
        settings.watch.controllersReturn, .apiOutage, entity: StableHash.of("controllers"),
        number: UInt64(apiServer.outages))
      : fraction(of: WatchSettings.retryPeriod, "controllers", 0)
    out.schedule.append((now + max(.zero, wait), .controllersReturn(apiServer.outages)))
    let actions = apiServer.postponedActions
    apiServer.postponedActions = []
    for (action, draw) in actions { perform(action, draw, &out) }
  }

  mutating func controllersReturn(_ outage: UInt16, _ out: inout ControlPlaneOutput) {
    guard apiServer.outages == outage, !apiServer.isDown else { return }
    apiServer.controllersAreAway = false
    let events = apiServer.postponed
    apiServer.postponed = []
    log("controllers", "work again", "", &out)
    guard apiServer.lostLease else {
      for event in events { out.schedule.append((now, event)) }
      return
    }
    apiServer.lostLease = false
    for event in events where event.doer == .controllers {
      if case .heartbeatMissed = event { continue }
      out.schedule.append((now, event))
    }
    watchSilentNodesAnew(&out)
    endpointControllers.forgetQueues()
    for index in 0..<store.serviceCount where store.service(ServiceID(index)) != nil {
      queueReconcile(ServiceID(index), &out)
    }
  }

  /// A new node lifecycle controller has seen no heartbeat yet and gives every node the whole grace period.
  private mutating func watchSilentNodesAnew(_ out: inout ControlPlaneOutput) {
    for index in nodes.indices where !nodes[index].reachesControlPlane {
      guard let object = store.node(NodeID(index)), object.ready == .ready else { continue }
      nodes[index].heartbeatEpoch &+= 1
      let verdict = heartbeatMonitor.verdict(lastHeartbeat: now)
      out.schedule.append((verdict, .heartbeatMissed(NodeID(index), nodes[index].heartbeatEpoch)))
    }
  }

  /// Uniform in [0, 1).
  private func share(_ who: String, _ number: Int) -> Double {
    let entity = StableHash.of("api outage/\(apiServer.outages)/\(who)")
    var stream = draws.stream(.apiOutage, entity: entity, number: UInt64(number))
    return stream.uniform()
  }

  private func fraction(of period: SimDuration, _ who: String, _ number: Int) -> SimDuration {
    SimDuration(seconds: period.seconds * share(who, number))
  }
}

extension RandomPurpose {
  static let apiOutage = RandomPurpose("api server outage")
}

extension ClusterAction {
  /// Somebody asks the API server for it, and asks again until it answers.
  var needsAPIServer: Bool {
    switch self {
    case .nodeJoin, .nodeDrain, .nodeCordon, .nodeUncordon, .nodeDelete, .podDelete, .scale, .rollout, .apply,
      .delete:
      true
    default: false
    }
  }
}
