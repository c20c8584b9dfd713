// SPDX-License-Identifier: GPL-3.0-or-later
//
// The external load balancer's own state: which nodes it has as targets, what its health checks think of
// them, and the addresses it has given out. Nodes enter and leave with their Node objects, not with their
// readiness (KEP-3458). Services with externalTrafficPolicy Cluster share one health check on kube-proxy's
// healthz; each Service with policy Local has its own on healthCheckNodePort (FACTS F3, C4).

import NetworkTypes
import SimKernel

/// Targets, health checks and addresses of the modelled load balancer.
struct LoadBalancer: Sendable {
  /// What one health check thinks of one node.
  struct Target: Sendable, Equatable {
    var isMember = false
    var isHealthy = false
    /// Results in a row that contradict `isHealthy`.
    var contrary = 0
    /// A timer for its next check exists.
    var isChecked = false
  }

  struct Check: Sendable {
    /// `.none`: shared by all Services with policy Cluster.
    let service: ServiceID
    /// By NodeID.
    var targets: [Target] = []
    /// Members that are healthy, in order of index.
    var healthy: [NodeID] = []
    /// Some Service uses it, so it has members and timers.
    var isInUse = false
  }

  let settings: LoadBalancerSettings
  private(set) var checks: [Check] = [Check(service: .none)]
  /// Which check a Service uses; absent: the load balancer does not know the Service.
  private(set) var checkOfService: [ServiceID: Int] = [:]
  private var takenAddresses: Set<IPv4Address> = []

  init(settings: LoadBalancerSettings) { self.settings = settings }

  /// Services that use a check, in order of index.
  func services(of check: Int) -> [ServiceID] {
    checkOfService.keys.filter { checkOfService[$0] == check }.sorted()
  }

  func targets(of service: ServiceID) -> [NodeID] { checkOfService[service].map { checks[$0].healthy } ?? [] }

  // MARK: Services

  /// Takes a Service on or changes which check it uses.
  /// - Returns: the index of its check.
  mutating func configure(_ service: ServiceID, hasOwnCheck: Bool) -> Int {
    var index = 0
    if hasOwnCheck {
      index = checks.firstIndex { $0.service == service } ?? checks.count
      if index == checks.count { checks.append(Check(service: service)) }
    }
    checks[index].isInUse = true
    let before = checkOfService.updateValue(index, forKey: service)
    if let before, before != index { stopIfUnused(before) }
    return index
  }

  mutating func remove(_ service: ServiceID) {
    if let check = checkOfService.removeValue(forKey: service) { stopIfUnused(check) }
  }

  private mutating func stopIfUnused(_ check: Int) {
    guard services(of: check).isEmpty else { return }
    checks[check].isInUse = false
    checks[check].healthy = []
    for node in checks[check].targets.indices {
      checks[check].targets[node].isMember = false
      checks[check].targets[node].isHealthy = false
    }
  }

  // MARK: Members and health

  /// A node enters or leaves a check; a new one has to prove its health.
  /// - Returns: whether the healthy targets changed.
  mutating func setMember(_ isMember: Bool, _ node: NodeID, check: Int, isHealthy: Bool = false) -> Bool {
    while checks[check].targets.count <= node.index { checks[check].targets.append(Target()) }
    guard checks[check].targets[node.index].isMember != isMember else { return false }
    let wasHealthy = checks[check].targets[node.index].isHealthy
    checks[check].targets[node.index].isMember = isMember
    checks[check].targets[node.index].isHealthy = isMember && isHealthy
    checks[check].targets[node.index].contrary = 0
    return refresh(check, changed: wasHealthy != (isMember && isHealthy))
  }

  mutating func setChecked(_ isChecked: Bool, _ node: NodeID, check: Int) {
    checks[check].targets[node.index].isChecked = isChecked
  }

  /// Counts one result of a check.
  /// - Returns: whether the healthy targets changed.
  mutating func note(isPassed: Bool, _ node: NodeID, check: Int) -> Bool {
    var target = checks[check].targets[node.index]
    target.contrary = isPassed == target.isHealthy ? 0 : target.contrary + 1
    let threshold = isPassed ? settings.healthyThreshold : settings.unhealthyThreshold
    let isTurned = target.contrary >= max(1, threshold)
    if isTurned { (target.isHealthy, target.contrary) = (isPassed, 0) }
    checks[check].targets[node.index] = target
    return refresh(check, changed: isTurned)
  }

  private mutating func refresh(_ check: Int, changed: Bool) -> Bool {
    guard changed else { return false }
    let targets = checks[check].targets
    checks[check].healthy = targets.indices.filter { targets[$0].isMember && targets[$0].isHealthy }
      .map { NodeID($0) }
    return true
  }

  // MARK: Addresses

  mutating func reserve(_ address: IPv4Address) { takenAddresses.insert(address) }
  mutating func release(_ address: IPv4Address) { takenAddresses.remove(address) }

  /// The wanted address if it is free, else the lowest free one of the pool; nil when there is none.
  mutating func allocate(wanted: IPv4Address?) -> IPv4Address? {
    if let wanted, takenAddresses.insert(wanted).inserted { return wanted }
    let pool = settings.addressPool
    var offset: UInt64 = pool.size > 2 ? 1 : 0
    while offset < pool.size {
      let address = pool.address(at: offset)
      if takenAddresses.insert(address).inserted { return address }
      offset += 1
    }
    return nil
  }
}
