// SPDX-License-Identifier: GPL-3.0-or-later
//
// The service controller and the external load balancer in time: a Service of type LoadBalancer gets its
// address after the provisioning delay, its targets follow the Node objects, and each target's health is
// looked at once per interval. Services with a loadBalancerClass are somebody else's.

import NetworkTypes
import SimKernel

extension ControlPlane {
  /// Label of nodes that are never targets (k/k cloud-provider service controller).
  static var excludedFromBalancers: String { "node.kubernetes.io/exclude-from-external-load-balancers" }

  /// The autoscaler's mark on a node that it is about to remove (k/k cloud-provider service controller,
  /// ToBeDeletedTaint).
  public static var toBeDeletedTaint: String { "ToBeDeletedByClusterAutoscaler" }

  /// Nodes to which the load balancer sends new connections of a Service now, in order of index.
  public func loadBalancerTargets(of service: ServiceID) -> [NodeID] { balancer.targets(of: service) }

  /// What a health check is for; `.none`: kube-proxy's healthz, for all Services with policy Cluster.
  public func serviceOfHealthCheck(_ check: Int) -> ServiceID { balancer.checks[check].service }

  /// Where the load balancer sends packets for a target: the machine's address, or the one that was
  /// registered.
  public func loadBalancerAddress(of node: NodeID, for service: ServiceID) -> IPv4Address {
    guard balancer.settings.targets == .ip, let check = balancer.checkOfService[service],
      node.index < balancer.checks[check].targets.count,
      let address = balancer.checks[check].targets[node.index].address
    else { return nodes[node.index].primaryAddress }
    return address
  }

  /// The node that has the address on which the load balancer reaches a target; nil: none that is up.
  public func loadBalancerHost(of node: NodeID, for service: ServiceID) -> NodeID? {
    let address = loadBalancerAddress(of: node, for: service)
    if nodes[node.index].primaryAddress == address { return node }
    return nodes.first { $0.isUp && $0.addresses.contains(address) }?.id
  }

  private func isBalanced(_ service: Service?) -> Bool {
    service.map { $0.serviceType == .loadBalancer && $0.spec.loadBalancerClass == nil } ?? false
  }

  /// A Service was written: takes it on, changes its health check, or lets it go.
  mutating func balancerHears(of id: ServiceID, old: Service?, _ out: inout ControlPlaneOutput) {
    let service = store.service(id)
    guard let service, isBalanced(service) else {
      if isBalanced(old) { letGo(id, old!, &out) }
      return
    }
    if service.status.loadBalancerIngress.isEmpty {
      out.schedule.append((now + draw(.provisioning, service: id), .provisionLoadBalancer(id)))
    } else {
      takeOn(id, service, &out)
    }
  }

  private mutating func letGo(_ id: ServiceID, _ old: Service, _ out: inout ControlPlaneOutput) {
    balancer.remove(id)
    for ingress in old.status.loadBalancerIngress {
      if let address = ingress.ip.flatMap({ IPv4Address($0) }) { balancer.release(address) }
    }
    out.changes.append(.loadBalancerTargetsChanged(id))
    log(object(id), "load balancer removed", "", &out)
  }

  mutating func provisionLoadBalancer(_ id: ServiceID, _ out: inout ControlPlaneOutput) {
    guard var service = store.service(id), isBalanced(service), service.status.loadBalancerIngress.isEmpty
    else { return }
    let wanted = service.spec.loadBalancerIP.flatMap { IPv4Address($0) }
    guard let address = balancer.allocate(wanted: wanted) else {
      return log(object(id), "load balancer pending", "the address pool is used up", &out)
    }
    service.status.loadBalancerIngress = [LoadBalancerIngress(ip: "\(address)")]
    out.changes.append(.serviceChanged(id, store.write(service, as: id)))
    log(object(id), "load balancer ready", "\(address)", &out)
    takeOn(id, service, &out)
  }

  private mutating func takeOn(_ id: ServiceID, _ service: Service, _ out: inout ControlPlaneOutput) {
    for ingress in service.status.loadBalancerIngress {
      if let address = ingress.ip.flatMap({ IPv4Address($0) }) { balancer.reserve(address) }
    }
    let before = balancer.checkOfService[id]
    let check = balancer.configure(id, isLocal: service.usesLocalExternalPolicy)
    updateMembers(of: check, &out)
    if before != check { out.changes.append(.loadBalancerTargetsChanged(id)) }
  }

