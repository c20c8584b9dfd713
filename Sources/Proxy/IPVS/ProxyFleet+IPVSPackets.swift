// SPDX-License-Identifier: GPL-3.0-or-later
//
// Packets in the connection table of a node in ipvs mode (Linux net/netfilter/ipvs/ip_vs_core.c, ip_vs_in
// and ip_vs_out). kube-proxy sets conntrack 1, expire_nodest_conn 1 and expire_quiescent_template 1; the
// rest of the sysctls have the kernel's defaults, sloppy_tcp 0 among them.

import Cluster
import NetworkTypes
import SimKernel

/// What ipvs does with a packet of a flow that conntrack knows as one of its own.
public enum ScheduledPacket: Sendable {
  /// Goes where its flow goes.
  case passes
  /// ipvs has forgotten the connection, and conntrack with it.
  case forgotten
  /// Dropped, and the connection with it: the client's next attempt is scheduled anew.
  case dropped
  /// A SYN that opens a new flow: conntrack forgets the old one, and the packet is decided like a first one.
  case reopens
}

/// What ipvs does with a packet from the middle of a TCP connection that conntrack does not know.
public enum ResumedPacket: Sendable {
  /// No virtual server has the destination.
  case notOurs
  /// Not a SYN, so it is not scheduled, and the node's own stack answers with a reset.
  case unscheduled
  case dropped
  /// ipvs still knows the connection.
  case forwarded(Verdict)
}

extension ProxyFleet {
  // MARK: First packets

  /// Known connection, template or scheduler, for a packet that is really there.
  mutating func schedule(
    _ packet: Packet, _ found: IPVSDestination, _ owner: Claim, _ plan: PortPlan, _ table: TableState,
    _ verdict: inout Verdict
  ) {
    let index = Int(packet.node)
    ipvs[index]!.advance(to: packet.at)
    let segment: SegmentKind = packet.flow.transport == .tcp ? .syn : .datagram
    switch ipvs[index]!.admit(packet.flow, segment, isConfirmed: false) {
    case .dropped:
      verdict.kind = .drop
      verdict.reason = .noDestination
      return
    case .known(let connection):
      ipvs[index]!.touch(connection, segment, isReply: false, at: packet.at)
      return forward(along: connection, index, &verdict)
    case .none:
      break
    }
    let place = virtualServer(index, found.key, owner, plan, table, packet.at)
    let source = ipvsSource(packet, found)
    var template = Int32(-1)
    var server: Int32?
    let isPersistent = ipvs[index]!.virtualServers[Int(place)].persistence > .zero
    if isPersistent, let known = ipvs[index]!.template(source, place) {
      template = known
      server = ipvs[index]!.templates[Int(known)].server
      verdict.viaAffinity = true
    } else {
      let input = SchedulingInput(
        source: source, sourcePort: packet.flow.sourcePort, destination: packet.flow.destination,
        now: packet.at, random: packet.random)
      server = ipvs[index]!.schedule(place, input)
    }
    guard let server else {
      return refuse(plan, isEmpty: ipvs[index]!.virtualServers[Int(place)].list.isEmpty, &verdict)
    }
    if isPersistent, template < 0 {
      template = ipvs[index]!.addTemplate(source, place, server, at: packet.at)
    }
    let connection = ipvs[index]!.open(packet.flow, place, server, template: template, at: packet.at)
    ipvs[index]!.touch(connection, segment, isReply: false, at: packet.at)
    let isRemembered = verdict.viaAffinity
    forward(along: connection, index, &verdict)
    verdict.viaAffinity = isRemembered
    if !isRemembered { verdict.candidates = ipvs[index]!.virtualServers[Int(place)].candidates }
  }

  /// To the server that a connection has; nothing is chosen.
  private mutating func forward(along connection: Int32, _ index: Int, _ verdict: inout Verdict) {
    let server = ipvs[index]!.server(of: connection)
    verdict.kind = .forward
    verdict.isScheduled = true
    verdict.viaAffinity = true
    verdict.backend = server.backend
    verdict.candidates = candidateSets.singleton(server.backend)
    verdict.address = server.address
    verdict.port = server.port
  }

  /// The place of the virtual server that a packet asks for; it is made if this is the first.
  private mutating func virtualServer(
    _ index: Int, _ key: UInt64, _ owner: Claim, _ plan: PortPlan, _ table: TableState, _ now: SimTime
  ) -> Int32 {
    if let place = ipvs[index]!.index[key] {
      // A Service port has come after the last one with this address had gone.
      if ipvs[index]!.virtualServers[Int(place)].isRemoved {
        syncVirtualServer(index, Int(place), owner, plan, table, isInitial: false, now)
      }
      return place
    }
    let settings = ipvs[index]!.settings
    let new = newVirtualServer(key, owner, plan, settings, table, now)
    let place = Int32(ipvs[index]!.virtualServers.count)
    ipvs[index]!.virtualServers.append(new)
    ipvs[index]!.index[key] = place
    refreshCandidates(index, Int(place))
    return place
  }

