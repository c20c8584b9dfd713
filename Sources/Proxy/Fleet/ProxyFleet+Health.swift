// SPDX-License-Identifier: GPL-3.0-or-later
//
// What can be asked of a node's proxy from outside: how stale its tables are, and its health endpoints.

import Cluster
import NetworkTypes
import SimKernel

extension ProxyFleet {
  /// Age of the oldest change that the API has and the node's nat table has not, and the number of Services
  /// with such changes. A node without rules since its boot counts from there, with all Services.
  public mutating func staleness(of node: NodeID, at now: SimTime) -> (age: SimDuration, servicesWrong: Int) {
    let process = processes[node.index]
    if tables[node.index].nat.eyes < 0 {
      return (max(.zero, now - process.emptySince), liveServices)
    }
    var oldest = SimTime.distantFuture
    var wrong = 0
    touchGeneration += 1
    for kind in WatchKind.allCases {
      let first = kind == .services ? process.programmedServices : process.programmedSlices
      let log = history.logs[kind.rawValue]
      guard first < log.count else { continue }
      oldest = min(oldest, log[first].at)
      for position in first..<log.count {
        let service = log[position].service
        while touchedAt.count <= service.index { touchedAt.append(0) }
        if touchedAt[service.index] == touchGeneration { continue }
        touchedAt[service.index] = touchGeneration
        wrong += 1
      }
    }
    return (oldest == .distantFuture ? .zero : now - oldest, wrong)
  }

  /// Services that kube-proxy has rules for, by the API's present state.
  private var liveServices: Int {
    history.portsOfService.count { ports in
      ports.contains { history.spec(history.heads[$0.index].spec) != nil }
    }
  }

  /// Whether kube-proxy thinks itself healthy (`/livez`, and `/healthz` on port 10256 but for its node's
  /// eligibility): no update has waited for twice the sync period since the last success; a process that has
  /// not synced yet is (FACTS C4; k/k pkg/proxy/healthcheck/proxy_health.go). False while no process listens.
  public mutating func isHealthy(_ node: NodeID, at now: SimTime) -> Bool {
    let index = node.index
    let process = processes[index]
    if process.settings.mode == .ebpf, !process.settings.ebpf.healthz { return false }
    switch process.phase {
    case .down, .starting: return false
    case .idle, .syncing: break
    }
    guard process.lastSuccess != nil, let queued = oldestQueued(index, now) else { return true }
    return now - queued < process.settings.syncPeriod * 2
  }

  /// The status of `/healthz`: 200 or 503, nil while nothing listens. A node that is to be deleted is not
  /// eligible from 1.30 on, where the gate of KEP-3836 is on by default (KubeProxyDrainingTerminatingNodes).
  public mutating func healthz(_ node: NodeID, isLeaving: Bool, at now: SimTime) -> Int? {
    switch processes[node.index].phase {
    case .down, .starting: return nil
    case .idle, .syncing: break
    }
    let isEligible = !isLeaving || !observesLeavingNodes
    return isHealthy(node, at: now) && isEligible ? 200 : 503
  }

  /// kube-proxy answers 503 for a node with the taint ToBeDeletedByClusterAutoscaler or a deletion timestamp:
  /// beta and on by default from 1.30, GA in 1.31 (KEP-3836, FACTS A6).
  public var observesLeavingNodes: Bool { Behaviours.healthzSeesLeavingNodes.value(in: minorVersion) }

  /// The status of a Service's health check node port: 200 with a local ready endpoint and a healthy proxy,
  /// else 503, nil while nothing listens there. It does not look at the node's eligibility (FACTS C4).
  public mutating func serviceHealth(_ node: NodeID, _ service: ServiceID, at now: SimTime) -> Int? {
    switch processes[node.index].phase {
    case .down, .starting: return nil
    case .idle, .syncing: break
    }
    guard healthCheckNodePort(node, service) != 0 else { return nil }
    return localReadyEndpoints(node, service) > 0 && isHealthy(node, at: now) ? 200 : 503
  }

  /// A change reached this process.
  mutating func noteQueued(_ index: Int, _ delivery: SimTime) {
    guard processes[index].queuedSince == nil,
      processes[index].lastSuccess.map({ delivery > $0 }) ?? true
    else { return }
    processes[index].queuedSince = delivery
  }

  /// Delivery of the oldest change that waits. A success forgets all that has been delivered by its end, also
  /// what came while it ran (`Updated` in pkg/proxy/healthcheck/proxy_health.go).
  private mutating func oldestQueued(_ index: Int, _ now: SimTime) -> SimTime? {
    let process = processes[index]
    if let known = process.queuedSince { return known }
    let since = process.lastSuccess ?? .zero
    var oldest: SimTime?
    for kind in WatchKind.allCases {
      var position = process[kind].delivered
      var delivery = nextDelivery(kind, index)
      while delivery <= since {
        position += 1
        guard position < history.logs[kind.rawValue].count else {
          delivery = .distantFuture
          break
        }
        let change = history.logs[kind.rawValue][position]
        delivery = max(delivery, change.at + draws.watch(kind, node: index, revision: change.revision))
      }
      if delivery <= now { oldest = min(oldest ?? delivery, delivery) }
    }
    return oldest
  }

  /// Distinct addresses of local Ready endpoints, as the health check node port of a Service answers them:
  /// from the programmed state, terminating endpoints do not count (FACTS C4).
  public func localReadyEndpoints(_ node: NodeID, _ service: ServiceID) -> Int {
    let table = tables[node.index].nat
    guard table.eyes >= 0, service.index < history.portsOfService.count else { return 0 }
    let name = processes[node.index].name
    var addresses: [IPv4Address] = []
    for port in history.portsOfService[service.index] {
      guard history.spec(history.specVersion(port, at: table.services)) != nil else { continue }
      for record in history.endpointList(history.endpointsVersion(port, at: table.slices))
      where record.isReady && record.node == name {
        addresses.append(history.backends.target(record.backend).address)
      }
    }
    return uniqued(addresses).count
  }

  /// The Service's health check node port as this node has it programmed, 0: none.
  public func healthCheckNodePort(_ node: NodeID, _ service: ServiceID) -> UInt16 {
    let table = tables[node.index].nat
    guard table.eyes >= 0, service.index < history.portsOfService.count else { return 0 }
    for port in history.portsOfService[service.index] {
      if let spec = history.spec(history.specVersion(port, at: table.services)) {
        return spec.healthCheckNodePort
      }
    }
    return 0
  }

  /// kube-proxy exits when its Node object's addresses change (FACTS J); the caller restarts it.
  public var restartsOnAddressChange: Bool {
    Behaviours.proxyExitsOnAddressChange.value(in: minorVersion)
  }
}
