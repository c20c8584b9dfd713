// SPDX-License-Identifier: GPL-3.0-or-later
//
// steady_state.csv: batch means of runs that are declared to be in a steady state; no other run has the file.

extension ReportTables {
  static let steadyState = ReportTable(
    file: "steady_state.csv",
    rowMeaning: "metric × replication, in runs that are declared to be in a steady state (`steadyState`)",
    rows: { $0.steadyState }, columns: steadyStateSamples + steadyStateEstimates)

  private static let steadyStateSamples: [ReportColumn<SteadyStateEstimate>] = [
    .text(
      "metric", "Name of the metric, as in summary.csv.",
      allowed: ["connect_mean", "request_mean", "loss_ratio"]
    ) { row, _ in row.metric },
    .text("unit", "Unit of mean and intervals.", allowed: ["ms", "ratio"]) { row, _ in row.unit },
    .count(
      "observations",
      "Latencies of completed phases, or decided attempts, in the order of their attempts' starts; without "
        + "those before a given warmUp."
    ) { row, _ in row.observations },
    .number(
      "warm_up_s", unit: "s",
      "Where the part that is averaged begins: the scenario's warmUp, or where MSER-5 ends the warm-up."
    ) { row, _ in row.warmUp.seconds },
    .count(
      "truncated",
      "Observations that MSER-5 cut off at the beginning; half of them where it found no end of the warm-up."
    ) { row, _ in row.truncated },
  ]

  private static let steadyStateEstimates: [ReportColumn<SteadyStateEstimate>] = [
    .number(
      "mean", unit: nil,
      "Mean of all batches; observations before them that fill no batch are left out, too. "
        + "Empty below 100 observations.",
      optional: true
    ) { row, _ in row.mean },
    .number(
      "ci_low", unit: nil,
      "Lower end of its 95 % interval: Student's t over batch means. Empty also where nothing was lost.",
      optional: true
    ) { row, _ in row.interval?.low },
    .number("ci_high", unit: nil, "Upper end.", optional: true) { row, _ in row.interval?.high },
    .number(
      "ci_low_overlapping", unit: nil, "Lower end of the 95 % interval by overlapping batch means.",
      optional: true
    ) { row, _ in row.overlappingInterval?.low },
    .number("ci_high_overlapping", unit: nil, "Upper end.", optional: true) {
      row, _ in row.overlappingInterval?.high
    },
    .count(
      "batches", "Batches: 30, 20 or 10, and more where the observations after that many fill others.",
      optional: true
    ) { row, _ in row.run?.batchMeans.batches },
    .number(
      "lag1_autocorrelation", unit: nil,
      "Of neighbouring batches' means, by von Neumann's ratio; empty where they do not differ.",
      optional: true
    ) { row, _ in row.run?.batchMeans.independence?.autocorrelation },
    .number(
      "effective_sample_size", unit: nil,
      "Independent observations that would give the mean the same standard error; empty without scatter.",
      optional: true
    ) { row, _ in row.run?.batchMeans.effectiveSampleSize },
  ]
}
