// SPDX-License-Identifier: GPL-3.0-or-later
//
// All nodes' proxies: one shared history of the cluster, and per node a small vector of revisions. Takes
// writes of the API and its own events, changes its state, and asks for events in `ProxyOutput`; schedules
// nothing. Packets ask `decide`.

import Cluster
import NetworkTypes
import SimKernel
import SimRandom

/// All nodes' proxies and what they have programmed.
public struct ProxyFleet: ~Copyable {
  /// Makes the type address-only. Swift 6.3.1 passes a large loadable noncopyable `self` by value to each
  /// non-mutating method, which costs a memcpy of the whole struct per call; an existential field forbids
  /// that.
  private let byAddress: Any? = nil
  var history = ClusterHistory()
  /// By NodeID, like `processes`.
  var tables: ContiguousArray<NodeTables> = []
  var processes: [ProxyProcess] = []
  var eyes: ContiguousArray<NodeEyes> = []
  var addressPool: ContiguousArray<IPv4Address> = []
  var localities = Interner<Locality>()
  /// By node name; none: no such node in the fleet.
  var nodeOfName: ContiguousArray<NodeID> = []
  var plans = PlanCache()
  var candidateSets = CandidateSets()
  var recent = RecentLists()
  /// By node; nil for nodes in other modes, and no longer than up to the last one in ipvs mode.
  var ipvs: ContiguousArray<IPVSNode?> = []
  var ebpf = EBPFState()
  /// By node, the oldest first: rules of earlier modes that nobody removed. Looked up, never iterated.
  var leftoverTables: [Int: [Leftover]] = [:]
  var draws: ProxyDraws
  let minorVersion: Int
  /// Serving terminating endpoints are used where no ready one is (KEP-1669).
  let usesTerminatingEndpoints: Bool
  /// Ranges of the ServiceCIDR objects, which the nftables mode knows.
  let serviceCIDRs: [IPv4CIDR]
  /// Given by the scenario instead of worked out.
  let filterCommitShare: Double?
  let calibration: SyncCalibration
  var hasConverged = false
  var apiServerIsDown = false
  /// Scratch of the packet path and of syncs; empty between calls.
  var foundChains: [UInt32] = []
  var claimScratch: [OrderedClaim] = []
  var touchedAt: [UInt32] = []
  var touchGeneration: UInt32 = 0
  var touched: [ServiceID] = []
  /// By settings that matter; nil: not counted yet.
  var sharedRuleCounts: [SharedRuleCounts?] = []
  /// The cluster is too large to count each node's rules exactly; decided at convergence.
  var countsRoughly = false

  /// - Parameters:
  ///   - nodes: the nodes that are up at t = 0; their IDs must count from 0.
  ///   - minorVersion: of Kubernetes 1.x.
  ///   - serviceCIDRs: the ranges from which cluster IPs come.
  public init(
    nodes: [ProxyNode], timing: TimingSettings, watch: WatchSettings = WatchSettings(),
    calibration: SyncCalibration = .smallMachine, minorVersion: Int, serviceCIDRs: [IPv4CIDR] = [],
    seed: UInt64, replication: UInt32
  ) {
    draws = ProxyDraws(timing: timing, watch: watch, seed: seed, replication: replication)
    self.minorVersion = minorVersion
    usesTerminatingEndpoints = Behaviours.proxyTerminatingEndpoints.value(in: minorVersion)
    history.needsTopologyAnnotation = Behaviours.proxyReadsTopologyAnnotation.value(in: minorVersion)
    self.serviceCIDRs = serviceCIDRs
    filterCommitShare = timing.filterCommitShare.map { min(1, max(0, $0)) }
    self.calibration = calibration
    for node in nodes { insert(node) }
    for index in processes.indices { processes[index].phase = .idle }
  }

  /// A node that is off until `nodeBooted`. Its ID must be the next one.
  public mutating func addNode(_ node: ProxyNode) {
    insert(node)
  }

  public var nodeCount: Int { tables.count }

  private mutating func insert(_ node: ProxyNode) {
    precondition(node.id.index == tables.count, "node \(node.id) out of order")
    let zone = history.zone(node.zone)
    let name = history.nodeName(node.name)
    while nodeOfName.count <= name.rawValue { nodeOfName.append(.none) }
    nodeOfName[Int(name.rawValue)] = node.id
    tables.append(NodeTables())
    processes.append(
      ProxyProcess(
        settings: node.settings, name: name, zone: zone, apiZone: zone, addresses: node.addresses,
        nodeIP: node.addresses.first ?? .unspecified,
        runner: runner(for: node.settings, idleSince: SimTime(nanoseconds: .min / 4))))
    draws.addNode(node.id, watchDelay: node.watchDelay)
    processes[node.id.index].isConnected = !apiServerIsDown
    setAddresses(node.id.index, node.addresses)
    refreshEyes(node.id.index)
  }

