// SPDX-License-Identifier: GPL-3.0-or-later
//
// A comparison for programs. Names follow comparison.csv; null = nothing observed.

import SimKernel

extension Comparison {
  func json(files: String?) -> JSONText {
    let latencies = replications > 1 ? self.latencies() : []
    return .members([
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
      "load_balance": .array(loadBalance.map(Self.loadJSON)),
      "latency": .array(latencies.map(latencyJSON)),
      "rankings": .array(rankings.map(rankingJSON)),
      "headline": .string(headlineSentence),
      "conclusions": .array(conclusions(latencies).map { .string($0) }),
      "weaknesses": .array(weaknesses.map(Self.weaknessJSON)),
      "notes": .array(notes.map { .string($0) }),
      "command": .optional(command.isEmpty ? nil : command),
      "files": .optional(files),
    ])
  }

  private static func sideJSON(_ side: Side) -> JSONText {
    .members([
      "variant": .string(side.name),
      "scenario": .optional(side.identity?.scenario),
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
      "method": .string(pair.method.rawValue),
      "correlation": .optional(pair.gain?.correlation),
      "variance_reduction": .optional(pair.savedReplications),
      "smaller": .optional(pair.superiority?.smaller),
      "equal": .optional(pair.superiority?.equal),
      "larger": .optional(pair.superiority?.larger),
      "standardized_difference": .optional(pair.standardizedDifference),
    ])
  }

  private static func loadJSON(_ row: LoadBalance) -> JSONText {
    .members([
      "variant": .string(row.variant),
      "cv": .number(row.variation),
      "expected_cv": .number(row.expectedVariation),
      "excess_cv": .number(row.excess.mean),
      "ci_low": .optional(row.interval?.low),
      "ci_high": .optional(row.interval?.high),
      "jain": .optional(row.jain),
      "gini": .optional(row.gini),
      "chi_square": .optional(row.test?.statistic),
      "degrees_of_freedom": .optional(row.test?.degreesOfFreedom),
      "p_value": .optional(row.test?.pValue),
      "untested": .integer(row.untested),
    ])
  }

  private func latencyJSON(_ latency: LatencyComparison) -> JSONText {
    .members([
      "phase": .string(latency.phase.rawValue),
      "variant": .string(sides[latency.second].name),
      "baseline": .string(sides[latency.first].name),
      "ks_distance": .number(latency.distance),
      "at_ms": .number(latency.at),
      "share": .number(latency.secondShare),
      "baseline_share": .number(latency.firstShare),
      "shift_ms": .number(latency.shift),
      "p_value": .optional(latency.pValue),
      "p_adjusted": .optional(latency.adjustedPValue),
    ])
  }

  private func rankingJSON(_ ranking: Ranking) -> JSONText {
    .members([
      "title": .string(ranking.title),
      "best": .array(ranking.best.map { .string($0) }),
      "probability": .optional(ranking.probability),
      "share_best": ranking.shareBest.map { shares in
        .object(zip(sides, shares).map { JSONText.Member($0.name, .number($1)) })
      } ?? .null,
      "groups": .array(ranking.groups.map { .array($0.map { .string($0.name) }) }),
    ])
  }

  private static func weaknessJSON(_ weakness: Weakness) -> JSONText {
    .members([
      "metric": .string(weakness.metric),
      "variant": .string(weakness.variant),
      "baseline": .optional(weakness.baseline),
      "weakness": .string(weakness.weakness.name),
      "words": .string("\(weakness.weakness)"),
    ])
  }
}
