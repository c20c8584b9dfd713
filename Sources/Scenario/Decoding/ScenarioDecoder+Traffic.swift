// SPDX-License-Identifier: GPL-3.0-or-later
//
// Servers and clients.

import Cluster
import NetworkTypes
import OrderedCollections
import SimKernel
import SimRandom
import Traffic

extension ScenarioDecoder {
  // MARK: Servers

  func server(_ c: Cursor) -> ServerSettings? {
    let place: ServerSettings.Place
    if let pods = c["pods"] {
      let selection = podSelection(pods)
      place = .pods(namespace: selection.namespace, labels: selection.labels)
    } else if let outside = c["outside"] {
      for item in outside.items { refuseInside(item, item.address, count: 1) }
      place = .outside(outside.addresses)
    } else {
      return nil
    }
    var s = ServerSettings(name: c["name"]?.string ?? "", place: place)
    assign(c["port"]?.port, to: &s.port)
    assign(c["protocol"]?.transport, to: &s.transport)
    assign(durations(c["serviceTime"]), to: &s.serviceTime)
    assign(c["concurrency"]?.integer, to: &s.concurrency)
    assign(c["cpu"]?.number, to: &s.cpu)
    assign(c["queue"]?.integer, to: &s.queue)
    assign(c["maxConnections"]?.integer, to: &s.maxConnections)
    assign(c["backlog"]?.integer, to: &s.backlog)
    let behaviour = c["onTermination"]?.string
    assign(behaviour.flatMap { ServerSettings.TerminationBehaviour(rawValue: $0) }, to: &s.onTermination)
    assign(c["drain"]?.duration, to: &s.drain)
    assign(c["preStop"]?.duration, to: &s.preStop)
    decodePodLife(c, &s)
    assign(c["idleTimeout"]?.duration, to: &s.idleTimeout)
    if let drain = c["drain"], s.onTermination != .drain {
      mistake(drain, "\"drain\" only has an effect with \"onTermination\": \"drain\"")
    }
    return s
  }

  private func podSelection(_ c: Cursor) -> (namespace: String, labels: Labels) {
    let namespace = c["namespace"]?.string ?? "default"
    let labels = c["labels"]?.labels ?? [:]
    checkSelection(c, namespace: namespace, labels: labels)
    return (namespace, labels)
  }

  // MARK: Clients

  func client(_ c: Cursor) -> ClientSettings? {
    guard let from = c["from"].flatMap({ origin($0) }), let to = c["to"] else { return nil }
    let transport = c["protocol"]?.transport ?? .tcp
    guard let target = destination(to, transport), let arrivals = arrivals(c) else { return nil }
    var s = ClientSettings(name: c["name"]?.string ?? "", place: from, target: target, arrivals: arrivals)
    s.transport = transport
    assign(connections(c["connections"]), to: &s.connections)
    assign(counts(c["requests"]), to: &s.requests)
    assign(durations(c["requestGap"]), to: &s.requestGap)
    assign(c["connectTimeout"]?.duration, to: &s.connectTimeout)
    assign(c["requestTimeout"]?.duration, to: &s.requestTimeout)
    assign(c["dnsCache"]?.duration, to: &s.dnsCache)
    s.dnsCachePreset = c["dnsCache"]?.string.flatMap { DNSCachePolicy(preset: $0) }
    s.dnsName = c["dnsName"]?.string
    if let name = c["dnsName"] { checkQueryName(name, s.target) }
    assign(c["keepalive"]?.duration, to: &s.keepalive)
    assign(c["synLinearTimeouts"]?.integer, to: &s.synLinearTimeouts)
    decodeSysctls(of: c["sysctls"], into: &s)
    assign(c["start"]?.time, to: &s.start)
    assign(c["stop"]?.time, to: &s.stop)
    if let stop = c["stop"], let time = s.stop, time <= s.start {
      mistake(stop, "expected a time after \"start\", \(s.start)")
    }
    if let retries = c["retries"] {
      assign(retries["limit"]?.integer, to: &s.retry.limit)
      assign(durations(retries["backoff"]), to: &s.retry.backoff)
      assign(retries["factor"]?.number, to: &s.retry.factor)
      assign(retries["max"]?.duration, to: &s.retry.max)
    }
    return s
  }

