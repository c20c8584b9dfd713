// SPDX-License-Identifier: GPL-3.0-or-later
//
// Planned and random churn: when actions come, what they are about, and their carrying out by the parts
// concerned. The times of a random process depend on its name and the seed alone, never on the cluster.

import NetworkTypes
import SimKernel
import SimRandom

extension ControlPlane {
  /// Closest that two occurrences of a process may be, so that a distribution with zeros ends.
  static var occurrenceGap: SimDuration { .microseconds(1) }

  /// Takes in the scenario's events and random processes. Call once, at t = 0.
  /// - Parameter duration: random processes end then.
  public mutating func scheduleActions(
    _ events: [TimedAction], processes: [RandomProcess], duration: SimDuration,
    into out: inout ControlPlaneOutput
  ) {
    agenda.planned = events
    agenda.processes = processes
    agenda.end = SimTime.zero + duration
    for index in events.indices { out.schedule.append((events[index].at, .action(UInt32(index)))) }
    for index in processes.indices {
      queueOccurrence(process: index, number: 0, after: processes[index].from, &out)
    }
  }

  private mutating func queueOccurrence(
    process: Int, number: Int, after time: SimTime, _ out: inout ControlPlaneOutput
  ) {
    let plan = agenda.processes[process]
    if let limit = plan.limit, number >= limit { return }
    let gap = draws.duration(
      plan.every, .occurrence, entity: StableHash.of("process/\(plan.name)"), number: UInt64(number))
    let at = time + max(gap, Self.occurrenceGap)
    guard at < plan.until, at < agenda.end else { return }
    out.schedule.append((at, .occurrence(UInt32(number), UInt16(process))))
  }

  mutating func performPlanned(_ index: Int, _ out: inout ControlPlaneOutput) {
    perform(agenda.planned[index].action, ActionDraw("event", number: UInt64(index)), &out)
  }

  mutating func occur(process: Int, number: Int, _ out: inout ControlPlaneOutput) {
    queueOccurrence(process: process, number: number + 1, after: now, &out)
    let plan = agenda.processes[process]
    perform(plan.action, ActionDraw("process/\(plan.name)", number: UInt64(number)), &out)
  }

  /// Makes something happen now.
  public mutating func perform(
    _ action: ClusterAction, at time: SimTime, into out: inout ControlPlaneOutput
  ) {
    now = time
    agenda.improvised += 1
    perform(action, ActionDraw("performed", number: agenda.improvised), &out)
  }

  mutating func perform(
    _ action: ClusterAction, _ draw: ActionDraw, _ out: inout ControlPlaneOutput
  ) {
    var draw = draw
    if apiServer.isDown, action.needsAPIServer { return apiServer.postponedActions.append((action, draw)) }
    agenda.occurrenceUnderWay = agenda.occurrences
    agenda.occurrences += 1
    defer { agenda.occurrenceUnderWay = -1 }
    switch action {
    case .nodeJoin, .nodeDrain, .nodeCordon, .nodeUncordon, .nodeCrash, .nodeReboot, .nodeReturn,
      .nodeAddressChange, .nodeTaint, .nodeUntaint, .nodeDelete:
      performOnNodes(action, &draw, &out)
    case .podDelete, .podCrash, .podUnready, .podReady, .podHang, .podDeleteWithin: performOnPods(action, &draw, &out)
    case .scale(let name, let replicas): scale(name, to: replicas, &out)
    case .rollout(let name): rollOut(name, &out)
    case .undoRollout(let name): undoRollout(name, &out)
    case .pauseRollout(let name, let isPaused): pauseRollout(name, isPaused, &out)
    case .apply(let objects): for object in objects { applyOrLog(object, &out) }
    case .delete(let kind, let name): delete(kind, name, &out)
    case .proxyRestart(let target, let teardown):
      for node in targets(target, &draw, where: { $0.isUp }) {
        restartProxy(node, teardown: teardown, &out)
      }
    case .proxySyncFailure(let target, let probability, let duration):
      failSyncs(target, probability, duration, &draw, &out)
    case .proxyConfigure(let target, let settings, let restart):
      for node in targets(target, &draw, where: { $0.hasJoined }) {
        configureProxy(node, settings, restart: restart, &out)
      }
    case .proxyRollout(let target, let settings, let pace):
      beginRollout(targets(target, &draw, where: { $0.hasJoined }), settings, pace, &out)
    case .linkDegrade(let link, let delay, let loss, let duration):
      beginEffect(link, delay: delay, loss: loss, isPartition: false, duration, &draw, &out)
    case .partition(let link, let duration):
      beginEffect(link, delay: nil, loss: nil, isPartition: true, duration, &draw, &out)
    case .apiServerRestart(let downFor): stopAPIServer(downFor: drawn(downFor, &draw), &out)
    case .endpointSyncFailure(let service, let probability, let duration):
      let end = duration.map { now + drawn($0, &draw) } ?? .distantFuture
      makeEndpointWritesFail(service, probability: probability, until: end, &out)
    case .dnsChange(let name, let addresses): changeRecord(name, addresses, &out)
    }
  }

