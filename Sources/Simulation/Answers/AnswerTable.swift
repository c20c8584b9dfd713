// SPDX-License-Identifier: GPL-3.0-or-later
//
// The figures of answers as one tidy table: those with a formula beside them are the project's test against
// theory over replications, as theory.csv is within one run.

import Scenario
import SimStatistics

/// A CSV table of figures.
public enum AnswerTable {
  static let columns = [
    "scenario", "variant", "figure", "metric", "unit", "replications", "simulated", "standard_error",
    "ci_low",
    "ci_high", "predicted", "z", "formula",
  ]

  /// - Parameter onlyPredicted: figures without a formula are left out.
  public static func csv(_ answers: [Answer], onlyPredicted: Bool) -> String {
    var bytes: [UInt8] = []
    var table = CSVWriter(columns: columns) { bytes.append(contentsOf: $0) }
    do {
      for answer in answers {
        for figure in answer.figures where !onlyPredicted || figure.settings.predicted != nil {
          table.cell(answer.scenario)
          table.cell(figure.variant)
          table.cell(figure.settings.name)
          table.cell(figure.settings.metric.description)
          table.cell(figure.unit)
          table.cell(figure.count)
          table.cell(figure.mean)
          table.cell(figure.standardError)
          table.cell(figure.interval?.low)
          table.cell(figure.interval?.high)
          table.cell(figure.settings.predicted)
          table.cell(figure.z)
          table.cell(figure.settings.formula)
          try table.endRow()
        }
      }
      try table.finish()
    } catch {
      preconditionFailure("memory takes every byte: \(error)")
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
