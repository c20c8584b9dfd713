// SPDX-License-Identifier: GPL-3.0-or-later
//
// The part of a result that a metric's labels leave.

import NetworkTypes
import Scenario
import SimKernel
import SimStatistics

/// A result, seen through labels.
struct MetricScope: Sendable {
  let result: RunResult
  private let labels: [MetricSelector.Label]

  init(_ result: RunResult, _ selector: MetricSelector) {
    self.result = result
    labels = selector.labels
  }

  /// The metrics of summary.csv, which take no labels.
  var summary: [SummaryMetric] { SummaryMetric.values(of: result) }

  /// Whether a row fits what the labels say of it; a label that `facts` does not name says nothing of it.
  private func fits(_ facts: [(name: String, text: String)]) -> Bool {
    labels.allSatisfy { label in
      facts.first { $0.name == label.name }.map { label.matches($0.text) } ?? true
    }
  }

  private func place(_ target: Int) -> [(name: String, text: String)] {
    let target = result.targets[target]
    return [("service", target.service), ("port", target.port)]
  }

  // MARK: Attempts

  /// Attempts that fit all labels and a condition.
  func count(_ condition: (AttemptGroup) -> Bool) -> Double {
    var sum = 0
    for group in result.groups where condition(group) {
      let facts =
        place(group.target) + [
          ("client", result.clients[group.client]), ("outcome", group.outcome.rawValue),
          ("cause", group.cause?.rawValue ?? ""),
        ]
      if fits(facts) { sum += group.count }
    }
    return Double(sum)
  }

  /// Attempts that count in a loss ratio: of the Service and client, whatever became of them.
  var decided: Double {
    var sum = 0
    for group in result.groups where group.outcome.countsAsAttempted {
      if fits(place(group.target) + [("client", result.clients[group.client])]) { sum += group.count }
    }
    return Double(sum)
  }

  /// Starts of listed lost attempts, in seconds.
  var lossTimes: [Double] {
    result.lost.filter { row in
      row.outcome.isLost
        && fits(
          place(row.target) + [
            ("client", result.clients[row.client]), ("outcome", row.outcome.rawValue),
            ("cause", row.cause.rawValue),
          ])
    }.map { ($0.start - SimTime.zero).seconds }
  }

  // MARK: Latency and load

  func latency(of phase: LatencyPhase) -> LatencyHistogram {
    let saysOutcome = labels.contains { $0.name == "outcome" }
    var merged = LatencyHistogram()
    for row in result.latency where row.phase == phase {
      guard saysOutcome || row.outcome == .completed,
        fits(place(row.target) + [("outcome", row.outcome.rawValue)])
      else { continue }
      merged.merge(row.histogram)
    }
    return merged
  }

  func spread(_ value: (SpreadStatistics) -> Double?) -> Double? {
    var (sum, weight) = (0.0, 0.0)
    for row in result.spread where fits(place(row.target)) {
      guard let value = value(row) else { continue }
      sum += value * Double(row.connections)
      weight += Double(row.connections)
    }
    return weight > 0 ? sum / weight : nil
  }

  /// Endpoints of the Service; if `narrowed`, those that the other labels fit too.
  func shares(narrowed: Bool) -> [EndpointShare] {
    result.shares.filter { row in
      let own = narrowed ? [("pod", row.pod), ("node", row.node), ("ip", row.ip)] : []
      return fits(place(row.target) + own)
    }
  }

  // MARK: Cluster

  var syncs: [ProxySyncRow] { result.syncs.filter { fits([("node", $0.node), ("kind", $0.kind)]) } }

  var events: [ClusterEventRow] {
    result.events.filter { fits([("object", $0.object), ("action", $0.action), ("detail", $0.detail)]) }
  }

  /// The smallest of the values that a share of them does not exceed; nil without values.
  static func quantile(_ share: Double, of values: [Double]) -> Double? {
    guard !values.isEmpty else { return nil }
    let rank = Int((share * Double(values.count)).rounded(.up))
    return values.sorted()[max(0, min(values.count, rank) - 1)]
  }
}