  // MARK: Nodes

  private mutating func performOnNodes(
    _ action: ClusterAction, _ draw: inout ActionDraw, _ out: inout ControlPlaneOutput
  ) {
    switch action {
    case .nodeJoin(let settings): join(settings, &out)
    case .nodeDrain(let target, let options):
      for node in targets(target, &draw, where: { $0.isUp }) { drain(node, options, &out) }
    case .nodeCordon(let target):
      for node in targets(target, &draw, where: { $0.isUp }) { setUnschedulable(true, node, &out) }
    case .nodeUncordon(let target):
      for node in targets(target, &draw, where: { $0.hasJoined }) { setUnschedulable(false, node, &out) }
    case .nodeCrash(let target, let returnAfter, let address):
      for node in targets(target, &draw, where: { $0.isUp }) {
        let downFor = returnAfter.map { drawn($0, &draw) }
        powerOff(node, &out)
        nodes[node.index].addressAfterBoot = address
        if let downFor { schedulePowerOn(node, after: downFor, newAddress: address, &out) }
      }
    case .nodeReboot(let target, let downFor, let address):
      for node in targets(target, &draw, where: { $0.isUp }) {
        shutDown(node, downFor: drawn(downFor, &draw), newAddress: address, &out)
      }
    case .nodeReturn(let target, let address):
      for node in targets(target, &draw, where: { $0.hasJoined && !$0.isUp }) {
        let kept = address ?? nodes[node.index].addressAfterBoot
        schedulePowerOn(node, after: .zero, newAddress: kept, &out)
      }
    case .nodeAddressChange(let target, let address):
      for node in targets(target, &draw, where: { $0.hasJoined }) { changeAddress(node, to: address, &out) }
    case .nodeTaint(let target, let taint):
      for node in targets(target, &draw, where: { $0.hasJoined }) { addTaint(taint, node, &out) }
    case .nodeUntaint(let target, let taint):
      for node in targets(target, &draw, where: { $0.hasJoined }) { removeTaint(taint, node, &out) }
    case .nodeDelete(let target):
      for node in targets(target, &draw, where: { $0.hasJoined }) { deleteNode(node, &out) }
    default: preconditionFailure("\(action) is not about nodes")
    }
  }

  /// The nodes meant, in order of index.
  private func targets(
    _ target: NodeTarget, _ draw: inout ActionDraw, where isEligible: (NodeRecord) -> Bool
  ) -> [NodeID] {
    switch target {
    case .named(let name):
      return nodeIndex[name].map { isEligible(nodes[$0.index]) ? [$0] : [] } ?? []
    case .random(let labels):
      // Among those that are up, except for an action that needs one that is down.
      let candidates = nodes.filter { isEligible($0) && has($0, labels) }.map(\.id)
      return pick(candidates, &draw)
    case .all(let labels): return nodes.filter { isEligible($0) && has($0, labels) }.map(\.id)
    }
  }

  /// Labels of its Node object, or those it will have.
  private func has(_ node: NodeRecord, _ labels: Labels) -> Bool {
    LabelSelector(labels).matches(store.node(node.id)?.metadata.labels ?? node.labels)
  }

