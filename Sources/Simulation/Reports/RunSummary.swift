// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a person wants to know first of a finished run, worked out from the results of its replications.
// Counts add up over replications; ranges span them. How it is laid out is in SummarySections and beside it.

import NetworkTypes
import SimKernel
import SimStatistics

/// The summary of one run, of one or more replications of the same scenario and variant.
public struct RunSummary: Sendable {
  public private(set) var identity: RunIdentity
  public private(set) var question: String
  public private(set) var duration: SimDuration
  public private(set) var replications = 0
  /// Attempts by outcome, all outcomes.
  public private(set) var outcomes: [(outcome: Outcome, count: Int)] = Outcome.allCases.map { ($0, 0) }
  public private(set) var operations = 0
  public private(set) var operationsLost = 0
  public private(set) var retries = 0
  public private(set) var packets = 0
  public private(set) var lostNotListed = 0
  public private(set) var notes: [String] = []
  /// The precision that was to be reached, with what was; nil if none was wanted.
  public var precision: PrecisionRule?
  /// What is different from the results that were in the folder before; empty without such.
  public internal(set) var changes: [String] = []
  public private(set) var staleness = Staleness()
  /// Verdicts, if the run had thresholds.
  public var thresholds: [ThresholdOutcome] = []
  /// Batch means by replication and metric, if the run is declared to be in a steady state.
  private(set) var steadyState: [SteadyStateLine] = []
  /// Of the event sequences, by replication: 16 hex digits.
  private(set) var digests: [String] = []
  /// All metrics of summary.csv over the replications.
  public private(set) var pooled = PooledMetrics()
  var causeCounts: [CauseCount] = Cause.allCases.map { CauseCount(cause: $0) }
  var offenders = OffenderCounts()
  var spreadLines: [SpreadLine] = []
  var latencyLines: [LatencyLine] = []

  public init(_ first: RunResult) {
    identity = first.identity
    question = first.question
    duration = first.duration
    add(first)
  }

  /// Takes in another replication of the same run.
  public mutating func add(_ result: RunResult) {
    precondition(
      result.identity.scenario == identity.scenario, "replications of different runs in one summary")
    replications += 1
    operations += result.operations
    operationsLost += result.operationsLost
    retries += result.retries
    packets += result.packets
    lostNotListed += result.lostNotListed
    for note in result.notes where !notes.contains(note) { notes.append(note) }
    pooled.add(result)
    digests.append(Hexadecimal.digits(result.digest))
    addGroups(of: result)
    for connection in result.lost { offenders.add(connection, in: result) }
    addSpread(of: result)
    addLatency(of: result)
    staleness.add(result)
    steadyState += result.steadyState.map {
      SteadyStateLine(replication: result.identity.replication, estimate: $0)
    }
  }

  public var attempted: Int { outcomes.reduce(0) { $0 + $1.count } }
  public var lost: Int { outcomes.reduce(0) { $0 + ($1.outcome.isLost ? $1.count : 0) } }
  /// attempted − unfinished − client_gone
  public var decided: Int { outcomes.reduce(0) { $0 + ($1.outcome.countsAsAttempted ? $1.count : 0) } }
  public func count(_ outcome: Outcome) -> Int { outcomes.first { $0.outcome == outcome }?.count ?? 0 }
  /// Lost over decided, of all replications; nil without attempts that were decided.
  public var lossRatio: Double? { decided == 0 ? nil : Double(lost) / Double(decided) }
  /// Student t over replications, as a ratio of sums; nil for a single replication, which says nothing of the
  /// spread between replications. Never over connections: losses come in bursts.
  public var lossInterval: ConfidenceInterval? {
    pooled.estimate("loss_ratio").interval(confidence: PooledMetrics.confidence)
  }

  private mutating func addGroups(of result: RunResult) {
    for group in result.groups {
      outcomes[outcomes.firstIndex { $0.outcome == group.outcome }!].count += group.count
      guard let cause = group.cause else { continue }
      let index = causeCounts.firstIndex { $0.cause == cause }!
      if group.outcome == .misdelivered {
        causeCounts[index].misdelivered += group.count
      } else {
        causeCounts[index].lost += group.count
      }
    }
  }

  /// What makes the intervals less trustworthy than they look.
  var weaknesses: [(what: String, weakness: StatisticalWeakness)] {
    guard let loss = pooled.estimate("loss_ratio").parts else { return steadyState.weaknesses }
    let found = StatisticalWeakness.find(inRatioOf: loss.numerators, to: loss.denominators)
    return found.filter { !isAnswered($0) }.map { ("loss_ratio", $0) } + steadyState.weaknesses
  }

  /// A single replication has an interval after all where batch means give one.
  private func isAnswered(_ weakness: StatisticalWeakness) -> Bool {
    guard case .fewReplications(count: 1, _) = weakness else { return false }
    return steadyState.contains { $0.estimate.metric == "loss_ratio" && $0.estimate.interval != nil }
  }

  private mutating func addSpread(of result: RunResult) {
    let shares = LoadShare.rows(of: result)
    for statistics in result.spread {
      let own = shares.filter { $0.endpoint.target == statistics.target }
      let line = SpreadLine(statistics, target: result.targets[statistics.target], shares: own)
      if let index = spreadLines.firstIndex(where: { $0.target == line.target }) {
        spreadLines[index].add(line)
      } else {
        spreadLines.append(line)
      }
    }
  }

