// SPDX-License-Identifier: GPL-3.0-or-later
//
// Counts what happens while it happens. Dense arrays where every connection passes, dictionaries (sorted
// before they leave) where only losses do.

import Cluster
import NetworkTypes
import Proxy
import SimKernel
import SimStatistics

struct Recorder: ~Copyable {
  private let targets: Int
  private let clients: Int
  let bin: SimDuration
  let warmUp: SimTime
  private let lostMax: Int

  /// target × client.
  private var completed: Table<Int>
  private var others: [GroupKey: Int] = [:]
  private var ledger: [LedgerKey: Int] = [:]
  private(set) var lost: [LostConnection] = []
  private(set) var lostNotListed = 0
  /// (target × phase) × outcome.
  private var latency: Table<LatencyHistogram>
  private(set) var timeline = Table<TimelineRow>()
  /// BackendID × target: one endpoint may serve several.
  private var backendConnections = Table<Int>()
  private var backendRequests = Table<Int>()
  /// CandidateSetID × target: decisions made between these candidates.
  private var decisions = Table<Int>()
  /// Targets some of whose decisions were not independent draws: affinity, pools.
  private(set) var dependentTargets: Set<Int> = []
  /// Choices between the addresses of a DNS answer.
  var direct = DirectDecisions()
  var operations = 0
  var operationsLost = 0
  var retries = 0
  var requestsCompleted = 0
  /// Every latency and every fate by its start, in runs that are declared to be in a steady state.
  private let keepsSeries: Bool
  private(set) var series = SteadySeriesBook()

  private struct GroupKey: Hashable, Comparable {
    var target: Int
    var client: Int
    var outcome: UInt8
    var cause: UInt8
    static func < (a: Self, b: Self) -> Bool {
      (a.target, a.client, a.outcome, a.cause) < (b.target, b.client, b.outcome, b.cause)
    }
  }
  private struct LedgerKey: Hashable, Comparable {
    var second: Int
    var node: Int
    var target: Int
    var cause: UInt8
    static func < (a: Self, b: Self) -> Bool {
      (a.second, a.node, a.target, a.cause) < (b.second, b.node, b.target, b.cause)
    }
  }

  static let outcomes = Outcome.allCases
  static let causes = Cause.allCases
  static let outcomeIndex = Dictionary(uniqueKeysWithValues: outcomes.enumerated().map { ($1, $0) })
  static let causeIndex = Dictionary(uniqueKeysWithValues: causes.enumerated().map { ($1, UInt8($0)) })

  init(
    targets: Int, clients: Int, report: (bin: SimDuration, warmUp: SimDuration, lostMax: Int),
    keepsSeries: Bool = false
  ) {
    self.keepsSeries = keepsSeries
    // Nobody addresses nothing, but a scenario without clients has no targets.
    self.targets = max(1, targets)
    self.clients = clients
    bin = report.bin
    warmUp = .zero + report.warmUp
    lostMax = report.lostMax
    completed = Table(repeating: 0, count: targets * clients)
    latency = Table(repeating: LatencyHistogram(), count: targets * 3 * Self.outcomes.count)
  }

  // MARK: Every attempt

  @inline(__always) mutating func completedAttempt(target: Int, client: Int, start: SimTime) {
    if start < warmUp { return }
    completed[target * clients + client] += 1
    let i = binIndex(start)
    timeline[i].attempts += 1
    timeline[i].successes += 1
    if keepsSeries { series.losses.add(0, start: start) }
  }

  mutating func otherAttempt(target: Int, client: Int, start: SimTime, outcome: Outcome, cause: Cause?) {
    if start < warmUp { return }
    let key = GroupKey(
      target: target, client: client, outcome: UInt8(Self.outcomeIndex[outcome]!),
      cause: cause.map { Self.causeIndex[$0]! } ?? .max)
    others[key, default: 0] += 1
    let i = binIndex(start)
    timeline[i].attempts += 1
    if outcome.isLost { timeline[i].losses += 1 }
    if keepsSeries, outcome.countsAsAttempted { series.losses.add(outcome.isLost ? 1 : 0, start: start) }
  }

  /// - Returns: the row's index, nil if it is not listed.
  @discardableResult
  mutating func add(_ connection: LostConnection, decidingNode: Int) -> Int? {
    if connection.start < warmUp { return nil }
    if connection.outcome.isLost {
      let second = Int(connection.start.nanoseconds / 1_000_000_000)
      ledger[
        LedgerKey(
          second: second, node: decidingNode, target: connection.target,
          cause: Self.causeIndex[connection.cause]!), default: 0] += 1
    }
    guard lost.count < lostMax else {
      lostNotListed += 1
      return nil
    }
    lost.append(connection)
    return lost.count - 1
  }

  mutating func replace(row: Int, with connection: LostConnection) { lost[row] = connection }

