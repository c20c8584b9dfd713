// SPDX-License-Identifier: GPL-3.0-or-later
//
// Between the control plane, the proxies and the data plane: schedules what they ask for, and makes true on
// the packet path what they say has become true.

import Cluster
import NetworkTypes
import Proxy
import SimKernel
import SimRandom
import Traffic

extension World {
  // MARK: Their events

  mutating func clusterEvent(_ event: ClusterEvent) {
    if case .checkNode(let node, let check) = event {
      let isPassed = passesHealthCheck(node.index, control.serviceOfHealthCheck(Int(check)))
      control.handle(event, at: now, into: &clusterOutput) { _, _, _ in isPassed }
    } else {
      if case .scrapeMetrics = event { scrapeUsage() }
      control.handle(event, at: now, into: &clusterOutput)
    }
    flushCluster()
  }

  mutating func proxyEvent(_ event: ProxyEvent) {
    proxies.handle(event, at: now, into: &proxyOutput)
    flushProxies()
  }

  /// The control plane has said something outside of its own events; taken up at the end of this instant's
  /// work.
  mutating func scheduleClusterFlush() {
    let rank = EventRank.make(.cluster, entity: 0xf_ffff_ffff, counter: 0)
    queue.push(at: now, rank: rank, .bin(.max))
  }

  // MARK: Their output

  mutating func flushCluster() {
    while !clusterOutput.schedule.isEmpty || !clusterOutput.changes.isEmpty || !clusterOutput.log.isEmpty {
      let output = clusterOutput
      clusterOutput = ControlPlaneOutput()
      for entry in output.log {
        events.append(
          ClusterEventRow(
            time: entry.time, object: entry.object, action: entry.action, detail: entry.detail,
            occurrence: entry.occurrence))
      }
      for (at, event) in output.schedule {
        let rank = EventRank.make(.cluster, entity: event.entity, counter: event.kindNumber)
        queue.push(at: at, rank: rank, .cluster(clusterEvents.add(event)))
      }
      for change in output.changes { apply(change) }
    }
    if scenario.proxiesProgramAtOnce { proxies.programAtOnce(at: now, into: &proxyOutput) }
    flushProxies()
  }

  mutating func flushProxies() {
    guard
      !proxyOutput.schedule.isEmpty || !proxyOutput.syncs.isEmpty || !proxyOutput.cleanups.isEmpty
        || !proxyOutput.removals.isEmpty || !proxyOutput.kernelChanges.isEmpty
    else { return }
    let output = proxyOutput
    proxyOutput = ProxyOutput()
    for (at, event) in output.schedule {
      let rank = EventRank.make(.proxy, entity: UInt64(event.node.rawValue), counter: event.kindNumber)
      queue.push(at: at, rank: rank, .proxy(proxyEvents.add(event)))
    }
    for sync in output.syncs { note(sync) }
    for cleanup in output.cleanups { clean(cleanup) }
    for removal in output.removals { backendsRemoved(removal) }
    for change in output.kernelChanges { kernelChanged(change) }
  }

  private mutating func note(_ sync: SyncRecord) {
    proxyMetrics.synced(sync)
    if !sync.hasFailed {
      lags.synced(sync)
      refreshPacketCost(of: sync.node.index)
    }
    syncs.append(
      ProxySyncRow(
        start: sync.start, node: nodePlanes[sync.node.index].name,
        kind: sync.hasFailed ? "failed" : sync.kind.rawValue,
        changes: sync.changes,
        rulesWritten: sync.rulesWritten, duration: sync.end - sync.start,
        programmingLatency: sync.programmingLatency))
  }

  /// Stale UDP entries (FACTS C10).
  private mutating func clean(_ cleanup: ConntrackCleanup) {
    cleanupLog?.append(cleanup)
    let frontends = Set(cleanup.frontends)
    let serving = Set(cleanup.serving.map(\.address))
    _ = conntrack[cleanup.node.index].pointee.removeAll { entry in
      guard entry.transport == .udp else { return false }
      let destination = ConntrackCleanup.Target(
        address: IPv4Address(bits: entry.original.destination), port: entry.original.destinationPort)
      let isOurs =
        frontends.contains(destination) || (cleanup.nodePort != 0 && destination.port == cleanup.nodePort)
      guard isOurs else { return false }
      // Reply sources are compared by address alone (pkg/proxy/conntrack/cleanup.go).
      let replier = IPv4Address(bits: entry.reply.source)
      return switch cleanup.scope {
      case .otherThanServing: !serving.contains(replier)
      case .everything: true
      case .leadingTo(let gone): gone.contains(replier)
      }
    }
  }

  // MARK: What has become true

