// SPDX-License-Identifier: GPL-3.0-or-later
//
// The numbers that answers, thresholds and targets are made of: every metric of summary.csv, and metrics that
// labels narrow down to a Service, a client, a pod. One replication gives one sample; what the samples say
// together is MetricEstimate's.

import NetworkTypes
import Scenario
import SimKernel
import SimStatistics

/// What one replication says of a metric.
public enum MetricSample: Sendable, Equatable {
  /// nil: the replication has nothing to say, such as a latency without connections.
  case value(Double?)
  /// Averaged over replications as a ratio of sums.
  case ratio(part: Double, whole: Double)
}

/// A metric with the labels that it takes.
public struct LabelledMetric: Sendable {
  public let name: String
  public let unit: String
  public let meaning: String
  public let labels: [String]
  let sample: @Sendable (MetricScope) -> MetricSample

  /// Metrics that take labels, then those of summary.csv, which take none; a name is in it once.
  public static let catalogue: [LabelledMetric] = labelled + unlabelled

  /// By name; the unit may stand behind it (`connect_p99_ms`), and `load_balance_` before what is called
  /// `load_`.
  static func named(_ name: String) -> LabelledMetric? {
    if let metric = byName[name] { return metric }
    let longer = "load_balance_"
    if name.hasPrefix(longer) { return named("load_" + name.dropFirst(longer.count)) }
    guard let mark = name.lastIndex(of: "_"), let metric = byName[String(name[..<mark])] else { return nil }
    return metric.unit == name[name.index(after: mark)...] ? metric : nil
  }

  private static let byName: [String: LabelledMetric] = Dictionary(
    uniqueKeysWithValues: catalogue.map { ($0.name, $0) })

  private static let unlabelled: [LabelledMetric] = {
    let taken = Set(labelled.map(\.name))
    return SummaryMetric.catalogue.enumerated().filter { !taken.contains($0.element.metric) }.map {
      index, entry in
      LabelledMetric(name: entry.metric, unit: entry.unit, meaning: entry.meaning, labels: []) { scope in
        scope.summary[index].sample
      }
    }
  }()

  private static let labelled =
    attemptMetrics + outcomeMetrics + causeMetrics + timeMetrics + latencyMetrics + loadMetrics + shareMetrics
    + syncMetrics + [eventTime]
}

private let attemptLabels = ["service", "port", "client", "outcome", "cause"]

private let attemptMetrics: [LabelledMetric] = [
  LabelledMetric(
    name: "attempted", unit: "connections", meaning: "Attempts.", labels: ["service", "port", "client"]
  ) { .value($0.count { _ in true }) },
  LabelledMetric(
    name: "lost", unit: "connections", meaning: "Attempts that were lost.", labels: attemptLabels
  ) { .value($0.count(\.outcome.isLost)) },
  LabelledMetric(
    name: "loss_ratio", unit: "ratio",
    meaning: "Attempts that were lost, with this outcome and cause, of all that were decided.",
    labels: attemptLabels
  ) { .ratio(part: $0.count(\.outcome.isLost), whole: $0.decided) },
  LabelledMetric(
    name: "misdelivered", unit: "connections", meaning: "Attempts that something else answered.",
    labels: attemptLabels
  ) { .value($0.count { $0.outcome == .misdelivered }) },
]

private let outcomeMetrics = Outcome.allCases.map { outcome in
  LabelledMetric(
    name: "outcome.\(outcome.rawValue)", unit: "connections",
    meaning: "Attempts with the outcome \(outcome.rawValue).", labels: ["service", "port", "client", "cause"]
  ) { .value($0.count { $0.outcome == outcome }) }
}

private let causeMetrics = Cause.allCases.map { cause in
  LabelledMetric(
    name: "cause.\(cause.rawValue)", unit: "connections",
    meaning: "Lost or misdelivered attempts with the cause \(cause.rawValue).",
    labels: ["service", "port", "client", "outcome"]
  ) { .value($0.count { $0.cause == cause }) }
}

private let timeMetrics: [LabelledMetric] = [
  LabelledMetric(
    name: "first_loss", unit: "s", meaning: "Start of the first attempt that was lost.", labels: attemptLabels
  ) { .value($0.lossTimes.min()) },
  LabelledMetric(
    name: "last_loss", unit: "s", meaning: "Start of the last attempt that was lost.", labels: attemptLabels
  ) { .value($0.lossTimes.max()) },
  LabelledMetric(
    name: "loss_span", unit: "s", meaning: "From the first attempt that was lost to the last.",
    labels: attemptLabels
  ) { scope in
    let times = scope.lossTimes
    guard let first = times.min(), let last = times.max() else { return .value(0) }
    return .value(last - first)
  },
]

