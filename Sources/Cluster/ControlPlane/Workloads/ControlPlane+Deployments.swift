// SPDX-License-Identifier: GPL-3.0-or-later
//
// The Deployment controller: it sizes its ReplicaSets, old and new, and watches over the progress of a
// rollout (k/k pkg/controller/deployment). The sizes are DeploymentScaling's rule; pods are the ReplicaSets'
// business.

import SimKernel

extension ControlPlane {
  mutating func syncDeployment(_ workload: WorkloadID, _ out: inout ControlPlaneOutput) {
    let object = workloads[workload.index].object
    var scaling = scaling(of: workload)
    if object.isPaused || scaling.isScalingEvent {
      // No new ReplicaSet, only sizes.
      scaling.scale()
      write(scaling, workload, &out)
      return updateStatus(workload, &out)
    }
    if object.recreates { return recreate(workload, scaling, &out) }
    if ensureNewest(workload, &out) { scaling = self.scaling(of: workload) }
    scaling.roll()
    write(scaling, workload, &out)
    updateStatus(workload, &out)
  }

  /// New pods only when nothing of the old is left.
  private mutating func recreate(
    _ workload: WorkloadID, _ before: DeploymentScaling, _ out: inout ControlPlaneOutput
  ) {
    var scaling = before
    if scaling.emptyOld() {
      write(scaling, workload, &out)
      return updateStatus(workload, &out)
    }
    let newest = newestSet(of: workload)
    let remains = workloads[workload.index].sets.contains { set in
      set != newest && !workloads[set.index].pods.isEmpty
    }
    if remains { return updateStatus(workload, &out) }
    if ensureNewest(workload, &out) { scaling = self.scaling(of: workload) }
    scaling.roll()
    write(scaling, workload, &out)
    updateStatus(workload, &out)
  }

  // MARK: ReplicaSets

  /// The ReplicaSet of the present template.
  func newestSet(of workload: WorkloadID) -> WorkloadID? {
    let record = workloads[workload.index]
    return record.sets.first { workloads[$0.index].templateRevision == record.templateRevision }
  }

  private func scaling(of workload: WorkloadID) -> DeploymentScaling {
    let record = workloads[workload.index]
    let newest = newestSet(of: workload)
    return DeploymentScaling(
      bounds: RollingUpdate(
        replicas: record.object.replicas, maxSurge: record.object.maxSurge,
        maxUnavailable: record.object.maxUnavailable), recreates: record.object.recreates,
      sets: record.sets.map { set in
        let size = workloads[set.index]
        return .init(
          replicas: size.object.replicas, available: size.status.available, desired: size.desiredAnnotation,
          most: size.maxAnnotation)
      }, newest: newest.flatMap { record.sets.firstIndex(of: $0) })
  }

  private mutating func write(
    _ scaling: DeploymentScaling, _ workload: WorkloadID, _ out: inout ControlPlaneOutput
  ) {
    for (set, size) in zip(workloads[workload.index].sets, scaling.sets) {
      workloads[set.index].desiredAnnotation = size.desired
      workloads[set.index].maxAnnotation = size.most
      let before = workloads[set.index].object.replicas
      guard before != size.replicas else { continue }
      workloads[set.index].object.replicas = size.replicas
      log(object(set), "resized", "\(before) -> \(size.replicas)", &out)
      queueSync(set, &out)
    }
  }

  /// Makes the ReplicaSet of the present template, with as many pods as there is room for.
  /// - Returns: false if it exists.
  private mutating func ensureNewest(_ workload: WorkloadID, _ out: inout ControlPlaneOutput) -> Bool {
    if newestSet(of: workload) != nil { return false }
    let size = scaling(of: workload).sizeOfNewest(from: 0)
    let set = addReplicaSet(of: workload, replicas: size)
    log(object(set), "created", "replicas \(size)", &out)
    workloads[workload.index].progress = .progressing(now)
    queueSync(set, &out)
    return true
  }

  /// A ReplicaSet of the Deployment's present template.
  mutating func addReplicaSet(of workload: WorkloadID, replicas: Int) -> WorkloadID {
    let owner = workloads[workload.index]
    let hash = owner.templateHash(owner.templateRevision)
    var labels = owner.object.templateLabels
    labels["pod-template-hash"] = hash
    var meta = ObjectMeta(
      name: "\(owner.name.name)-\(hash)", namespace: owner.name.namespace, labels: labels,
      creationTimestamp: now > .zero ? now : owner.object.metadata.creationTimestamp)
    meta.controller = OwnerReference(
      apiVersion: "apps/v1", kind: "Deployment", name: owner.name.name, uid: owner.object.metadata.uid)
    var selector = owner.object.selector
    selector.matchLabels["pod-template-hash"] = hash
    var object = Workload(
      kind: .replicaSet, metadata: meta, selector: selector, templateLabels: labels,
      template: owner.object.template)
    object.replicas = replicas
    object.minReady = owner.object.minReady
    let set = addWorkload(object)
    let bounds = RollingUpdate(
      replicas: owner.object.replicas, maxSurge: owner.object.maxSurge,
      maxUnavailable: owner.object.maxUnavailable)
    workloads[set.index].parent = workload
    workloads[set.index].templateRevision = owner.templateRevision
    workloads[set.index].desiredAnnotation = owner.object.replicas
    workloads[set.index].maxAnnotation = bounds.replicas + (owner.object.recreates ? 0 : bounds.maxSurge)
    let revisions = owner.sets.map { workloads[$0.index].rolloutRevision }
    workloads[set.index].rolloutRevision = (revisions.max() ?? 0) + 1
    workloads[workload.index].sets.append(set)
    return set
  }

