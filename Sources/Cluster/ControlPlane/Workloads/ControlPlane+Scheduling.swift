// SPDX-License-Identifier: GPL-3.0-or-later
//
// The scheduler: a pending pod is looked at a delay after it appears, and again when a node or a pod changed
// so that it might fit. Which nodes may have it, and which one gets it, is PodScheduler's rule and
// PlacementCounts' arithmetic.

import SimKernel

extension ControlPlane {
  mutating func queueScheduling(_ pod: PodID, _ out: inout ControlPlaneOutput) {
    out.schedule.append((now + draw(.scheduler, pod: pod), .schedulePod(pod)))
  }

  mutating func schedule(_ pod: PodID, _ out: inout ControlPlaneOutput) {
    guard let object = store.pod(pod), pods[pod.index].node.isNone else { return }
    if let node = nodeFor(pod, object) {
      bind(pod, to: node, &out)
    } else if !unschedulable.contains(pod) {
      unschedulable.append(pod)
      log(self.object(pod), "unschedulable", whyUnschedulable(pod, object), &out)
    }
  }

  /// Pods that wait for a node get another chance: one became free or usable, or a pod left.
  mutating func retryUnschedulable(_ out: inout ControlPlaneOutput) {
    if unschedulable.isEmpty { return }
    for pod in unschedulable { queueScheduling(pod, &out) }
    unschedulable = []
  }

  /// Enters or takes off what the pod asks of its node.
  mutating func account(_ pod: PodID, times: Int64) {
    guard let object = store.pod(pod), !pods[pod.index].node.isNone else { return }
    // What has ended holds nothing.
    if object.status.phase == .succeeded || object.status.phase == .failed { return }
    if (times > 0) == pods[pod.index].isAccounted { return }
    pods[pod.index].isAccounted = times > 0
    nodes[pods[pod.index].node.index].usage.add(object.spec.scheduling, times: times)
  }

  // MARK: Choosing

  /// The node that the pod gets now; nil: none fits.
  func nodeFor(_ pod: PodID, _ object: Pod) -> NodeID? {
    if let name = object.spec.nodeName {
      return nodeIndex[name].flatMap { store.node($0) == nil ? nil : $0 }
    }
    let pinned = pods[pod.index].pinnedNode
    if !pinned.isNone {
      return store.node(pinned) != nil && crowding(object, on: pinned) == nil ? pinned : nil
    }
    let counts = PlacementCounts(self, pod, object)
    var fitting: [Int] = []
    for index in nodes.indices where refusal(object, index, counts) == nil { fitting.append(index) }
    return best(of: fitting, object, counts)
  }

  private func refusal(_ object: Pod, _ index: Int, _ counts: PlacementCounts) -> PodScheduler.Refusal? {
    let id = NodeID(index)
    let hasWishes = !object.spec.nodeSelector.isEmpty || !object.spec.scheduling.nodeTerms.isEmpty
    if hasWishes || !store.isOpen(id) {
      guard let node = store.node(id) else { return .notReady }
      if let refusal = PodScheduler.refusal(node, object.spec) { return refusal }
    }
    return crowding(object, on: id) ?? counts.refusal(index)
  }

  /// What the pods that are there have against one more.
  private func crowding(_ object: Pod, on node: NodeID) -> PodScheduler.Refusal? {
    let refusal = nodes[node.index].usage.refusal(
      object.spec.scheduling, nodes[node.index].allocatable)
    if let refusal { return refusal }
    let wanted = object.spec.scheduling.hostPorts
    if wanted.isEmpty { return nil }
    let isTaken = podsInAPI(on: node).contains { pod in
      store.pod(pod)!.spec.scheduling.hostPorts.contains(where: wanted.contains)
    }
    return isTaken ? .ports : nil
  }

  private func best(of fitting: [Int], _ object: Pod, _ counts: PlacementCounts) -> NodeID? {
    guard fitting.count > 1 else { return fitting.first.map { NodeID($0) } }
    var scores = PodScheduler.fewest(counts.spread(fitting)).map { $0 * PodScheduler.spreadWeight }
    func add(_ more: [Int], weight: Int) { for i in scores.indices { scores[i] += more[i] * weight } }
    let scheduling = object.spec.scheduling
    if fitting.contains(where: { nodes[$0].isLimited }) {
      add(
        fitting.map {
          PodScheduler.leastAllocated(nodes[$0].usage, nodes[$0].allocatable, scheduling)
        }, weight: 1)
    }
    if store.hasPreferNoSchedule {
      let raw = fitting.map { PodScheduler.unwelcoming(store.node(NodeID($0))!, object.spec) }
      add(PodScheduler.leastUnwelcome(raw), weight: PodScheduler.taintWeight)
    }
    if !scheduling.preferredNodeTerms.isEmpty {
      let raw = fitting.map { index in
        let labels = store.node(NodeID(index))!.metadata.labels
        return scheduling.preferredNodeTerms.reduce(0) { $0 + ($1.term.matches(labels) ? $1.weight : 0) }
      }
      add(PodScheduler.most(raw), weight: PodScheduler.nodeAffinityWeight)
    }
    if !scheduling.preferredPods.isEmpty {
      add(PodScheduler.between(counts.preference(fitting)), weight: PodScheduler.podAffinityWeight)
    }
    var winner = 0
    for i in fitting.indices.dropFirst() where scores[i] >= scores[winner] {
      if scores[i] > scores[winner] || isFirst(fitting[i], before: fitting[winner]) { winner = i }
    }
    return NodeID(fitting[winner])
  }

  private func isFirst(_ a: Int, before b: Int) -> Bool {
    let (more, less) = (nodes[a].livePods, nodes[b].livePods)
    return more == less ? nodes[a].name < nodes[b].name : more < less
  }

  /// `0/3 nodes are available: 2 Insufficient cpu, 1 node(s) were unschedulable`
  func whyUnschedulable(_ pod: PodID, _ object: Pod) -> String {
    let pinned = pods[pod.index].pinnedNode
    let considered = nodes.indices.filter {
      store.node(NodeID($0)) != nil && (pinned.isNone || pinned.index == $0)
    }
    let counts = PlacementCounts(self, pod, object)
    var reasons: [PodScheduler.Refusal: Int] = [:]
    for index in considered {
      let reason =
        pinned.isNone ? refusal(object, index, counts) : crowding(object, on: NodeID(index))
      if let reason { reasons[reason, default: 0] += 1 }
    }
    let list = PodScheduler.Refusal.allCases.compactMap { reason in
      reasons[reason].map { "\($0) \(reason.rawValue)" }
    }
    return "0/\(considered.count) nodes are available"
      + (list.isEmpty ? "" : ": " + list.joined(separator: ", "))
  }
}
