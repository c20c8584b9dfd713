// SPDX-License-Identifier: GPL-3.0-or-later
//
// What clients find when they look up what they are to talk to: DNS for names, the API's objects for
// addresses that are handed out by people or inventories.

import Cluster
import NetworkTypes
import SimKernel
import Traffic

extension World {
  static func targetName(_ client: ClientSettings, _ store: APIStore) -> TargetName {
    func named(_ service: NamespacedName, _ reference: ClientSettings.PortReference) -> TargetName {
      let ports = store.serviceID(service).flatMap { store.service($0) }?.spec.ports ?? []
      let port =
        switch reference {
        case .number(let n): String(n)
        case .name(let name): name
        case .first: ports.first.map { $0.name.isEmpty ? String($0.port) : $0.name } ?? ""
        }
      let found = ports.first { String($0.port) == port }
      return TargetName(
        service: service.description, port: found.map { $0.name.isEmpty ? port : $0.name } ?? port)
    }
    switch client.target {
    case .service(let s, let port), .loadBalancer(let s, let port), .externalIP(let s, let port):
      return named(s, port)
    case .nodePort(let s, let port, _): return named(s, port)
    case .address(let address, let port): return TargetName(service: address.description, port: String(port))
    case .name(let name, let port): return TargetName(service: name, port: String(port))
    }
  }

  func serviceID(_ target: ClientSettings.Target) -> ServiceID {
    switch target {
    case .service(let s, _), .loadBalancer(let s, _), .externalIP(let s, _), .nodePort(let s, _, _):
      control.store.serviceID(s) ?? .none
    case .address, .name: .none
    }
  }

  mutating func refreshAnswers(of service: ServiceID) {
    for group in groups.indices {
      if groups[group].service.isNone { groups[group].service = serviceID(groups[group].settings.target) }
      if groups[group].service == service { refreshAnswer(group) }
    }
  }

  mutating func refreshAllAnswers() {
    for group in groups.indices { refreshAnswer(group) }
  }

  private mutating func refreshAnswer(_ group: Int) {
    let fresh = currentAnswer(group)
    if answers[groups[group].answer] == fresh { return }
    answers.append(fresh)
    groups[group].answer = answers.count - 1
  }

  /// The answer that a client of the group would get now.
  func currentAnswer(_ group: Int) -> TargetAnswer {
    let settings = groups[group].settings
    switch settings.target {
    case .address(let address, let port):
      return TargetAnswer(addresses: [address], port: port, ttl: .max, exists: true)
    case .name(let name, let port):
      let answer = control.resolve(name, from: nil)
      return TargetAnswer(
        addresses: answer.addresses, port: port, ttl: answer.ttl, exists: answer.exists, isDirect: true)
    case .service(_, let port):
      return serviceAnswer(groups[group].service, port)
    case .loadBalancer(_, let port):
      guard let service = present(groups[group].service) else { return TargetAnswer() }
      let list = service.status.loadBalancerIngress.compactMap { $0.ip.flatMap { IPv4Address($0) } }
      return TargetAnswer(addresses: Array(list.prefix(1)), port: number(port, service, \.port), exists: true)
    case .externalIP(_, let port):
      guard let service = present(groups[group].service) else { return TargetAnswer() }
      let list = service.spec.externalIPs.compactMap { IPv4Address($0) }
      return TargetAnswer(addresses: list, port: number(port, service, \.port), exists: true)
    case .nodePort(_, let port, let node):
      return nodePortAnswer(groups[group].service, port, node)
    }
  }

  private func present(_ id: ServiceID) -> Service? { id.isNone ? nil : control.store.service(id) }

  private func serviceAnswer(_ id: ServiceID, _ port: ClientSettings.PortReference) -> TargetAnswer {
    guard let service = present(id) else { return TargetAnswer() }
    let answer = control.resolve(id)
    var wanted = number(port, service, \.port)
    // A headless Service's name leads to the pods themselves, so the port is theirs.
    if service.isHeadless, let slicePort = control.store.slices(of: id).first?.ports.first?.port {
      if case .number = port {} else { wanted = UInt16(clamping: slicePort) }
    }
    return TargetAnswer(
      addresses: answer.addresses, port: wanted, ttl: answer.ttl, exists: answer.exists,
      isDirect: service.isHeadless || service.serviceType == .externalName)
  }

  /// Node addresses as the API lists them: what an inventory or a person would hand out.
  private func nodePortAnswer(
    _ id: ServiceID, _ port: ClientSettings.PortReference, _ node: String?
  ) -> TargetAnswer {
    guard let service = present(id) else { return TargetAnswer() }
    var list: [IPv4Address] = []
    for record in control.nodes where node == nil || record.name == node {
      if let address = control.store.node(record.id)?.internalIPs.first { list.append(address) }
    }
    return TargetAnswer(addresses: list, port: number(port, service, \.nodePort), exists: true)
  }

  private func number(
    _ reference: ClientSettings.PortReference, _ service: Service, _ field: KeyPath<ServicePort, Int>
  ) -> UInt16 {
    let ports = service.spec.ports
    switch reference {
    case .number(let n):
      let found = ports.first { $0.port == Int(n) }
      return found.map { UInt16(clamping: $0[keyPath: field]) } ?? n
    case .name(let name):
      return ports.first { $0.name == name }.map { UInt16(clamping: $0[keyPath: field]) } ?? 0
    case .first:
      return ports.first.map { UInt16(clamping: $0[keyPath: field]) } ?? 0
    }
  }
}