  private func pick<Element>(_ candidates: [Element], _ draw: inout ActionDraw) -> [Element] {
    var stream = draws.stream(.target, entity: draw.entity, number: draw.number)
    let place = stream.uniform()
    return candidates.isEmpty ? [] : [candidates[Int(place * Double(candidates.count))]]
  }

  private func drawn(_ distribution: Distribution, _ draw: inout ActionDraw) -> SimDuration {
    defer { draw.part += 1 }
    let number = StableHash.mixed(draw.number) &+ draw.part
    return draws.duration(distribution, .effect, entity: draw.entity, number: number)
  }

  // MARK: Pods and workloads

  private mutating func performOnPods(
    _ action: ClusterAction, _ draw: inout ActionDraw, _ out: inout ControlPlaneOutput
  ) {
    switch action {
    case .podDelete(let target): for pod in targets(target, &draw) { requestDeletion(pod, &out) }
    case .podCrash(let target):
      for pod in targets(target, &draw) { endProcess(pod, crashed: true, &out) }
    case .podUnready(let target, let duration):
      for pod in targets(target, &draw) {
        setProbeFailing(true, pod, &out)
        guard let duration else { continue }
        let end = now + drawn(duration, &draw)
        out.schedule.append((end, .probeRecovers(pod, pods[pod.index].probeEpoch)))
      }
    case .podReady(let target): for pod in targets(target, &draw) { setProbeFailing(false, pod, &out) }
    case .podHang(let target, let duration):
      for pod in targets(target, &draw) { hang(pod, for: duration.map { drawn($0, &draw) }, &out) }
    case .podDeleteWithin(let target, let grace):
      for pod in targets(target, &draw) { requestDeletion(pod, within: grace, &out) }
    default: preconditionFailure("\(action) is not about pods")
    }
  }

  /// The pods meant: a named one that is not gone, else running ones that are not on their way out, by name.
  private func targets(_ target: PodTarget, _ draw: inout ActionDraw) -> [PodID] {
    switch target {
    case .named(let name): return store.podID(name).map { pods[$0.index].node.isNone ? [] : [$0] } ?? []
    case .random(let namespace, let labels): return pick(running(namespace, labels), &draw)
    case .all(let namespace, let labels): return running(namespace, labels)
    }
  }

  private func running(_ namespace: String, _ labels: Labels) -> [PodID] {
    store.pods(in: namespace).filter {
      pods[$0.index].process == .running && isActive($0)
        && LabelSelector(labels).matches(pods[$0.index].labels)
    }
  }

  private mutating func scale(_ name: NamespacedName, to replicas: Int, _ out: inout ControlPlaneOutput) {
    guard
      let id = workloads.first(where: { $0.name == name && !$0.isDeleted && $0.object.kind != .daemonSet })?
        .id
    else { return log("workload/\(name)", "scale ignored", "not found", &out) }
    log("workload/\(name)", "scaled", "\(workloads[id.index].object.replicas) -> \(replicas)", &out)
    workloads[id.index].object.replicas = replicas
    queueSync(id, &out)
  }

  private mutating func rollOut(_ name: NamespacedName, _ out: inout ControlPlaneOutput) {
    guard let id = workloadID(name) else {
      return log("workload/\(name)", "rollout ignored", "not found", &out)
    }
    log("workload/\(name)", "rollout", "", &out)
    templateChanged(id, old: workloads[id.index].object)
    queueSync(id, &out)
  }

  private mutating func applyOrLog(_ object: APIObject, _ out: inout ControlPlaneOutput) {
    do throws(APIRefusal) {
      try apply(object, &out)
    } catch {
      log("\(error.kind.lowercased())/\(error.name)", "refused", error.message, &out)
    }
  }

  // MARK: kube-proxy, paths, names

  mutating func configureProxy(
    _ node: NodeID, _ settings: ProxySettings, restart: Bool, _ out: inout ControlPlaneOutput
  ) {
    nodes[node.index].configuredProxy = settings
    log(object(node), "kube-proxy configured", settings.mode.rawValue, &out)
    if restart && nodes[node.index].isUp { restartProxy(node, &out) }
  }