  @inline(__always) mutating func latency(
    target: Int, phase: LatencyPhase, outcome: Outcome, _ value: SimDuration, start: SimTime
  ) {
    if start < warmUp { return }
    let p = phase == .dns ? 0 : phase == .connect ? 1 : 2
    let o = outcome == .completed ? 0 : Self.outcomeIndex[outcome]!
    latency[(target * 3 + p) * Self.outcomes.count + o].record(value)
    if keepsSeries, outcome == .completed { keep(phase, value, start) }
  }

  @inline(never) private mutating func keep(_ phase: LatencyPhase, _ value: SimDuration, _ start: SimTime) {
    switch phase {
    case .dns: break
    case .connect: series.connect.add(value.nanoseconds, start: start)
    case .request: series.request.add(value.nanoseconds, start: start)
    }
  }

  /// Choices for this target hang together.
  mutating func noteDependence(of target: Int) { dependentTargets.insert(target) }

  // MARK: Load balance

  @inline(__always) mutating func decided(
    backend: BackendID, candidates: CandidateSetID, target: Int, isIndependent: Bool
  ) {
    let b = backend.index * targets
    backendConnections.extend(to: b + targets, with: 0)
    backendRequests.extend(to: b + targets, with: 0)
    backendConnections[b + target] += 1
    let c = candidates.index * targets
    decisions.extend(to: c + targets, with: 0)
    decisions[c + target] += 1
    if !isIndependent { dependentTargets.insert(target) }
  }

  @inline(__always) mutating func served(backend: UInt32, target: Int) {
    let place = Int(backend) * targets + target
    if place < backendRequests.count { backendRequests[place] += 1 }
  }

  /// Candidate sets between which decisions were made for a target, with their number, by CandidateSetID.
  func decisions(target: Int) -> [(set: CandidateSetID, count: Int)] {
    stride(from: target, to: decisions.count, by: targets).compactMap {
      decisions[$0] > 0 ? (CandidateSetID($0 / targets), decisions[$0]) : nil
    }
  }
  func connections(_ backend: BackendID, target: Int) -> Int {
    let place = backend.index * targets + target
    return place < backendConnections.count ? backendConnections[place] : 0
  }
  func requests(_ backend: BackendID, target: Int) -> Int {
    let place = backend.index * targets + target
    return place < backendRequests.count ? backendRequests[place] : 0
  }

  // MARK: Time bins

  @inline(__always) private mutating func binIndex(_ time: SimTime) -> Int {
    let i = Int(time.nanoseconds / bin.nanoseconds)
    if i >= timeline.count { addBins(upTo: i) }
    return i
  }

  @inline(never) private mutating func addBins(upTo i: Int) {
    while timeline.count <= i { timeline.append(TimelineRow(binStart: .zero + bin * Int64(timeline.count))) }
  }

  mutating func sample(bin i: Int, openConnections: Int, readyEndpoints: Int, staleNodes: Int) {
    _ = binIndex(.zero + bin * Int64(i))
    timeline[i].openConnections = openConnections
    timeline[i].readyEndpoints = readyEndpoints
    timeline[i].staleNodes = staleNodes
  }

  // MARK: Results

  func groups(targets: Int) -> [AttemptGroup] {
    var rows: [AttemptGroup] = []
    for target in 0..<targets {
      for client in 0..<clients where completed[target * clients + client] > 0 {
        rows.append(
          AttemptGroup(
            target: target, client: client, outcome: .completed, cause: nil,
            count: completed[target * clients + client]))
      }
    }
    for key in others.keys.sorted() {
      rows.append(
        AttemptGroup(
          target: key.target, client: key.client, outcome: Self.outcomes[Int(key.outcome)],
          cause: key.cause == .max ? nil : Self.causes[Int(key.cause)], count: others[key]!))
    }
    return rows.sorted {
      ($0.target, $0.client, Self.outcomeIndex[$0.outcome]!, $0.cause.map { Self.causeIndex[$0]! } ?? 0)
        < ($1.target, $1.client, Self.outcomeIndex[$1.outcome]!, $1.cause.map { Self.causeIndex[$0]! } ?? 0)
    }
  }

  func ledgerRows(nodes: [(name: String, mode: String)]) -> [LedgerEntry] {
    ledger.keys.sorted().map { key in
      let node = key.node >= 0 ? nodes[key.node] : ("", "")
      return LedgerEntry(
        second: key.second, node: node.0, nodeMode: node.1, target: key.target,
        cause: Self.causes[Int(key.cause)], count: ledger[key]!)
    }
  }

  func latencyRows(targets: Int) -> [LatencyRow] {
    var rows: [LatencyRow] = []
    for target in 0..<targets {
      for (p, phase) in LatencyPhase.allCases.enumerated() {
        for (o, outcome) in Self.outcomes.enumerated() {
          let histogram = latency[(target * 3 + p) * Self.outcomes.count + o]
          if !histogram.isEmpty {
            rows.append(LatencyRow(target: target, phase: phase, outcome: outcome, histogram: histogram))
          }
        }
      }
    }
    return rows
  }
}
