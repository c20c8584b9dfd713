// SPDX-License-Identifier: GPL-3.0-or-later
//
// Nodes that stop to renew their lease: Ready Unknown after the grace period, their pods Ready=False in the
// API at once, and eviction after the toleration. And nodes that come back. (FACTS F1.)

import NetworkTypes
import SimKernel

extension ControlPlane {
  /// Taint of a node whose state is unknown (k/k pkg/controller/nodelifecycle).
  static var unreachableTaint: String { "node.kubernetes.io/unreachable:NoExecute" }
  static var unreachableNoSchedule: String { "node.kubernetes.io/unreachable:NoSchedule" }
  static var unschedulableTaint: String { "node.kubernetes.io/unschedulable:NoSchedule" }

  var heartbeatMonitor: HeartbeatMonitor {
    var stream = draws.stream(.phase, entity: StableHash.of("node monitor"), number: 0)
    let period = settings.timing.nodeMonitorPeriod
    return HeartbeatMonitor(
      period: max(period, .milliseconds(1)),
      grace: settings.timing.nodeMonitorGrace
        ?? HeartbeatMonitor.defaultGrace(minorVersion: settings.minorVersion),
      phase: SimDuration(seconds: stream.uniform() * period.seconds))
  }

  /// The node can no longer renew its lease.
  mutating func heartbeatsStop(_ node: NodeID, _ out: inout ControlPlaneOutput) {
    nodes[node.index].heartbeatEpoch &+= 1
    guard store.node(node) != nil else { return }
    let verdict = heartbeatMonitor.verdict(lastHeartbeat: lastHeartbeat(of: node))
    out.schedule.append((max(verdict, now), .heartbeatMissed(node, nodes[node.index].heartbeatEpoch)))
  }

  /// The last renewal of its lease, or post of its status, up to now. Each gap between two renewals is drawn
  /// by its number, so the series can be worked out here instead of ticking all the time.
  private func lastHeartbeat(of node: NodeID) -> SimTime {
    let record = nodes[node.index]
    let series = UInt64(record.leaseSeries) << 32
    func gap(_ number: UInt64) -> SimDuration {
      max(draws.duration(.leaseRenewal, entity: record.drawEntity, number: series | number), .milliseconds(1))
    }
    var stream = draws.stream(.phase, entity: record.drawEntity, number: 0)
    // A node that has only just come (back) renewed its lease when it did.
    let hasComeBack = record.reachableSince > .zero
    let phase = stream.uniform()
    var last =
      hasComeBack ? record.reachableSince : SimTime.zero - SimDuration(seconds: phase * gap(0).seconds)
    var number: UInt64 = 0
    var next = last + gap(0)
    while next <= now {
      last = next
      number += 1
      next = last + gap(number)
    }
    return max(last, lastStatusPost(record, phase: stream.uniform()))
  }

  /// An unchanged status is posted every five minutes (KubeletConfiguration nodeStatusReportFrequency), which
  /// the controller takes for a heartbeat too.
  private func lastStatusPost(_ record: NodeRecord, phase: Double) -> SimTime {
    let first =
      record.reachableSince > .zero
      ? record.reachableSince : .zero - SimDuration(seconds: phase * Self.statusReportPeriod.seconds)
    return HeartbeatMonitor.lastHeartbeat(first: first, renewal: Self.statusReportPeriod, silence: now)
  }

  static var statusReportPeriod: SimDuration { .minutes(5) }
  /// Longest pause between two tries of a kubelet that cannot reach the API server (k/k component-helpers
  /// lease/controller.go, maxBackoff).
  static var leaseRetryPause: SimDuration { .seconds(7) }

  /// The control plane can be reached again; the kubelet's next try to renew its lease comes within its
  /// pause.
  mutating func heartbeatsResumeSoon(_ node: NodeID, _ out: inout ControlPlaneOutput) {
    let number = 1 << 40 | UInt64(nodes[node.index].heartbeatEpoch)
    var stream = draws.stream(.phase, entity: nodes[node.index].drawEntity, number: number)
    let pause = SimDuration(seconds: stream.uniform() * Self.leaseRetryPause.seconds)
    out.schedule.append((now + pause, .leaseRetry(node, nodes[node.index].heartbeatEpoch)))
  }

  mutating func leaseRetry(_ node: NodeID, _ epoch: UInt16) {
    guard nodes[node.index].heartbeatEpoch == epoch, canReach(node) else { return }
    heartbeatsResume(node)
  }

