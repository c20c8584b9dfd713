// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a node in ipvs mode knows of a packet's destination, in a few hash look-ups: the compiled form of the
// KUBE-* sets, the addresses of kube-ipvs0 and the index of virtual servers.

import Cluster
import NetworkTypes
import SimKernel

/// Sets that hold (destination address, destination port), or the port alone (`nodePort`).
struct IPVSMembership: OptionSet, BitwiseCopyable {
  let rawValue: UInt8
  static let clusterIP = IPVSMembership(rawValue: 1)
  static let externalIP = IPVSMembership(rawValue: 2)
  static let externalIPLocal = IPVSMembership(rawValue: 4)
  static let loadBalancer = IPVSMembership(rawValue: 8)
  static let loadBalancerLocal = IPVSMembership(rawValue: 16)
  static let firewall = IPVSMembership(rawValue: 32)
  static let nodePort = IPVSMembership(rawValue: 64)
  static let nodePortLocal = IPVSMembership(rawValue: 128)

  /// What KUBE-IPVS-FILTER lets through.
  static let anyAddress: IPVSMembership = [.clusterIP, .externalIP, .externalIPLocal, .loadBalancer]
}

struct IPVSDestination {
  var key: UInt64
  var sets: IPVSMembership = []
  /// An address of the node's own interfaces, loopback included.
  var isNodeAddress = false
  /// On kube-ipvs0.
  var isBound = false
  /// Whose endpoints the virtual server has; nil: there is no virtual server.
  var owner: Claim?

  var isLocal: Bool { isNodeAddress || isBound }
}

extension ProxyFleet {
  func ipvsDestination(_ packet: Packet, _ table: TableState) -> IPVSDestination {
    let flow = packet.flow
    let natEyes = eyes[Int(table.eyes)]
    var found = IPVSDestination(
      key: Frontend.key(flow.destination, flow.destinationPort, flow.transport))
    found.isNodeAddress = isLocal(flow.destination, tables[Int(packet.node)])
    found.isBound =
      !found.isNodeAddress && history.isClaimed(flow.destination, at: table.services)
    guard found.isLocal else { return found }
    var order: UInt64 = 0
    collect(found.key, table, natEyes, &found, &order)
    let nodePortKey = Frontend.key(.unspecified, flow.destinationPort, flow.transport)
    let takesNodePort = nodePortAddresses(natEyes).contains(flow.destination)
    // The sets of TCP and UDP hold ports; that of SCTP holds the node's addresses too.
    if natEyes.nodePortAddressCount > 0, flow.transport != .sctp || takesNodePort {
      let before = found.owner
      collect(nodePortKey, table, natEyes, &found, &order)
      if !takesNodePort { found.owner = before }
    }
    return found
  }

  /// Adds what the Service ports that claim `key` say. Of several the last in kube-proxy's order owns the
  /// virtual server: each sync brings its real servers in line with every one of them in turn.
  private func collect(
    _ key: UInt64, _ table: TableState, _ natEyes: NodeEyes, _ found: inout IPVSDestination,
    _ order: inout UInt64
  ) {
    let frontend = history.frontends.find(key)
    if frontend == .max { return }
    var index = history.frontendHeads[Int(frontend)].latest
    while index >= 0 {
      let claim = history.claims[Int(index)]
      index = claim.previous
      guard claim.isActive(at: table.services) else { continue }
      guard let spec = history.spec(history.specVersion(claim.portName, at: table.services)) else { continue }
      found.sets.formUnion(Self.membership(claim.kind, spec))
      let place = dispatchOrder(claim.portName, table.orderKey)
      if found.owner == nil || (order, found.owner!.kind) < (place, claim.kind) {
        found.owner = claim
        order = place
      }
    }
  }

  private static func membership(_ kind: FrontendKind, _ spec: PortSpec) -> IPVSMembership {
    let isLocal = spec.isExternalPolicyLocal
    switch kind {
    case .clusterIP: return .clusterIP
    case .externalIP: return isLocal ? .externalIPLocal : .externalIP
    case .loadBalancer:
      var sets: IPVSMembership = isLocal ? [.loadBalancer, .loadBalancerLocal] : .loadBalancer
      if spec.hasSourceRanges { sets.insert(.firewall) }
      return sets
    case .nodePort: return isLocal ? [.nodePort, .nodePortLocal] : .nodePort
    }
  }

  /// The set behind one of a Service port's addresses: policy Local falls back to the cluster set where no
  /// endpoint is local (k/k PR 97081, pkg/proxy/ipvs/proxier.go syncEndpoint). The cluster set of a Service
  /// with internal policy Local and no external access is empty: its virtual server then has no real server.
  func ipvsEndpoints(_ plan: PortPlan, _ kind: FrontendKind) -> CandidateSetID {
    let isLocal = plan.traits.contains(kind == .clusterIP ? .internalLocal : .externalLocal)
    return isLocal && !plan.local.isNone ? plan.local : plan.cluster
  }

