// SPDX-License-Identifier: GPL-3.0-or-later
//
// What happens to machines: power, boot, addresses, joining and leaving, cordon and drain, and being cut off
// from the control plane. What the API makes of a silent node is in ControlPlane+Heartbeats.

import NetworkTypes
import SimKernel

extension ControlPlane {
  /// What an orderly shutdown leaves processes at most: DefaultTimeoutStopSec (systemd-system.conf(5)). The
  /// kubelet's own graceful shutdown is off by default (shutdownGracePeriod 0).
  static var shutdownGrace: SimDuration { .seconds(90) }
  /// Pods of a deleted node are removed after a quarantine of 40 s, at a look every 20 s (FACTS F1).
  static var orphanQuarantine: SimDuration { .seconds(40) }
  static var orphanPeriod: SimDuration { .seconds(20) }

  // MARK: Power

  /// Everything on the machine stops at once.
  mutating func powerOff(_ node: NodeID, _ out: inout ControlPlaneOutput) {
    guard nodes[node.index].isUp else { return }
    let reachedControlPlane = nodes[node.index].reachesControlPlane
    nodes[node.index].isUp = false
    nodes[node.index].epoch &+= 1
    nodes[node.index].downFor = nil
    nodes[node.index].gracefulShutdown = nil
    nodes[node.index].deferred = []
    out.changes.append(.nodeDown(node))
    log(object(node), "down", "", &out)
    for pod in nodes[node.index].pods {
      pods[pod.index].isStatusReportPending = false
      pods[pod.index].isDeletionSeen = false
      if pods[pod.index].hasProcess {
        markEnded(pod, crashed: true, &out)
      } else {
        pods[pod.index].epoch &+= 1
      }
    }
    if reachedControlPlane { heartbeatsStop(node, &out) }
  }

  /// Power comes back after `downFor`, with another primary address if given.
  mutating func schedulePowerOn(
    _ node: NodeID, after downFor: SimDuration, newAddress: IPv4Address?, _ out: inout ControlPlaneOutput
  ) {
    nodes[node.index].addressAfterBoot = newAddress
    out.schedule.append((now + downFor, .powerOn(node, nodes[node.index].epoch)))
  }

  mutating func powerOn(_ node: NodeID, _ epoch: UInt16, _ out: inout ControlPlaneOutput) {
    guard nodes[node.index].epoch == epoch, !nodes[node.index].isUp else { return }
    log(object(node), "power on", "", &out)
    out.schedule.append((now + draw(.nodeBoot, node: node), .bootComplete(node, epoch)))
  }

  mutating func bootComplete(_ node: NodeID, _ epoch: UInt16, _ out: inout ControlPlaneOutput) {
    guard nodes[node.index].epoch == epoch, !nodes[node.index].isUp else { return }
    if let address = nodes[node.index].addressAfterBoot { setAddress(address, of: node, &out) }
    nodes[node.index].addressAfterBoot = nil
    nodes[node.index].epoch &+= 1
    nodes[node.index].isUp = true
    nodes[node.index].registersItself = true
    nodes[node.index].proxy = nodes[node.index].configuredProxy
    out.changes.append(.nodeUp(node))
    log(object(node), "up", "\(nodes[node.index].primaryAddress)", &out)
    queueNodeStatus(node, after: .kubeletStatus, &out)
    if isAddressReportedByCloud { addressIsReported(node, &out) }
    // The network namespaces of before the boot are gone.
    for pod in nodes[node.index].pods { releaseAddress(pod, &out) }
    nodes[node.index].knowsItsPods = false
    guard nodes[node.index].reachesControlPlane else { return }
    heartbeatsResume(node)
    listPodsAfterBoot(node, &out)
  }

  /// The agents of a node that has booted read what the API server has for them.
  private mutating func listPodsAfterBoot(_ node: NodeID, _ out: inout ControlPlaneOutput) {
    nodes[node.index].knowsItsPods = true
    learnAllRoutes(on: node, &out)
    for pod in nodes[node.index].pods { restartAfterBoot(pod, &out) }
  }

  /// The kubelet finds a pod of before the boot: same object, new sandbox, so a new address; or, if it was to
  /// go meanwhile, nothing but traces.
  private mutating func restartAfterBoot(_ pod: PodID, _ out: inout ControlPlaneOutput) {
    guard let object = store.pod(pod), object.metadata.deletionTimestamp == nil else {
      pods[pod.index].isDeletionSeen = true
      pods[pod.index].isGoneFromNode = true
      pods[pod.index].process = .ended
      out.schedule.append((now + draw(.kubeletStatus, pod: pod), .confirmPodGone(pod)))
      return forgetIfGone(pod)
    }
    // Its work is done.
    if object.status.phase == .succeeded || object.status.phase == .failed { return }
    if pods[pod.index].process == .ended { pods[pod.index].restarts += 1 }
    beginStart(pod, &out)
    queueStatusReport(pod, &out)
  }