  /// The node can renew its lease again. Its status follows with the kubelet's next report.
  mutating func heartbeatsResume(_ node: NodeID) {
    nodes[node.index].heartbeatEpoch &+= 1
    nodes[node.index].leaseSeries &+= 1
    nodes[node.index].reachableSince = now
  }

  mutating func heartbeatMissed(_ node: NodeID, _ epoch: UInt16, _ out: inout ControlPlaneOutput) {
    guard nodes[node.index].heartbeatEpoch == epoch, var object = store.node(node) else { return }
    object.ready = .unknown
    object.taints.removeAll { $0 == Self.unreachableNoSchedule }
    object.taints.append(Self.unreachableNoSchedule)
    write(object, node, &out)
    log(self.object(node), "Ready=Unknown", "no heartbeat within the grace period", &out)
    for pod in podsInAPI(on: node) { updatePod(pod, &out) { $0.status.isReady = false } }
    out.schedule.append((now + Self.taintingPeriod, .evictPods(node, epoch)))
    readinessChanged(&out)
    // It can be reached again already: its kubelet's next status loop corrects the object.
    if canReach(node) { queueNodeStatus(node, after: .nodeAddressUpdate, &out) }
  }

  /// A pass of the controller over nodes that wait for their taint (nodeEvictionPeriod in k/k
  /// pkg/controller/nodelifecycle).
  static var taintingPeriod: SimDuration { .milliseconds(100) }

  /// The silent node gets its NoExecute taint when evictions are allowed, and its pods are deleted when
  /// they have tolerated that long enough.
  mutating func evictPods(_ node: NodeID, _ epoch: UInt16, _ out: inout ControlPlaneOutput) {
    guard nodes[node.index].heartbeatEpoch == epoch, var object = store.node(node) else { return }
    let zone = object.zone ?? ""
    guard let pace = evictionPace(in: zone) else {
      object.taints.removeAll { $0 == Self.unreachableTaint }
      write(object, node, &out)
      return out.schedule.append((now + settings.timing.nodeMonitorPeriod, .evictPods(node, epoch)))
    }
    guard object.taints.contains(Self.unreachableTaint) else {
      let turn = taintedInZone[zone].map { $0 + pace } ?? now
      if turn > now { return out.schedule.append((turn, .evictPods(node, epoch))) }
      taintedInZone[zone] = now
      object.taints.append(Self.unreachableTaint)
      nodes[node.index].taintedAt = now
      write(object, node, &out)
      log(self.object(node), "tainted", Self.unreachableTaint, &out)
      return queueEvictions(node, epoch, &out)
    }
    let since = now - (nodes[node.index].taintedAt ?? now)
    for pod in podsInAPI(on: node) {
      if let patience = patience(of: pod, with: Self.unreachableTaint), patience <= since {
        requestDeletion(pod, &out)
      }
    }
  }

  /// One look at the node for each time at which some pod will have tolerated its taint for long enough.
  private mutating func queueEvictions(_ node: NodeID, _ epoch: UInt16, _ out: inout ControlPlaneOutput) {
    var times: [SimDuration] = []
    for pod in podsInAPI(on: node) {
      guard let patience = patience(of: pod, with: Self.unreachableTaint), !times.contains(patience) else {
        continue
      }
      times.append(patience)
    }
    // Pods that are bound to the node meanwhile have the default.
    if !times.contains(settings.timing.evictionToleration) {
      times.append(settings.timing.evictionToleration)
    }
    for patience in times.sorted() { out.schedule.append((now + patience, .evictPods(node, epoch))) }
  }

  /// How long a pod stays on a node with a NoExecute taint; nil: for ever. A DaemonSet's pods tolerate
  /// silence without end (k/k pkg/controller/daemon/util); pods that say nothing get 300 s from admission
  /// (DefaultTolerationSeconds).
  func patience(of pod: PodID, with taint: String) -> SimDuration? {
    let isSilence = taint == Self.unreachableTaint
    if isSilence, isDaemon(pod) { return nil }
    let own = (store.pod(pod)?.spec.tolerations ?? []).filter { $0.covers(taint) }
    if own.isEmpty { return isSilence ? settings.timing.evictionToleration : .zero }
    return own.compactMap(\.duration).min()
  }

