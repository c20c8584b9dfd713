// SPDX-License-Identifier: GPL-3.0-or-later
//
// The life of Pod objects in the API: created, asked to go (deletionTimestamp), removed; and who hears of it.
// What happens to their processes is the kubelet's part.

import SimKernel

extension ControlPlane {
  /// Writes a new Pod object; nobody acts on it yet.
  mutating func createPod(
    _ object: Pod, owner: WorkloadID = .none, templateRevision: Int = 0, _ out: inout ControlPlaneOutput
  ) -> PodID {
    let id = PodID(pods.count)
    let name = object.metadata.namespacedName
    let incarnation = incarnations[name] ?? 0
    incarnations[name] = incarnation + 1
    let record = PodRecord(
      id: id, object: object, owner: owner, templateRevision: templateRevision,
      behaviour: podBehaviour(name.namespace, object.metadata.labels), settings: settings,
      drawEntity: StableHash.of("pod/\(name)/\(incarnation)"))
    pods.append(record)
    var object = object
    object.metadata.creationTimestamp = max(now, object.metadata.creationTimestamp)
    if now == .zero { object.metadata.creationTimestamp = min(.zero, object.metadata.creationTimestamp) }
    if object.metadata.uid.isEmpty { object.metadata.uid = Self.uid(of: name, number: id.index) }
    if !object.spec.scheduling.antiAffinity.isEmpty { usesAntiAffinity = true }
    store.addNamespace(name.namespace)
    let revision = store.create(object, as: id)
    selection.add(id, namespace: name.namespace, labels: object.metadata.labels)
    out.changes.append(.podStatusChanged(id, revision))
    return id
  }

  /// Graceful deletion through the API. No effect on a pod that is on its way already.
  /// - Parameter grace: instead of the pod's own grace period.
  mutating func requestDeletion(
    _ pod: PodID, grace: SimDuration? = nil, _ out: inout ControlPlaneOutput
  ) {
    guard let object = store.pod(pod), object.metadata.deletionTimestamp == nil else { return }
    if let grace { pods[pod.index].gracePeriod = grace }
    log(self.object(pod), "deletion requested", "", &out)
    guard !pods[pod.index].node.isNone else { return removePod(pod, &out) }
    let period = pods[pod.index].gracePeriod
    // Without a grace period, or at its end already, the object goes at once; the kubelet cleans up behind it
    // (k/k pkg/registry/core/pod/strategy.go CheckGracefulDelete).
    let isAtEnd = object.status.phase == .succeeded || object.status.phase == .failed
    if isAtEnd || period <= .zero {
      pods[pod.index].gracePeriod = max(period, Self.leastGrace)
      removePod(pod, &out)
    } else {
      nodes[pods[pod.index].node.index].livePods -= 1
      // The API server sets the time at which the grace period will be over.
      updatePod(pod, &out) { [now] in $0.metadata.deletionTimestamp = now + period }
    }
    out.schedule.append((now + draw(.kubeletWatch, pod: pod), .kubeletSeesDeletion(pod)))
  }

  /// What a kubelet gives a pod at least (pod_workers.go calculateEffectiveGracePeriod; older releases give
  /// one that was deleted by force the grace period of its manifest).
  static var leastGrace: SimDuration { .seconds(1) }

  /// Deletion with another grace period than the pod's own (`kubectl delete --grace-period`); zero: by force.
  /// A second one can only shorten it.
  mutating func requestDeletion(_ pod: PodID, within grace: SimDuration, _ out: inout ControlPlaneOutput) {
    guard let object = store.pod(pod) else { return }
    guard object.metadata.deletionTimestamp != nil else {
      pods[pod.index].gracePeriod = grace
      return requestDeletion(pod, &out)
    }
    guard grace < pods[pod.index].gracePeriod else { return }
    log(self.object(pod), "deletion requested", "with a shorter grace period", &out)
    pods[pod.index].gracePeriod = max(grace, Self.leastGrace)
    pods[pod.index].isGraceShortened = true
    if grace <= .zero {
      removePod(pod, &out)
    } else {
      updatePod(pod, &out) { [now] in $0.metadata.deletionTimestamp = now + grace }
    }
    out.schedule.append((now + draw(.kubeletWatch, pod: pod), .kubeletSeesDeletion(pod)))
  }

  /// Takes the object out of the API.
  mutating func removePod(_ pod: PodID, _ out: inout ControlPlaneOutput) {
    account(pod, times: -1)
    guard let before = store.pod(pod), let revision = store.removePod(pod) else { return }
    if before.metadata.deletionTimestamp == nil, !pods[pod.index].node.isNone {
      nodes[pods[pod.index].node.index].livePods -= 1
    }
    pods[pod.index].readySince = nil
    unschedulable.removeAll { $0 == pod }
    out.changes.append(.podStatusChanged(pod, revision))
    log(object(pod), "removed", "", &out)
    podChanged(pod, &out)
    selection.remove(pod)
    let owner = pods[pod.index].owner
    if !owner.isNone { workloads[owner.index].pods.removeAll { $0 == pod } }
    if pods[pod.index].node.isNone { pods[pod.index].process = .ended }
    usages[pod] = nil
    if !drains.isEmpty { drainsHear(pod, &out) }
    retryUnschedulable(&out)
    forgetIfGone(pod)
  }

  /// Changes a Pod object; if it is another afterwards, everybody concerned hears of it.
  mutating func updatePod(_ pod: PodID, _ out: inout ControlPlaneOutput, _ change: (inout Pod) -> Void) {
    guard let revision = store.update(pod, change) else { return }
    if store.pod(pod)!.status.isReady {
      if pods[pod.index].readySince == nil {
        pods[pod.index].readySince = now
        pods[pod.index].lastReady = now
      }
    } else {
      if pods[pod.index].readySince != nil { pods[pod.index].lastReady = now }
      pods[pod.index].readySince = nil
    }
    out.changes.append(.podStatusChanged(pod, revision))
    podChanged(pod, &out)
  }

  /// Wakes the controllers that watch pods.
  private mutating func podChanged(_ pod: PodID, _ out: inout ControlPlaneOutput) {
    endpointControllers.triggers.note(pod, isReady: store.pod(pod)?.status.isReady ?? false, at: now)
    for service in selection.services(of: pod) { queueReconcile(service, because: .pod, &out) }
    let owner = pods[pod.index].owner
    if !owner.isNone { queueSync(owner, &out) }
    // Recreate waits for the last old pod to leave.
    if !owner.isNone, !workloads[owner.index].parent.isNone, store.pod(pod) == nil {
      queueSync(workloads[owner.index].parent, &out)
    }
    if !budgets.isEmpty { budgetsHear(of: pod, &out) }
  }

  /// Takes a pod off its node's list once neither the API nor the node has anything of it.
  mutating func forgetIfGone(_ pod: PodID) {
    let record = pods[pod.index]
    guard store.pod(pod) == nil, record.isGoneFromNode, !record.node.isNone else { return }
    nodes[record.node.index].pods.removeAll { $0 == pod }
  }

  /// A UID that looks like one and is the same in every run.
  static func uid(of name: NamespacedName, number: Int) -> String {
    let high = StableHash.of("uid/\(name)/\(number)")
    let hex = [high, StableHash.mixed(high)].map { value in
      let text = String(value, radix: 16)
      return String(repeating: "0", count: 16 - text.count) + text
    }.joined()
    let digits = Array(hex)
    return [0..<8, 8..<12, 12..<16, 16..<20, 20..<32].map { String(digits[$0]) }.joined(separator: "-")
  }
}
