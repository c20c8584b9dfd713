// SPDX-License-Identifier: GPL-3.0-or-later
//
// From the names of a probe's ends to hosts, addresses and ports of this instant; a wrong name is answered
// with the one that was probably meant.

import Cluster
import NetworkTypes
import Scenario
import SimKernel
import Traffic

/// The host that sends a probe.
struct TraceClient {
  var host: HostReference
  /// −1: outside the cluster.
  var node: Int
  /// The source address that it takes towards the destination.
  var address: IPv4Address
  var name: String
  var sourcePort: UInt16?
}

/// Where a probe goes.
struct TraceTarget {
  /// More than one: the client takes one of them, each as likely. Empty: the name has none.
  var addresses: [(address: IPv4Address, port: UInt16)]
  /// What was looked up; nil: an address was given.
  var lookUp: TraceLookUp?
  /// A Service, or an address or node port of one.
  var isForService = false
  var notes: [String] = []
}

struct TraceLookUp {
  var name: String
  /// What the name stands for, in words.
  var kind: String
}

extension World {
  // MARK: The client

  mutating func traceClient(_ end: TraceEndpoint) throws -> TraceClient {
    var client = try traceHost(end)
    guard case .name(let name) = end.port else {
      if case .number(let port) = end.port { client.sourcePort = port }
      return client
    }
    throw TraceError("'\(end.text)': a source port is a number; found '\(name)'")
  }

  private mutating func traceHost(_ end: TraceEndpoint) throws -> TraceClient {
    switch end.place {
    case .pod(let name):
      let pod = try tracePod(name)
      return try podClient(pod)
    case .node(let name):
      let node = try traceNode(name)
      return nodeClient(node)
    case .external(let address):
      return try outsideClient(address, end.text)
    case .address(let address):
      let owner = addresses.owner(of: address)
      switch owner.kind {
      case .pod: return try podClient(PodID(owner.id))
      case .node: return nodeClient(Int(owner.id))
      case .outside, .none: return try outsideClient(address, end.text)
      case .loadBalancer, .routedToNodes: throw TraceError("'\(end.text)': a Service sends no packets")
      }
    case .service:
      throw TraceError("'\(end.text)': a Service sends no packets; --from takes a pod, a node or external/IP")
    }
  }

  private func podClient(_ id: PodID) throws -> TraceClient {
    let pod = control.pods[id.index]
    guard !pod.node.isNone, let address = pod.address else {
      throw TraceError("pod \(pod.name) has no address at \(now): it has not started yet")
    }
    if pod.isHostNetwork {
      var client = nodeClient(pod.node.index)
      client.name = "pod \(pod.name) (host network of \(client.name))"
      return client
    }
    return TraceClient(
      host: HostReference(.pod, id.rawValue), node: pod.node.index, address: address, name: "pod \(pod.name)")
  }

  private func nodeClient(_ node: Int) -> TraceClient {
    TraceClient(
      host: HostReference(.node, UInt32(node)), node: node, address: nodePlanes[node].address,
      name: "node \(nodePlanes[node].name)")
  }

  private mutating func outsideClient(_ address: IPv4Address, _ text: String) throws -> TraceClient {
    let owner = addresses.owner(of: address)
    switch owner.kind {
    case .pod:
      throw TraceError("'\(text)' is inside: it is pod/\(control.pods[Int(owner.id)].name)")
    case .node:
      throw TraceError("'\(text)' is inside: it is node/\(nodePlanes[Int(owner.id)].name)")
    case .loadBalancer, .routedToNodes:
      throw TraceError("'\(text)' is an address of a Service, which sends no packets")
    case .outside, .none: break
    }
    guard !address.isUnspecified, !address.isLoopback, !address.isMulticast, !podNetwork.contains(address)
    else { throw TraceError("'\(text)': no host outside the cluster has such an address") }
    let host = outsideHost(address)
    return TraceClient(host: host, node: -1, address: address, name: "external \(address)")
  }

  // MARK: Names

  private func tracePod(_ name: NamespacedName) throws -> PodID {
    if let id = control.store.podID(name) { return id }
    var text = "there is no pod \(name) at \(now)"
    if control.pods.contains(where: { $0.name == name }) {
      text += "; there was one before"
    } else {
      text += hint(name, among: control.pods.map(\.name).filter { control.store.podID($0) != nil })
    }
    throw TraceError(text)
  }

