// SPDX-License-Identifier: GPL-3.0-or-later
//
// A comparison for programs. Names follow comparison.csv; null = nothing observed.

import SimKernel

extension Comparison {
  func json(files: String?) -> JSONText {
    .members([
      "scenario": .string(scenario),
      "question": .string(question),
      "replications": .integer(replications),
      "duration_s": .number(duration.seconds),
      "seed": sides[0].identity.map { .unsigned($0.seed) } ?? .null,
      "confidence": .number(Self.confidence),
      "variants": .array(sides.map(Self.sideJSON)),
      "same_arrivals": .bool(desynchronised.isEmpty),
      "desynchronised": .array(
        desynchronised.map { other in
          .members([
            "variant": .string(other.variant),
            "replications": .array(other.replications.map { .integer($0) }),
          ])
        }),
      "closed_loop_clients": .array(closedLoopClients.map { .string($0) }),
      "metrics": .array(metrics.filter { $0.means.contains { $0 != nil } }.map(metricJSON)),
      "conclusions": .array(conclusions.map { .string($0) }),
      "notes": .array(notes.map { .string($0) }),
      "files": .optional(files),
    ])
  }

  private static func sideJSON(_ side: Side) -> JSONText {
    .members([
      "variant": .string(side.name),
      "proxy_mode": .optional(side.identity?.proxyMode),
      "run_id": .optional(side.identity?.runID),
      "arrival_digests": .array(side.arrivalDigests.map { .string(Hexadecimal.digits($0)) }),
    ])
  }

  private func metricJSON(_ metric: MetricComparison) -> JSONText {
    let means = zip(sides, metric.means).map { JSONText.Member($0.name, .optional($1)) }
    return .members([
      "metric": .string(metric.metric),
      "unit": .string(metric.unit),
      "means": .object(means),
      "pairs": .array(metric.pairs.filter { $0.replications > 0 }.map(pairJSON)),
    ])
  }

  private func pairJSON(_ pair: MetricPair) -> JSONText {
    let (interval, ratio) = (pair.interval, pair.ratioInterval)
    return .members([
      "variant": .string(sides[pair.second].name),
      "baseline": .string(sides[pair.first].name),
      "difference": .optional(pair.difference?.mean),
      "ci_low": .optional(interval?.low),
      "ci_high": .optional(interval?.high),
      "ratio": .optional(pair.ratio?.ratio),
      "ratio_ci_low": .optional(ratio?.low),
      "ratio_ci_high": .optional(ratio?.high),
      "p_value": .optional(pair.pValue),
      "p_adjusted": .optional(pair.adjustedPValue),
      "replications": .integer(pair.replications),
    ])
  }
}
