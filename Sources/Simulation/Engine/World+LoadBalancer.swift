// SPDX-License-Identifier: GPL-3.0-or-later
//
// The external load balancer's data plane: which node a packet goes to, what is remembered of a connection,
// when it is cut, and what a health check finds. Which nodes are targets is the control plane's part
// (Cluster/ControlPlane/LoadBalancer). A balancer that keeps every flow at its target for ever, the default,
// remembers nothing here but the node, in the connection itself.

import Cluster
import NetworkTypes
import Proxy
import SimKernel
import Traffic

/// What the load balancer remembers of a connection besides its target.
struct BalancedFlow {
  var generation: UInt16
  /// When it last saw one of the client's packets, in nanoseconds.
  var lastSeen: Int64
  /// The first node from which the open connection was moved away.
  var movedFrom: Int?
  /// Its target left, or failed its checks.
  var isCut = false
}

extension World {
  /// The record of a current connection.
  func balancedFlow(_ slot: UInt32) -> BalancedFlow? {
    guard !balancedFlows.isEmpty, let flow = balancedFlows[slot],
      flow.generation == connections[slot].pointee.generation
    else { return nil }
    return flow
  }

  mutating func throughLoadBalancer(
    _ slot: UInt32, service: ServiceID, from: Int, _ extra: SimDuration
  ) {
    // A node without a rule for the address sends the packet back to the load balancer; nothing else loops.
    packets.pointer(slot).pointee.hopsLeft &-= 1
    if packets.pointer(slot).pointee.hopsLeft == 0 {
      return lose(slot, .unrouted(node: max(0, from), packets[slot].tuple, .outside))
    }
    if !balancerKeepsFlows, !isRemembered(slot) { return }
    guard let node = target(of: slot, service) else { return lose(slot, .loadBalancerHasNoTarget) }
    guard balancesByAddress else {
      return hop(slot, .outside, from, node, extra, entersNode: HostReference(.node, UInt32(node)))
    }
    let address = control.loadBalancerAddress(of: NodeID(node), for: service)
    let owner = addresses.owner(of: address)
    guard owner.kind == .node else { return lose(slot, .unknownAddress(address)) }
    hop(slot, .outside, from, Int(owner.id), extra, entersNode: owner)
  }

  // MARK: Steering

  /// The node for the packet; nil: there is no target, and none was chosen before.
  private mutating func target(of slot: UInt32, _ service: ServiceID) -> Int? {
    let packet = packets[slot]
    let isCurrent = connections.isCurrent(packet.connection, packet.generation)
    let entry = isCurrent ? connections[packet.connection].pointee.entryNode : .max
    let before = entry == .max ? nil : Int(entry)
    let targets = control.loadBalancerTargets(of: service)
    switch balancerSteering {
    case .stateful: if let before { return before }
    case .resilientEcmp: if let before, targets.contains(NodeID(before)) { return before }
    case .ecmp, .maglev, .leader: break
    }
    guard !targets.isEmpty else { return nil }
    let node = choose(among: targets, packet.tuple, service)
    guard isCurrent else { return node }
    let c = connections[packet.connection]
    c.pointee.entryNode = UInt32(node)
    if let before, before != node, c.pointee.wasEstablished { noteMove(packet.connection, from: before) }
    return node
  }

  private mutating func noteMove(_ slot: UInt32, from: Int) {
    let fresh = BalancedFlow(generation: connections[slot].pointee.generation, lastSeen: now.nanoseconds)
    var flow = balancedFlow(slot) ?? fresh
    if flow.movedFrom == nil { flow.movedFrom = from }
    balancedFlows[slot] = flow
  }

  private func choose(among targets: [NodeID], _ tuple: FlowTuple, _ service: ServiceID) -> Int {
    switch balancerSteering {
    case .stateful, .ecmp, .resilientEcmp:
      targets[Int(Self.flowHash(tuple) % UInt64(targets.count))].index
    case .maglev: Self.highest(of: targets, Self.flowHash(tuple))
    case .leader: Self.highest(of: targets, UInt64(service.rawValue))
    }
  }

  /// Consistent hashing in its ideal form, the highest of one hash per target: with a target that goes, its
  /// flows move and no others. A Maglev table moves a few more (FACTS K10).
  static func highest(of targets: [NodeID], _ key: UInt64) -> Int {
    var best = targets[0]
    var bestWeight: UInt64 = 0
    for target in targets {
      let weight = StableHash.mix(key ^ StableHash.mix(UInt64(target.rawValue) &+ 1))
      if weight >= bestWeight { (best, bestWeight) = (target, weight) }
    }
    return best.index
  }

  // MARK: Connections that it forgets or cuts

  /// Looks the packet's connection up in the table of connections.
  /// - Returns: false if the packet has ended here.
  private mutating func isRemembered(_ slot: UInt32) -> Bool {
    let packet = packets[slot]
    guard connections.isCurrent(packet.connection, packet.generation) else { return true }
    let fresh = BalancedFlow(generation: packet.generation, lastSeen: now.nanoseconds)
    guard packet.kind != .syn, packet.kind != .datagram, var flow = balancedFlow(packet.connection) else {
      balancedFlows[packet.connection] = fresh
      return true
    }
    let entry = Int(connections[packet.connection].pointee.entryNode)
    if flow.isCut {
      resetFromBalancer(slot, .loadBalancerCut(node: entry))
      return false
    }
    let settings = scenario.cluster.loadBalancer
    let idle = SimDuration(nanoseconds: now.nanoseconds - flow.lastSeen)
    if let limit = settings.idleTimeout, idle > limit {
      switch settings.idleAction {
      case .reset: resetFromBalancer(slot, .loadBalancerIdle(node: entry))
      case .drop: lose(slot, .loadBalancerIdle(node: entry))
      case .steerAnew: return steerAnew(slot, &flow)
      }
      return false
    }
    flow.lastSeen = now.nanoseconds
    balancedFlows[packet.connection] = flow
    return true
  }

