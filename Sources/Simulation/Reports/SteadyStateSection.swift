// SPDX-License-Identifier: GPL-3.0-or-later
//
// The summary's words on a run that is declared to be in a steady state.

import SimKernel
import SimStatistics

/// What one replication says.
struct SteadyStateLine: Sendable {
  var replication: Int
  var estimate: SteadyStateEstimate
}

extension [SteadyStateLine] {
  /// Nil if the run is not declared to be in a steady state.
  /// - Parameter rowsMax: rows at most.
  func section(rowsMax: Int) -> SummarySection? {
    guard !isEmpty else { return nil }
    let areSeveral = contains { $0.replication != self[0].replication }
    var columns: [TextTable.Column] = areSeveral ? [.right("run")] : []
    columns += [
      .left("metric"), .right("mean, batches"), .right("overlapping"), .right("observations"), .right("from"),
      .right("batches"), .right("lag 1"), .right("worth"),
    ]
    var table = TextTable(columns)
    for line in prefix(rowsMax) {
      table.add((areSeveral ? [String(line.replication)] : []) + line.estimate.cells)
    }
    var remarks = [warmUpWords].compactMap { $0 } + shortages
    remarks.append(
      "± is half of the 95 % interval; lag 1 the correlation of neighbouring batches; worth the number of "
        + "independent observations that would say as much.")
    if count > rowsMax { remarks.append("\(count - rowsMax) more in \(ReportTables.steadyState.file).") }
    return SummarySection(title: "Steady state", table: table, remarks: remarks)
  }

  /// Which part was cut off.
  private var warmUpWords: String? {
    guard let first = first?.estimate else { return nil }
    if first.isWarmUpGiven {
      return "The first \(ReadableNumber.seconds(first.warmUp)) were left out as the scenario's warmUp says."
    }
    let estimates = map(\.estimate).filter { $0.run != nil }
    guard !estimates.isEmpty else { return nil }
    let cut = estimates.filter { $0.truncated > 0 }
    guard let longest = cut.map(\.warmUp).max() else { return "MSER-5 found no warm-up to cut off." }
    guard contains(where: { $0.replication != self[0].replication }) else {
      let parts = cut.map {
        "the first \(ReadableNumber.seconds($0.warmUp)) of \($0.metric) "
          + "(\(ReadableNumber.grouped($0.truncated)) of "
          + "\(ReadableNumber.grouped($0.observations)) observations)"
      }
      return "MSER-5 cut off as warm-up: \(parts.joined(separator: ", ")); the rest of the summary has them."
    }
    return
      "MSER-5 cut off warm-ups of up to \(ReadableNumber.seconds(longest)); the rest of the summary has them."
  }

  /// Series that are too short.
  private var shortages: [String] {
    let few = filter { $0.estimate.run == nil }
    guard let worst = few.min(by: { $0.estimate.observations < $1.estimate.observations }) else { return [] }
    let names = few.reduce(into: [String]()) {
      if !$0.contains($1.estimate.metric) { $0.append($1.estimate.metric) }
    }
    return [
      "Too few observations for batch means: \(names.joined(separator: ", ")) (as few as "
        + "\(ReadableNumber.grouped(worst.estimate.observations))); \(SteadyStateEstimate.least) are needed."
    ]
  }

  /// Each metric's weaknesses, once for all replications.
  var weaknesses: [(what: String, weakness: StatisticalWeakness)] {
    var found: [(what: String, weakness: StatisticalWeakness)] = []
    for line in self {
      // No scatter is no weakness of a constant, and that nothing was lost is told elsewhere.
      guard let run = line.estimate.run, line.estimate.interval != nil else { continue }
      let metric = line.estimate.metric
      for weakness in StatisticalWeakness.find(in: run)
      where !found.contains(where: { $0.what == metric && $0.weakness.name == weakness.name }) {
        found.append((metric, weakness))
      }
    }
    return found
  }

  var json: JSONText {
    .array(
      map { line in
        let (estimate, batches) = (line.estimate, line.estimate.run?.batchMeans)
        return .members([
          "replication": .integer(line.replication),
          "metric": .string(estimate.metric),
          "unit": .string(estimate.unit),
          "observations": .integer(estimate.observations),
          "warm_up_s": .number(estimate.warmUp.seconds),
          "truncated": .integer(estimate.truncated),
          "mean": .optional(estimate.mean),
          "ci_low": .optional(estimate.interval?.low),
          "ci_high": .optional(estimate.interval?.high),
          "ci_low_overlapping": .optional(estimate.overlappingInterval?.low),
          "ci_high_overlapping": .optional(estimate.overlappingInterval?.high),
          "batches": batches.map { .integer($0.batches) } ?? .null,
          "lag1_autocorrelation": .optional(batches?.independence?.autocorrelation),
          "effective_sample_size": .optional(batches?.effectiveSampleSize),
        ])
      })
  }
}

extension SteadyStateEstimate {
  fileprivate var cells: [String] {
    let isPercent = unit == "ratio"
    let suffix = isPercent ? "" : " \(unit)"
    guard let run else {
      return [metric, "-", "-", ReadableNumber.grouped(observations), "-", "-", "-", "-"]
    }
    let batches = run.batchMeans
    let overlapping = overlappingInterval.map { interval in
      let text = PlusMinus.text(mean, halfWidth: interval.halfWidth, isPercent: isPercent)
      return text.firstIndex(of: "±").map { String(text[$0...]) } ?? "-"
    }
    return [
      metric, PlusMinus.text(mean, halfWidth: interval?.halfWidth, isPercent: isPercent) + suffix,
      overlapping.map { $0 + ($0 == "-" ? "" : suffix) } ?? "-",
      ReadableNumber.grouped(observations - truncated),
      ReadableNumber.seconds(warmUp), ReadableNumber.grouped(batches.batches),
      ReadableNumber.short(batches.independence?.autocorrelation),
      ReadableNumber.short(batches.effectiveSampleSize),
    ]
  }
}
