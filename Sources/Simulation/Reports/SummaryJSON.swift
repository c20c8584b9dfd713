// SPDX-License-Identifier: GPL-3.0-or-later
//
// The summary as JSON. Names follow the CSV files: units as suffixes, null = nothing observed.

import NetworkTypes
import SimKernel
import SimStatistics

extension RunSummary {
  func json(files: String?) -> JSONText {
    let document = members(files: files)
    guard !steadyState.isEmpty, case .object(var members) = document else { return document }
    let place = members.firstIndex { $0.key == "staleness" }!
    members.insert(.init("steady_state", steadyState.json), at: place)
    return .object(members)
  }

  private func members(files: String?) -> JSONText {
    .members([
      "run_id": .string(identity.runID),
      "scenario": .string(identity.scenario),
      "question": .string(question),
      "variant": .string(identity.variant),
      "proxy_mode": .string(identity.proxyMode),
      "seed": .unsigned(identity.seed),
      "replications": .integer(replications),
      "duration_s": .number(duration.seconds),
      "thresholds": thresholds.json,
      "attempted": .integer(attempted),
      "lost": .integer(lost),
      "loss_ratio": .optional(lossRatio),
      "loss_ratio_ci_low": .optional(lossInterval?.low),
      "loss_ratio_ci_high": .optional(lossInterval?.high),
      "operations": .integer(operations),
      "operations_lost": .integer(operationsLost),
      "retries": .integer(retries),
      "packets": .integer(packets),
      "outcomes": .object(outcomes.map { .init($0.outcome.rawValue, .integer($0.count)) }),
      "causes": .array(causes(\.lost).map { causeJSON($0, count: $0.lost, misdelivered: false) }),
      "misdelivered": .array(
        causes(\.misdelivered).map { causeJSON($0, count: $0.misdelivered, misdelivered: true) }),
      "load": .array(spreadLines.map(Self.spreadJSON)),
      "latency": .array(latencyLines.map(Self.latencyJSON)),
      "staleness": stalenessJSON,
      "notes": .array(allNotes.map { .string($0) }),
      "weaknesses": .array(
        weaknesses.map { .members(["metric": .string($0.what), "name": .string($0.weakness.name)]) }),
      "since_last_run": .array(changes.map { .string($0) }),
      "files": .optional(files),
    ])
  }

  private func causeJSON(_ cause: CauseCount, count: Int, misdelivered: Bool) -> JSONText {
    let worst = offenders.worst(of: cause.cause, misdelivered: misdelivered).map { offender in
      JSONText.members([
        "node": .optional(offender.node.isEmpty ? nil : offender.node),
        "client": .string(offender.client),
        "service": .string(offender.target.service),
        "port": .string(offender.target.port),
        "connections": .integer(offender.connections),
        "from_s": .number(offender.from.seconds),
        "to_s": .number(offender.to.seconds),
      ])
    }
    return .members([
      "cause": .string(cause.cause.rawValue),
      "connections": .integer(count),
      "worst": worst ?? .null,
    ])
  }

  private static func spreadJSON(_ line: SpreadLine) -> JSONText {
    .members([
      "service": .string(line.target.service),
      "port": .string(line.target.port),
      "endpoints": .integer(line.endpoints),
      "connections": .integer(line.connections),
      "share_min": .optional(line.observed?.lowerBound),
      "share_max": .optional(line.observed?.upperBound),
      "expected_share_min": .optional(line.expected?.lowerBound),
      "expected_share_max": .optional(line.expected?.upperBound),
      "max_over_mean": .optional(line.maxOverMean),
      "p_value": .optional(line.pValue),
    ])
  }

  private static func latencyJSON(_ line: LatencyLine) -> JSONText {
    .members([
      "service": .string(line.target.service),
      "port": .string(line.target.port),
      "phase": .string(line.phase.rawValue),
      "count": .integer(line.histogram.count),
      "mean_ms": .optional(line.histogram.meanMilliseconds),
      "p50_ms": .optional(line.histogram.milliseconds(quantile: 0.5)),
      "p90_ms": .optional(line.histogram.milliseconds(quantile: 0.9)),
      "p99_ms": .optional(line.histogram.milliseconds(quantile: 0.99)),
      "max_ms": .optional(line.histogram.maxMilliseconds),
    ])
  }

  private var stalenessJSON: JSONText {
    let share = staleness.rows > 0 ? Double(staleness.staleRows) / Double(staleness.rows) : nil
    return .members([
      "worst_node": .optional(staleness.worst?.node),
      "worst_age_s": .optional(staleness.worst?.age.seconds),
      "worst_at_s": .optional(staleness.worst?.at.seconds),
      "worst_services_wrong": .optional(staleness.worst?.servicesWrong),
      "stale_time_ratio": .optional(share),
      "syncs": .integer(staleness.syncs),
      "syncs_with_changes": .integer(staleness.syncsWithChanges),
      "programming_latency_mean_s": .optional(staleness.programmingLatencyMean),
      "programming_latency_max_s": .optional(staleness.slowest?.latency.seconds),
    ])
  }
}