  /// The source that a packet has in the kernel. A process that connects to an address of kube-ipvs0 gets
  /// that address as its source, as with every local address; flows name the node's own one.
  func ipvsSource(_ packet: Packet, _ destination: IPVSDestination) -> IPv4Address {
    let source = packet.flow.source
    let isChosenByKernel =
      packet.origin == .node && destination.isBound && !source.isLoopback
      && isLocal(source, tables[Int(packet.node)])
    return isChosenByKernel ? packet.flow.destination : source
  }

  // MARK: Masquerading

  /// nat KUBE-SERVICES: whether the packet is marked for masquerading (FACTS C7).
  func ipvsMarks(_ packet: Packet, _ found: IPVSDestination, _ table: TableState) -> Bool {
    let natEyes = eyes[Int(table.eyes)]
    let source = ipvsSource(packet, found)
    if source.isLoopback { return false }
    if found.sets.contains(.loadBalancer), !found.sets.contains(.loadBalancerLocal) { return true }
    if natEyes.masqueradesAll {
      if found.sets.contains(.clusterIP) { return true }
    } else if natEyes.hasDetector {
      if found.sets.contains(.clusterIP), !natEyes.isPod(source) { return true }
    } else if isClusterIP(source, packet.flow.destinationPort, packet.flow.transport, table) {
      return true
    }
    if found.sets.contains(.externalIP) { return true }
    // What is on a node's own interfaces or on kube-ipvs0 leaves the chain here.
    if found.sets.contains(.externalIPLocal) { return false }
    return found.sets.contains(.nodePort) && !found.sets.contains(.nodePortLocal)
  }

  func isClusterIP(
    _ address: IPv4Address, _ port: UInt16, _ transport: TransportProtocol, _ table: TableState
  ) -> Bool {
    let frontend = history.frontends.find(Frontend.key(address, port, transport))
    if frontend == .max { return false }
    var index = history.frontendHeads[Int(frontend)].latest
    while index >= 0 {
      let claim = history.claims[Int(index)]
      if claim.kind == .clusterIP, claim.isActive(at: table.services) { return true }
      index = claim.previous
    }
    return false
  }

  /// KUBE-LOOP-BACK: an endpoint of this node that was sent to itself.
  func ipvsLoopsBack(_ backend: BackendID, _ source: IPv4Address, _ table: TableState) -> Bool {
    guard history.backends.target(backend).address == source else { return false }
    let locality = localities.values[Int(eyes[Int(table.eyes)].locality)]
    return history.backends.nodes[backend.index] == locality.node && locality.node != .none
  }

  // MARK: Source ranges

  /// KUBE-SOURCE-RANGES-FIREWALL, for a packet to a member of KUBE-LOAD-BALANCER-FW: whether some range of
  /// the Services at this address and port takes the source (FACTS C8).
  func ipvsPassesFirewall(_ packet: Packet, _ found: IPVSDestination, _ table: TableState) -> Bool {
    let natEyes = eyes[Int(table.eyes)]
    let source = packet.flow.source
    return ipvsFirewalled(found.key, table).contains { spec in
      if spec.sourceRanges.contains(where: { $0.contains(source) }) { return true }
      // KUBE-LOAD-BALANCER-SOURCE-IP: a cloud may loop a node's packet back with the address as its source.
      return source == packet.flow.destination
        && spec.sourceRanges.contains(where: { $0.contains(natEyes.nodeIP) })
    }
  }

  /// KUBE-IPVS-OUT-FILTER: a node's own packet to an address whose source ranges leave the node out.
  func ipvsBlocksNode(_ packet: Packet, _ found: IPVSDestination, _ table: TableState) -> Bool {
    guard found.sets.contains(.firewall), ipvsSource(packet, found) == packet.flow.destination else {
      return false
    }
    let natEyes = eyes[Int(table.eyes)]
    return ipvsFirewalled(found.key, table).contains { spec in
      !spec.sourceRanges.contains { $0.contains(natEyes.nodeIP) }
    }
  }

  /// Service ports with source ranges that have this key as a load-balancer address.
  private func ipvsFirewalled(_ key: UInt64, _ table: TableState) -> [PortSpec] {
    let frontend = history.frontends.find(key)
    if frontend == .max { return [] }
    var specs: [PortSpec] = []
    var index = history.frontendHeads[Int(frontend)].latest
    while index >= 0 {
      let claim = history.claims[Int(index)]
      index = claim.previous
      guard claim.kind == .loadBalancer, claim.isActive(at: table.services),
        let spec = history.spec(history.specVersion(claim.portName, at: table.services)),
        spec.hasSourceRanges
      else { continue }
      specs.append(spec)
    }
    return specs
  }

  /// A port of KUBE-HEALTH-CHECK-NODE-PORT.
  func isHealthCheckNodePort(_ port: UInt16, _ table: TableState) -> Bool {
    guard history.healthCheckNodePorts.contains(port) else { return false }
    return (0..<history.heads.count).contains { index in
      history.spec(history.specVersion(PortNameID(index), at: table.services))?.healthCheckNodePort == port
    }
  }
}