  func runner(for settings: ProxySettings, idleSince: SimTime) -> SyncRunner {
    SyncRunner(minInterval: settings.minSyncPeriod, minorVersion: minorVersion, idleSince: idleSince)
  }

  mutating func setAddresses(_ index: Int, _ addresses: [IPv4Address]) {
    processes[index].addresses = addresses
    tables[index].firstAddress = UInt32(addressPool.count)
    tables[index].addressCount = UInt32(addresses.count)
    addressPool.append(contentsOf: addresses)
    ebpf.setAddresses(of: index, addresses)
  }

  /// The node's own interfaces changed: which destinations are local changes at once; rules do not.
  public mutating func updateNodeAddresses(_ node: NodeID, _ addresses: [IPv4Address]) {
    if processes[node.index].addresses == addresses { return }
    setAddresses(node.index, addresses)
    refreshEyes(node.index)
  }

  mutating func refreshEyes(_ index: Int) {
    tables[index].freshEyes = makeEyes(
      index, zone: processes[index].apiZone, nodeIP: processes[index].addresses.first ?? .unspecified,
      reusing: tables[index].freshEyes)
  }

  /// Eyes of a table that node `index` would write now; `reusing` is given back if nothing differs from it.
  mutating func makeEyes(_ index: Int, zone: NameIndex, nodeIP: IPv4Address, reusing: Int32) -> Int32 {
    let process = processes[index]
    let settings = process.settings
    let accepted = acceptedNodePortAddresses(process, nodeIP: nodeIP)
    var fresh = NodeEyes(
      mode: settings.mode, locality: localities(Locality(node: process.name, zone: zone)), nodeIP: nodeIP,
      hasDetector: settings.clusterCIDR != nil, podBase: settings.clusterCIDR?.base.bits ?? 0,
      podMask: settings.clusterCIDR.map { IPv4CIDR.mask($0.prefixLength) } ?? 0,
      masqueradesAll: settings.masqueradeAll, localhostNodePorts: settings.localhostNodePorts,
      dropsInvalid: !settings.tcpBeLiberal,
      acceptsAnyNodePortAddress: settings.acceptsAnyNodePortAddress,
      firstNodePortAddress: 0,
      nodePortAddressCount: UInt32(accepted.count),
      agent: settings.mode == .ebpf ? ebpf.agent(settings.ebpf) : -1)
    if reusing >= 0 {
      let old = eyes[Int(reusing)]
      fresh.firstNodePortAddress = old.firstNodePortAddress
      if old == fresh && nodePortAddresses(old).elementsEqual(accepted) { return reusing }
    }
    fresh.firstNodePortAddress = UInt32(addressPool.count)
    addressPool.append(contentsOf: accepted)
    eyes.append(fresh)
    return Int32(eyes.count - 1)
  }

  /// Addresses of the node that take node ports, where that is not simply any local one. An empty
  /// nodePortAddresses means the primary address to nftables, and loopback never takes one there (FACTS C1,
  /// D2). ipvs makes a virtual server for each address that it finds at a sync, loopback left out
  /// (GetAllLocalAddressesExcept in pkg/proxy/ipvs/netlink_linux.go).
  private func acceptedNodePortAddresses(_ process: ProxyProcess, nodeIP: IPv4Address) -> [IPv4Address] {
    let settings = process.settings
    let takesLoopback = (settings.mode == .iptables || settings.mode == .ebpf) && settings.localhostNodePorts
    if settings.acceptsAnyNodePortAddress { return [] }
    if settings.nodePortAddresses.isEmpty {
      if settings.mode == .ipvs { return process.addresses }
      return settings.mode == .nftables && !nodeIP.isUnspecified ? [nodeIP] : []
    }
    return (process.addresses + [.loopback]).filter { address in
      settings.nodePortAddresses.contains { $0.contains(address) } && (takesLoopback || !address.isLoopback)
    }
  }

  func nodePortAddresses(_ eyes: NodeEyes) -> ArraySlice<IPv4Address> {
    let first = Int(eyes.firstNodePortAddress)
    return ArraySlice(addressPool[first..<first + Int(eyes.nodePortAddressCount)])
  }
}

extension ProxySettings {
  /// Any local address takes node ports: nodePortAddresses have 0.0.0.0/0 or are empty, which in nftables
  /// mode means the primary address (k/k pkg/proxy/util/nodeport_addresses.go, MatchAll; FACTS C1). ipvs has
  /// a virtual server for each address that it found.
  var acceptsAnyNodePortAddress: Bool {
    if mode == .ipvs { return false }
    return nodePortAddresses.contains { $0.prefixLength == 0 }
      || (nodePortAddresses.isEmpty && mode != .nftables)
  }
}