  private func checkQueryName(_ name: Cursor, _ target: ClientSettings.Target) {
    if scenario.cluster.dns.service == nil {
      mistake(name, "\"dnsName\" only has an effect where cluster.dns.servers is a Service")
    }
    switch target {
    case .service, .name: break
    case .nodePort, .loadBalancer, .externalIP, .address:
      mistake(name, "\"dnsName\" only has an effect with \"to\": a service or a name")
    }
  }

  private func connections(_ cursor: Cursor?) -> ClientSettings.ConnectionUse? {
    guard let c = cursor, c.string == nil, let size = c["pool"]?.integer else { return nil }
    return .pool(size: size, idleTimeout: c["idleTimeout"]?.duration, maxAge: c["maxAge"]?.duration)
  }

  private func origin(_ c: Cursor) -> ClientSettings.Place? {
    if let pods = c["pods"] {
      let selection = podSelection(pods)
      return .pods(namespace: selection.namespace, labels: selection.labels)
    }
    if let nodes = c["nodes"] {
      for item in nodes.items { checkNode(item) }
      return .nodes(nodes.strings)
    }
    guard let outside = c["outside"], let address = outside["address"]?.address else { return nil }
    let count = outside["count"]?.integer ?? 1
    if let place = outside["address"] { refuseInside(place, address, count: count) }
    return .outside(address: address, count: count)
  }

  /// What is outside the cluster has no address of the cluster.
  private func refuseInside(_ cursor: Cursor, _ address: IPv4Address?, count: Int) {
    guard let address, (1...65536).contains(count) else { return }
    let (last, overflow) = address.bits.addingReportingOverflow(UInt32(count - 1))
    if overflow { return mistake(cursor, "the \(count) addresses from here on end beyond 255.255.255.255") }
    for (name, block) in [
      ("podCIDR", scenario.cluster.podCIDR), ("serviceCIDR", scenario.cluster.serviceCIDR),
    ] {
      let (low, high) = (block.base.bits, block.base.bits | ~IPv4CIDR.mask(block.prefixLength))
      if address.bits <= high, last >= low {
        mistake(cursor, "expected addresses outside the cluster's \(name), \(block)")
      }
    }
    let taken = scenario.cluster.nodes.first { node in
      (node.addresses + node.externalAddresses).contains { $0.bits >= address.bits && $0.bits <= last }
    }
    if let taken { mistake(cursor, "node \"\(taken.name)\" has one of these addresses") }
  }

  // MARK: Destinations

  private func destination(_ c: Cursor, _ transport: TransportProtocol) -> ClientSettings.Target? {
    let port = portReference(c["port"])
    if let name = c["service"], let service = name.namespacedName {
      checkPort(c, name, transport)
      return .service(service, port: port)
    }
    if let name = c["nodePort"], let service = name.namespacedName {
      checkPort(c, name, transport) {
        $0.serviceType == .nodePort || $0.serviceType == .loadBalancer
      } otherwise: {
        "Service \(service) has no node port: its type is \($0)"
      }
      if let node = c["node"] { checkNode(node) }
      return .nodePort(service, port: port, node: c["node"]?.string)
    }
    if let name = c["loadBalancer"], let service = name.namespacedName {
      checkPort(c, name, transport) {
        $0.serviceType == .loadBalancer
      } otherwise: {
        "Service \(service) has no load balancer: its type is \($0)"
      }
      return .loadBalancer(service, port: port)
    }
    if let name = c["externalIP"], let service = name.namespacedName {
      checkPort(c, name, transport) {
        !$0.spec.externalIPs.isEmpty
      } otherwise: { _ in
        "Service \(service) has no externalIPs"
      }
      return .externalIP(service, port: port)
    }
    guard let number = c["port"]?.port else { return nil }
    if let address = c["address"]?.address { return .address(address, port: number) }
    return c["name"]?.string.map { .name($0, port: number) }
  }

