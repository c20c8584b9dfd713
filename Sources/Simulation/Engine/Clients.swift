// SPDX-License-Identifier: GPL-3.0-or-later
//
// The engine's tables of clients: groups as the scenario has them, one instance per host, and operations that
// wait for something.

import Cluster
import NetworkTypes
import SimKernel
import SimRandom
import Traffic

/// A client group with everything prepared that its instances share.
struct ClientGroup {
  // Read on every connection, so kept apart from the settings, whose copies would count references.
  let connectTimeout: SimDuration
  let requestTimeout: SimDuration
  let cachePolicy: DNSCachePolicy
  let transport: TransportProtocol
  let synLinearTimeouts: Int
  let synRetries: Int
  let dataRetries: Int
  let retryLimit: Int
  let settings: ClientSettings
  let requests: Sampler
  let requestGap: Sampler
  let backoff: Sampler
  let think: Sampler?
  /// The number of requests where it is always the same; 0 otherwise.
  let constantRequests: UInt16
  let hasConstantGap: Bool
  let stop: SimTime
  /// Instances made so far: names their random draws.
  var instancesMade = 0
  /// Row of the reports.
  var target = 0
  /// Addresses and port that instances find now when they ask; changes with the API.
  var answer = 0
  /// Of targets that are Services.
  var service = ServiceID.none
  var poolSize = 0
  var asksDNS = false
  /// Port of the target, and whether its addresses are the endpoints' own, as known last.
  var knownTarget: (port: UInt16, isDirect: Bool) = (0, false)

  init(_ s: ClientSettings, duration: SimDuration) {
    settings = s
    connectTimeout = s.connectTimeout
    requestTimeout = s.requestTimeout
    cachePolicy = s.cachePolicy
    transport = s.transport
    synLinearTimeouts = s.synLinearTimeouts
    synRetries = s.synRetries
    dataRetries = s.dataRetries
    retryLimit = s.retry.limit
    requests = Sampler(s.requests)
    requestGap = Sampler(s.requestGap)
    backoff = Sampler(s.retry.backoff)
    if case .closed(_, let t) = s.arrivals { think = Sampler(t) } else { think = nil }
    constantRequests = requests.constantValue.map { UInt16(max(1, min($0, 65535))) } ?? 0
    hasConstantGap = requestGap.constantValue != nil
    stop = min(s.stop ?? .distantFuture, .zero + duration)
    if case .pool(let size, _, _) = s.connections { poolSize = size }
    switch s.target {
    case .service, .name: asksDNS = true
    default: break
    }
  }
}

/// What a client finds when it looks its target up.
struct TargetAnswer: Hashable {
  var addresses: [IPv4Address] = []
  var port: UInt16 = 0
  var ttl: SimDuration = .seconds(30)
  /// The name exists.
  var exists = false
  /// The addresses are the endpoints' own, so that the client makes the choice that a proxy makes elsewhere.
  var isDirect = false
}

struct ClientInstance {
  let group: Int
  /// Among the instances of its group, in the order of their making: with the group's name it names the
  /// draws.
  let number: Int
  let host: HostReference
  var address: IPv4Address
  /// The node that it is on; −1 outside.
  let node: Int
  /// The pod that its process is in, `.none` for others.
  let pod: PodID
  var isAlive = true
  let bornAt: SimTime
  var diedAt = SimTime.distantFuture
  var nextOrdinal: UInt32 = 0
  var arrivals: ArrivalProcess
  let pathKey: RandomKey
  let serviceKey: RandomKey
  let behaviourKey: RandomKey
  /// Index of the answer that it remembers, and until when.
  var answer = -1
  var answerExpires = SimTime.zero
  /// The address at the head of the answer, where DNS is made of pods.
  var firstAddress: IPv4Address?
  /// Until when it believes that there is no answer.
  var denialExpires = SimTime.zero
  /// Made at the first look-up.
  var resolver: ResolverPlan?
  /// Ports towards its destinations: `portPools` index by destination address and port.
  var portPools: [(destination: UInt64, pool: Int)] = []
  /// Pooled connections without an operation, the last used one last.
  var idle: [UInt32] = []
  var poolOpen = 0
  /// Operations that wait for a pooled connection.
  var queue: [UInt32] = []
}

/// An operation that is not on a connection now.
struct WaitingOperation: BitwiseCopyable {
  enum Reason: UInt8, BitwiseCopyable { case none, dns, backoff, pool }
  var instance: UInt32 = 0
  var ordinal: UInt32 = 0
  var attempt: UInt8 = 0
  var reason = Reason.none
  var requests: UInt16 = 1
  /// DNS queries asked so far.
  var queries: UInt8 = 0
  /// Start of the operation (first attempt) or of this attempt (retries).
  var intended: Int64 = 0
  var attemptStart: Int64 = 0
}

/// Waiting operations in reused slots.
struct WaitingRoom {
  private(set) var slots: [WaitingOperation] = []
  private var free: [UInt32] = []

  subscript(_ i: UInt32) -> WaitingOperation {
    get { slots[Int(i)] }
    set { slots[Int(i)] = newValue }
  }
  mutating func add(_ operation: WaitingOperation) -> UInt32 {
    if let slot = free.popLast() {
      slots[Int(slot)] = operation
      return slot
    }
    slots.append(operation)
    return UInt32(slots.count - 1)
  }
  mutating func remove(_ i: UInt32) {
    slots[Int(i)].reason = .none
    free.append(i)
  }
}
