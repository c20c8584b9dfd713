// SPDX-License-Identifier: GPL-3.0-or-later
//
// The fleet's side of ipvs: a node's kernel state comes with its first sync in ipvs mode, is brought in line
// by every later one, and goes with a reboot or another mode.

import Cluster
import NetworkTypes
import SimKernel

extension ProxyFleet {
  func hasIPVS(_ index: Int) -> Bool { index < ipvs.count && ipvs[index] != nil }

  /// Sentences about sums in the connection tables that do not agree; empty if all do. For tests.
  public func brokenConnectionTables() -> [String] {
    ipvs.indices.flatMap { ipvs[$0]?.brokenInvariants() ?? [] }
  }

  mutating func dropIPVS(_ index: Int) {
    if index < ipvs.count { ipvs[index] = nil }
  }

  /// A kube-proxy process begins its work on the node.
  mutating func ipvsProcessStarted(_ index: Int, at now: SimTime) {
    processes[index].startedAt = now
    if hasIPVS(index) { ipvs[index]!.processStarted(at: now) }
  }

  /// The end of a sync: `tables[index].nat` is what it wrote.
  mutating func commitIPVS(_ index: Int, _ old: TableState, _ now: SimTime) {
    let table = tables[index].nat
    guard table.eyes >= 0, eyes[Int(table.eyes)].mode == .ipvs else {
      return keepsVirtualServers(index) ? () : dropIPVS(index)
    }
    guard hasIPVS(index) else {
      while ipvs.count <= index { ipvs.append(nil) }
      ipvs[index] = IPVSNode(processes[index].settings.ipvs, processStart: processes[index].startedAt)
      ipvs[index]!.entries = allEntries(table)
      return
    }
    ipvs[index]!.advance(to: now)
    let isInitial = !processes[index].hasSynced
    reconfigure(index, now)
    recountEntries(index, old, table)
    for place in placesToSync(index, all: isInitial || old.eyes != table.eyes) {
      syncVirtualServer(index, place, table, isInitial: isInitial, now)
    }
  }

  // MARK: How much a sync writes

  /// Every sync brings everything in line: the iptables rules, which are written as a whole, and one set
  /// entry,
  /// address, virtual or real server at a time. Rules for sets without entries are counted in.
  func ipvsRulesWritten(_ index: Int) -> Int {
    hasIPVS(index) ? IPVSRuleWriter.ruleCount + ipvs[index]!.entries : 0
  }

  private mutating func allEntries(_ table: TableState) -> Int {
    (0..<history.heads.count).reduce(0) { $0 + entries(PortNameID($1), table) }
  }

  private mutating func recountEntries(_ index: Int, _ old: TableState, _ new: TableState) {
    if old.eyes != new.eyes {
      ipvs[index]!.entries = allEntries(new)
      return
    }
    for service in touched {
      for port in history.portsOfService[service.index] {
        ipvs[index]!.entries += entries(port, new) - entries(port, old)
      }
    }
  }

  /// Virtual servers, real servers and set entries of one Service port.
  private mutating func entries(_ port: PortNameID, _ table: TableState) -> Int {
    guard let spec = history.spec(history.specVersion(port, at: table.services)) else { return 0 }
    let natEyes = eyes[Int(table.eyes)]
    let plan = self.plan(port, table, locality: natEyes.locality)
    func servers(_ kind: FrontendKind) -> Int { candidateSets.list(ipvsEndpoints(plan, kind)).count }
    let balanced = spec.loadBalancerVIPs.count
    let addresses = 1 + spec.externalIPs.count + balanced
    let nodePorts = spec.nodePort != 0 ? Int(natEyes.nodePortAddressCount) : 0
    let isLocal = spec.isExternalPolicyLocal
    var count = 1 + servers(.clusterIP) + (addresses - 1 + nodePorts) * (1 + servers(.externalIP))
    // In a set of addresses with ports and in KUBE-IPVS-IPS.
    count += 2 * addresses + (isLocal ? balanced : 0)
    if spec.hasSourceRanges { count += balanced * (2 + spec.sourceRanges.count) }
    if nodePorts > 0 { count += (spec.transport == .sctp ? nodePorts : 1) * (isLocal ? 2 : 1) }
    if spec.healthCheckNodePort != 0 { count += 1 }
    let here = localities.values[Int(natEyes.locality)].node
    return count
      + history.endpointList(history.endpointsVersion(port, at: table.slices)).count { $0.node == here }
  }

  /// Another scheduler replaces the old one's state (ip_vs_edit_service).
  private mutating func reconfigure(_ index: Int, _ now: SimTime) {
    let settings = processes[index].settings.ipvs
    guard let old = ipvs[index]?.settings, old != settings else { return }
    ipvs[index]!.settings = settings
    ipvs[index]!.timeouts = IPVSTimeouts(settings)
    if old.scheduler == settings.scheduler { return }
    for v in ipvs[index]!.virtualServers.indices {
      let list = ipvs[index]!.virtualServers[v].list
      let servers = ipvs[index]!.virtualServers[v].servers
      ipvs[index]!.virtualServers[v].scheduler = schedulerState(settings, now)
      ipvs[index]!.virtualServers[v].scheduler.changed(list, servers)
    }
  }