  /// Latencies of completed attempts only: how long a loss took says how patient the client was.
  private mutating func addLatency(of result: RunResult) {
    for row in result.latency where row.outcome == .completed && row.histogram.count > 0 {
      let target = result.targets[row.target]
      if let index = latencyLines.firstIndex(where: { $0.target == target && $0.phase == row.phase }) {
        latencyLines[index].histogram.merge(row.histogram)
        latencyLines[index].note(row.histogram)
      } else {
        var line = LatencyLine(target: target, phase: row.phase, histogram: row.histogram)
        line.note(row.histogram)
        latencyLines.append(line)
      }
    }
  }
}

extension RunSummary {
  /// Connections of one cause.
  struct CauseCount: Sendable {
    var cause: Cause
    var lost = 0
    var misdelivered = 0
    var connections: Int { lost + misdelivered }
  }

  /// Causes that occurred, most connections first; equal ones in the order of the but-for test.
  func causes(_ count: (CauseCount) -> Int) -> [CauseCount] {
    causeCounts.enumerated().filter { count($1) > 0 }
      .sorted { (count($1.element), $0.offset) < (count($0.element), $1.offset) }.map(\.element)
  }

  /// How evenly one target's connections were spread.
  struct SpreadLine: Sendable {
    var target: TargetName
    var endpoints: Int
    var connections: Int
    /// Least and greatest share of an endpoint, as observed and as the decisions' probabilities made one
    /// expect.
    var observed: ClosedRange<Double>?
    var expected: ClosedRange<Double>?
    var maxOverMean: Double?
    /// Of one replication; nil over several.
    var pValue: Double?
    /// max/mean of each replication that has one.
    var maxOverMeans: [Double] = []

    init(_ statistics: SpreadStatistics, target: TargetName, shares: [LoadShare]) {
      self.target = target
      endpoints = statistics.endpoints
      connections = statistics.connections
      observed = Self.range(shares.compactMap(\.share))
      expected = Self.range(shares.compactMap(\.expectedShare))
      maxOverMean = statistics.maxOverMean
      pValue = statistics.pValue
      maxOverMeans = [statistics.maxOverMean].compactMap { $0 }
    }

    mutating func add(_ other: SpreadLine) {
      endpoints = max(endpoints, other.endpoints)
      connections += other.connections
      observed = Self.union(observed, other.observed)
      expected = Self.union(expected, other.expected)
      maxOverMean = [maxOverMean, other.maxOverMean].compactMap { $0 }.max()
      pValue = nil
      maxOverMeans += other.maxOverMeans
    }

    private static func range(_ values: [Double]) -> ClosedRange<Double>? {
      guard let low = values.min(), let high = values.max() else { return nil }
      return low...high
    }
    private static func union(_ a: ClosedRange<Double>?, _ b: ClosedRange<Double>?) -> ClosedRange<Double>? {
      guard let a, let b else { return a ?? b }
      return min(a.lowerBound, b.lowerBound)...max(a.upperBound, b.upperBound)
    }
  }

  /// Latencies of one target's completed attempts in one phase.
  struct LatencyLine: Sendable {
    var target: TargetName
    var phase: LatencyPhase
    var histogram: LatencyHistogram
    /// Quantiles in ms of each replication that has some, by quantile.
    var quantiles: [Double: [Double]] = [:]

    static let shown = [0.5, 0.9, 0.99]

    mutating func note(_ replication: LatencyHistogram) {
      for quantile in Self.shown {
        guard let value = replication.milliseconds(quantile: quantile) else { continue }
        quantiles[quantile, default: []].append(value)
      }
    }
  }

  /// How old the tables were.
  public struct Staleness: Sendable {
    /// The node with the oldest table, how old it was, when, and how many Services it had wrong then.
    public private(set) var worst: (node: String, age: SimDuration, at: SimTime, servicesWrong: Int)?
    /// Rows of staleness.csv, and those with a change not programmed.
    public private(set) var rows = 0
    public private(set) var staleRows = 0
    public private(set) var syncs = 0
    /// Syncs that took in changes, and their programming latency.
    public private(set) var syncsWithChanges = 0
    public private(set) var programmingLatencySum = 0.0
    public private(set) var slowest: (node: String, latency: SimDuration, at: SimTime)?

    /// Seconds; nil without syncs that took in changes.
    public var programmingLatencyMean: Double? {
      syncsWithChanges > 0 ? programmingLatencySum / Double(syncsWithChanges) : nil
    }

    mutating func add(_ result: RunResult) {
      for row in result.staleness {
        rows += 1
        if row.age > .zero { staleRows += 1 }
        if row.age > (worst?.age ?? .zero) { worst = (row.node, row.age, row.binStart, row.servicesWrong) }
      }
      for sync in result.syncs {
        syncs += 1
        guard let latency = sync.programmingLatency else { continue }
        syncsWithChanges += 1
        programmingLatencySum += latency.seconds
        if latency > (slowest?.latency ?? .zero) { slowest = (sync.node, latency, sync.start) }
      }
    }
  }
}
