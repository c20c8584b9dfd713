// SPDX-License-Identifier: GPL-3.0-or-later
//
// What one node's kernel holds in ipvs mode beside rules: virtual servers that a packet has asked for,
// connections, persistence templates. A virtual server begins to exist here with its first packet: until then
// it is its endpoints in an arbitrary order, whenever they came.
//
// Time is brought up to now before anything is read: entries that have expired go in the order of their
// deadlines, and kube-proxy's look at draining real servers, once a minute, falls between them.

import Cluster
import NetworkTypes
import SimKernel

struct IPVSNode {
  var settings: IPVSSettings
  var timeouts: IPVSTimeouts
  /// Virtual servers, real servers and set entries that kube-proxy has programmed.
  var entries = 0
  /// Frontend key with the real address → place.
  var index: [UInt64: Int32] = [:]
  var virtualServers: [VirtualServer] = []
  var connections: ContiguousArray<IPVSConnection> = []
  private var freeConnections: [Int32] = []
  private var connectionIndex: [FlowTuple: Int32] = [:]
  var templates: ContiguousArray<IPVSTemplate> = []
  private var freeTemplates: [Int32] = []
  private var templateIndex: [UInt64: Int32] = [:]
  private var deadlines = IPVSDeadlines()
  /// Start of the kube-proxy process: draining servers are looked at every minute from here.
  var processStart: SimTime
  private var nextCheck = SimTime.distantFuture

  /// rsCheckDeleteInterval in pkg/proxy/ipvs/graceful_termination.go.
  static let checkInterval = SimDuration.seconds(60)
  /// Longer life of a template that still controls connections (expire_later in ip_vs_conn.c).
  static let templateGrace = SimDuration.seconds(60)

  init(_ settings: IPVSSettings, processStart: SimTime) {
    self.settings = settings
    timeouts = IPVSTimeouts(settings)
    self.processStart = processStart
  }

  /// From 5.9 on a removed real server's connections are expired at once (expire_nodest_conn_work in
  /// ip_vs_ctl.c); before, by their next packet, which is dropped.
  var flushes: Bool { settings.kernelVersion >= KernelVersion(5, 9) }
  var connectionCount: Int { connectionIndex.count }

  // MARK: Time

  mutating func advance(to now: SimTime) {
    while true {
      let expiry = deadlines.first?.at ?? .distantFuture
      if min(expiry, nextCheck) > now { return }
      if expiry <= nextCheck { expireFirst() } else { checkDraining() }
    }
  }

  private mutating func expireFirst() {
    guard let first = deadlines.first else { return }
    if first.place < 0 { return expireTemplate(Int(-1 - first.place)) }
    let c = connections[Int(first.place)]
    guard c.deadline == first.at else { return deadlines.removeFirst() }
    if c.isInUse, c.expires > first.at {
      connections[Int(first.place)].deadline = c.expires
      return deadlines.postponeFirst(to: c.expires)
    }
    deadlines.removeFirst()
    if c.isInUse { forget(first.place) }
    connections[Int(first.place)].deadline = .distantFuture
    freeConnections.append(first.place)
  }

  private mutating func expireTemplate(_ place: Int) {
    let t = templates[place]
    if t.expires > deadlines.first?.at ?? t.expires { return deadlines.postponeFirst(to: t.expires) }
    if t.controlled > 0 {
      templates[place].timeout = Self.templateGrace
      templates[place].expires = t.expires + Self.templateGrace
      return deadlines.postponeFirst(to: templates[place].expires)
    }
    deadlines.removeFirst()
    if !t.isInvalid { templateIndex[Self.templateKey(t.client, t.virtualServer)] = nil }
    templates[place].isInUse = false
    freeTemplates.append(Int32(place))
  }

  /// kube-proxy looks at what drains, and comes back in a minute if anything is left.
  private mutating func checkDraining() {
    let now = nextCheck
    var isLeft = false
    for v in virtualServers.indices {
      for place in virtualServers[v].draining {
        if virtualServers[v].servers[Int(place)].connections == 0 {
          virtualServers[v].remove(place, at: now)
        } else {
          isLeft = true
        }
      }
    }
    nextCheck = isLeft ? now + Self.checkInterval : .distantFuture
  }

  /// Something drains now: the next look is the next whole minute of the process.
  mutating func expectCheck(after now: SimTime) {
    guard nextCheck == .distantFuture else { return }
    let age = max(0, (now - processStart).nanoseconds)
    let passed = age / Self.checkInterval.nanoseconds
    nextCheck = processStart + Self.checkInterval * (passed + 1)
  }

  /// A new kube-proxy process knows nothing of what its predecessor drained.
  mutating func processStarted(at now: SimTime) {
    advance(to: now)
    processStart = now
    nextCheck = .distantFuture
  }

  // MARK: Connections

  func connection(of flow: FlowTuple) -> Int32? { connectionIndex[flow] }

  func server(of connection: Int32) -> RealServer {
    let c = connections[Int(connection)]
    return virtualServers[Int(c.virtualServer)].servers[Int(c.server)]
  }