  func schedulerState(_ settings: IPVSSettings, _ now: SimTime) -> SchedulerState {
    SchedulerState(
      settings.scheduler, hashesWithHighBits: settings.kernelVersion >= KernelVersion(4, 18), createdAt: now)
  }

  /// Virtual servers that a sync may change: those of Services that were touched, and those that several
  /// Service ports claim. For all others a sync writes what is there.
  private func placesToSync(_ index: Int, all: Bool) -> [Int32] {
    let node = ipvs[index]!
    if all { return node.virtualServers.indices.map { Int32($0) } }
    var places: [Int32] = []
    for v in node.virtualServers.indices {
      let key = node.virtualServers[v].key
      let service = history.portNames.values[node.virtualServers[v].portName.index].service
      if touchedAt.count > service.index, touchedAt[service.index] == touchGeneration {
        places.append(Int32(v))
      } else if isContested(key) {
        places.append(Int32(v))
      }
    }
    return places
  }

  /// Some other Service port claims the same address and port, or did.
  private func isContested(_ key: UInt64) -> Bool {
    let frontend = history.frontends.find(key)
    return frontend != .max && history.frontendHeads[Int(frontend)].isShared
  }

  private mutating func syncVirtualServer(
    _ index: Int, _ place: Int32, _ table: TableState, isInitial: Bool, _ now: SimTime
  ) {
    let v = Int(place)
    let old = ipvs[index]!.virtualServers[v]
    let packet = Packet(
      flow: FlowTuple(
        source: .unspecified, sourcePort: 0, destination: old.address, destinationPort: old.port,
        transport: old.transport),
      origin: .outside, node: UInt32(index), at: now, random: 0, stamps: false)
    guard let owner = ipvsDestination(packet, table).owner else {
      ipvs[index]!.virtualServers[v].removeAll(at: now)
      ipvs[index]!.virtualServers[v].isRemoved = true
      return
    }
    let plan = self.plan(owner.portName, table, locality: eyes[Int(table.eyes)].locality)
    syncVirtualServer(index, v, owner, plan, table, isInitial: isInitial, now)
    if !ipvs[index]!.virtualServers[v].draining.isEmpty { ipvs[index]!.expectCheck(after: now) }
  }

  /// As above, for an owner that is known.
  mutating func syncVirtualServer(
    _ index: Int, _ v: Int, _ owner: Claim, _ plan: PortPlan, _ table: TableState, isInitial: Bool,
    _ now: SimTime
  ) {
    let wanted = addOrder(ipvsEndpoints(plan, owner.kind), table.orderKey)
    let flushes = ipvs[index]!.flushes
    let settings = ipvs[index]!.settings
    if ipvs[index]!.virtualServers[v].isRemoved {
      ipvs[index]!.virtualServers[v].isRemoved = false
      ipvs[index]!.virtualServers[v].scheduler = schedulerState(settings, now)
    }
    ipvs[index]!.virtualServers[v].portName = owner.portName
    ipvs[index]!.virtualServers[v].servicePort = plan.servicePort
    ipvs[index]!.virtualServers[v].persistence = plan.affinity
    ipvs[index]!.virtualServers[v].sync(wanted, isInitialSync: isInitial, flushes: flushes, at: now)
    refreshCandidates(index, v)
  }

  /// kube-proxy takes endpoints out of a Go set: an arbitrary order, another one at each sync and node.
  func addOrder(_ set: CandidateSetID, _ orderKey: UInt64) -> [ProgrammedEndpoint] {
    var keyed: [(order: UInt64, endpoint: ProgrammedEndpoint)] = []
    for backend in candidateSets.list(set) {
      let target = history.backends.target(backend)
      let endpoint = ProgrammedEndpoint(backend: backend, address: target.address, port: target.port)
      keyed.append((dispatchOrder(PortNameID(backend.rawValue), orderKey ^ 0x6970_7673), endpoint))
    }
    keyed.sort { ($0.order, $0.endpoint.backend.rawValue) < ($1.order, $1.endpoint.backend.rawValue) }
    return keyed.map(\.endpoint)
  }

  mutating func refreshCandidates(_ index: Int, _ v: Int) {
    let server = ipvs[index]!.virtualServers[v]
    let usable = server.list.filter { server.servers[Int($0)].weight > 0 }
    let backends = usable.map { server.servers[Int($0)].backend }.sorted { $0.rawValue < $1.rawValue }
    ipvs[index]!.virtualServers[v].candidates = candidateSets.intern(backends)
  }

  /// A virtual server as kube-proxy would have made it by now for this owner.
  func newVirtualServer(
    _ key: UInt64, _ owner: Claim, _ plan: PortPlan, _ settings: IPVSSettings, _ table: TableState,
    _ now: SimTime
  ) -> VirtualServer {
    var server = VirtualServer(
      key, transport: history.portNames.values[owner.portName.index].transport, portName: owner.portName,
      servicePort: plan.servicePort, persistence: plan.affinity, scheduler: schedulerState(settings, now))
    server.sync(
      addOrder(ipvsEndpoints(plan, owner.kind), table.orderKey), isInitialSync: false, flushes: true, at: now)
    return server
  }
}