  // MARK: Later packets

  /// A packet of a flow that conntrack knows and that ipvs had scheduled.
  /// - Parameters:
  ///   - flow: as the client sent the first packet.
  ///   - isError: an ICMP error about the flow: it changes nothing.
  ///   - conntrackReopens: conntrack takes the SYN for a new flow (TIME_WAIT, CLOSE).
  public mutating func scheduledPacket(
    node: NodeID, flow: FlowTuple, _ segment: SegmentKind, isReply: Bool, isError: Bool,
    conntrackReopens: Bool, at now: SimTime
  ) -> ScheduledPacket {
    let index = node.index
    guard hasIPVS(index) else { return .forgotten }
    ipvs[index]!.advance(to: now)
    if isReply || isError {
      guard let connection = ipvs[index]!.liveConnection(flow) else { return .forgotten }
      if !isError { ipvs[index]!.touch(connection, segment, isReply: isReply, at: now) }
      return .passes
    }
    switch ipvs[index]!.admit(flow, segment, isConfirmed: !conntrackReopens) {
    case .none: return .forgotten
    case .dropped: return .dropped
    case .known(let connection):
      if conntrackReopens { return .reopens }
      ipvs[index]!.touch(connection, segment, isReply: false, at: now)
      return .passes
    }
  }

  /// A packet of an open TCP connection that conntrack does not know at this node.
  public mutating func resumedPacket(
    node: NodeID, flow: FlowTuple, origin: FlowOrigin, at now: SimTime
  ) -> ResumedPacket {
    let index = node.index
    guard hasIPVS(index) else { return .notOurs }
    let table = tableOfVirtualServers(index)
    let packet = Packet(flow: flow, origin: origin, node: node.rawValue, at: now, random: 0, stamps: false)
    let found = ipvsDestination(packet, table)
    guard let owner = found.owner else { return .notOurs }
    ipvs[index]!.advance(to: now)
    switch ipvs[index]!.admit(flow, .ack, isConfirmed: false) {
    case .none: return .unscheduled
    case .dropped: return .dropped
    case .known(let connection):
      ipvs[index]!.touch(connection, .ack, isReply: false, at: now)
      var verdict = Verdict(kind: .forward)
      verdict.servicePort = plan(owner.portName, table, locality: eyes[Int(table.eyes)].locality).servicePort
      forward(along: connection, index, &verdict)
      verdict.masquerade =
        ipvsMarks(packet, found, table)
        || ipvsLoopsBack(verdict.backend, ipvsSource(packet, found), table)
      return .forwarded(verdict)
    }
  }
}

/// What the connection table says to a packet from a client.
enum IPVSAdmission {
  case none
  case known(Int32)
  case dropped
}

extension IPVSNode {
  /// From 5.16 on (d95d6320ba7a) a SYN to a quiescent server is rescheduled in mode 0 too.
  private static var reschedulesInModeZero: KernelVersion { KernelVersion(5, 16) }

  /// The connection, unless it belongs to a server whose removal has flushed it.
  mutating func liveConnection(_ flow: FlowTuple) -> Int32? {
    guard let connection = connection(of: flow) else { return nil }
    if flushes, !server(of: connection).isAvailable {
      forget(connection)
      return nil
    }
    return connection
  }

  /// - Parameter isConfirmed: conntrack knew the flow before this packet and goes on with it.
  mutating func admit(_ flow: FlowTuple, _ segment: SegmentKind, isConfirmed: Bool) -> IPVSAdmission {
    guard let connection = liveConnection(flow) else { return .none }
    if segment == .syn, reschedules(connection) {
      forget(connection)
      // The old conntrack entry cannot be moved to another server. Up to 5.8 the new flow's entry counted as
      // one too: the client waits a second for its next SYN (k/k 70747).
      return isConfirmed || settings.kernelVersion < KernelVersion(5, 9) ? .dropped : .none
    }
    if !server(of: connection).isAvailable {
      forget(connection)
      return .dropped
    }
    return .known(connection)
  }

  /// Whether a SYN on a known connection asks for another server: its own takes no connections, or the
  /// connection is over. A persistent connection follows its template.
  private func reschedules(_ connection: Int32) -> Bool {
    let c = connections[Int(connection)]
    let mode = settings.effectiveReuseMode
    guard mode != 0 || settings.kernelVersion >= Self.reschedulesInModeZero else { return false }
    if server(of: connection).weight == 0 { return true }
    return mode != 0 && c.template < 0 && (c.state == .timeWait || c.state == .close)
  }

  /// Asks a virtual server's scheduler.
  mutating func schedule(_ place: Int32, _ input: SchedulingInput) -> Int32? {
    virtualServers[Int(place)].schedule(input)
  }
}

extension VirtualServer {
  mutating func schedule(_ input: SchedulingInput) -> Int32? {
    scheduler.schedule(list, servers, input)
  }
}