  private func portReference(_ cursor: Cursor?) -> ClientSettings.PortReference {
    if let name = cursor?.string { return .name(name) }
    return cursor?.port.map { .number($0) } ?? .first
  }

  /// The Service exists, is of a fitting kind in one of its versions, and has a port of that name. A number
  /// that the Service does not have may be meant: real clients get no answer then, and so do simulated ones.
  private func checkPort(
    _ c: Cursor, _ name: Cursor, _ transport: TransportProtocol,
    fits: (Service) -> Bool = { _ in true }, otherwise message: (String) -> String = { $0 }
  ) {
    let versions = services(name)
    guard let first = versions.first else { return }
    guard versions.contains(where: fits) else {
      return mistake(name, message(first.serviceType.rawValue))
    }
    let ports = versions.flatMap(\.spec.ports)
    if let place = c["port"], let wanted = place.string {
      let known = ports.map(\.name).filter { !$0.isEmpty }
      guard known.contains(wanted) else {
        return mistake(
          place, "expected the name of a port of the Service", suggestion: nearestName(to: wanted, in: known))
      }
    }
    refuseOtherProtocol(c, name, ports, transport)
  }

  private func refuseOtherProtocol(
    _ c: Cursor, _ name: Cursor, _ ports: [ServicePort], _ transport: TransportProtocol
  ) {
    let wanted = ports.filter { port in
      switch portReference(c["port"]) {
      case .name(let text): port.name == text
      case .number(let number): port.port == Int(number)
      case .first: port.port == ports.first?.port
      }
    }
    guard let other = wanted.first, !wanted.contains(where: { $0.transport == transport }) else { return }
    let message =
      "the Service has this port for \(other.transport.apiName), the client speaks \(transport.apiName)"
    mistake(c["port"] ?? name, message)
  }

  // MARK: Arrivals

  private func arrivals(_ c: Cursor) -> ClientSettings.Arrivals? {
    if let rate = c["rate"] {
      guard let perSecond = rate.rate, perSecond > 0 else { return nil }
      return .renewal(.exponential(mean: 1 / perSecond))
    }
    guard let arrivals = c["arrivals"] else { return nil }
    if let every = arrivals["every"] {
      let distribution = durations(every)
      refuseZeroInterval(every, distribution)
      return distribution.map { .renewal($0) }
    }
    if let rates = arrivals["rates"] { return .varyingPoisson(ratePoints(rates)) }
    if let trace = arrivals["trace"] { return times(trace).map { .trace($0) } }
    guard let users = arrivals["users"]?.integer, let think = durations(arrivals["think"]) else { return nil }
    return .closed(users: users, think: think)
  }

  private func ratePoints(_ c: Cursor) -> [ClientSettings.RatePoint] {
    var points: [ClientSettings.RatePoint] = []
    for item in c.items {
      guard let at = item["at"]?.time, let rate = item["rate"]?.rate else { continue }
      if let last = points.last, at <= last.at, let place = item["at"] {
        mistake(place, "expected a time after the one before, \(last.at)")
      }
      points.append(.init(at: at, rate: rate))
    }
    if points.count == c.items.count, points.allSatisfy({ $0.rate == 0 }) {
      mistake(c, "expected a rate above zero at one time at least")
    }
    return points
  }

  private func times(_ c: Cursor) -> [SimTime]? {
    let factor = secondsPerUnit(c["unit"])
    guard let column = column(c), let place = c["file"] else { return nil }
    for index in column.indices.dropFirst() where column[index] < column[index - 1] {
      mistake(place, "expected times in ascending order; number \(index + 1) is below the one before")
      break
    }
    return column.map { SimTime.zero + SimDuration(seconds: $0 * factor) }
  }
}