  /// As for a new connection: the hash over today's targets decides.
  private mutating func steerAnew(_ slot: UInt32, _ flow: inout BalancedFlow) -> Bool {
    let packet = packets[slot]
    let c = connections[packet.connection]
    let owner = addresses.owner(of: packet.tuple.destination)
    let targets = owner.kind == .loadBalancer ? control.loadBalancerTargets(of: ServiceID(owner.id)) : []
    flow.lastSeen = now.nanoseconds
    if !targets.isEmpty {
      let node = choose(among: targets, packet.tuple, ServiceID(owner.id))
      let before = Int(c.pointee.entryNode)
      if node != before, flow.movedFrom == nil { flow.movedFrom = before }
      c.pointee.entryNode = UInt32(node)
    }
    balancedFlows[packet.connection] = flow
    return true
  }

  /// The load balancer answers a packet of the client with RST.
  private mutating func resetFromBalancer(_ slot: UInt32, _ loss: Loss) {
    let packet = packets[slot]
    guard packet.kind.isForward, packet.kind != .clientFin else { return lose(slot, loss) }
    blame(packet.connection, loss)
    packets[slot].become(.reset)
    packets[slot].tuple = packet.tuple.reversed
    routeOutside(slot)
  }

  /// The open connections of a Service that go to `node` are cut. Clients outside get a RST now, others with
  /// their next packet.
  mutating func balancerCuts(_ service: ServiceID, _ node: NodeID) {
    for slot in 0..<UInt32(connections.used) {
      let c = connections[slot].pointee
      guard c.isLive, c.entryNode == node.rawValue, c.wasEstablished, c.tuple.transport == .tcp,
        c.phase == .awaiting || c.phase == .idle,
        addresses.owner(of: c.tuple.destination) == HostReference(.loadBalancer, service.rawValue)
      else { continue }
      let fresh = BalancedFlow(generation: c.generation, lastSeen: now.nanoseconds)
      var flow = balancedFlow(slot) ?? fresh
      flow.isCut = true
      balancedFlows[slot] = flow
      guard instances[Int(c.instance)].host.kind == .outside else { continue }
      blame(slot, .loadBalancerCut(node: node.index))
      connections[slot].pointee.isEndedByServer = true
      packetCount += 1
      let reset = packets.add(
        tuple: c.tuple.reversed, connection: slot, generation: c.generation, kind: .reset,
        number: c.requestNumber)
      routeOutside(reset)
    }
  }

  // MARK: Health checks

  /// What the load balancer's health check of a node for a Service would find now; `.none`: kube-proxy's
  /// healthz.
  mutating func passesHealthCheck(_ node: Int, _ service: ServiceID) -> Bool {
    guard let host = healthCheckHost(of: node, service), nodePlanes[host].isUp else { return false }
    let path = paths.condition(
      .outside, from: .outside, to: .node(host), nodeName: { nodePlanes[$0].name })
    if path.isPartitioned { return false }
    let isLocal = !service.isNone && control.store.service(service)?.usesLocalExternalPolicy ?? false
    if isLocal {
      return proxies.isHealthy(NodeID(host), at: now)
        && proxies.localReadyEndpoints(NodeID(host), service) > 0
    }
    if scenario.cluster.loadBalancer.checkPort == .nodePort, !service.isNone {
      return opensNodePort(host, service)
    }
    return proxies.isHealthy(NodeID(host), at: now) && isEligible(NodeID(host))
  }

  private func healthCheckHost(of node: Int, _ service: ServiceID) -> Int? {
    if !balancesByAddress || service.isNone { return node }
    return control.loadBalancerHost(of: NodeID(node), for: service)?.index
  }

  /// From 1.30 on kube-proxy's healthz fails on a node that is about to be removed (KEP-3836, gate
  /// KubeProxyDrainingTerminatingNodes).
  private func isEligible(_ node: NodeID) -> Bool {
    guard proxies.observesLeavingNodes, let object = control.store.node(node) else { return true }
    return !ControlPlane.isToBeDeleted(object)
  }

  /// A TCP connection to the Service's first node port would open, at whatever pod it ends.
  private mutating func opensNodePort(_ node: Int, _ service: ServiceID) -> Bool {
    guard let port = control.store.service(service)?.spec.ports.first?.nodePort, port > 0 else {
      return false
    }
    let address = nodePlanes[node].address
    let number = StableHash.mix(UInt64(now.nanoseconds) ^ UInt64(node) << 48)
    let flow = FlowTuple(
      source: Self.healthChecker, sourcePort: UInt16(1024 + number % 64512), destination: address,
      destinationPort: UInt16(clamping: port))
    let verdict = proxies.decideWithoutSwapGap(
      node: NodeID(node), flow: flow, origin: .outside, at: now, random: StableHash.mix(number))
    guard verdict.kind == .forward, let pod = proxies.backend(verdict.backend).pod else {
      return verdict.kind == .forward
    }
    return control.pods[pod.index].hasProcess && nodePlanes[control.pods[pod.index].node.index].isUp
  }

  /// Where health checks come from: the block for benchmarks (RFC 2544), which no scenario's client has by
  /// default.
  private static var healthChecker: IPv4Address { IPv4Address(bits: 0xC612_0001) }
}
