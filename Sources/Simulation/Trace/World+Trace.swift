// SPDX-License-Identifier: GPL-3.0-or-later
//
// A probe is walked from its client on. Where chance decides (an address of a DNS answer, a target of the
// load balancer, an endpoint) every way is followed, with its probability. Nothing is delivered, remembered
// or stamped.
//
//     look-up -> client -> [tables of its node] -> ... -> server's stack -> the answer's way back

import Cluster
import NetworkTypes
import Proxy
import SimKernel
import Traffic

/// A probe with its ends found.
struct TraceProbe {
  var client: TraceClient
  var transport: TransportProtocol
  var via: Int?
  var isForService: Bool
  var asksDNS: Bool
  /// The packet as the client sends it.
  var tuple: FlowTuple
}

/// One way of a probe, up to now.
struct TraceWay {
  var probability: Double
  /// The packet's header now.
  var tuple: FlowTuple
  /// The connection as the client's socket has it, so that answers must look like its reverse.
  var socket: FlowTuple
  var hasDrawnPort = false
  var delay = SimDuration.zero
  var lastHop: Int?
  var entryNode: Int?
  var decidingNode: Int?
  var backend: BackendID?
  /// conntrack found it instead of a table.
  var isDecidedByConntrack = false
  /// What the nodes on the way remember of it.
  var flows: [TraceFlow] = []
  /// The header before a translation that the backend's own node undoes (direct server return).
  var directReturn: FlowTuple?
  /// Where it has been with which header: coming back means going round for ever.
  var visited: [(node: Int, tuple: FlowTuple)] = []

  init(_ tuple: FlowTuple, probability: Double) {
    self.probability = probability
    self.tuple = tuple
    socket = tuple
  }

  var packet: TracePacket { TracePacket(tuple, drawn: hasDrawnPort ? .source : .none) }
}

/// An entry that the probe would have made in a node's conntrack table, or found there.
struct TraceFlow {
  var node: Int
  var original: FlowTuple
  var reply: FlowTuple
}

/// What has been found so far.
struct TraceRecord {
  var probe: TraceProbe
  var hops: [TraceHop] = []
  var outcomes: [TraceOutcome] = []
  var hasUsedVia = false
}

extension World {
  mutating func trace(_ request: TraceRequest) throws -> Trace {
    let client = try traceClient(request.from)
    let target = try traceTarget(request.to, request.transport, from: client)
    let via = try request.via.map { try traceNode($0) }
    let modes = Set(nodePlanes.indices.map { control.nodes[$0].proxy.mode })
    var trace = Trace(
      from: client.name, to: request.to.text, packet: nil, transport: request.transport, at: now,
      mode: modes.count == 1 ? modes.first : nil)
    var probe = TraceProbe(
      client: client, transport: request.transport, via: via, isForService: target.isForService,
      asksDNS: target.lookUp != nil,
      tuple: FlowTuple(
        source: client.address, sourcePort: 0, destination: .unspecified, destinationPort: 0,
        transport: request.transport))
    probe.tuple.sourcePort = client.sourcePort ?? freePort(of: client, request.transport)
    var record = TraceRecord(probe: probe)
    if target.addresses.isEmpty { nameFails(target, &record) }
    for (address, port) in target.addresses {
      record.probe.tuple.destination = address
      record.probe.tuple.destinationPort = port
      record.probe.tuple.source = sourceAddress(of: client, towards: address)
      if trace.packet == nil { trace.packet = TracePacket(record.probe.tuple) }
      start(target, share: 1 / Double(target.addresses.count), &record)
    }
    trace.hops = record.hops
    trace.outcomes = record.outcomes
    trace.notes = target.notes + notes(about: record)
    return trace
  }

  private func notes(about record: TraceRecord) -> [String] {
    var notes: [String] = []
    if let via = record.probe.via, !record.hasUsedVia {
      notes.append("--via node/\(nodePlanes[via].name) plays no part: the packet's way is settled without it")
    }
    if record.probe.client.node < 0, record.probe.via == nil,
      case .lost = stepFromOutside(record.probe.tuple.destination)
    {
      notes.append("nothing outside routes to this address; --via node/NAME says at which node it arrives")
    }
    return notes
  }

  /// The kernel takes the address of the interface by which the packet leaves.
  func sourceAddress(of client: TraceClient, towards destination: IPv4Address) -> IPv4Address {
    if destination.isLoopback { return destination }
    guard client.host.kind == .node else { return client.address }
    if addresses.owner(of: destination) == client.host { return destination }
    return masqueradeAddress(client.node, towards: destination)
  }