  /// Time between two nodes of a zone that get their taint; nil: none may now.
  private func evictionPace(in zone: String) -> SimDuration? {
    var zones: [(ready: Int, silent: Int)] = []
    var places: [String: Int] = [:]
    for index in nodes.indices {
      guard let object = store.node(NodeID(index)) else { continue }
      let place = places[object.zone ?? ""] ?? zones.count
      if place == zones.count { zones.append((0, 0)) }
      places[object.zone ?? ""] = place
      if object.ready == .ready { zones[place].ready += 1 } else { zones[place].silent += 1 }
    }
    return ZoneDisruption.pace(zones: zones, at: places[zone]!)
  }

  /// Pods bound to the node whose objects exist, in order of arrival.
  func podsInAPI(on node: NodeID) -> [PodID] {
    nodes[node.index].pods.filter { store.pod($0) != nil }
  }

  func isDaemon(_ pod: PodID) -> Bool {
    let owner = pods[pod.index].owner
    return !owner.isNone && workloads[owner.index].object.kind == .daemonSet
  }

  // MARK: Node objects

  mutating func write(_ node: Node, _ id: NodeID, _ out: inout ControlPlaneOutput) {
    guard let revision = store.write(node, as: id) else { return }
    out.changes.append(.nodeObjectChanged(id, revision))
  }

  /// The kubelet will report the node's conditions and addresses.
  mutating func queueNodeStatus(_ node: NodeID, after delay: Delay, _ out: inout ControlPlaneOutput) {
    out.schedule.append((now + draw(delay, node: node), .reportNodeStatus(node)))
  }

  mutating func reportNodeStatus(_ node: NodeID, _ out: inout ControlPlaneOutput) {
    guard canReach(node) else { return deferUntilReachable(.reportNodeStatus(node), node) }
    let before = store.node(node)
    guard before != nil || nodes[node.index].registersItself else { return }
    var object = before ?? nodeObject(node)
    let isBack = before?.ready != .ready
    object.ready = .ready
    object.taints.removeAll { $0 == Self.unreachableNoSchedule }
    if before == nil || reportsAddress(node) { object.internalIPs = nodes[node.index].addresses }
    object.externalIPs = nodes[node.index].externalAddresses
    nodes[node.index].registersItself = false
    write(object, node, &out)
    publishRoute(node, &out)
    if let before, before.internalIPs != object.internalIPs { membershipChanged(&out) }
    guard isBack else { return }
    log(self.object(node), before == nil ? "registered" : "Ready=True", "in the API", &out)
    for pod in podsInAPI(on: node) { queueStatusReport(pod, &out) }
    if object.taints.contains(Self.unreachableTaint) {
      let look = heartbeatMonitor.look(after: now)
      out.schedule.append((look, .untaint(node, nodes[node.index].heartbeatEpoch)))
    }
    nodeBecameUsable(&out)
  }

  /// The controller finds the node ready and takes its NoExecute taint away (k/k
  /// pkg/controller/nodelifecycle, markNodeAsReachable).
  mutating func untaint(_ node: NodeID, _ epoch: UInt16, _ out: inout ControlPlaneOutput) {
    guard nodes[node.index].heartbeatEpoch == epoch, var object = store.node(node) else { return }
    object.taints.removeAll { $0 == Self.unreachableTaint }
    write(object, node, &out)
    nodeBecameUsable(&out)
  }

  /// Pods that wait for a node get another chance, and DaemonSets look for nodes without their pod.
  mutating func nodeBecameUsable(_ out: inout ControlPlaneOutput) {
    retryUnschedulable(&out)
    for workload in workloads where workload.object.kind == .daemonSet { queueSync(workload.id, &out) }
    membershipChanged(&out)
  }

  /// The object with which a node registers itself.
  func nodeObject(_ node: NodeID) -> Node {
    let record = nodes[node.index]
    var meta = ObjectMeta(name: record.name, namespace: "", labels: record.labels, creationTimestamp: now)
    meta.labels["kubernetes.io/hostname"] = meta.labels["kubernetes.io/hostname"] ?? record.name
    meta.labels["kubernetes.io/os"] = meta.labels["kubernetes.io/os"] ?? "linux"
    for role in record.roles { meta.labels["node-role.kubernetes.io/\(role)"] = "" }
    if let zone = record.zone { meta.labels[Node.zoneLabel] = zone }
    var object = Node(metadata: meta)
    object.podCIDR = record.podCIDR
    object.allocatable = record.allocatable
    object.internalIPs = record.addresses
    object.externalIPs = record.externalAddresses
    object.kubeletVersion = "v1.\(settings.minorVersion).\(settings.patchVersion)"
    return object
  }
}
