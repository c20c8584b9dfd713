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

  /// `/healthz` on port 10256 but for the node's eligibility, which the caller knows (FACTS C4): no update
  /// has waited for twice the sync period. False while no process runs.
  public mutating func isHealthy(_ node: NodeID, at now: SimTime) -> Bool {
    let index = node.index
    let settings = processes[index].settings
    if settings.mode == .ebpf, !settings.ebpf.healthz { return false }
    let queued: SimTime
    switch processes[index].phase {
    case .down, .starting: return false
    case .idle: queued = min(nextDelivery(.services, index), nextDelivery(.slices, index))
    case .syncing: queued = processes[index].target.queuedSince
    }
    return queued > now || now - queued < settings.syncPeriod * 2
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
