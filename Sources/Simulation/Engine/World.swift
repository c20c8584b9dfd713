// SPDX-License-Identifier: GPL-3.0-or-later
//
// Everything that a replication owns: the cluster, the proxies' tables, the packets on their way, the clients
// and servers, the recorder. One value, local to a run, passed inout; the files World+*.swift hold what
// happens to it.
//
//     World+Loop       takes the next event and says whose it is
//     World+Setup      makes clients, servers and addresses of the scenario
//     World+Cluster    does what the control plane and the proxies say
//     World+Clients    operations, attempts, retries, pools, DNS
//     World+Lookups    look-ups by packets; World+DNSServers and World+NodeLocalDNS who answers (DNSPlane)
//     World+Client     the client's end of a connection
//     World+Server     the server's end
//     World+Nodes      a packet in a node's tables: conntrack, proxy, NAT; World+Costs what it pays for them
//     World+IPVS       flows that a node's ipvs has scheduled
//     World+Sockets    connections that a node's eBPF programs have given another destination
//     World+NextStep   where a packet goes from here, and with which source address
//     World+Routing    from one place to the next
//     World+Causes     the but-for test; World+LossStory what it must know of the packet
//     World+Instant    a run that is stopped at an instant, for traces (folder Trace)
//     World+Following  one connection, told step by step (folder Replay)
//     World+LoadBalancer  from the load balancer to a node; health checks
//     World+Lags       how long each stage took, for what was lost; World+Targets what look-ups answer
//     World+Result     what is left when all is decided; World+Invariants what must hold then

import Cluster
import NetworkTypes
import Proxy
import Scenario
import SimKernel
import SimRandom
import Traffic

struct World: ~Copyable {
  /// Makes the type address-only. Swift 6.3.1 passes a large loadable noncopyable `self` by value to each
  /// non-mutating method, which costs a memcpy of the whole struct per call; an existential field forbids
  /// that.
  private let byAddress: Any? = nil
  let scenario: ScenarioFile
  let replication: UInt32
  let end: SimTime

  // Time
  var queue = EventQueue<Event>(laneCount: HopClass.lanes)
  var now = SimTime.zero
  var eventCount = 0
  var packetCount = 0
  var digest = RunDigest()
  var arrivalDigest = RunDigest()

  // The cluster and the proxies, with what they wait for
  var control: ControlPlane
  var proxies: ProxyFleet
  var clusterEvents = PendingEvents<ClusterEvent>()
  var proxyEvents = PendingEvents<ProxyEvent>()
  var clusterOutput = ControlPlaneOutput()
  var proxyOutput = ProxyOutput()

  // The data plane
  var addresses = AddressBook()
  var nodePlanes = Table<NodePlane>()
  var zones: [String?] = []
  var conntrack = ConntrackFleet()
  var packets = PacketPool()
  var connections = ConnectionTable()
  var paths: NetworkPaths
  let podNetwork: IPv4CIDR
  let modeCosts: Table<ModeCosts>
  /// By connection, where `isTranslatedAtSocket`: what the client dialled.
  var dialledTuples: [UInt32: FlowTuple] = [:]
  /// By connection, where the load balancer remembers more of it than its target.
  var balancedFlows: [UInt32: BalancedFlow] = [:]
  /// The load balancer remembers no more of a flow than its target.
  let balancerKeepsFlows: Bool
  let balancerSteering: LoadBalancerSettings.Steering
  let balancesByAddress: Bool
  let masqueradesPodTraffic: Bool
  let recorderWarmUp: SimTime
  var icmp = ICMPLimiter()
  /// Ends of the address resolutions under way, for pod addresses that nobody has.
  var resolutions: [IPv4Address: SimTime] = [:]