  // MARK: Members

  /// From 1.27 on readiness does not count, and the autoscaler's taint only when the set is looked at for
  /// another reason (KEP-3458; k/k cloud-provider service controller, stableNodeSetPredicates).
  private func isMember(_ node: NodeID) -> Bool {
    guard let object = store.node(node), object.metadata.labels[Self.excludedFromBalancers] == nil,
      !Self.isToBeDeleted(object)
    else { return false }
    return keepsNodeSetStable || object.ready == .ready
  }

  private var keepsNodeSetStable: Bool {
    Behaviours.stableBalancerNodeSet.value(in: settings.minorVersion)
  }

  public static func isToBeDeleted(_ node: Node) -> Bool {
    node.taints.contains { $0.hasPrefix(toBeDeletedTaint + ":") || $0.hasPrefix(toBeDeletedTaint + "=") }
  }

  /// Node objects came, went or changed their labels.
  mutating func membershipChanged(_ out: inout ControlPlaneOutput) {
    for check in balancer.checks.indices where balancer.checks[check].isInUse {
      updateMembers(of: check, &out)
    }
  }

  /// A node became ready or not, or got the autoscaler's taint: up to 1.26 a reason to look at the set.
  mutating func readinessChanged(_ out: inout ControlPlaneOutput) {
    if !keepsNodeSetStable { membershipChanged(&out) }
  }

  private mutating func updateMembers(of check: Int, _ out: inout ControlPlaneOutput) {
    for index in nodes.indices {
      let node = NodeID(index)
      if balancer.setMember(isMember(node), node, check: check, at: now) {
        membershipSet(node, check, &out)
      }
      registerAddress(node, check, &out)
      let target = balancer.checks[check].targets[index]
      guard target.isMember, !target.isChecked else { continue }
      balancer.setChecked(true, node, check: check)
      out.schedule.append((now + checkPhase(node, check), .checkNode(node, UInt16(check))))
    }
  }

  /// The data plane hears of it after its delay; open connections of one that left are cut when the time to
  /// drain is over.
  private mutating func membershipSet(_ node: NodeID, _ check: Int, _ out: inout ControlPlaneOutput) {
    let isMember = balancer.checks[check].targets[node.index].isMember
    let delay = draw(isMember ? .targetRegistration : .targetDeregistration, check, node)
    if !isMember, let drain = balancer.settings.drain {
      out.schedule.append((now + max(drain, delay), .targetDrained(node, UInt16(check))))
    }
    if delay > .zero {
      return out.schedule.append((now + delay, .targetHeard(node, UInt16(check) << 1)))
    }
    targetHeard(node, UInt16(check) << 1, &out)
  }

  /// A delay of nothing is not drawn, so that balancers without delays draw as they always did.
  private mutating func draw(_ delay: Delay, _ check: Int, _ node: NodeID) -> SimDuration {
    if delay.distribution(in: settings) == .constant(0) { return .zero }
    return draw(delay, node: node)
  }

  /// - Parameter what: the check's index, doubled; odd: its health alone.
  mutating func targetHeard(_ node: NodeID, _ what: UInt16, _ out: inout ControlPlaneOutput) {
    let check = Int(what >> 1)
    guard balancer.checks[check].isInUse else { return }
    if what & 1 == 0 {
      balancer.applyMembership(node, check: check)
    } else if balancer.applyHealth(node, check: check), balancer.settings.resetsUnhealthy {
      // With all of them unhealthy they stay in use (fail-open), and nothing is reset.
      for service in balancer.services(of: check) where !balancer.targets(of: service).contains(node) {
        out.changes.append(.loadBalancerCut(service, node))
      }
    }
    tellTargets(of: check, &out)
  }

  mutating func targetDrained(_ node: NodeID, check: Int, _ out: inout ControlPlaneOutput) {
    let target = balancer.checks[check].targets[node.index]
    guard !target.isMember, let drain = balancer.settings.drain, now - target.leftAt >= drain else { return }
    log(object(node), "target drained", "load balancer cuts its open connections", &out)
    for service in balancer.services(of: check) { out.changes.append(.loadBalancerCut(service, node)) }
  }

