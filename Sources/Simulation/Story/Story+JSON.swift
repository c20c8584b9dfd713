// SPDX-License-Identifier: GPL-3.0-or-later
//
// The story as JSON. docs/explain.md describes every member; their order is fixed.

import SimKernel

extension Story {
  public var json: JSONText {
    .members([
      "scenario": .string(scenario), "question": .string(question),
      "issues": .array(issues.map { .string($0) }), "seed": .unsigned(seed),
      "replication": .integer(replication), "mode": .string(mode), "duration_s": .number(duration.seconds),
      "answer": .string(answer), "attempted": .integer(attempted), "loss_ratio": .optional(lossRatio),
      "misdelivered": .integer(misdelivered), "lost": Self.json(lost),
      "without_incident": Self.json(unattributed),
      "incidents": .array(incidents.map { Self.json($0) }),
      "remedies": remedies.map { .array($0.map(Self.json)) } ?? .null,
    ])
  }

  private static func json(_ row: CounterfactualRuns.Row) -> JSONText {
    .members([
      "with": .string(row.change.name), "saved": .integer(row.saved),
      "lost_only_then": .integer(row.alsoLost), "lost": .integer(row.lost),
      "same_arrivals": .bool(row.hasSameArrivals),
    ])
  }

  private static func json(_ losses: Losses) -> JSONText {
    func map(_ list: [(name: String, count: Int)]) -> JSONText {
      .object(list.map { .init($0.name, .integer($0.count)) })
    }
    return .members([
      "connections": .integer(losses.count), "by_cause": map(losses.byCause),
      "by_service": map(losses.byService), "by_client": map(losses.byClient),
    ])
  }

  private static func json(_ incident: Incident) -> JSONText {
    .members([
      "t_s": .number(incident.time.seconds), "title": .string(incident.title), "lost": json(incident.losses),
      "strands": .array(
        incident.strands.map { strand in
          .members([
            "title": .string(strand.title), "lost": json(strand.losses),
            "steps": .array(strand.steps.map { json($0, from: incident.time) }),
          ])
        }),
    ])
  }

  private static func json(_ step: Step, from start: SimTime) -> JSONText {
    .members([
      "t_s": .number(step.time.seconds), "after_s": .number((step.time - start).seconds),
      "what": .string(step.what), "lost_until_next": json(step.lostUntilNext),
    ])
  }
}