  // Traffic
  var outsideHosts: [IPv4Address] = []
  var servers = Table<ServerProcess>()
  let serviceTimes: Table<Sampler>
  var serverSettings: [ServerSettings] = []
  let dnsLatency: Sampler
  var dns: DNSPlane
  /// Addresses that something outside holds for a Service.
  var serviceAddresses: [ServiceID: [(IPv4Address, HostReference)]] = [:]
  /// By PodID: indices of the servers in the pod.
  var podSockets = Table<[Int32]>()
  /// By PodID: its node; −1 until it is scheduled.
  var podNodes = Table<Int32>()
  /// By index of the outside host.
  var outsideSockets: [[Int32]] = []
  var groups: Table<ClientGroup>
  var answers = Table<TargetAnswer>()
  var instances = Table<ClientInstance>()
  var portPools = Table<PortPool>()
  var portPoolIndex: [PortPoolKey: Int] = [:]
  /// Zone label and primary InternalIP per node as the API had them last.
  var apiZones: [NodeID: String] = [:]
  var apiAddresses: [NodeID: IPv4Address] = [:]
  var waiting = WaitingRoom()
  /// Operations begun and not decided.
  var undecided = 0
  var targets: [TargetName] = []
  /// Reality's clock per pod, for the lags behind a loss.
  var podTimes: [PodTimes] = []
  var lags = LagBook()
  var proxyMetrics = ProxyMetrics()
  /// The attempt that `sim replay` looks at; nil in all other runs.
  var following: Following?
  /// Names of attempts whose client went; nil: nobody asked for them.
  var goneAttempts: [String]?

  // The record
  var recorder: Recorder
  var syncs: [ProxySyncRow] = []
  var events: [ClusterEventRow] = []
  var staleness: [StalenessRow] = []
  var notes: [String] = []
  /// Clean-ups of UDP entries, in the order in which they were made; nil: nobody asked for them.
  var cleanupLog: [ConntrackCleanup]?

  static let purposePath = RandomPurpose("path")
  static let purposeService = RandomPurpose("service-time")
  static let purposeBehaviour = RandomPurpose("client-behaviour")
  static let purposeArrivals = RandomPurpose("arrivals")
}

/// What the packet path needs of a node, beside its tables.
struct NodePlane {
  var name: String
  var address: IPv4Address
  /// The pod bridge's address: what local pods see of masqueraded traffic.
  var gateway: IPv4Address
  var podCIDR: IPv4CIDR
  /// Equal for nodes of one zone.
  var zoneNumber: Int32
  var isUp: Bool
  /// Nanoseconds that any packet pays for the node's tables.
  var packetCost: Int64 = 0
  /// `ProxyMode.index` of the tables that the node has; negative without any.
  var programmedMode: Int8 = -1
  /// Some node sends packets for its pods to where it no longer is.
  var hasStaleRoutes = false
  var kernel = KernelSettings()
  /// When it last booted in this run.
  var bootedAt = SimTime.zero
  /// Former addresses, for the but-for test.
  var formerAddresses: [IPv4Address] = []
}

/// Ephemeral ports belong to a host and are taken towards a destination.
struct PortPoolKey: Hashable {
  var host: HostReference
  /// Address << 16 | port.
  var destination: UInt64
}

/// When the stages behind a pod's disappearance happened; nil = not (yet).
struct PodTimes {
  /// It stopped serving, or was asked to.
  var reality: SimTime?
  /// The API knew.
  var api: SimTime?
  /// What the API says.
  var isServing = false
}

/// Events of a subsystem that are pending in the queue, which holds their index.
struct PendingEvents<Payload> {
  private var slots: [Payload?] = []
  private var free: [UInt32] = []

  mutating func add(_ payload: Payload) -> UInt32 {
    if let slot = free.popLast() {
      slots[Int(slot)] = payload
      return slot
    }
    slots.append(payload)
    return UInt32(slots.count - 1)
  }
  mutating func take(_ slot: UInt32) -> Payload {
    guard let payload = slots[Int(slot)] else { preconditionFailure("event \(slot) taken twice") }
    slots[Int(slot)] = nil
    free.append(slot)
    return payload
  }
}
