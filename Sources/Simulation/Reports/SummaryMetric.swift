// SPDX-License-Identifier: GPL-3.0-or-later
//
// The rows of summary.csv: which metrics there are, in which units, and how each follows from a result. Every
// metric is written in every run, so that runs can be set side by side without guessing at missing rows.

import NetworkTypes
import SimKernel
import SimStatistics

/// One metric of one run.
public struct SummaryMetric: Sendable, Equatable {
  public var metric: String
  public var unit: String
  public var value: Double?
  public var low: Double?
  public var high: Double?
  /// Observations behind a ratio, mean or quantile.
  public var n: Int?

  static let units = [
    "connections", "operations", "retries", "requests", "ratio", "s", "ms", "packets", "events",
    "syncs", "entries", "rules", "services", "lookups", "queries", "timeouts",
  ]

  /// Name, unit and meaning of every metric, in the order of the rows.
  public static let catalogue: [(metric: String, unit: String, meaning: String)] =
    definitions.map { ($0.metric, $0.unit, $0.meaning) }

  static func values(of result: RunResult) -> [SummaryMetric] {
    let facts = MetricFacts(result)
    return definitions.map { definition in
      var row = SummaryMetric(metric: definition.metric, unit: definition.unit)
      definition.fill(&row, facts)
      if let estimate = result.steadyState.first(where: { $0.metric == row.metric }) {
        let interval = estimate.interval(ofWhole: row.value)
        (row.low, row.high) = (interval?.low, interval?.high)
      }
      return row
    }
  }
}

/// What several metrics need of a result, worked out once.
private struct MetricFacts {
  var result: RunResult
  var byOutcome: [Outcome: Int] = [:]
  /// Lost and misdelivered alike.
  var byCause: [Cause: Int] = [:]
  var latency: [LatencyPhase: LatencyHistogram] = [:]
  var decided = 0

  init(_ result: RunResult) {
    self.result = result
    for group in result.groups {
      byOutcome[group.outcome, default: 0] += group.count
      if let cause = group.cause { byCause[cause, default: 0] += group.count }
      if group.outcome.countsAsAttempted { decided += group.count }
    }
    for row in result.latency where row.outcome == .completed {
      latency[row.phase, default: LatencyHistogram()].merge(row.histogram)
    }
  }
}

private struct MetricDefinition: Sendable {
  var metric: String
  var unit: String
  var meaning: String
  var fill: @Sendable (inout SummaryMetric, MetricFacts) -> Void

  init(
    _ metric: String, _ unit: String, _ meaning: String,
    fill: @escaping @Sendable (inout SummaryMetric, MetricFacts) -> Void
  ) {
    precondition(SummaryMetric.units.contains(unit), "unit \(unit) of \(metric) is not in the list")
    self.metric = metric
    self.unit = unit
    self.meaning = meaning
    self.fill = fill
  }

  static func value(
    _ metric: String, _ unit: String, _ meaning: String, _ value: @escaping @Sendable (MetricFacts) -> Double?
  ) -> MetricDefinition {
    MetricDefinition(metric, unit, meaning) { row, facts in row.value = value(facts) }
  }

  static func count(
    _ metric: String, _ unit: String, _ meaning: String, _ value: @escaping @Sendable (MetricFacts) -> Int
  ) -> MetricDefinition {
    .value(metric, unit, meaning) { Double(value($0)) }
  }

  /// A share. Without an interval: losses come in bursts, so one over connections, as if they were
  /// independent, would be far too narrow, and one replication says nothing of the spread between
  /// replications.
  static func ratio(
    _ metric: String, _ meaning: String,
    _ value: @escaping @Sendable (MetricFacts) -> (part: Int, whole: Int)
  ) -> MetricDefinition {
    MetricDefinition(metric, "ratio", meaning) { row, facts in
      let (part, whole) = value(facts)
      row.n = whole
      if whole > 0 { row.value = Double(part) / Double(whole) }
    }
  }
}

private let definitions: [MetricDefinition] =
  attemptMetrics + outcomeMetrics + causeMetrics + operationMetrics + latencyMetrics + loadMetrics
  + tableMetrics + clusterMetrics + runMetrics