  /// minReadySeconds of the Deployment is that of its ReplicaSets.
  mutating func passOnMinReady(_ workload: WorkloadID) {
    for set in workloads[workload.index].sets {
      workloads[set.index].object.minReady = workloads[workload.index].object.minReady
    }
  }

  // MARK: Progress

  private mutating func updateStatus(_ workload: WorkloadID, _ out: inout ControlPlaneOutput) {
    let record = workloads[workload.index]
    let newest = newestSet(of: workload)
    var status = WorkloadRecord.Status()
    for set in record.sets {
      let part = workloads[set.index].status
      status.replicas += part.replicas
      status.ready += part.ready
      status.available += part.available
      if set == newest { status.updated = part.replicas }
    }
    workloads[workload.index].status = status
    if !record.object.isPaused { watchProgress(workload, before: record.status, status, &out) }
  }

  private mutating func watchProgress(
    _ workload: WorkloadID, before: WorkloadRecord.Status, _ status: WorkloadRecord.Status,
    _ out: inout ControlPlaneOutput
  ) {
    let record = workloads[workload.index]
    guard let deadline = record.object.progressDeadline else { return }
    if record.progress == .complete, status.replicas == status.updated { return }
    let replicas = record.object.replicas
    let isComplete =
      status.updated == replicas && status.replicas == replicas && status.available == replicas
    let hasProgressed =
      status.updated > before.updated
      || status.replicas - status.updated < before.replicas - before.updated
      || status.ready > before.ready || status.available > before.available
    if isComplete {
      workloads[workload.index].progress = .complete
      if record.progress != .none { log(object(workload), "NewReplicaSetAvailable", "", &out) }
      return
    }
    if hasProgressed || record.progress == .none {
      workloads[workload.index].progress = .progressing(now)
    } else if case .progressing(let since) = record.progress, now > since + deadline {
      workloads[workload.index].progress = .exceeded
      let message = "no progress for \(deadline); nothing is rolled back"
      return log(object(workload), "ProgressDeadlineExceeded", message, &out)
    }
    // Looks again a second after the deadline (requeueStuckDeployment).
    if case .progressing(let since) = workloads[workload.index].progress, since == now {
      out.schedule.append((since + deadline + .seconds(1), .syncWorkload(workload)))
    }
  }

  // MARK: kubectl rollout

  /// The template of the revision before the present one becomes the present one again.
  mutating func undoRollout(_ name: NamespacedName, _ out: inout ControlPlaneOutput) {
    guard let id = workloadID(name, kind: .deployment) else {
      return log("deployment/\(name)", "undo ignored", "not found", &out)
    }
    let ranked = workloads[id.index].sets.sorted {
      workloads[$0.index].rolloutRevision > workloads[$1.index].rolloutRevision
    }
    let isPresent = newestSet(of: id) != nil
    guard !workloads[id.index].object.isPaused, let back = isPresent ? ranked.dropFirst().first : ranked.first
    else { return log(object(id), "undo ignored", "no revision to go back to", &out) }
    log(object(id), "undo", "to \(workloads[back.index].name.name)", &out)
    workloads[back.index].rolloutRevision = workloads[ranked[0].index].rolloutRevision + 1
    workloads[id.index].templateRevision = workloads[back.index].templateRevision
    workloads[id.index].object.template = workloads[back.index].object.template
    var labels = workloads[back.index].object.templateLabels
    labels["pod-template-hash"] = nil
    workloads[id.index].object.templateLabels = labels
    workloads[id.index].progress = .progressing(now)
    queueSync(id, &out)
  }

  mutating func pauseRollout(_ name: NamespacedName, _ isPaused: Bool, _ out: inout ControlPlaneOutput) {
    guard let id = workloadID(name, kind: .deployment) else {
      return log("deployment/\(name)", isPaused ? "pause ignored" : "resume ignored", "not found", &out)
    }
    workloads[id.index].object.isPaused = isPaused
    log(object(id), isPaused ? "paused" : "resumed", "", &out)
    // Time spent paused does not count against the deadline.
    if !isPaused, workloads[id.index].progress != .complete {
      workloads[id.index].progress = .progressing(now)
    }
    queueSync(id, &out)
  }
}
