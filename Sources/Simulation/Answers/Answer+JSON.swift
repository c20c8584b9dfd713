// SPDX-License-Identifier: GPL-3.0-or-later
//
// An answer for programs.

import Scenario
import SimKernel

extension Answer {
  /// null = not known, or no formula.
  public var json: JSONText {
    .members([
      "scenario": .string(scenario),
      "path": .string(path),
      "question": .string(question),
      "issues": .array(issues.map { .string($0) }),
      "answer": .string(sentence),
      "replications": .integer(replications),
      "duration_s": .number(duration.seconds),
      "seed": .unsigned(seed),
      "confidence": .number(Comparison.confidence),
      "figures": .array(figures.map(Self.json)),
    ])
  }

  private static func json(_ figure: Figure) -> JSONText {
    .members([
      "name": .string(figure.settings.name),
      "variant": .string(figure.variant),
      "metric": .string(figure.settings.metric.description),
      "unit": .string(figure.unit),
      "mean": .optional(figure.mean),
      "standard_error": .optional(figure.standardError),
      "ci_low": .optional(figure.interval?.low),
      "ci_high": .optional(figure.interval?.high),
      "n": .integer(figure.count),
      "predicted": .optional(figure.settings.predicted),
      "formula": .optional(figure.settings.formula),
      "z": .optional(figure.z),
    ])
  }
}