  mutating func open(
    _ flow: FlowTuple, _ virtualServer: Int32, _ server: Int32, template: Int32, at now: SimTime
  ) -> Int32 {
    assert(connectionIndex[flow] == nil, "\(flow) is known already")
    let new = IPVSConnection(
      flow: flow, virtualServer: virtualServer, server: server, template: template, state: .none, expires: now
    )
    let place: Int32
    if let free = freeConnections.popLast() {
      place = free
      connections[Int(place)] = new
    } else {
      place = Int32(connections.count)
      connections.append(new)
    }
    connectionIndex[flow] = place
    virtualServers[Int(virtualServer)].servers[Int(server)].inactive += 1
    if template >= 0 { control(template, at: now) }
    return place
  }

  /// A packet of a connection: its state, and whether it counts as active.
  mutating func touch(_ connection: Int32, _ segment: SegmentKind, isReply: Bool, at now: SimTime) {
    var c = connections[Int(connection)]
    c.state = c.state.after(segment, isReply: isReply)
    c.expires = now + timeouts.timeout(c.state, c.flow.transport)
    let isActive = c.state == .established
    if isActive != c.isActive {
      c.isActive = isActive
      count(c, active: isActive ? 1 : -1, inactive: isActive ? -1 : 1)
    }
    if c.expires < c.deadline {
      c.deadline = c.expires
      deadlines.push(IPVSDeadline(at: c.expires, place: connection))
    }
    connections[Int(connection)] = c
  }

  private mutating func count(_ c: IPVSConnection, active: Int32, inactive: Int32) {
    virtualServers[Int(c.virtualServer)].servers[Int(c.server)].active += active
    virtualServers[Int(c.virtualServer)].servers[Int(c.server)].inactive += inactive
  }

  /// The connection is gone now; its place is free when its deadline has passed.
  mutating func forget(_ connection: Int32) {
    let c = connections[Int(connection)]
    connections[Int(connection)].isInUse = false
    connectionIndex[c.flow] = nil
    count(c, active: c.isActive ? -1 : 0, inactive: c.isActive ? 0 : -1)
    if c.template >= 0 { templates[Int(c.template)].controlled -= 1 }
  }

  // MARK: Persistence

  static func templateKey(_ client: IPv4Address, _ virtualServer: Int32) -> UInt64 {
    UInt64(client.bits) << 32 | UInt64(UInt32(bitPattern: virtualServer))
  }

  /// The client's template whose server takes connections (ip_vs_check_template, with
  /// expire_quiescent_template 1); nil: none.
  func template(_ client: IPv4Address, _ virtualServer: Int32) -> Int32? {
    guard let place = templateIndex[Self.templateKey(client, virtualServer)] else { return nil }
    let t = templates[Int(place)]
    let s = virtualServers[Int(virtualServer)].servers[Int(t.server)]
    return s.generation == t.generation && s.isAvailable && s.weight != 0 ? place : nil
  }

  /// A new template for this client; one whose server does not take connections is invalid from now on.
  mutating func addTemplate(
    _ client: IPv4Address, _ virtualServer: Int32, _ server: Int32, at now: SimTime
  ) -> Int32 {
    let key = Self.templateKey(client, virtualServer)
    if let old = templateIndex[key] { templates[Int(old)].isInvalid = true }
    let owner = virtualServers[Int(virtualServer)]
    let new = IPVSTemplate(
      client: client, virtualServer: virtualServer, server: server,
      generation: owner.servers[Int(server)].generation, timeout: owner.persistence,
      expires: now + owner.persistence)
    let place: Int32
    if let free = freeTemplates.popLast() {
      place = free
      templates[Int(place)] = new
    } else {
      place = Int32(templates.count)
      templates.append(new)
    }
    templateIndex[key] = place
    deadlines.push(IPVSDeadline(at: new.expires, place: -1 - place))
    return place
  }

  /// A connection was made by a template, which starts its time again.
  private mutating func control(_ template: Int32, at now: SimTime) {
    templates[Int(template)].controlled += 1
    templates[Int(template)].expires = now + templates[Int(template)].timeout
  }
}

extension IPVSNode {
  /// Sentences about sums that do not agree; empty if all do. For tests: O(connections).
  func brokenInvariants() -> [String] {
    var broken: [String] = []
    var active: [[Int32]] = virtualServers.map { $0.servers.map { _ in 0 } }
    var inactive = active
    var controlled = templates.map { _ in Int32(0) }
    for c in connections where c.isInUse {
      if c.isActive {
        active[Int(c.virtualServer)][Int(c.server)] += 1
      } else {
        inactive[Int(c.virtualServer)][Int(c.server)] += 1
      }
      if c.template >= 0 { controlled[Int(c.template)] += 1 }
    }
    for (v, server) in virtualServers.enumerated() {
      for (place, s) in server.servers.enumerated() {
        let isSame = s.active == active[v][place] && s.inactive == inactive[v][place]
        if !isSame {
          broken.append(
            "\(s.address):\(s.port) counts \(s.active) + \(s.inactive) connections, not "
              + "\(active[v][place]) + \(inactive[v][place])")
        }
        if s.isAvailable != server.list.contains(Int32(place)) {
          broken.append("\(s.address):\(s.port) is in the list or available, not both")
        }
      }
    }
    for place in templates.indices where templates[place].isInUse {
      if templates[place].controlled != controlled[place] {
        broken.append("template \(place) controls \(controlled[place]), not \(templates[place].controlled)")
      }
    }
    return broken
  }
}
