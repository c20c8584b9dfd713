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

  /// Nodes to which the load balancer sends new connections of a Service now, in order of index.
  public func loadBalancerTargets(of service: ServiceID) -> [NodeID] { balancer.targets(of: service) }

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
    let check = balancer.configure(id, hasOwnCheck: service.usesLocalExternalPolicy)
    updateMembers(of: check, &out)
    if before != check { out.changes.append(.loadBalancerTargetsChanged(id)) }
  }

  // MARK: Members

  private func isMember(_ node: NodeID) -> Bool {
    store.node(node).map { $0.metadata.labels[Self.excludedFromBalancers] == nil } ?? false
  }

  /// Node objects came, went or changed their labels.
  mutating func membershipChanged(_ out: inout ControlPlaneOutput) {
    for check in balancer.checks.indices where balancer.checks[check].isInUse {
      updateMembers(of: check, &out)
    }
  }

  private mutating func updateMembers(of check: Int, _ out: inout ControlPlaneOutput) {
    var isChanged = false
    for index in nodes.indices {
      let node = NodeID(index)
      isChanged = balancer.setMember(isMember(node), node, check: check) || isChanged
      let target = balancer.checks[check].targets[index]
      guard target.isMember, !target.isChecked else { continue }
      balancer.setChecked(true, node, check: check)
      out.schedule.append((now + checkPhase(node, check), .checkNode(node, UInt16(check))))
    }
    if isChanged { tellTargets(of: check, &out) }
  }

  private func checkPhase(_ node: NodeID, _ check: Int) -> SimDuration {
    var stream = draws.stream(.phase, entity: nodes[node.index].drawEntity, number: 2 + UInt64(check))
    return SimDuration(seconds: stream.uniform() * balancer.settings.checkInterval.seconds)
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
        _ = balancer.setMember(false, node, check: check)
        let isHealthy = isHealthyByItself(node, balancer.checks[check].service)
        _ = balancer.setMember(isMember(node), node, check: check, isHealthy: isHealthy)
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
      tellTargets(of: check, &out)
    }
    out.schedule.append((now + balancer.settings.checkInterval, .checkNode(node, UInt16(check))))
  }

  /// Judged by the machine and the API alone: up, and for a Service with policy Local a ready endpoint here.
  private func isHealthyByItself(_ node: NodeID, _ service: ServiceID) -> Bool {
    guard nodes[node.index].isUp else { return false }
    if service.isNone { return true }
    let name = nodes[node.index].name
    return store.slices(of: service).contains { slice in
      slice.endpoints.contains { $0.nodeName == name && $0.isReady }
    }
  }
}