private let attemptMetrics: [MetricDefinition] = [
  .count("attempted", "connections", "Attempts, each on a new or a pooled connection.") {
    $0.result.attempted
  },
  .count("lost", "connections", "Attempts with an outcome that is a loss.") { $0.result.lostCount },
  .ratio(
    "loss_ratio",
    "lost / (attempted - unfinished - client_gone), of this replication alone, so without an interval."
  ) {
    ($0.result.lostCount, $0.decided)
  },
]

private let outcomeMetrics: [MetricDefinition] = Outcome.allCases.map { outcome in
  .count("outcome.\(outcome.rawValue)", "connections", "Attempts with the outcome \(outcome.rawValue).") {
    $0.byOutcome[outcome, default: 0]
  }
}

private let causeMetrics: [MetricDefinition] = Cause.allCases.map { cause in
  .count(
    "cause.\(cause.rawValue)", "connections",
    "Lost or misdelivered attempts with the cause \(cause.rawValue)."
  ) {
    $0.byCause[cause, default: 0]
  }
}

private let operationMetrics: [MetricDefinition] = [
  .count("operations", "operations", "Operations that clients wanted.") { $0.result.operations },
  .count("operations_lost", "operations", "Operations lost after all retries.") { $0.result.operationsLost },
  .ratio(
    "operation_loss_ratio", "operations_lost / operations, of this replication alone, so without an interval."
  ) {
    ($0.result.operationsLost, $0.result.operations)
  },
  .count("retries", "retries", "Attempts beyond the first of their operation.") { $0.result.retries },
  .count("requests_completed", "requests", "Requests answered.") { $0.result.requestsCompleted },
  .count("dns_lookups", "lookups", "Names looked up by packets (cluster.dns.servers).") {
    $0.result.dns.lookups
  },
  .count("dns_queries", "queries", "DNS queries that clients sent for them, retries included.") {
    $0.result.dns.queries
  },
  .ratio("dns_queries_per_lookup", "dns_queries / dns_lookups.") {
    ($0.result.dns.queries, $0.result.dns.lookups)
  },
  .count("dns_timeouts", "timeouts", "Times that a client's resolver waited for an answer in vain.") {
    $0.result.dns.timeouts
  },
  .ratio("dns_timeout_ratio", "dns_timeouts / dns_lookups.") {
    ($0.result.dns.timeouts, $0.result.dns.lookups)
  },
]

private let latencyMetrics: [MetricDefinition] = LatencyPhase.allCases.flatMap { phase in
  func metric(
    _ name: String, _ meaning: String, _ value: @escaping @Sendable (LatencyHistogram) -> Double?
  ) -> MetricDefinition {
    MetricDefinition(
      "\(phase.rawValue)_\(name)", "ms", "\(meaning) of phase \(phase.rawValue), completed attempts."
    ) {
      row, facts in
      let histogram = facts.latency[phase] ?? LatencyHistogram()
      row.n = histogram.count
      row.value = value(histogram)
    }
  }
  return [
    metric("mean", "Mean") { $0.meanMilliseconds },
    metric("p01", "1st percentile") { $0.milliseconds(quantile: 0.01) },
    metric("p50", "Median") { $0.milliseconds(quantile: 0.5) },
    metric("p90", "90th percentile") { $0.milliseconds(quantile: 0.9) },
    metric("p99", "99th percentile") { $0.milliseconds(quantile: 0.99) },
    metric("max", "Maximum") { $0.maxMilliseconds },
  ]
}

/// Over all Service ports, each weighted by its connections.
private let loadMetrics: [MetricDefinition] = {
  func metric(
    _ name: String, _ meaning: String, _ value: @escaping @Sendable (SpreadStatistics) -> Double?
  ) -> MetricDefinition {
    .value(name, "ratio", meaning + " Mean over Service ports, weighted by connections.") { facts in
      var (sum, weight) = (0.0, 0.0)
      for row in facts.result.spread {
        guard let value = value(row) else { continue }
        sum += value * Double(row.connections)
        weight += Double(row.connections)
      }
      return weight > 0 ? sum / weight : nil
    }
  }
  return [
    metric("load_max_over_mean", "Most connections of an endpoint / mean.") { $0.maxOverMean },
    metric("load_cv", "Standard deviation / mean of connections per endpoint.") { $0.cv },
    metric("load_expected_cv", "The same as the decisions' probabilities make one expect.") { $0.expectedCV },
  ]
}()

