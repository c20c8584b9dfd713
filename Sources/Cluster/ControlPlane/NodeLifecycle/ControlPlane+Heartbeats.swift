// SPDX-License-Identifier: GPL-3.0-or-later
//
// Nodes that stop to renew their lease: Ready Unknown after the grace period, their pods Ready=False in the
// API at once, and eviction after the toleration. And nodes that come back. (FACTS F1.)

import NetworkTypes
import SimKernel

extension ControlPlane {
  /// Taint of a node whose state is unknown (k/k pkg/controller/nodelifecycle).
  static var unreachableTaint: String { "node.kubernetes.io/unreachable:NoExecute" }
  static var unschedulableTaint: String { "node.kubernetes.io/unschedulable:NoSchedule" }

  private var monitor: HeartbeatMonitor {
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
    let record = nodes[node.index]
    // Period and phase of this node's renewals, the same however often one asks.
    var stream = draws.stream(.phase, entity: record.drawEntity, number: 0)
    let renewal = draws.duration(.leaseRenewal, entity: record.drawEntity, number: 0)
    let phase = SimDuration(seconds: stream.uniform() * renewal.seconds)
    let first = SimTime.zero + phase - renewal
    let last = HeartbeatMonitor.lastHeartbeat(first: first, renewal: renewal, silence: now)
    // A node that has only just come (back) renewed its lease when it did.
    let verdict = monitor.verdict(lastHeartbeat: max(last, record.reachableSince))
    out.schedule.append((max(verdict, now), .heartbeatMissed(node, nodes[node.index].heartbeatEpoch)))
  }

  /// The node can renew its lease again. Its status follows with the kubelet's next report.
  mutating func heartbeatsResume(_ node: NodeID) {
    nodes[node.index].heartbeatEpoch &+= 1
    nodes[node.index].reachableSince = now
  }

  mutating func heartbeatMissed(_ node: NodeID, _ epoch: UInt16, _ out: inout ControlPlaneOutput) {
    guard nodes[node.index].heartbeatEpoch == epoch, var object = store.node(node) else { return }
    object.ready = .unknown
    write(object, node, &out)
    log(self.object(node), "Ready=Unknown", "no heartbeat within the grace period", &out)
    for pod in podsInAPI(on: node) { updatePod(pod, &out) { $0.status.isReady = false } }
    out.schedule.append((now + Self.taintingPeriod, .evictPods(node, epoch)))
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
      write(object, node, &out)
      log(self.object(node), "tainted", Self.unreachableTaint, &out)
      return out.schedule.append((now + settings.timing.evictionToleration, .evictPods(node, epoch)))
    }
    // A DaemonSet's pods tolerate the taint for ever (k/k pkg/controller/daemon/util).
    for pod in podsInAPI(on: node) where !isDaemon(pod) { requestDeletion(pod, &out) }
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
    object.ready = .ready
    object.taints.removeAll { $0 == Self.unreachableTaint }
    object.internalIPs = nodes[node.index].addresses
    object.externalIPs = nodes[node.index].externalAddresses
    nodes[node.index].registersItself = false
    write(object, node, &out)
    publishRoute(node, &out)
    guard before?.ready != .ready else { return }
    log(self.object(node), before == nil ? "registered" : "Ready=True", "in the API", &out)
    for pod in podsInAPI(on: node) { queueStatusReport(pod, &out) }
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
