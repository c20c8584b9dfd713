// SPDX-License-Identifier: GPL-3.0-or-later
//
// What an event of the control plane or of a proxy is about, for the order at equal times.

import Cluster
import Proxy

extension ClusterEvent {
  /// Kind (upper bits) and index of the entity.
  var entity: UInt64 {
    switch self {
    case .schedulePod(let id), .reportPodStatus(let id), .kubeletSeesDeletion(let id),
      .sandboxRemoved(let id),
      .confirmPodGone(let id):
      pod(id.rawValue)
    case .kubeletSeesPod(let id, _), .containersStart(let id, _), .applicationReady(let id, _),
      .preStopEnded(let id, _), .processExits(let id, _), .gracePeriodOver(let id, _),
      .containerRestarts(let id, _), .probeRecovers(let id, _), .startStage(let id, _),
      .containersNoticed(let id, _), .probesDue(let id, _), .flapBegins(let id, _), .hangEnds(let id, _),
      .sandboxNoticed(let id):
      pod(id.rawValue)
    case .heartbeatMissed(let id, _), .evictPods(let id, _), .powerOff(let id, _), .powerOn(let id, _),
      .bootComplete(let id, _), .collectOrphans(let id, _), .shutdownStage(let id, _),
      .checkNode(let id, _), .targetHeard(let id, _), .targetDrained(let id, _), .targetReadressed(let id, _):
      node(id.rawValue)
    case .untaint(let id, _), .leaseRetry(let id, _), .collectTerminating(let id, _): node(id.rawValue)
    case .reportNodeStatus(let id), .cloudReportsAddress(let id), .reconcileRoute(let id): node(id.rawValue)
    case .learnRoute(let id, let on): 3 << 32 | UInt64(on) << 16 | UInt64(id.rawValue & 0xffff)
    case .reconcileEndpoints(let id), .provisionLoadBalancer(let id), .endpointSyncDue(let id):
      4 << 32 | UInt64(id.rawValue)
    case .syncWorkload(let id), .createReplicas(let id, _): 5 << 32 | UInt64(id.rawValue)
    case .action(let index): UInt64(index)
    case .occurrence(let number, let process): 6 << 32 | UInt64(process) << 16 | UInt64(number & 0xffff)
    case .linkEffectEnds(let index): 7 << 32 | UInt64(index)
    case .evict(let id, _): pod(id.rawValue)
    case .syncBudget(let index): 8 << 32 | UInt64(index)
    case .scrapeMetrics: 9 << 32
    case .autoscale(let index): 9 << 32 | UInt64(index) + 1
    case .drainBegins(let number), .drainTimesOut(let number): 10 << 32 | UInt64(number)
    case .apiServerReturns, .controllersReturn: 11 << 32
    case .rolloutStep(let number, let step): 12 << 32 | UInt64(number & 0xffff) << 16 | UInt64(step)
    }
  }
  private func pod(_ id: UInt32) -> UInt64 { 1 << 32 | UInt64(id) }
  private func node(_ id: UInt32) -> UInt64 { 2 << 32 | UInt64(id) }

  /// Which of an entity's events it is; equal ones at one instant are interchangeable.
  var kindNumber: UInt32 {
    switch self {
    case .schedulePod, .action, .syncWorkload, .reconcileEndpoints, .powerOff, .learnRoute, .linkEffectEnds,
      .rolloutStep, .apiServerReturns:
      0
    case .kubeletSeesPod, .provisionLoadBalancer, .powerOn, .occurrence, .controllersReturn: 1
    case .containersStart, .bootComplete, .endpointSyncDue: 2
    case .applicationReady, .reportNodeStatus: 3
    case .probeRecovers, .heartbeatMissed: 4
    case .kubeletSeesDeletion, .evictPods: 5
    case .preStopEnded, .collectOrphans: 6
    case .processExits: 7
    case .gracePeriodOver: 8
    case .containerRestarts: 9
    case .reportPodStatus: 10
    case .sandboxRemoved: 11
    case .untaint: 13
    case .leaseRetry: 14
    case .cloudReportsAddress: 15
    case .reconcileRoute: 16
    case .collectTerminating: 17
    case .confirmPodGone: 12
    case .startStage: 13
    case .hangEnds: 14
    case .flapBegins: 15
    case .containersNoticed: 16
    case .probesDue: 17
    case .sandboxNoticed: 18
    case .shutdownStage: 19
    case .createReplicas, .drainTimesOut: 1
    case .syncBudget, .scrapeMetrics, .autoscale, .drainBegins: 0
    case .evict(_, let number): 64 + UInt32(number)
    case .checkNode(_, let check): 64 + UInt32(check)
    case .targetHeard(_, let what): 1 << 17 + UInt32(what)
    case .targetReadressed(_, let check): 1 << 18 + UInt32(check)
    case .targetDrained(_, let check): 1 << 19 + UInt32(check)
    }
  }
}

extension ProxyEvent {
  var node: NodeID {
    switch self {
    case .wake(let node, _), .filterCommit(let node, _), .natCommit(let node, _), .processReady(let node, _),
      .forcedRun(let node, _), .cleanUp(let node, _):
      node
    }
  }
  /// Commits end a sync before the next one begins.
  var kindNumber: UInt32 {
    switch self {
    case .filterCommit: 0
    case .natCommit: 1
    case .processReady: 2
    case .wake: 3
    case .forcedRun: 4
    case .cleanUp: 5
    }
  }
}