  private mutating func apply(_ change: ClusterChange) {
    switch change {
    case .serviceChanged(let id, let revision):
      proxies.record(service: id, control.store.service(id), revision: revision, at: now, into: &proxyOutput)
      serviceChanged(id)
    case .slicesChanged(let id, let revision):
      proxies.record(
        slices: control.store.slices(of: id), of: id, revision: revision, at: now, into: &proxyOutput)
      lags.slicesWritten(id, revision, at: now)
      recordZone(id)
      refreshAnswers(of: id)
    case .podStatusChanged(let pod, _): podStatusChanged(pod)
    case .nodeObjectChanged(let node, _): nodeObjectChanged(node)
    case .podAddressAssigned(let pod, let address):
      reservePods(upTo: pod.index)
      if !control.pods[pod.index].isHostNetwork {
        addresses.assign(address, to: HostReference(.pod, pod.rawValue))
      }
    case .podAddressReleased(let pod, let address):
      if !control.pods[pod.index].isHostNetwork {
        addresses.release(address, from: HostReference(.pod, pod.rawValue))
        lags.addressReleased(address, by: pod)
      }
    case .podProcessStarted(let pod): processesStarted(pod)
    case .podListens(let pod): applicationListens(pod)
    case .podHangs(let pod, let isHanging): applicationHangs(pod, isHanging)
    case .podTerminationSignal(let pod): podSignalled(pod)
    case .podProcessEnded(let pod, let crashed): podEnded(pod, crashed: crashed)
    case .nodeDown(let node): nodeDown(node)
    case .nodeUp(let node): nodeUp(node)
    case .nodeJoined(let node): nodeJoined(node)
    case .nodeAddressChanged(let node, let old, let new): nodeAddressChanged(node, old: old, new: new)
    case .routeLearned(let on, let about):
      lags.routeLearned(about: about.index, on: on.index, at: now)
      refreshRoutes(to: about.index)
    case .loadBalancerTargetsChanged: break
    case .proxyRestart(let node, let settings, let teardown):
      proxies.restart(node, settings: settings, teardown: teardown, at: now, into: &proxyOutput)
    case .proxySyncsFail(let node, let probability, let until):
      proxies.failSyncs(node, probability: probability, until: until)
    case .loadBalancerCut(let service, let node): balancerCuts(service, node)
    case .link(let target, let delay, let loss, let partitioned, let active):
      linkChanged(target, delay, loss, partitioned, active)
    case .dnsChanged: refreshAllAnswers()
    case .apiServer(let isUp):
      if isUp {
        proxies.apiServerIsBack(at: now, into: &proxyOutput)
      } else {
        proxies.apiServerIsGone(at: now)
      }
    }
  }

  // MARK: Services

  private mutating func serviceChanged(_ id: ServiceID) {
    holdVirtualAddresses(of: id)
    recordZone(id)
    refreshAnswers(of: id)
  }

  /// Makes the load balancer, or the routers outside, answer for the Service's addresses of now.
  mutating func holdVirtualAddresses(of id: ServiceID) {
    let wanted = virtualAddresses(control.store.service(id), id)
    for (address, owner) in serviceAddresses[id] ?? [] where !wanted.contains(where: { $0.0 == address }) {
      addresses.release(address, from: owner)
    }
    for (address, owner) in wanted where addresses.owner(of: address).kind != .node {
      addresses.assign(address, to: owner)
    }
    serviceAddresses[id] = wanted
  }

  /// Addresses that something outside the cluster answers for on behalf of a Service.
  private func virtualAddresses(_ service: Service?, _ id: ServiceID) -> [(IPv4Address, HostReference)] {
    guard let service else { return [] }
    var found: [(IPv4Address, HostReference)] = []
    for ingress in service.status.loadBalancerIngress {
      if let address = ingress.ip.flatMap({ IPv4Address($0) }) {
        found.append((address, HostReference(.loadBalancer, id.rawValue)))
      }
    }
    for text in service.spec.externalIPs {
      if let address = IPv4Address(text) {
        found.append((address, HostReference(.routedToNodes, id.rawValue)))
      }
    }
    return found
  }

  // MARK: Pods

  private mutating func podStatusChanged(_ pod: PodID) {
    reservePods(upTo: pod.index)
    let isServing =
      control.store.pod(pod).map { $0.status.isReady && $0.metadata.deletionTimestamp == nil } ?? false
    if isServing {
      if podTimes[pod.index].isServing == false { lags.beganServing(pod, at: now) }
      podTimes[pod.index] = PodTimes(isServing: true)
    } else if podTimes[pod.index].api != nil {
      lags.changedWhileLeaving(pod, at: now)
    } else {
      podTimes[pod.index].api = now
      podTimes[pod.index].isServing = false
      lags.stoppedServing(pod, at: now)
      // Deletion is known to the API first: there is nothing that lags behind reality.
      if podTimes[pod.index].reality == nil { podTimes[pod.index].reality = now }
    }
  }

  private mutating func processesStarted(_ pod: PodID) {
    reservePods(upTo: pod.index)
    podTimes[pod.index].reality = nil
    openSockets(of: pod)
    dnsProcessStarted(pod)
    startPodClients(pod)
  }

  private mutating func podSignalled(_ pod: PodID) {
    if podTimes[pod.index].reality == nil { podTimes[pod.index].reality = now }
    terminationSignal(pod)
  }

