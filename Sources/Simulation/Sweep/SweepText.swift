// SPDX-License-Identifier: GPL-3.0-or-later
//
// A merged sweep for people: a row per combination, with the metrics that it was about.

import Foundation
import SimStatistics

extension SweepMerge {
  /// Shown: what the sweep asks for, and the loss ratio.
  private var shown: [(name: String, unit: String)] {
    let wanted = plan.header.metrics + [plan.header.target?.metric].compactMap { $0 } + ["loss_ratio"]
    let all = metrics
    var seen: Set<String> = []
    return wanted.filter { seen.insert($0).inserted }.compactMap { name in all.first { $0.name == name } }
  }

  private func table(_ rowsMax: Int) -> TextTable {
    var table = TextTable(
      plan.header.paths.map { .left($0, least: 8) } + [.right("runs")]
        + shown.map { .right($0.unit == "ratio" ? $0.name : "\($0.name), \($0.unit)") })
    for point in files.indices.prefix(rowsMax) {
      let cells = shown.map { metric in
        Self.words(estimate(metric.name, point: point), isRatio: metric.unit == "ratio")
      }
      table.add(values(point: point) + [ReadableNumber.grouped(files[point].count)] + cells)
    }
    return table
  }

  /// `0.42 ± 0.05 %`
  private static func words(_ estimate: MetricEstimate, isRatio: Bool) -> String {
    guard let mean = estimate.mean else { return "-" }
    let isPercent = isRatio && estimate.isRatio
    let scale = isPercent ? 100.0 : 1
    let suffix = isPercent ? " %" : ""
    guard let reach = estimate.interval(confidence: SweepTables.confidence)?.halfWidth, reach > 0 else {
      return ReadableNumber.short(mean * scale) + suffix
    }
    let decimals = max(0, min(6, 1 - Int(log10(reach * scale).rounded(.down))))
    let text = { (value: Double) in
      decimals == 0 ? ReadableNumber.grouped(Int(value.rounded())) : String(format: "%.\(decimals)f", value)
    }
    return "\(text(mean * scale)) ± \(text(reach * scale))\(suffix)"
  }

  private var headline: String {
    let runs = files.reduce(0) { $0 + $1.count }
    return "plan \(plan.header.plan), \(files.count) combinations, \(ReadableNumber.grouped(runs)) runs, "
      + "seed \(plan.header.seed)"
  }

  private static let remark =
    "± is half of the 95 % interval, Student's t over replications; the same replication has the same "
    + "arrivals in all combinations."

  /// - Parameter files: the folder of the results.
  public func text(_ format: SummaryFormat, files folder: String, isColoured: Bool = false) -> String {
    let header = plan.header
    switch format {
    case .text:
      let style = TextStyle(isColoured: isColoured)
      var lines = [style.bold(header.scenario) + "  " + style.dim(headline)]
      lines += TextTable.wrap(header.question, width: RunSummary.textWidth) + [""]
      lines += table(40).lines(width: RunSummary.textWidth, style: style)
      if files.count > 40 { lines.append("  and \(files.count - 40) more in \(SweepTables.summaryFile)") }
      lines += [""] + TextTable.wrap(Self.remark, width: RunSummary.textWidth)
      lines += ["", "\(style.bold("Files"))  \(folder)/"]
      return lines.joined(separator: "\n") + "\n"
    case .markdown:
      var lines = ["# \(header.scenario)", "", headline, ""]
      if !header.question.isEmpty { lines += ["> \(header.question)", ""] }
      lines += table(.max).markdown() + ["", Self.remark, "", "Files: `\(folder)/`"]
      return lines.joined(separator: "\n") + "\n"
    case .json: return json(folder).document
    }
  }

  private func json(_ folder: String) -> JSONText {
    let points = files.indices.map { point in
      let settings = zip(plan.header.paths, values(point: point)).map {
        JSONText.Member($0.0, .string($0.1))
      }
      let estimates = shown.map { metric in
        let estimate = estimate(metric.name, point: point)
        let interval = estimate.interval(confidence: SweepTables.confidence)
        return JSONText.members([
          "metric": .string(metric.name), "unit": .string(metric.unit), "mean": .optional(estimate.mean),
          "ci_low": .optional(interval?.low), "ci_high": .optional(interval?.high),
          "n": .integer(estimate.count),
        ])
      }
      return JSONText.members([
        "point": .integer(point), "settings": .object(settings), "replications": .integer(files[point].count),
        "metrics": .array(estimates),
      ])
    }
    return .members([
      "scenario": .string(plan.header.scenario), "question": .string(plan.header.question),
      "plan": .string(plan.header.plan), "seed": .unsigned(plan.header.seed), "files": .string(folder),
      "points": .array(points),
    ])
  }
}

extension SweepProgress {
  /// As a program reads it, or a line for people.
  public func text(isJSON: Bool) -> String {
    let needed = needed
    guard isJSON else {
      let state =
        needed.isEmpty
        ? "finished" : "\(ReadableNumber.grouped(needed.count)) to be run at most"
      return "\(ReadableNumber.grouped(done)) of \(ReadableNumber.grouped(plan.jobs.count)) jobs are there, "
        + "\(finishedPoints) of \(plan.header.points) combinations finished: \(state)\n"
    }
    return JSONText.members([
      "plan": .string(plan.header.plan), "jobs": .integer(plan.jobs.count), "done": .integer(done),
      "needed": .array(needed.map { .string($0.id) }), "finished": .bool(needed.isEmpty),
      "points": .integer(plan.header.points), "finished_points": .integer(finishedPoints),
    ]).document
  }
}
