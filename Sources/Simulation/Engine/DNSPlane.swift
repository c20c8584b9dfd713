// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the engine keeps of DNS where it is made of pods: look-ups under way, the sockets that their queries
// leave by, queries that some server works on, and the servers' own state.

import Cluster
import NetworkTypes
import SimKernel
import SimRandom
import Traffic

/// Tables of the modelled DNS of one run. Dictionaries are only asked for a key, never gone through.
struct DNSPlane {
  var zone = ClusterZone()
  /// The DNS Service's address as kubelets wrote it into resolv.conf: it is configured, not watched.
  var serviceAddress: IPv4Address?
  var lookups = SlotTable<LookupRun>()
  /// Timers set so far, by slot of `lookups`. A timer outlives its look-up, and the slot is used again.
  var timers: [UInt16] = []
  var queries = SlotTable<PendingQuery>()
  /// By connection slot.
  var sockets: [UInt32: DNSSocket] = [:]
  /// By PodID index, for pods that started during the run.
  var startedAt: [Int: SimTime] = [:]
  /// By PodID index.
  var coreDNS: [Int: CoreDNSServer] = [:]
  /// The hidden group of the nodes' caches; −1: none yet.
  var cacheGroup = -1
  /// By node.
  var nodeLocal: [Int: NodeLocalCache] = [:]
  var upstreamCache: DNSCache
  /// Answers that clients hold, so that equal ones share a row of `answers`.
  var answers: [TargetAnswer: Int] = [:]
  let serviceTime: Sampler
  let watchDelay: Sampler
  let upstreamLatency: Sampler
  var upstreamDraws: UInt64 = 0
  let upstreamKey: RandomKey
  // Counts after the warm-up.
  var lookupCount = 0
  var queryCount = 0
  var timeoutCount = 0
  var cacheHits = 0

  static let purposeUpstream = RandomPurpose("dns upstream")
  static let purposeWatch = RandomPurpose("dns watch")

  init(_ s: DNSSettings, seed: UInt64, replication: UInt32) {
    serviceTime = Sampler(s.coreDNS.serviceTime)
    watchDelay = Sampler(s.coreDNS.watchDelay)
    upstreamLatency = Sampler(s.upstream.latency)
    upstreamKey = RandomKey(
      seed: seed, replication: replication, purpose: Self.purposeUpstream, entity: 0)
    upstreamCache = DNSCache(successLimit: .max, denialLimit: .max)
  }
}

/// A client's getaddrinfo.
struct LookupRun {
  var operation: WaitingOperation
  var lookup: Lookup
  var nameserver: Nameserver
  /// Open sockets, the one in use last.
  var sockets: [UInt32] = []
  var opened: UInt16 = 0
  /// A query was lost to a clash of conntrack entries.
  var hasRaced = false
  /// What went wrong first with a query, in words.
  var failure: String?
}

/// Whom a client's resolv.conf names.
enum Nameserver {
  /// The DNS Service's address, or the node's cache.
  case cluster
  /// The resolver outside of the cluster.
  case upstream
}

/// What a client's resolver is made of.
struct ResolverPlan {
  var settings: ResolverSettings
  var nameserver: Nameserver
  var candidates: [String]
}

/// A socket that queries leave by.
struct DNSSocket {
  enum Owner {
    case lookup(UInt32, UInt16)
    /// A node's cache asks for this query of a client.
    case nodeLocal(UInt32, UInt16)
  }
  let owner: Owner
  let generation: UInt16
  /// By the query's number.
  var sent: [DNSQuestion] = []
  var firstSentAt = SimTime.zero
  /// On their way to the client, by number of the query.
  var answers: [UInt16: DNSResponse] = [:]
  /// Waits for the connection.
  var queued: [DNSQuestion] = []
  /// The node whose cache it talks to past conntrack; −1: none.
  var cacheNode = -1
}

/// A query that a server works on.
struct PendingQuery {
  enum Stage {
    /// In the server.
    case working
    /// Upstream of the cluster has been asked for this.
    case forwarded(DNSQuestion)
    /// A node's cache asks the DNS Service; attempts so far.
    case asksService(attempts: Int)
  }
  var stage = Stage.working
  /// Of the client's socket; `.max`: the client speaks to upstream itself.
  var connection: UInt32
  var generation: UInt16
  var number: UInt16
  var question: DNSQuestion
  /// As it arrived.
  var tuple: FlowTuple
  var host: HostReference
  /// Index of the server process; −1: a node's cache.
  var server: Int
  var node: Int
  var since: SimTime
  /// Of a node's cache towards the Service; `.max`: none.
  var socket = UInt32.max
}

/// NodeLocal DNSCache on one node.
struct NodeLocalCache {
  enum State {
    case up
    /// Its interface is still there, nobody listens.
    case crashed
    /// It ended in order and took its interface with it.
    case removed
  }
  var state = State.removed
  var cluster: DNSCache
  var outside: DNSCache
  /// Instance of the hidden group that its queries are sent by.
  var instance = UInt32.max
}

/// Rows in reused slots with generations.
struct SlotTable<Row> {
  private var rows: [Row?] = []
  private var generations: [UInt16] = []
  private var free: [UInt32] = []

  mutating func add(_ row: Row) -> UInt32 {
    if let slot = free.popLast() {
      rows[Int(slot)] = row
      return slot
    }
    rows.append(row)
    generations.append(0)
    return UInt32(rows.count - 1)
  }
  func isUsed(_ slot: UInt32) -> Bool { rows[Int(slot)] != nil }
  func generation(_ slot: UInt32) -> UInt16 { generations[Int(slot)] }
  func isCurrent(_ slot: UInt32, _ generation: UInt16) -> Bool {
    rows[Int(slot)] != nil && generations[Int(slot)] == generation
  }
  subscript(_ slot: UInt32) -> Row {
    get {
      guard let row = rows[Int(slot)] else { preconditionFailure("slot \(slot) is free") }
      return row
    }
    set { rows[Int(slot)] = newValue }
  }
  mutating func remove(_ slot: UInt32) {
    rows[Int(slot)] = nil
    generations[Int(slot)] &+= 1
    free.append(slot)
  }
  /// Slots in use, in order.
  var slots: [UInt32] { rows.indices.filter { rows[$0] != nil }.map { UInt32($0) } }
}
