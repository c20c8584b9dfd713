// SPDX-License-Identifier: GPL-3.0-or-later
//
// One virtual server of one node: its real servers in the kernel's order, and how kube-proxy brings them in
// line with the endpoints (k/k pkg/proxy/ipvs/proxier.go, syncEndpoint; graceful_termination.go).
//
//     wanted, not there       -> added at the head of the list, weight 1
//     wanted, being drained   -> removed and added again
//     there, not wanted       -> removed if UDP, SCTP or without connections; else weight 0 until it has none

import Cluster
import NetworkTypes
import SimKernel

struct VirtualServer {
  var address: IPv4Address
  var port: UInt16
  var transport: TransportProtocol
  var portName: PortNameID
  var servicePort: ServicePortID
  /// Zero: not persistent.
  var persistence: SimDuration
  /// Places in `servers`, the kernel's list from its head.
  var list: [Int32] = []
  /// Removed ones stay as long as connections or templates may ask for them.
  var servers: [RealServer] = []
  var scheduler: SchedulerState
  /// The backends with a weight, all of them candidates of a new connection.
  var candidates = CandidateSetID.none
  var isRemoved = false

  init(
    _ key: UInt64, transport: TransportProtocol, portName: PortNameID, servicePort: ServicePortID,
    persistence: SimDuration, scheduler: SchedulerState
  ) {
    address = IPv4Address(bits: UInt32(truncatingIfNeeded: key >> 32))
    port = UInt16(truncatingIfNeeded: key >> 16)
    self.transport = transport
    self.portName = portName
    self.servicePort = servicePort
    self.persistence = persistence
    self.scheduler = scheduler
  }

  var key: UInt64 { Frontend.key(address, port, transport) }

  /// FACTS D3: UDP is removed at once, and SCTP likewise (IsRsGracefulTerminationNeeded).
  var isGraceful: Bool { transport == .tcp }

  /// Places of real servers that wait for their last connection.
  var draining: [Int32] { list.filter { servers[Int($0)].isDraining } }

  private func place(_ endpoint: ProgrammedEndpoint) -> Int32? {
    list.first {
      servers[Int($0)].address == endpoint.address && servers[Int($0)].port == endpoint.port
    }
  }

  /// - Parameters:
  ///   - wanted: in the order in which they are added where they are missing.
  ///   - isInitialSync: the first sync of a kube-proxy process, which knows of no draining.
  ///   - flushes: a removed server's connections go with it, so that the same address begins anew.
  mutating func sync(_ wanted: [ProgrammedEndpoint], isInitialSync: Bool, flushes: Bool, at now: SimTime) {
    if isInitialSync {
      for place in list { servers[Int(place)].isDraining = false }
    }
    for endpoint in wanted {
      if let known = place(endpoint) {
        servers[Int(known)].backend = endpoint.backend
        if isInitialSync, servers[Int(known)].weight != 1 {
          servers[Int(known)].setWeight(1)
          scheduler.changed(list, servers)
        }
        if !servers[Int(known)].isDraining { continue }
        remove(known, at: now)
      }
      add(endpoint, flushes: flushes, at: now)
    }
    for place in list where !servers[Int(place)].isDraining {
      let server = servers[Int(place)]
      if wanted.contains(where: { $0.address == server.address && $0.port == server.port }) { continue }
      if !isGraceful || server.connections == 0 {
        remove(place, at: now)
      } else {
        servers[Int(place)].setWeight(0)
        servers[Int(place)].isDraining = true
        scheduler.changed(list, servers)
      }
    }
  }

  /// A removed server with the same address is taken out of the kernel's trash, with its connections; else a
  /// place that nobody asks for any more is reused.
  private mutating func add(_ endpoint: ProgrammedEndpoint, flushes: Bool, at now: SimTime) {
    var fresh = RealServer(address: endpoint.address, port: endpoint.port, backend: endpoint.backend)
    let place: Int
    if let old = servers.firstIndex(where: {
      !$0.isAvailable && $0.address == endpoint.address && $0.port == endpoint.port
        && (!flushes || $0.removedAt == now)
    }) {
      fresh = servers[old]
      fresh.backend = endpoint.backend
      fresh.setWeight(1)
      fresh.isAvailable = true
      place = old
    } else if let free = servers.firstIndex(where: { !$0.isAvailable && $0.connections == 0 }) {
      fresh.generation = servers[free].generation &+ 1
      place = free
    } else {
      place = servers.count
      servers.append(fresh)
    }
    servers[place] = fresh
    list.insert(Int32(place), at: 0)
    scheduler.added(list, servers)
  }

  mutating func remove(_ place: Int32, at now: SimTime) {
    guard let position = list.firstIndex(of: place) else { return }
    list.remove(at: position)
    servers[Int(place)].isAvailable = false
    servers[Int(place)].isDraining = false
    servers[Int(place)].removedAt = now
    scheduler.removed(at: position, list, servers)
  }

  mutating func removeAll(at now: SimTime) {
    for place in list { remove(place, at: now) }
  }
}
