// SPDX-License-Identifier: GPL-3.0-or-later
//
// The table of formulas that apply to the run.

extension ReportTables {
  static let theory = ReportTable(
    file: "theory.csv", rowMeaning: "formula that applies × what it is about", rows: { $0.theory },
    columns: [
      .text("formula", "Name of the formula.", allowed: TheoryRow.Formula.allCases.map(\.rawValue)) {
        row, _ in
        row.formula.rawValue
      },
      .text("subject", "Client, Service port or node that it is about.") { row, _ in row.subject },
      .text(
        "unit", "Unit of predicted and simulated.",
        allowed: Array(Set(TheoryRow.Formula.allCases.map(\.unit))).sorted()
      ) { row, _ in row.formula.unit },
      .number("predicted", unit: nil, "What the formula gives.") { row, _ in row.predicted },
      .number("simulated", unit: nil, "What the run gave.") { row, _ in row.simulated },
      .number("standard_error", unit: nil, "Standard deviation of simulated, by the formula.") { row, _ in
        row.standardError
      },
      .number("z", unit: nil, "(simulated - predicted) / standard_error.", optional: true) { row, _ in row.z
      },
    ])
}