  /// Orderly shutdown: the kubelet stops without a word, every process gets SIGTERM, and power goes off
  /// when the last one has ended or the machine waits no longer.
  mutating func shutDown(
    _ node: NodeID, downFor: SimDuration, newAddress: IPv4Address?, _ out: inout ControlPlaneOutput
  ) {
    if shutDownGracefully(node, downFor: downFor, newAddress: newAddress, &out) { return }
    guard nodes[node.index].isUp, !nodes[node.index].isShuttingDown else { return }
    log(object(node), "shutdown", "", &out)
    let couldReach = nodes[node.index].reachesControlPlane
    nodes[node.index].addressAfterBoot = newAddress
    nodes[node.index].downFor = downFor
    if couldReach { heartbeatsStop(node, &out) }
    var longest = SimDuration.zero
    for pod in nodes[node.index].pods where pods[pod.index].process == .running {
      sendTerminationSignal(pod, &out)
      let own = pods[pod.index].behaviour.exitDelay ?? Self.shutdownGrace
      longest = max(longest, min(own, Self.shutdownGrace))
    }
    out.schedule.append((now + longest, .powerOff(node, nodes[node.index].epoch)))
  }

  /// Power off at the end of a shutdown.
  mutating func finishShutdown(_ node: NodeID, _ epoch: UInt16, _ out: inout ControlPlaneOutput) {
    guard nodes[node.index].epoch == epoch, let downFor = nodes[node.index].downFor else { return }
    powerOff(node, &out)
    schedulePowerOn(node, after: downFor, newAddress: nodes[node.index].addressAfterBoot, &out)
  }

  // MARK: Addresses

  /// The primary address changes while the machine runs; its kubelet finds out within its status period.
  mutating func changeAddress(_ node: NodeID, to new: IPv4Address, _ out: inout ControlPlaneOutput) {
    guard nodes[node.index].primaryAddress != new else { return }
    guard nodes[node.index].isUp else {
      nodes[node.index].addressAfterBoot = new
      return
    }
    setAddress(new, of: node, &out)
    addressIsReported(node, &out)
  }

  private mutating func setAddress(_ new: IPv4Address, of node: NodeID, _ out: inout ControlPlaneOutput) {
    let old = nodes[node.index].primaryAddress
    guard old != new else { return }
    // A second owner would be a fault of the scenario (a fixed address for a random node), not of the
    // cluster.
    if let owner = nodes.first(where: { $0.id != node && $0.hasJoined && $0.addresses.contains(new) }) {
      return log(object(node), "address change ignored", "\(new) belongs to \(owner.name)", &out)
    }
    nodes[node.index].addresses[0] = new
    addressPlan.reserve([new], nil)
    for pod in nodes[node.index].pods where pods[pod.index].isHostNetwork && pods[pod.index].address != nil {
      pods[pod.index].address = new
    }
    out.changes.append(.nodeAddressChanged(node, old: old, new: new))
    log(object(node), "address changed", "\(old) -> \(new)", &out)
  }

  // MARK: Joining and leaving

  mutating func join(_ settings: NodeSettings, _ out: inout ControlPlaneOutput) {
    let node: NodeID
    if let known = nodeIndex[settings.name] {
      guard !nodes[known.index].hasJoined || store.node(known) == nil else {
        return log(object(known), "join ignored", "is a member already", &out)
      }
      if nodes[known.index].hasJoined && !nodes[known.index].isUp {
        // Registers itself when it has booted.
        return schedulePowerOn(known, after: .zero, newAddress: nodes[known.index].addressAfterBoot, &out)
      }
      node = known
      if !nodes[known.index].hasJoined { adopt(settings, known) }
    } else {
      node = addNode(settings)
    }
    nodes[node.index].hasJoined = true
    nodes[node.index].registersItself = true
    if !nodes[node.index].isUp {
      nodes[node.index].isUp = true
      nodes[node.index].epoch &+= 1
    }
    heartbeatsResume(node)
    if self.settings.nodeAddresses.routes == .overlay { forgetRoutes(on: node) }
    out.changes.append(.nodeJoined(node))
    log(object(node), "joined", "\(nodes[node.index].primaryAddress)", &out)
    learnAllRoutes(on: node, &out)
    queueNodeStatus(node, after: .kubeletStatus, &out)
  }