  private mutating func podEnded(_ pod: PodID, crashed: Bool) {
    reservePods(upTo: pod.index)
    lags.processEnded(pod, at: now)
    if podTimes[pod.index].reality == nil { podTimes[pod.index].reality = now }
    processesEnded(pod, crashed: crashed)
    cacheEnded(pod, crashed: crashed)
    for i in instances.indices where instances[i].pod == pod { endInstance(i) }
  }

  mutating func reservePods(upTo index: Int) {
    podSockets.extend(to: index + 1, with: [])
    while podTimes.count <= index {
      let isReady = control.store.pod(PodID(podTimes.count))?.status.isReady ?? false
      podTimes.append(PodTimes(isServing: isReady))
    }
    podNodes.extend(to: index + 1, with: -1)
    let node = control.pods[index].node
    podNodes[index] = node.isNone ? -1 : Int32(node.rawValue)
  }

  private mutating func endInstances(on host: HostReference) {
    for i in instances.indices where instances[i].host == host { endInstance(i) }
  }

  // MARK: Nodes

  private mutating func nodeDown(_ node: NodeID) {
    nodePlanes[node.index].isUp = false
    conntrack[node.index].pointee.clear()
    proxies.nodeWentDown(node)
    nodePlanes[node.index].programmedMode = -1
    endInstances(on: HostReference(.node, node.rawValue))
  }

  private mutating func nodeUp(_ node: NodeID) {
    let i = node.index
    nodePlanes[i].isUp = true
    nodePlanes[i].bootedAt = now
    proxies.nodeBooted(node, at: now, into: &proxyOutput)
    startNodeClients(i)
  }

  private mutating func nodeJoined(_ node: NodeID) {
    // A node whose object was deleted while it ran joins again without a boot.
    let wasUp = node.index < nodePlanes.count && nodePlanes[node.index].isUp
    addNodePlane(node)
    nodePlanes[node.index].isUp = control.nodes[node.index].isUp
    if nodePlanes[node.index].isUp, !wasUp { nodeUp(node) }
  }

  private mutating func nodeAddressChanged(_ node: NodeID, old: IPv4Address, new: IPv4Address) {
    let i = node.index
    nodePlanes[i].formerAddresses.append(old)
    lags.moved(i, at: now)
    nodePlanes[i].address = new
    addresses.release(old, from: HostReference(.node, node.rawValue))
    addresses.assign(new, to: HostReference(.node, node.rawValue))
    proxies.updateNodeAddresses(node, control.nodes[i].addresses)
    refreshRoutes(to: i)
    // Masquerading drops the flows that used an address when it goes (nf_nat_masquerade.c, inet event).
    _ = conntrack[i].pointee.removeAll { $0.isTranslated && $0.reply.destination == old.bits }
    for instance in instances.indices
    where instances[instance].host == HostReference(.node, node.rawValue) && instances[instance].isAlive {
      instances[instance].address = new
    }
  }

  private mutating func nodeObjectChanged(_ node: NodeID) {
    let object = control.store.node(node)
    if let zone = object?.zone, apiZones.updateValue(zone, forKey: node) != zone {
      proxies.setZone(node, zone, at: now, into: &proxyOutput)
    }
    refreshRoutes(to: node.index)
    refreshAllAnswers()
    let before = apiAddresses.updateValue(object?.internalIPs.first ?? .unspecified, forKey: node)
    if let address = object?.internalIPs.first, before != address { lags.addressWritten(node.index, at: now) }
    // From 1.37 on kube-proxy exits when its node's addresses change (FACTS J).
    if proxies.restartsOnAddressChange, let before, let address = object?.internalIPs.first,
      before != address,
      nodePlanes[node.index].isUp
    {
      proxies.restart(node, settings: nil, at: now, into: &proxyOutput)
    }
  }

  mutating func refreshRoutes(to node: Int) {
    nodePlanes[node].hasStaleRoutes = !control.allRoutesAreCurrent(to: NodeID(node))
  }

  // MARK: Links

  private mutating func linkChanged(
    _ target: LinkTarget, _ delay: Distribution?, _ loss: Double?, _ partitioned: Bool, _ active: Bool
  ) {
    paths.apply(target, delay: delay, loss: loss, partitioned: partitioned, active: active)
    guard partitioned, target.from == .controlPlane || target.to == .controlPlane else { return }
    let other = target.from == .controlPlane ? target.to : target.from
    for i in nodePlanes.indices where isMeant(other, i) {
      if active {
        proxies.disconnect(NodeID(i), at: now)
        lags.cutOff(i, at: now)
      } else {
        proxies.reconnect(NodeID(i), at: now, into: &proxyOutput)
        lags.reconnected(i, at: proxies.hearsAgain(NodeID(i), at: now))
      }
    }
  }

  private func isMeant(_ end: LinkTarget.End, _ node: Int) -> Bool {
    switch end {
    case .node(let name): nodePlanes[node].name == name
    case .zone(let zone): control.nodes[node].zone == zone
    case .anyNode: true
    case .outside, .controlPlane: false
    }
  }
}