  /// An ephemeral port that no node on the way knows: a new connection's. 32768 is the lowest
  /// (net.ipv4.ip_local_port_range, Linux Documentation/networking/ip-sysctl.rst).
  private mutating func freePort(of client: TraceClient, _ transport: TransportProtocol) -> UInt16 {
    for port in UInt16(32768)...60999 {
      var isTaken = false
      for node in nodePlanes.indices where !isTaken {
        isTaken = conntrack[node].pointee.hasFlow(from: client.address, port, transport, now: now)
      }
      if !isTaken { return port }
    }
    return 32768
  }

  // MARK: The look-up and the client

  private mutating func nameFails(_ target: TraceTarget, _ record: inout TraceRecord) {
    let way = TraceWay(record.probe.tuple, probability: 1)
    let name = target.lookUp?.name ?? ""
    add(
      .dns, nil, "\(name) (\(target.lookUp?.kind ?? "")) has no address", way, out: nil, &record)
    record.outcomes.append(
      TraceOutcome(
        probability: 1, verdict: .notProxied, clientSees: .unreachable, cause: .nameNotFound,
        savedBy: savedBy(.nameNotFound, node: nil), clientSource: way.socket.source,
        lastHop: record.hops.count - 1))
  }

  private mutating func start(_ target: TraceTarget, share: Double, _ record: inout TraceRecord) {
    var way = TraceWay(record.probe.tuple, probability: share)
    if let lookUp = target.lookUp {
      let many = target.addresses.count > 1 ? ", one of \(target.addresses.count)" : ""
      way.lastHop = add(
        .dns, nil, "\(lookUp.name) (\(lookUp.kind)): \(way.tuple.destination)\(many)", way, out: way.packet,
        &record)
    }
    let client = record.probe.client
    let node = client.node >= 0 ? nodePlanes[client.node].name : nil
    way.lastHop = add(.client, node, "\(client.name) sends", way, out: way.packet, &record)
    switch client.host.kind {
    case .pod:
      if way.tuple.destination.isLoopback || way.tuple.destination == client.address {
        return deliver(way, to: client.host, node: client.node, &record)
      }
      enter(client.node, .pod, way, &record)
    case .node: enter(client.node, .node, way, &record)
    case .outside: enterFromOutside(way, &record)
    case .none, .loadBalancer, .routedToNodes: preconditionFailure("\(client.host.kind) sends no packets")
    }
  }

  // MARK: Between the places

  private mutating func enterFromOutside(_ way: TraceWay, _ record: inout TraceRecord) {
    let step = stepFromOutside(way.tuple.destination)
    if let via = record.probe.via {
      let goesElsewhere: Bool =
        switch step {
        case .node, .outsideHost: true
        default: false
        }
      if !goesElsewhere { return enter(via, through: "arrives, as --via says, at", way, &record) }
    }
    switch step {
    case .node(let node): travel(way, from: nil, to: node, &record)
    case .loadBalancer(let service): throughLoadBalancer(way, service, from: nil, &record)
    case .upstreamRouters: throughRouters(way, &record)
    case .outsideHost(let host): deliver(way, to: host, node: nil, &record)
    case .lost(let loss): end(way, loss, at: nil, &record)
    case .localStack, .deadAddress, .staleRoute: preconditionFailure("a step of nodes")
    }
  }

  private mutating func enter(
    _ via: Int, through words: String, _ way: TraceWay, _ record: inout TraceRecord
  ) {
    record.hasUsedVia = true
    var way = way
    way.entryNode = via
    way.lastHop = add(.router, nil, "\(words) \(nodePlanes[via].name)", way, out: way.packet, &record)
    travel(way, from: nil, to: via, &record)
  }

  private mutating func throughRouters(_ way: TraceWay, _ record: inout TraceRecord) {
    let nodes = upstreamNodes()
    for node in nodes {
      var next = way
      next.probability /= Double(nodes.count)
      next.entryNode = node
      next.lastHop = add(
        .router, nil,
        "routers outside send it to \(nodePlanes[node].name)" + oneOf(nodes.count, "nodes"), next,
        out: next.packet, &record)
      travel(next, from: nil, to: node, &record)
    }
  }

  private func oneOf(_ count: Int, _ what: String) -> String { count > 1 ? ", one of \(count) \(what)" : "" }