private let latencyMetrics: [LabelledMetric] = LatencyPhase.allCases.flatMap { phase in
  let quantiles: [(String, Double)] = [
    ("p01", 0.01), ("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999),
  ]
  func metric(
    _ name: String, _ meaning: String, _ value: @escaping @Sendable (LatencyHistogram) -> Double?
  ) -> LabelledMetric {
    LabelledMetric(
      name: "\(phase.rawValue)_\(name)", unit: "ms",
      meaning: "\(meaning) of phase \(phase.rawValue), of completed attempts unless `outcome` says others.",
      labels: ["service", "port", "outcome"]
    ) { .value(value($0.latency(of: phase))) }
  }
  return [metric("mean", "Mean") { $0.meanMilliseconds }]
    + quantiles.map { name, share in metric(name, "Quantile \(share)") { $0.milliseconds(quantile: share) } }
    + [metric("max", "Maximum") { $0.maxMilliseconds }]
}

private let loadMetrics: [LabelledMetric] = {
  func metric(
    _ name: String, _ meaning: String, _ value: @escaping @Sendable (SpreadStatistics) -> Double?
  ) -> LabelledMetric {
    LabelledMetric(
      name: name, unit: "ratio",
      meaning: meaning + " Over several Service ports the mean weighted by connections.",
      labels: ["service", "port"]
    ) { .value($0.spread(value)) }
  }
  return [
    metric("load_max_over_mean", "Most connections of an endpoint / mean.") { $0.maxOverMean },
    metric("load_cv", "Standard deviation / mean of connections per endpoint.") { $0.cv },
    metric("load_expected_cv", "load_cv as the decisions' probabilities make one expect.") { $0.expectedCV },
    metric("load_jain", "Jain's index of connections per endpoint.") { $0.jain },
    metric("load_gini", "Gini coefficient of connections per endpoint.") { $0.gini },
  ]
}()

private let shareMetrics: [LabelledMetric] = {
  let labels = ["service", "port", "pod", "node", "ip"]
  func metric(
    _ name: String, _ meaning: String, _ value: @escaping @Sendable (EndpointShare) -> Double
  ) -> LabelledMetric {
    LabelledMetric(name: name, unit: "ratio", meaning: meaning, labels: labels) { scope in
      .ratio(
        part: scope.shares(narrowed: true).reduce(0) { $0 + value($1) },
        whole: scope.shares(narrowed: false).reduce(0) { $0 + value($1) })
    }
  }
  return [
    metric("connection_share", "Share of the Service's connections that these endpoints got.") {
      Double($0.connections)
    },
    metric("expected_share", "The same as the decisions' probabilities make one expect.") {
      $0.expectedConnections
    },
    metric("request_share", "Share of the Service's requests that these endpoints got.") {
      Double($0.requests)
    },
    LabelledMetric(
      name: "endpoint_connections", unit: "connections", meaning: "Connections that these endpoints got.",
      labels: labels
    ) { .value(Double($0.shares(narrowed: true).reduce(0) { $0 + $1.connections })) },
    LabelledMetric(
      name: "idle_endpoints", unit: "ratio", meaning: "Share of these endpoints without a connection.",
      labels: labels
    ) { scope in
      let shares = scope.shares(narrowed: true)
      return .ratio(part: Double(shares.count { $0.connections == 0 }), whole: Double(shares.count))
    },
  ]
}()

private let syncMetrics: [LabelledMetric] = ["p50", "p90", "p99", "max"].flatMap { name in
  let share = ["p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1][name]!
  return [
    LabelledMetric(
      name: "programming_latency_\(name)", unit: "ms",
      meaning: "Quantile \(share) of the programming latency of syncs with changes.",
      labels: ["node", "kind"]
    ) { scope in
      .value(MetricScope.quantile(share, of: scope.syncs.compactMap { $0.programmingLatency?.milliseconds }))
    },
    LabelledMetric(
      name: "sync_duration_\(name)", unit: "ms", meaning: "Quantile \(share) of the duration of syncs.",
      labels: ["node", "kind"]
    ) { .value(MetricScope.quantile(share, of: $0.syncs.map(\.duration.milliseconds))) },
  ]
}

private let eventTime = LabelledMetric(
  name: "event_time", unit: "s", meaning: "Time of the first such row of events.csv.",
  labels: ["object", "action", "detail"]
) { .value($0.events.map { ($0.time - SimTime.zero).seconds }.min()) }
