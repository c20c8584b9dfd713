// SPDX-License-Identifier: GPL-3.0-or-later
//
// The cluster's Services and endpoints, once, by revision: what every node's table is a view of. Decides
// nothing about nodes. Records are appended at the instant of the API write, in the order of revisions.

import Cluster
import NetworkTypes
import SimKernel

/// What proxies watch, each kind delivered in order.
enum WatchKind: Int, CaseIterable {
  case services, slices
}

/// How many rules the whole cluster's Services make, for the cost of walks and of syncs.
struct RuleTotals: BitwiseCopyable, Equatable {
  /// Rules of nat KUBE-SERVICES but the last.
  var dispatch: Int32 = 0
  /// Service ports with a rule in nat KUBE-NODEPORTS.
  var nodePorts: Int32 = 0
  /// Rules in the chains of Service ports.
  var chains: Int32 = 0
  /// Rules in the filter table's dispatch chains.
  var filter: Int32 = 0
  /// Entries of Cilium's service map at most, whatever a node's addresses and place.
  var mapEntries: Int32 = 0

  static func + (a: Self, b: Self) -> Self {
    RuleTotals(
      dispatch: a.dispatch + b.dispatch, nodePorts: a.nodePorts + b.nodePorts, chains: a.chains + b.chains,
      filter: a.filter + b.filter, mapEntries: a.mapEntries + b.mapEntries)
  }
  static func - (a: Self, b: Self) -> Self {
    RuleTotals(
      dispatch: a.dispatch - b.dispatch, nodePorts: a.nodePorts - b.nodePorts, chains: a.chains - b.chains,
      filter: a.filter - b.filter, mapEntries: a.mapEntries - b.mapEntries)
  }
}

/// How much kube-proxy looks through at each sync.
struct TableSize: BitwiseCopyable, Equatable {
  var servicePorts: Int32 = 0
  /// Of all Service ports, usable or not.
  var endpoints: Int32 = 0
}

/// One effective change of a Service or of its slices; writes that proxies ignore are not in the log.
struct Change: BitwiseCopyable {
  var at: SimTime
  var revision: UInt32
  var service: ServiceID
  var totals: RuleTotals
  var size = TableSize()
  /// Oldest last-change-trigger-time of the slices written; `distantFuture`: they have none.
  var trigger: SimTime
}

/// A Service port's hold on a frontend: valid for revisions in `from ..< until`.
struct Claim: BitwiseCopyable {
  var from: UInt32
  var until: UInt32
  var portName: PortNameID
  var kind: FrontendKind
  /// Older claim on the same frontend, −1: none.
  var previous: Int32

  @inline(__always) func isActive(at revision: UInt32) -> Bool { from <= revision && revision < until }
}

/// A frontend's newest claim.
struct FrontendHead: BitwiseCopyable {
  var latest: Int32
  /// Two claims were active at once at some revision: the order of rules decides between them.
  var isShared: Bool
}

/// A port name's newest versions, −1: none.
struct PortHead: BitwiseCopyable {
  var spec: Int32 = -1
  var endpoints: Int32 = -1
}

struct ClusterHistory: ~Copyable {
  var nodeNames = Interner<String>()
  var zones = Interner<String>()
  var hints = Interner<EndpointHints>()
  var portNames = Interner<PortNameKey>()
  var servicePorts = Interner<ServicePortKey>()
  var backends = BackendTable()

  var specLinks = VersionPool()
  /// nil: the port does not exist in this version.
  var specs: [PortSpec?] = []
  var endpointLinks = VersionPool()
  /// Emptied where pruned.
  var endpoints: [[EndpointRecord]] = []
  var isPruned: ContiguousArray<Bool> = []
  /// Endpoint records appended since the last pruning.
  var recordsSincePruning = 0
  var heads: ContiguousArray<PortHead> = []
  /// Newest totals' share of a port name.
  var totalsOfPort: ContiguousArray<RuleTotals> = []

  var frontends = FlatMap()
  var frontendHeads: ContiguousArray<FrontendHead> = []
  var claims: ContiguousArray<Claim> = []
  /// Cluster IP → its newest claim in `clusterIPClaims`, for questions that ask for the address alone.
  var clusterIPHeads = FlatMap()
  var clusterIPClaims: ContiguousArray<Claim> = []
  var frontendsOfAddress = FrontendsOfAddress()
  /// Every health check node port that any version of a Service had.
  var healthCheckNodePorts: Set<UInt16> = []

  /// All port names that a Service ever had, in order of first sight.
  var portsOfService: [[PortNameID]] = []
  var isHeadless: [Bool] = []
  /// As the API had it last; a deleted Service keeps its name, which rules may still show.
  var serviceNames: [NamespacedName] = []
  /// By `WatchKind`.
  var logs: [ContiguousArray<Change>] = [[], []]
  var totals = RuleTotals()
  var size = TableSize()
  var sizeOfPort: ContiguousArray<TableSize> = []
  /// kube-proxy is of a version that follows hints only of Services with the topology annotation.
  var needsTopologyAnnotation = false
  var latestRevision: UInt32 = 0

  init() {
    // Number 0 means "none" in both.
    _ = nodeNames("")
    _ = zones("")
    _ = hints(EndpointHints(zones: nil, nodes: nil))
  }

  /// 0, which is "none", for nil and "".
  mutating func nodeName(_ name: String?) -> NameIndex { NameIndex(rawValue: nodeNames(name ?? "")) }
  mutating func zone(_ name: String?) -> NameIndex { NameIndex(rawValue: zones(name ?? "")) }

  mutating func portName(_ service: ServiceID, _ name: String, _ transport: TransportProtocol) -> PortNameID {
    let id = portNames(PortNameKey(service: service, name: name, transport: transport))
    if id == heads.count {
      heads.append(PortHead())
      totalsOfPort.append(RuleTotals())
      makeRoom(for: service)
      portsOfService[service.index].append(PortNameID(id))
    }
    return PortNameID(id)
  }

  mutating func makeRoom(for service: ServiceID) {
    while portsOfService.count <= service.index {
      portsOfService.append([])
      isHeadless.append(false)
      serviceNames.append(NamespacedName(name: ""))
    }
  }

  func spec(_ version: Int32) -> PortSpec? { version >= 0 ? specs[Int(version)] : nil }
  func endpointList(_ version: Int32) -> [EndpointRecord] {
    guard version >= 0 else { return [] }
    precondition(!isPruned[Int(version)], "endpoints version \(version) was pruned")
    return endpoints[Int(version)]
  }

  @inline(__always) func specVersion(_ port: PortNameID, at revision: UInt32) -> Int32 {
    specLinks.version(at: revision, from: heads[port.index].spec)
  }
  @inline(__always) func endpointsVersion(_ port: PortNameID, at revision: UInt32) -> Int32 {
    endpointLinks.version(at: revision, from: heads[port.index].endpoints)
  }

  /// Some Service has this cluster IP at a revision.
  @inline(__always) func isClusterIP(_ address: IPv4Address, at revision: UInt32) -> Bool {
    if address.isUnspecified { return false }
    var index = clusterIPHeads.find(UInt64(address.bits))
    while index != .max {
      let claim = clusterIPClaims[Int(index)]
      if claim.isActive(at: revision) { return true }
      index = UInt32(bitPattern: claim.previous)
    }
    return false
  }

  func advancing(to revision: Revision) -> UInt32 {
    precondition(
      revision.number >= latestRevision, "revision \(revision.number) after \(latestRevision)")
    return revision.number
  }
}