  private func hint(_ name: NamespacedName, among known: [NamespacedName]) -> String {
    let near = nearestName(to: name.description, in: Set(known.map(\.description)).sorted())
    if let near { return "; did you mean \(near)?" }
    let here = Set(known.filter { $0.namespace == name.namespace }.map(\.name)).sorted()
    if here.isEmpty {
      let namespaces = Set(known.map(\.namespace)).sorted()
      return namespaces.isEmpty ? "" : "; namespaces with such objects: \(listed(namespaces))"
    }
    return "; \(name.namespace) has \(listed(here))"
  }

  private func listed(_ names: [String]) -> String {
    names.prefix(8).joined(separator: ", ") + (names.count > 8 ? " and \(names.count - 8) more" : "")
  }

  func traceNode(_ name: String) throws -> Int {
    if let index = nodePlanes.indices.first(where: { nodePlanes[$0].name == name }) { return index }
    let known = nodePlanes.list.map(\.name)
    let near = nearestName(to: name, in: known)
    throw TraceError(
      "there is no node \(name) at \(now)"
        + (near.map { "; did you mean \($0)?" } ?? "; there are \(listed(known))"))
  }

  // MARK: The destination

  mutating func traceTarget(
    _ end: TraceEndpoint, _ transport: TransportProtocol, from client: TraceClient
  ) throws -> TraceTarget {
    switch end.place {
    case .service(let name): return try serviceTarget(name, end, transport)
    case .pod(let name): return try podTarget(try tracePod(name), end, transport)
    case .node(let name):
      let node = try traceNode(name)
      return addressTarget(nodePlanes[node].address, try number(end), transport)
    case .external(let address), .address(let address):
      if address.isLoopback, client.node < 0 {
        throw TraceError("'\(end.text)': a packet from outside never goes to loopback")
      }
      return addressTarget(address, try number(end), transport)
    }
  }

  private func number(_ end: TraceEndpoint) throws -> UInt16 {
    switch end.port {
    case .number(let port): return port
    case .name(let name):
      throw TraceError("'\(end.text)': only ports of pods and Services have names: \(name)")
    case nil: throw TraceError("'\(end.text)' lacks a port; write \(end.text):PORT")
    }
  }

  private func addressTarget(
    _ address: IPv4Address, _ port: UInt16, _ transport: TransportProtocol
  ) -> TraceTarget {
    TraceTarget(addresses: [(address, port)], isForService: isOfService(address, port, transport))
  }

  /// Some Service has the address, or this node port.
  private func isOfService(_ address: IPv4Address, _ port: UInt16, _ transport: TransportProtocol) -> Bool {
    let kind = addresses.owner(of: address).kind
    if kind == .loadBalancer || kind == .routedToNodes { return true }
    for index in 0..<control.store.serviceCount {
      guard let service = control.store.service(ServiceID(index)) else { continue }
      if service.clusterAddress == address { return true }
      if kind == .node || address.isLoopback,
        service.spec.ports.contains(where: { $0.nodePort == Int(port) && $0.transport == transport })
      {
        return true
      }
    }
    return false
  }

  private func podTarget(_ id: PodID, _ end: TraceEndpoint, _ transport: TransportProtocol) throws
    -> TraceTarget
  {
    let pod = control.pods[id.index]
    guard let address = pod.address else { throw TraceError("pod \(pod.name) has no address at \(now)") }
    let ports = (control.store.pod(id)?.spec.containers ?? []).flatMap(\.ports)
    let mine = ports.filter { $0.protocol == transport.apiName }
    let known = mine.map { $0.name.isEmpty ? String($0.containerPort) : "\($0.name) (\($0.containerPort))" }
    switch end.port {
    case .number(let port): return TraceTarget(addresses: [(address, port)])
    case .name(let name):
      guard let port = mine.first(where: { $0.name == name }) else {
        throw TraceError(
          "pod \(pod.name) has no \(transport.apiName) port named \(name)"
            + (known.isEmpty ? "" : "; it has \(known.joined(separator: ", "))"))
      }
      return TraceTarget(addresses: [(address, UInt16(port.containerPort))])
    case nil:
      guard mine.count == 1 else {
        let list = known.isEmpty ? "no \(transport.apiName) port" : known.joined(separator: ", ")
        throw TraceError("'\(end.text)' lacks a port; pod \(pod.name) declares \(list)")
      }
      return TraceTarget(addresses: [(address, UInt16(mine[0].containerPort))])
    }
  }