private let tableMetrics: [MetricDefinition] = [
  .value(
    "rules_per_node", "rules",
    "Rules or entries in a node's table at the end, mean over nodes (a few of them in large clusters)."
  ) {
    $0.result.rulesPerNode
  },
  .value("staleness_mean", "s", "Mean age of the oldest change not programmed, over node × bin.") {
    mean($0.result.staleness.map(\.age.seconds))
  },
  .value("services_wrong_mean", "services", "Services that a node has wrong, mean over node × bin.") {
    mean($0.result.staleness.map { Double($0.servicesWrong) })
  },
  .value("services_wrong_max", "services", "Most Services that a node had wrong at the end of a bin.") {
    $0.result.staleness.map { Double($0.servicesWrong) }.max()
  },
  .value("sync_duration_mean", "ms", "Mean duration of a sync.") {
    mean($0.result.syncs.map(\.duration.milliseconds))
  },
  .value("sync_duration_total", "s", "Duration of all syncs of all nodes together.") {
    $0.result.syncs.reduce(0) { $0 + $1.duration.seconds }
  },
]

private func programmingQuantile(_ name: String, _ p: Double) -> MetricDefinition {
  MetricDefinition(
    "network_programming_\(name)", "s",
    "Quantile \(name) of kubeproxy_network_programming_duration_seconds, all nodes together."
  ) { row, facts in
    row.n = facts.result.programming.count
    row.value = facts.result.programming.quantile(p)?.seconds
  }
}

private func mean(_ values: [Double]) -> Double? {
  values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
}

private let clusterMetrics: [MetricDefinition] = [
  .value(
    "staleness_max", "s", "Greatest age of a change that a node had not programmed, at the end of a bin."
  ) {
    $0.result.staleness.map(\.age).max()?.seconds
  },
  .value("stale_time_ratio", "ratio", "Share of node × bin with a change not programmed at its end.") {
    let rows = $0.result.staleness
    guard !rows.isEmpty else { return nil }
    return Double(rows.count { $0.age > .zero }) / Double(rows.count)
  },
  MetricDefinition("programming_latency_mean", "ms", "Mean programming latency of syncs with changes.") {
    row, facts in
    let latencies = facts.result.syncs.compactMap { $0.programmingLatency?.milliseconds }
    row.n = latencies.count
    row.value = latencies.isEmpty ? nil : latencies.reduce(0, +) / Double(latencies.count)
  },
  .value("programming_latency_max", "ms", "Greatest programming latency of a sync.") {
    $0.result.syncs.compactMap(\.programmingLatency).max()?.milliseconds
  },
  .count("syncs", "syncs", "Syncs of all nodes.") { $0.result.syncs.count },
  programmingQuantile("p50", 0.5),
  programmingQuantile("p90", 0.9),
  programmingQuantile("p99", 0.99),
  .count("cluster_events", "events", "Rows of events.csv.") { $0.result.events.count },
  .count("conntrack_peak", "entries", "Most conntrack entries at a time, all nodes together.") {
    $0.result.conntrackPeak
  },
]

private let runMetrics: [MetricDefinition] = [
  .count("packets", "packets", "Packets that were routed.") { $0.result.packets },
  .count("simulation_events", "events", "Events that the engine handled.") { $0.result.simulationEvents },
  .value("duration", "s", "Simulated time in which operations could begin.") { $0.result.duration.seconds },
  .value("warm_up", "s", "Simulated time at the start that is not counted.") { $0.result.warmUp.seconds },
  .value("drained_at", "s", "When the last attempt was decided.") { $0.result.drainedAt.seconds },
]
