// SPDX-License-Identifier: GPL-3.0-or-later
//
// The external load balancer's own state: which nodes it has as targets, what its health checks think of
// them, what of that its data plane has heard, and the addresses it has given out. A health check is shared
// by all Services that ask the same: kube-proxy's healthz; each Service with policy Local has its own on
// healthCheckNodePort, and each one at all where node ports are checked (FACTS F3, C4).

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
    /// As the data plane has it: takes part, and may get connections.
    var isRegistered = false
    var isServing = false
    /// When it was last taken out of the set.
    var leftAt = SimTime.zero
    /// The address that was registered, where targets are named by address.
    var address: IPv4Address?
  }

  struct Check: Sendable {
    /// `.none`: shared by all Services with policy Cluster.
    let service: ServiceID
    /// Asks healthCheckNodePort.
    var isLocal = false
    /// By NodeID.
    var targets: [Target] = []
    /// Registered targets that serve, in order of index.
    var healthy: [NodeID] = []
    /// Registered targets, in order of index.
    var registered: [NodeID] = []
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

  func targets(of service: ServiceID) -> [NodeID] {
    guard let index = checkOfService[service] else { return [] }
    let check = checks[index]
    return check.healthy.isEmpty && settings.failOpen ? check.registered : check.healthy
  }

  // MARK: Services

  /// Takes a Service on or changes which check it uses.
  /// - Returns: the index of its check.
  mutating func configure(_ service: ServiceID, isLocal: Bool) -> Int {
    var index = 0
    if isLocal || settings.checkPort == .nodePort {
      index = checks.firstIndex { $0.service == service } ?? checks.count
      if index == checks.count { checks.append(Check(service: service)) }
      checks[index].isLocal = isLocal
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
    checks[check].registered = []
    for node in checks[check].targets.indices {
      let target = checks[check].targets[node]
      checks[check].targets[node] = Target()
      checks[check].targets[node].isChecked = target.isChecked
    }
  }

  // MARK: Members and health

  /// A node enters or leaves a check; a new one has to prove its health.
  /// - Returns: whether anything changed.
  mutating func setMember(
    _ isMember: Bool, _ node: NodeID, check: Int, at now: SimTime, isHealthy: Bool = false
  ) -> Bool {
    while checks[check].targets.count <= node.index { checks[check].targets.append(Target()) }
    guard checks[check].targets[node.index].isMember != isMember else { return false }
    checks[check].targets[node.index].isMember = isMember
    checks[check].targets[node.index].isHealthy = isMember && isHealthy
    checks[check].targets[node.index].contrary = 0
    if !isMember { checks[check].targets[node.index].leftAt = now }
    return true
  }

  mutating func setChecked(_ isChecked: Bool, _ node: NodeID, check: Int) {
    checks[check].targets[node.index].isChecked = isChecked
  }

  mutating func setAddress(_ address: IPv4Address?, _ node: NodeID, check: Int) {
    checks[check].targets[node.index].address = address
  }

  /// Counts one result of a check.
  /// - Returns: whether the node's health changed.
  mutating func note(isPassed: Bool, _ node: NodeID, check: Int) -> Bool {
    var target = checks[check].targets[node.index]
    target.contrary = isPassed == target.isHealthy ? 0 : target.contrary + 1
    let threshold = settings.threshold(isPassed: isPassed, isLocal: checks[check].isLocal)
    let isTurned = target.contrary >= max(1, threshold)
    if isTurned { (target.isHealthy, target.contrary) = (isPassed, 0) }
    checks[check].targets[node.index] = target
    return isTurned
  }

  /// The data plane hears of a node's membership as it is now.
  mutating func applyMembership(_ node: NodeID, check: Int) {
    checks[check].targets[node.index].isRegistered = checks[check].targets[node.index].isMember
    applyHealth(node, check: check)
  }

  /// The data plane hears of a node's health as it is now.
  /// - Returns: whether it stops to get connections by that.
  @discardableResult mutating func applyHealth(_ node: NodeID, check: Int) -> Bool {
    let target = checks[check].targets[node.index]
    checks[check].targets[node.index].isServing = target.isRegistered && target.isHealthy
    let targets = checks[check].targets
    checks[check].healthy = targets.indices.filter { targets[$0].isServing }.map { NodeID($0) }
    checks[check].registered = targets.indices.filter { targets[$0].isRegistered }.map { NodeID($0) }
    return target.isServing && !targets[node.index].isServing
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
