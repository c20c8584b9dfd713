// SPDX-License-Identifier: GPL-3.0-or-later
//
// What one replication leaves behind: pure data, in the order in which the reports print it. The engine
// fills it, Reports/ turns it into files and into the summary; neither knows the other.

import Cluster
import NetworkTypes
import SimKernel
import SimStatistics

/// Names one replication; every row of every CSV starts with it.
public struct RunIdentity: Sendable, Equatable {
  /// Hash of the scenario after `--set`, seed and version, as 16 hex digits: never of time, place or jobs.
  public var runID: String
  public var scenario: String
  public var variant: String
  /// `iptables`, …, or `mixed` where nodes differ.
  public var proxyMode: String
  public var replication: Int
  public var seed: UInt64
  public init(
    runID: String, scenario: String, variant: String, proxyMode: String, replication: Int, seed: UInt64
  ) {
    self.runID = runID
    self.scenario = scenario
    self.variant = variant
    self.proxyMode = proxyMode
    self.replication = replication
    self.seed = seed
  }
}

/// A Service port, or another thing that clients address (`target`), as rows name it.
public struct TargetName: Sendable, Equatable {
  /// `namespace/name`, or the address or DNS name for clients that bypass Services.
  public var service: String
  /// Port as the Service names it: number, or `name` where it has one.
  public var port: String
  public init(service: String, port: String) {
    self.service = service
    self.port = port
  }
}

/// Attempts of one target × client × outcome × cause.
public struct AttemptGroup: Sendable, Equatable {
  public var target: Int
  public var client: Int
  public var outcome: Outcome
  /// nil for completed, client_gone and unfinished.
  public var cause: Cause?
  public var count: Int
  public init(target: Int, client: Int, outcome: Outcome, cause: Cause?, count: Int) {
    self.target = target
    self.client = client
    self.outcome = outcome
    self.cause = cause
    self.count = count
  }
}

/// One lost or misdelivered connection.
public struct LostConnection: Sendable, Equatable {
  /// `client/ordinal/attempt`, stable across variants with the same arrivals.
  public var id: String = ""
  public var start: SimTime = .zero
  public var end: SimTime = .zero
  public var target: Int = 0
  public var client: Int = 0
  public var clientNode: String = ""
  /// Node whose table, conntrack or absence decided; empty where none was reached.
  public var decidingNode: String = ""
  public var backend: String = ""
  public var backendNode: String = ""
  public var outcome: Outcome = .refused
  public var cause: Cause = .noEndpoints
  /// When its first packet failed that none after it made good.
  public var failedAt: SimTime = .zero
  /// What it was about.
  public var place = LossPlace()
  /// Lags of the stages behind the cause, where known.
  public var kubelet: SimDuration?
  public var controller: SimDuration?
  public var watch: SimDuration?
  public var runnerWait: SimDuration?
  public var sync: SimDuration?
  /// The first part that would have saved it, in words: `fresh table on worker-2`.
  public var savedBy: String = ""
  public init() {}
}

/// Connections lost in one second, on one deciding node, for one target and cause.
public struct LedgerEntry: Sendable, Equatable {
  public var second: Int
  public var node: String
  public var nodeMode: String
  public var target: Int
  public var cause: Cause
  public var count: Int
  public init(second: Int, node: String, nodeMode: String, target: Int, cause: Cause, count: Int) {
    self.second = second
    self.node = node
    self.nodeMode = nodeMode
    self.target = target
    self.cause = cause
    self.count = count
  }
}

/// One endpoint's share of a target's connections.
public struct EndpointShare: Sendable, Equatable {
  public var target: Int
  public var pod: String
  public var ip: String
  public var node: String
  public var connections: Int
  public var requests: Int
  /// Sum over decisions of the probability that this endpoint had in each.
  public var expectedConnections: Double
  public init(
    target: Int, pod: String, ip: String, node: String, connections: Int, requests: Int,
    expectedConnections: Double
  ) {
    self.target = target
    self.pod = pod
    self.ip = ip
    self.node = node
    self.connections = connections
    self.requests = requests
    self.expectedConnections = expectedConnections
  }
}

/// How evenly a target's connections were spread, against what its decisions' candidates made one expect.
public struct SpreadStatistics: Sendable, Equatable {
  public var target: Int
  public var endpoints: Int
  public var connections: Int
  /// χ² against the expectation; nil where draws were not independent (affinity, pools) or too few.
  public var statistic: Double?
  public var degreesOfFreedom: Int?
  public var pValue: Double?
  public var jain: Double?
  public var gini: Double?
  public var cv: Double?
  public var expectedCV: Double?
  public var maxOverMean: Double?
  public init(target: Int, endpoints: Int, connections: Int) {
    self.target = target
    self.endpoints = endpoints
    self.connections = connections
  }
}

/// A part of an attempt whose time is taken.
public enum LatencyPhase: String, CaseIterable, Sendable {
  case dns
  case connect
  case request
}

/// The latencies of one target, phase and outcome.
public struct LatencyRow: Sendable {
  public var target: Int
  public var phase: LatencyPhase
  public var outcome: Outcome
  public var histogram: LatencyHistogram
  public init(target: Int, phase: LatencyPhase, outcome: Outcome, histogram: LatencyHistogram) {
    self.target = target
    self.phase = phase
    self.outcome = outcome
    self.histogram = histogram
  }
}

