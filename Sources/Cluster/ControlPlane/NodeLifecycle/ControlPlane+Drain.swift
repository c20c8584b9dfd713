// SPDX-License-Identifier: GPL-3.0-or-later
//
// Draining a node: as `kubectl drain` (k/k staging/src/k8s.io/kubectl/pkg/drain) or as the cluster autoscaler
// does it before it removes a machine (kubernetes/autoscaler core/scaledown/actuation).

import NetworkTypes
import SimKernel

/// A drain under way.
struct Drain: Sendable {
  var node: NodeID
  var options: DrainOptions
  /// Pods that are to leave, in order of arrival.
  var pods: [PodID]
  var deadline: SimTime?
  /// Refusals that are in events.csv already.
  var refusalsTold: [PodID] = []
  var isOver = false
}

extension ControlPlane {
  /// kubectl tries a refused eviction again (drain.go, evictPods).
  static var evictionRetry: SimDuration { .seconds(5) }
  /// The autoscaler's (EvictionRetryTime), for MaxPodEvictionTime, after DefaultDelayAfterTaint.
  static var autoscalerRetry: SimDuration { .seconds(10) }
  static var autoscalerPatience: SimDuration { .seconds(120) }
  static var autoscalerDelay: SimDuration { .seconds(5) }
  static var autoscalerTaint: String { "ToBeDeletedByClusterAutoscaler:NoSchedule" }

  mutating func drain(_ node: NodeID, _ options: DrainOptions, _ out: inout ControlPlaneOutput) {
    log(object(node), "drain", options.by == .autoscaler ? "by the cluster autoscaler" : "", &out)
    guard drains.count < Int(UInt16.max) else { return }
    let number = UInt16(drains.count)
    switch options.by {
    case .kubectl:
      setUnschedulable(true, node, &out)
      drains.append(
        Drain(node: node, options: options, pods: [], deadline: options.timeout.map { now + $0 }))
      beginEvictions(number, &out)
    case .autoscaler:
      setTaint(Self.autoscalerTaint, true, node, &out)
      drains.append(Drain(node: node, options: options, pods: [], deadline: nil))
      out.schedule.append((now + Self.autoscalerDelay, .drainBegins(number)))
    }
  }

  /// The list of pods is made once; what is scheduled later is not the drain's business.
  mutating func beginEvictions(_ number: UInt16, _ out: inout ControlPlaneOutput) {
    let index = Int(number)
    let node = drains[index].node
    let options = drains[index].options
    let leaving = podsInAPI(on: node).filter { !isDaemon($0) }
    let unmanaged = leaving.filter { pods[$0.index].owner.isNone && isActive($0) }
    if options.by == .kubectl, !options.force, let first = unmanaged.first {
      drains[index].isOver = true
      let detail = "cannot delete Pods that declare no controller (use force): \(pods[first.index].name)"
      return log(object(node), "drain refused", detail, &out)
    }
    if options.by == .autoscaler {
      drains[index].deadline = now + (options.timeout ?? Self.autoscalerPatience)
    }
    drains[index].pods = leaving
    for pod in leaving { tryEviction(pod, number, &out) }
    if let deadline = drains[index].deadline, !leaving.isEmpty {
      out.schedule.append((deadline, .drainTimesOut(number)))
    }
    finishDrainIfEmpty(index, &out)
  }

  /// Evicts one pod, or tries again later.
  mutating func tryEviction(_ pod: PodID, _ number: UInt16, _ out: inout ControlPlaneOutput) {
    let drain = drains[Int(number)]
    guard !drain.isOver, store.pod(pod) != nil else { return }
    if drain.options.disablesEviction {
      return requestDeletion(pod, grace: drain.options.gracePeriod, &out)
    }
    switch evict(pod, grace: drain.options.gracePeriod, &out) {
    case .granted: return
    case .refused(let budget):
      if !drain.refusalsTold.contains(pod) {
        let name = budgets[budget].object.metadata.namespacedName
        log(object(pod), "eviction refused", "would violate PodDisruptionBudget \(name)", &out)
      }
    case .ambiguous:
      if !drain.refusalsTold.contains(pod) {
        log(object(pod), "eviction refused", "more than one PodDisruptionBudget selects it", &out)
      }
    }
    if !drain.refusalsTold.contains(pod) { drains[Int(number)].refusalsTold.append(pod) }
    let retry = drain.options.by == .kubectl ? Self.evictionRetry : Self.autoscalerRetry
    out.schedule.append((now + retry, .evict(pod, number)))
  }

  /// A pod has left the API.
  mutating func drainsHear(_ pod: PodID, _ out: inout ControlPlaneOutput) {
    for index in drains.indices where !drains[index].isOver && drains[index].pods.contains(pod) {
      finishDrainIfEmpty(index, &out)
    }
  }

  private mutating func finishDrainIfEmpty(_ index: Int, _ out: inout ControlPlaneOutput) {
    guard !drains[index].isOver, drains[index].pods.allSatisfy({ store.pod($0) == nil }) else { return }
    drains[index].isOver = true
    let node = drains[index].node
    log(object(node), "drained", "", &out)
    guard drains[index].options.deletesNode else { return }
    powerOff(node, &out)
    deleteNode(node, &out)
  }

  mutating func drainTimesOut(_ number: UInt16, _ out: inout ControlPlaneOutput) {
    let index = Int(number)
    guard !drains[index].isOver else { return }
    drains[index].isOver = true
    let node = drains[index].node
    let left = drains[index].pods.filter { store.pod($0) != nil }.count
    if drains[index].options.by == .autoscaler {
      // It waits for pods that are on their way out; one that cannot be evicted keeps the node.
      let stuck = drains[index].pods.filter { isActive($0) }
      if stuck.isEmpty {
        drains[index].isOver = false
        return
      }
      setTaint(Self.autoscalerTaint, false, node, &out)
    }
    log(object(node), "drain timed out", "\(left) pods left", &out)
  }

  mutating func setTaint(
    _ taint: String, _ isSet: Bool, _ node: NodeID, _ out: inout ControlPlaneOutput
  ) {
    guard var object = store.node(node), object.taints.contains(taint) != isSet else { return }
    if isSet { object.taints.append(taint) } else { object.taints.removeAll { $0 == taint } }
    write(object, node, &out)
    log(self.object(node), isSet ? "tainted" : "untainted", taint, &out)
    if !isSet { nodeBecameUsable(&out) }
  }
}