  // MARK: Services

  private func serviceTarget(
    _ name: NamespacedName, _ end: TraceEndpoint, _ transport: TransportProtocol
  ) throws -> TraceTarget {
    guard let id = control.store.serviceID(name), let service = control.store.service(id) else {
      let known = (0..<control.store.serviceCount).map { ServiceID($0) }
        .filter { control.store.service($0) != nil }.map { control.store.serviceName($0) }
      throw TraceError("there is no Service \(name) at \(now)" + hint(name, among: known))
    }
    let answer = control.resolve(id)
    let host = "\(name.name).\(name.namespace).svc.\(scenario.cluster.dns.clusterDomain)"
    var target = TraceTarget(addresses: [], lookUp: TraceLookUp(name: host, kind: ""), isForService: true)
    if service.serviceType == .externalName {
      target.lookUp?.kind = "CNAME \(answer.canonicalName ?? service.spec.externalName ?? "")"
      let port = try externalPort(service, end)
      target.addresses = answer.addresses.map { ($0, port) }
      target.notes.append("an ExternalName Service is a CNAME only: no table knows it, no port is translated")
      return target
    }
    let port = try servicePort(service, name, end, transport)
    guard service.isHeadless else {
      target.lookUp?.kind = "A"
      target.addresses = answer.addresses.map { ($0, UInt16(clamping: port.port)) }
      return target
    }
    target.lookUp?.kind = "A, headless: the addresses of its ready endpoints"
    for address in answer.addresses {
      target.addresses.append((address, headlessPort(id, address, port, end)))
    }
    target.notes.append("a headless Service translates no port: the client connects to the pod's own port")
    return target
  }

  private func externalPort(_ service: Service, _ end: TraceEndpoint) throws -> UInt16 {
    if case .name(let name) = end.port, let port = service.spec.ports.first(where: { $0.name == name }) {
      return UInt16(clamping: port.port)
    }
    if end.port == nil, service.spec.ports.count == 1 { return UInt16(clamping: service.spec.ports[0].port) }
    return try number(end)
  }

  /// By number or name; without either the only one.
  private func servicePort(
    _ service: Service, _ name: NamespacedName, _ end: TraceEndpoint, _ transport: TransportProtocol
  ) throws -> ServicePort {
    let ports = service.spec.ports
    if ports.isEmpty, service.isHeadless, case .number(let number) = end.port {
      var port = ServicePort()
      port.port = Int(number)
      return port
    }
    let mine = ports.filter { $0.transport == transport }
    switch end.port {
    case .number(let number): if let found = mine.first(where: { $0.port == Int(number) }) { return found }
    case .name(let wanted): if let found = mine.first(where: { $0.name == wanted }) { return found }
    case nil: if mine.count == 1 { return mine[0] }
    }
    let known = ports.map { port in
      "\(port.port)/\(port.transport.apiName)" + (port.name.isEmpty ? "" : " (\(port.name))")
    }
    let wanted = end.port.map { "has no \(transport.apiName) port \($0)" } ?? "needs a port: \(end.text):PORT"
    throw TraceError(
      "Service \(name) \(wanted); it has \(known.isEmpty ? "none" : known.joined(separator: ", "))"
        + (end.port == nil ? "" : "; to trace a port that it does not have, give its address as IP:PORT"))
  }

  /// By number the client takes what it was told; by name it asks for the SRV record, whose port is the
  /// endpoint's.
  private func headlessPort(
    _ id: ServiceID, _ address: IPv4Address, _ port: ServicePort, _ end: TraceEndpoint
  ) -> UInt16 {
    if case .number(let number) = end.port { return number }
    for slice in control.store.slices(of: id)
    where slice.endpoints.contains(where: { $0.addresses.contains(address.description) }) {
      let found = slice.ports.first { $0.name == port.name && $0.protocol == port.transport.apiName }
      if let number = found?.port { return UInt16(clamping: number) }
    }
    return UInt16(clamping: port.port)
  }
}