/// A node's programmed state at the end of a time bin.
public struct StalenessRow: Sendable, Equatable {
  public var binStart: SimTime
  public var node: String
  /// Age of the oldest change in the API that the node has not programmed.
  public var age: SimDuration
  public var servicesWrong: Int
  public init(binStart: SimTime, node: String, age: SimDuration, servicesWrong: Int) {
    self.binStart = binStart
    self.node = node
    self.age = age
    self.servicesWrong = servicesWrong
  }
}

/// One bin of the run.
public struct TimelineRow: Sendable, Equatable {
  public var binStart: SimTime
  /// Attempts by the bin of their start.
  public var attempts = 0
  public var successes = 0
  public var losses = 0
  /// At the end of the bin.
  public var openConnections = 0
  public var readyEndpoints = 0
  public var staleNodes = 0
  public init(binStart: SimTime) { self.binStart = binStart }
}

/// One sync of one node.
public struct ProxySyncRow: Sendable, Equatable {
  public var start: SimTime
  public var node: String
  /// `full` or `partial`.
  public var kind: String
  public var changes: Int
  public var rulesWritten: Int
  public var duration: SimDuration
  /// End of the sync minus the API time of its oldest change; nil without changes.
  public var programmingLatency: SimDuration?
  public init(
    start: SimTime, node: String, kind: String, changes: Int, rulesWritten: Int, duration: SimDuration,
    programmingLatency: SimDuration?
  ) {
    self.start = start
    self.node = node
    self.kind = kind
    self.changes = changes
    self.rulesWritten = rulesWritten
    self.duration = duration
    self.programmingLatency = programmingLatency
  }
}

/// Something that happened in the cluster.
public struct ClusterEventRow: Sendable, Equatable {
  public var time: SimTime
  public var object: String
  public var action: String
  public var detail: String
  /// Number of the occurrence of an action of the scenario that did it at once; −1: something else did.
  public var occurrence: Int
  public init(time: SimTime, object: String, action: String, detail: String, occurrence: Int = -1) {
    self.time = time
    self.object = object
    self.action = action
    self.detail = detail
    self.occurrence = occurrence
  }
}

/// Look-ups that clients made by packets, what they sent for them, and how often they waited in vain.
public struct DNSCounts: Sendable, Equatable {
  public var lookups: Int
  /// Retries included.
  public var queries: Int
  /// Times that a resolver's timer ran out.
  public var timeouts: Int
  public init(lookups: Int = 0, queries: Int = 0, timeouts: Int = 0) {
    self.lookups = lookups
    self.queries = queries
    self.timeouts = timeouts
  }
}

/// Everything that one replication leaves.
public struct RunResult: Sendable {
  public var identity: RunIdentity
  public var question = ""
  public var duration: SimDuration = .zero
  public var warmUp: SimDuration = .zero
  /// When the last attempt was decided.
  public var drainedAt: SimTime = .zero
  public var bin: SimDuration = .seconds(1)

  public var targets: [TargetName] = []
  public var clients: [String] = []
  /// Sorted by target, client, outcome, cause (in the order of their lists).
  public var groups: [AttemptGroup] = []
  public var operations = 0
  /// Operations whose last attempt was lost, too.
  public var operationsLost = 0
  public var retries = 0
  public var requestsCompleted = 0
  public var dns = DNSCounts()
  public var lost: [LostConnection] = []
  /// Lost connections beyond `lostConnectionsMax`, counted everywhere but not listed.
  public var lostNotListed = 0
  public var ledger: [LedgerEntry] = []
  public var shares: [EndpointShare] = []
  public var spread: [SpreadStatistics] = []
  public var latency: [LatencyRow] = []
  public var staleness: [StalenessRow] = []
  public var timeline: [TimelineRow] = []
  public var syncs: [ProxySyncRow] = []
  public var events: [ClusterEventRow] = []
  public var proxyMetrics: [ProxyMetricRow] = []
  /// kubeproxy_network_programming_duration_seconds of all nodes.
  public var programming = LatencyHistogram()
  public var theory: [TheoryRow] = []
  /// By metric; empty unless the run is declared to be in a steady state.
  public var steadyState: [SteadyStateEstimate] = []

  public var packets = 0
  public var simulationEvents = 0
  /// Running hash over every event: equal digests mean equal runs.
  public var digest: UInt64 = 0
  /// Hash over open-loop arrivals only: equal in all variants of a scenario.
  public var arrivalDigest: UInt64 = 0
  /// conntrack entries at their most, over all nodes.
  public var conntrackPeak = 0
  /// Rules or entries in a node's table at the end, mean over the nodes that have one; nil without any.
  public var rulesPerNode: Double?
  /// API objects refused at run time and other things a reader must know.
  public var notes: [String] = []

  public init(identity: RunIdentity) { self.identity = identity }
}

extension RunResult {
  public var attempted: Int { groups.reduce(0) { $0 + $1.count } }
  public var lostCount: Int { groups.reduce(0) { $0 + ($1.outcome.isLost ? $1.count : 0) } }
  /// lost / (attempted − unfinished − client_gone); nil without attempts.
  public var lossRatio: Double? {
    let base = groups.reduce(0) { $0 + ($1.outcome.countsAsAttempted ? $1.count : 0) }
    return base == 0 ? nil : Double(lostCount) / Double(base)
  }
}

/// Told now and then by the engine while it runs; for progress on stderr and for interruption.
public protocol RunObserver: AnyObject {
  /// - Returns: false to stop the run (Ctrl-C); the engine then throws `RunInterrupted`.
  func progress(now: SimTime, end: SimTime, events: Int) -> Bool
}

/// The run was asked to stop before its end.
public struct RunInterrupted: Error {
  public var at: SimTime
  public init(at: SimTime) { self.at = at }
}