  private mutating func throughLoadBalancer(
    _ way: TraceWay, _ service: ServiceID, from: Int?, _ record: inout TraceRecord
  ) {
    if let via = record.probe.via, way.entryNode == nil {
      return enter(via, through: "the load balancer sends it, as --via says, to", way, &record)
    }
    let all = control.loadBalancerTargets(of: service).map(\.index)
    // It keeps a flow at the target that it chose first.
    let targets = way.entryNode.map { [$0] } ?? all
    guard !all.isEmpty, !targets.isEmpty else {
      var last = way
      last.lastHop = add(.loadBalancer, nil, "no healthy target", way, out: nil, &record)
      return end(last, .loadBalancerHasNoTarget, at: nil, &record)
    }
    for node in targets {
      var next = way
      next.probability /= Double(targets.count)
      next.entryNode = node
      next.lastHop = add(
        .loadBalancer, nil,
        "picks \(nodePlanes[node].name)" + oneOf(targets.count, "healthy targets"), next, out: next.packet,
        &record)
      let address = control.loadBalancerAddress(of: NodeID(node), for: service)
      if address == nodePlanes[node].address {
        travel(next, from: from, to: node, &record)
      } else if addresses.owner(of: address).kind == .node {
        travel(next, from: from, to: Int(addresses.owner(of: address).id), &record)
      } else {
        end(next, .unknownAddress(address), at: nil, &record)
      }
    }
  }

  /// Over the network into the tables of `to`. nil: outside.
  private mutating func travel(_ way: TraceWay, from: Int?, to: Int, _ record: inout TraceRecord) {
    var way = way
    if let loss = cross(&way, from: from, to: to, &record) { return end(way, loss, at: nil, &record) }
    enter(to, .outside, way, &record)
  }

  /// One hop of the network: its mean delay, and whether anything can get through at all.
  private mutating func cross(
    _ way: inout TraceWay, from: Int?, to: Int?, _ record: inout TraceRecord
  ) -> Loss? {
    let kind = hopClass(from, to)
    let path = paths.condition(
      kind, from: HopEnd(from ?? HopEnd.outsideIndex), to: HopEnd(to ?? HopEnd.outsideIndex),
      nodeName: { nodePlanes[$0].name })
    let outside = HopEnd.outsideIndex
    let passing = passingCost(from: from ?? outside, to: to ?? outside, entersNode: to != nil && to != from)
    way.delay = way.delay + path.meanDelay + passing
    let place = "between \(name(of: from)) and \(name(of: to))"
    if path.isPartitioned {
      way.lastHop = add(.network, nil, "partitioned \(place)", way, out: nil, &record)
      return .partition
    }
    if path.loss >= 1 {
      way.lastHop = add(.network, nil, "every packet gets lost \(place)", way, out: nil, &record)
      return .lossOnPath
    }
    if path.loss > 0 {
      let share = ReadableNumber.percent(path.loss)
      way.lastHop = add(.network, nil, "\(share) of packets get lost \(place)", way, out: way.packet, &record)
    }
    return nil
  }

  func hopClass(_ from: Int?, _ to: Int?) -> HopClass {
    guard let from, let to else { return .outside }
    return from == to ? .sameNode : nodeHop(from, to)
  }

  private func name(of node: Int?) -> String { node.map { nodePlanes[$0].name } ?? "the outside" }

  /// After the tables of `node`.
  mutating func leave(_ way: TraceWay, _ node: Int, _ origin: FlowOrigin, _ record: inout TraceRecord) {
    switch nextStep(way.tuple, from: node, origin) {
    case .localStack(let host):
      var way = way
      if origin != .outside, let loss = cross(&way, from: node, to: node, &record) {
        return end(way, loss, at: nil, &record)
      }
      deliver(way, to: host, node: node, &record)
    case .node(let next): travel(way, from: node, to: next, &record)
    case .outsideHost(let host):
      var way = way
      if let loss = cross(&way, from: node, to: nil, &record) { return end(way, loss, at: nil, &record) }
      deliver(way, to: host, node: nil, &record)
    case .loadBalancer(let service): throughLoadBalancer(way, service, from: node, &record)
    case .deadAddress: deadAddress(way, node, &record)
    case .staleRoute(let home): end(way, .staleRoute(on: node, to: home), at: node, &record)
    case .lost(let loss): end(way, loss, at: node, &record)
    case .upstreamRouters: preconditionFailure("only packets from outside meet routers")
    }
  }

  // MARK: Writing down

  @discardableResult func add(
    _ component: TraceHop.Component, _ node: String?, _ what: String, _ way: TraceWay, out: TracePacket?,
    _ record: inout TraceRecord
  ) -> Int {
    let id = record.hops.count
    record.hops.append(
      TraceHop(
        id: id, after: way.lastHop, probability: way.probability, time: now + way.delay, component: component,
        node: node, what: what, packetIn: way.packet, packetOut: out))
    return id
  }
}