  private mutating func failSyncs(
    _ target: NodeTarget, _ probability: Double, _ duration: Distribution?, _ draw: inout ActionDraw,
    _ out: inout ControlPlaneOutput
  ) {
    for node in targets(target, &draw, where: { $0.hasJoined }) {
      let until = duration.map { now + drawn($0, &draw) } ?? .distantFuture
      out.changes.append(.proxySyncsFail(node, probability: probability, until: until))
      log(object(node), "kube-proxy syncs fail", until == .distantFuture ? "" : "until \(until)", &out)
    }
  }

  private mutating func restartProxy(
    _ node: NodeID, teardown: SimDuration? = nil, _ out: inout ControlPlaneOutput
  ) {
    let isNew = nodes[node.index].configuredProxy != nodes[node.index].proxy
    nodes[node.index].proxy = nodes[node.index].configuredProxy
    out.changes.append(.proxyRestart(node, isNew ? nodes[node.index].proxy : nil, teardown: teardown))
    let detail = [isNew ? "with other settings" : nil, teardown.map { "without its rules for \($0)" }]
    log(object(node), "kube-proxy restarts", detail.compactMap { $0 }.joined(separator: ", "), &out)
  }

  private mutating func beginEffect(
    _ link: LinkTarget, delay: Distribution?, loss: Double?, isPartition: Bool, _ duration: Distribution?,
    _ draw: inout ActionDraw, _ out: inout ControlPlaneOutput
  ) {
    let cut = isPartition ? nodesCutOff(by: link) : []
    let effect = Agenda.LinkEffect(
      target: link, delay: delay, loss: loss, isPartition: isPartition, cutOff: cut)
    agenda.effects.append(effect)
    out.changes.append(.link(link, delay: delay, loss: loss, partitioned: isPartition, active: true))
    log(Self.name(of: link), isPartition ? "partitioned" : "degraded", "", &out)
    for node in cut { cutOff(node, &out) }
    guard let duration else { return }
    let end = now + drawn(duration, &draw)
    out.schedule.append((end, .linkEffectEnds(UInt32(agenda.effects.count - 1))))
  }

  mutating func linkEffectEnds(_ index: Int, _ out: inout ControlPlaneOutput) {
    let effect = agenda.effects[index]
    out.changes.append(
      .link(
        effect.target, delay: effect.delay, loss: effect.loss, partitioned: effect.isPartition, active: false)
    )
    log(Self.name(of: effect.target), "as before", "", &out)
    for node in effect.cutOff { reconnect(node, &out) }
  }

  /// Nodes that can no longer talk to the API server.
  private func nodesCutOff(by link: LinkTarget) -> [NodeID] {
    let other: LinkTarget.End
    switch (link.from, link.to) {
    case (.controlPlane, let end), (let end, .controlPlane): other = end
    default: return []
    }
    return switch other {
    case .node(let name): nodeIndex[name].map { [$0] } ?? []
    case .zone(let zone): nodes.filter { $0.zone == zone }.map(\.id)
    case .anyNode: nodes.map(\.id)
    case .outside, .controlPlane: []
    }
  }

  private static func name(of link: LinkTarget) -> String {
    func name(_ end: LinkTarget.End) -> String {
      switch end {
      case .node(let name): "node/\(name)"
      case .zone(let name): "zone/\(name)"
      case .anyNode: "any node"
      case .outside: "outside"
      case .controlPlane: "control plane"
      }
    }
    return "link/\(name(link.from)) - \(name(link.to))"
  }

  private mutating func changeRecord(
    _ name: String, _ addresses: [IPv4Address], _ out: inout ControlPlaneOutput
  ) {
    let key = Self.normalised(name)
    var record = externalRecords[key] ?? ExternalRecord(name: key, addresses: [])
    record.addresses = addresses
    externalRecords[key] = record
    out.changes.append(.dnsChanged(key))
    log("dns/\(key)", "changed", addresses.map(\.description).joined(separator: " "), &out)
  }
}