  /// A node that was announced by name takes over what its join says beyond the name.
  private mutating func adopt(_ settings: NodeSettings, _ node: NodeID) {
    guard settings != NodeSettings(name: settings.name) else { return }
    let known = nodes[node.index]
    addressPlan.reserve(settings.addresses, settings.podCIDR)
    nodes[node.index] = NodeRecord(
      id: node, settings: settings,
      addresses: settings.addresses.isEmpty ? known.addresses : settings.addresses,
      podCIDR: settings.podCIDR ?? known.podCIDR, proxy: proxyDefaults)
  }

  /// Adds a machine to the table. It is a member at once only if its settings say so.
  mutating func addNode(_ settings: NodeSettings) -> NodeID {
    let id = NodeID(nodes.count)
    let addresses = settings.addresses.isEmpty ? [addressPlan.nextAddress()] : settings.addresses
    let block = settings.podCIDR ?? addressPlan.nextBlock()
    addressPlan.reserve(settings.addresses, settings.podCIDR)
    nodes.append(
      NodeRecord(
        id: id, settings: settings, addresses: addresses, podCIDR: block, proxy: proxyDefaults))
    nodeIndex[settings.name] = id
    return id
  }

  /// kube-proxy's defaults with the cluster's pod range, unless the scenario gives others.
  var proxyDefaults: ProxySettings {
    if let given = settings.proxy { return given }
    var defaults = ProxySettings()
    defaults.clusterCIDR = settings.podCIDR
    return defaults
  }

  /// The Node object goes; the machine stays as it is.
  mutating func deleteNode(_ node: NodeID, _ out: inout ControlPlaneOutput) {
    guard let revision = store.write(nil, as: node) else { return }
    nodes[node.index].heartbeatEpoch &+= 1
    nodes[node.index].deletions &+= 1
    out.changes.append(.nodeObjectChanged(node, revision))
    log(object(node), "deleted", "from the API", &out)
    var stream = draws.stream(.phase, entity: nodes[node.index].drawEntity, number: 1)
    let look = SimDuration(seconds: stream.uniform() * Self.orphanPeriod.seconds)
    let collected = now + Self.orphanQuarantine + look
    out.schedule.append((collected, .collectOrphans(node, nodes[node.index].deletions)))
    for workload in workloads where workload.object.kind == .daemonSet { queueSync(workload.id, &out) }
    membershipChanged(&out)
  }

  /// Pods of a node that is gone are removed without grace; a kubelet that still runs ends their processes.
  mutating func collectOrphans(_ node: NodeID, _ deletion: UInt16, _ out: inout ControlPlaneOutput) {
    guard store.node(node) == nil, nodes[node.index].deletions == deletion else { return }
    for pod in podsInAPI(on: node) {
      removePod(pod, &out)
      out.schedule.append((now + draw(.kubeletWatch, pod: pod), .kubeletSeesDeletion(pod)))
    }
  }

  // MARK: Scheduling on it

  mutating func setUnschedulable(_ isUnschedulable: Bool, _ node: NodeID, _ out: inout ControlPlaneOutput) {
    guard var object = store.node(node), object.isUnschedulable != isUnschedulable else { return }
    object.isUnschedulable = isUnschedulable
    object.taints.removeAll { $0 == Self.unschedulableTaint }
    if isUnschedulable { object.taints.append(Self.unschedulableTaint) }
    write(object, node, &out)
    log(self.object(node), isUnschedulable ? "cordoned" : "uncordoned", "", &out)
    if !isUnschedulable { nodeBecameUsable(&out) }
  }

  // MARK: Partitions

  mutating func cutOff(_ node: NodeID, _ out: inout ControlPlaneOutput) {
    let couldReach = nodes[node.index].reachesControlPlane
    nodes[node.index].controlPlanePartitions += 1
    if couldReach { heartbeatsStop(node, &out) }
  }

  /// News that waited on both sides arrive as after a fresh watch.
  mutating func reconnect(_ node: NodeID, _ out: inout ControlPlaneOutput) {
    nodes[node.index].controlPlanePartitions -= 1
    guard nodes[node.index].reachesControlPlane else { return }
    heartbeatsResumeSoon(node, &out)
    for event in nodes[node.index].deferred {
      out.schedule.append((now + draw(.kubeletWatch, node: node), event))
    }
    nodes[node.index].deferred = []
    // Lost or not, the next status loop of the kubelet compares and patches.
    queueNodeStatus(node, after: .nodeAddressUpdate, &out)
    if nodes[node.index].knowsItsPods {
      for pod in podsInAPI(on: node) { queueStatusReport(pod, &out) }
    } else {
      listPodsAfterBoot(node, &out)
    }
  }
}