  /// Targets named by address: the Node object's address is registered when the node enters the set, and a
  /// new one when the object has it.
  private mutating func registerAddress(_ node: NodeID, _ check: Int, _ out: inout ControlPlaneOutput) {
    guard balancer.settings.targets == .ip else { return }
    let target = balancer.checks[check].targets[node.index]
    guard target.isMember, let address = store.node(node)?.internalIPs.first, target.address != address
    else { return }
    if target.address == nil { return balancer.setAddress(address, node, check: check) }
    let delay = draw(.targetRegistration, check, node)
    out.schedule.append((now + delay, .targetReadressed(node, UInt16(check))))
  }

  mutating func targetReadressed(_ node: NodeID, check: Int, _ out: inout ControlPlaneOutput) {
    guard let address = store.node(node)?.internalIPs.first,
      balancer.checks[check].targets[node.index].address != address
    else { return }
    balancer.setAddress(address, node, check: check)
    log(object(node), "target registered", "load balancer, \(address)", &out)
    tellTargets(of: check, &out)
  }

  private func checkPhase(_ node: NodeID, _ check: Int) -> SimDuration {
    var stream = draws.stream(.phase, entity: nodes[node.index].drawEntity, number: 2 + UInt64(check))
    let interval = balancer.settings.interval(isLocal: balancer.checks[check].isLocal)
    return SimDuration(seconds: stream.uniform() * interval.seconds)
  }

  private func tellTargets(of check: Int, _ out: inout ControlPlaneOutput) {
    for service in balancer.services(of: check) { out.changes.append(.loadBalancerTargetsChanged(service)) }
  }

  // MARK: Health

  /// At t = 0 every check has had its say: targets are what a probe would find.
  mutating func settleHealth(_ out: inout ControlPlaneOutput) {
    for check in balancer.checks.indices where balancer.checks[check].isInUse {
      for index in nodes.indices {
        let node = NodeID(index)
        _ = balancer.setMember(false, node, check: check, at: now)
        let isHealthy = isHealthyByItself(node, balancer.checks[check].service)
        _ = balancer.setMember(isMember(node), node, check: check, at: now, isHealthy: isHealthy)
        balancer.applyMembership(node, check: check)
        balancer.setAddress(store.node(node)?.internalIPs.first, node, check: check)
      }
    }
  }

  /// Timers of the members' checks, each at its random phase.
  mutating func startHealthChecks(_ out: inout ControlPlaneOutput) {
    for check in balancer.checks.indices where balancer.checks[check].isInUse {
      for index in balancer.checks[check].targets.indices where balancer.checks[check].targets[index].isMember
      {
        let node = NodeID(index)
        balancer.setChecked(true, node, check: check)
        out.schedule.append((now + checkPhase(node, check), .checkNode(node, UInt16(check))))
      }
    }
  }

  mutating func checkNode(
    _ node: NodeID, check: Int, _ probe: (NodeID, ServiceID, SimTime) -> Bool?,
    _ out: inout ControlPlaneOutput
  ) {
    let isMember = balancer.checks[check].isInUse && balancer.checks[check].targets[node.index].isMember
    guard isMember else { return balancer.setChecked(false, node, check: check) }
    let service = balancer.checks[check].service
    let isPassed = probe(node, service, now) ?? isHealthyByItself(node, service)
    if balancer.note(isPassed: isPassed, node, check: check) {
      let whose = service.isNone ? "policy Cluster" : "\(store.serviceName(service))"
      log(object(node), isPassed ? "target healthy" : "target unhealthy", "load balancer, \(whose)", &out)
      let heard = UInt16(check) << 1 | 1
      let delay = isPassed ? .zero : draw(.targetUnhealthy, check, node)
      if delay > .zero {
        out.schedule.append((now + delay, .targetHeard(node, heard)))
      } else {
        targetHeard(node, heard, &out)
      }
    }
    let interval = balancer.settings.interval(isLocal: balancer.checks[check].isLocal)
    out.schedule.append((now + interval, .checkNode(node, UInt16(check))))
  }

  /// Judged by the machine and the API alone: up, and for a Service with policy Local a ready endpoint here.
  private func isHealthyByItself(_ node: NodeID, _ service: ServiceID) -> Bool {
    guard nodes[node.index].isUp else { return false }
    if service.isNone { return true }
    let isLocal = store.service(service)?.usesLocalExternalPolicy ?? false
    let name = nodes[node.index].name
    return store.slices(of: service).contains { slice in
      slice.endpoints.contains { ($0.nodeName == name || !isLocal) && $0.isReady }
    }
  }
}
