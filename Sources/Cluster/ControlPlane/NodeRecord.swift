// SPDX-License-Identifier: GPL-3.0-or-later
//
// A machine as it is, whatever the API says of it. The API's view is `APIStore.node(_:)`.

import NetworkTypes
import SimKernel
import SimRandom

/// A machine. Index: `NodeID`; a machine keeps its index while it is rebooted, renumbered, deleted and
/// joined again.
public struct NodeRecord: Sendable {
  public let id: NodeID
  public let name: String
  public internal(set) var zone: String?
  public internal(set) var labels: Labels
  /// Addresses that its interfaces have, the primary one first.
  public internal(set) var addresses: [IPv4Address]
  public internal(set) var externalAddresses: [IPv4Address]
  public internal(set) var podCIDR: IPv4CIDR
  /// False until it joins the cluster for the first time.
  public internal(set) var hasJoined: Bool
  public internal(set) var isUp: Bool
  /// Settings of the kube-proxy process that runs.
  public internal(set) var proxy: ProxySettings
  public internal(set) var cores: Int
  /// API write → its kube-proxy has it; nil: as on most nodes.
  public let proxyWatch: Distribution?
  /// nil: the cluster's.
  public internal(set) var kernel: KernelSettings?
  /// As the scenario has it; nil = kube-proxy decides (`conntrackMax`).
  var conntrackMaxChosen: Int?
  /// Pods that have something on this node, in order of arrival: bound to it and not yet cleaned up.
  public internal(set) var pods: [PodID] = []

  public var primaryAddress: IPv4Address { addresses[0] }
  /// nf_conntrack_max: max(conntrackMin, cores × conntrackMaxPerCore) unless chosen (FACTS C1).
  public var conntrackMax: Int {
    if let chosen = conntrackMaxChosen { return chosen }
    // With maxPerCore 0 kube-proxy leaves what it finds.
    if proxy.conntrackMaxPerCore == 0, let found = kernel?.conntrackMax { return found }
    return max(proxy.conntrackMin, cores * proxy.conntrackMaxPerCore)
  }

  /// Settings that the next kube-proxy process will read.
  var configuredProxy: ProxySettings
  var roles: [String]
  /// Number of partitions in force between it and the control plane.
  var controlPlanePartitions = 0
  /// What waits until the control plane can be reached again.
  var deferred: [ClusterEvent] = []
  /// Generation of its power state.
  var epoch: UInt16 = 0
  /// Generation of its heartbeats.
  var heartbeatEpoch: UInt16 = 0
  /// The address it boots with, when that is to be another one.
  var addressAfterBoot: IPv4Address?
  /// An orderly shutdown is under way, to be followed by this long without power.
  var downFor: SimDuration?
  /// Which series of lease renewals its kubelet is in; a new one begins when it can reach the API server
  /// again.
  var leaseSeries: UInt16 = 0
  /// Since when its heartbeats arrive.
  var reachableSince = SimTime(nanoseconds: .min / 2)
  /// The kubelet reports no other address than the one it was started with (--node-ip).
  var pinsAddress: Bool
  /// When it got its NoExecute taint.
  var taintedAt: SimTime?
  /// Its kubelet will create the Node object if there is none (it does so when it starts).
  var registersItself = true
  /// It has booted without the API server, so its kubelet does not know yet which pods it has.
  var knowsItsPods = true
  /// Number of times its Node object was deleted.
  var deletions: UInt16 = 0
  var addressPool: HostLocalAllocator
  /// Pods bound to it that are not on their way out, for the scheduler.
  var livePods = 0
  /// What its pods ask for, and what it has.
  var usage = NodeUsage()
  var allocatable = NodeCapacity()
  var isLimited: Bool { allocatable.cpuMillis != nil || allocatable.memory != nil }
  /// Where the others send packets for its pods, once they have heard; nil = no route was ever published.
  var routeAddress: IPv4Address?
  /// Those who have not heard yet and what they believe; `.unspecified` = they have no route.
  var outdatedRoutes: [NodeID: IPv4Address] = [:]
  var images = NodeImages()
  var statusWriter = StatusWriter()
  /// The kubelet ends the pods before power goes off.
  var gracefulShutdown: GracefulShutdown?
  let drawEntity: UInt64
  var draws: UInt64 = 0

  /// Its kubelet runs and can talk to the API server.
  var reachesControlPlane: Bool { isUp && !isShuttingDown && controlPlanePartitions == 0 }
  var isShuttingDown: Bool { downFor != nil }

  init(id: NodeID, settings: NodeSettings, addresses: [IPv4Address], podCIDR: IPv4CIDR, proxy: ProxySettings)
  {
    self.id = id
    name = settings.name
    zone = settings.zone
    labels = [:]
    for key in settings.labels.keys.sorted() { labels[key] = settings.labels[key] }
    if zone == nil { zone = labels[Node.zoneLabel] }
    self.addresses = addresses
    externalAddresses = settings.externalAddresses
    self.podCIDR = podCIDR
    hasJoined = settings.joinsAtStart
    isUp = settings.joinsAtStart
    self.proxy = settings.proxy ?? proxy
    configuredProxy = self.proxy
    cores = settings.cores
    proxyWatch = settings.proxyWatch
    kernel = settings.kernel
    allocatable = settings.allocatable
    conntrackMaxChosen = settings.conntrackMax
    roles = settings.roles
    pinsAddress = settings.pinsAddress
    addressPool = HostLocalAllocator(block: podCIDR)
    drawEntity = StableHash.of("node/\(settings.name)")
  }
}
