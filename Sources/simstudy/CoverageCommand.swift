// SPDX-License-Identifier: GPL-3.0-or-later
//
// `simstudy coverage`: all experiments, a table for people and a CSV file for validation/.

import ArgumentParser
import Foundation
import SimStatistics

struct StudyOptions: ParsableArguments {
  @Option(help: "Folder with the scenarios of the experiments and reference.csv.")
  var folder = "validation/coverage"

  @Option(help: "Runs at the same time; changes no figure. (default: number of processors)")
  var jobs: Int?

  var threads: Int { jobs ?? ProcessInfo.processInfo.activeProcessorCount }

  func validate() throws {
    if let jobs, !(1...1024).contains(jobs) {
      throw ValidationError("--jobs takes a number from 1 to 1024; found \(jobs)")
    }
  }
}

struct CoverageCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "coverage", abstract: "How often do 95 % intervals cover the truth?",
    discussion: """
      Ends with 1 if a method's coverage is such as chance does not explain (below 93 % or above 97 %, by \
      more than its own 95 % interval).
      """)

  static let refuted: Int32 = 1

  @OptionGroup var options: StudyOptions

  @Option(help: "Experiments of each kind.")
  var experiments = 1000

  @Option(help: "Seed of the first experiment.")
  var seed: UInt64 = 1

  @Option(name: .shortAndLong, help: "File for the table as CSV.")
  var output: String?

  func validate() throws {
    guard (1...1_000_000).contains(experiments) else {
      throw ValidationError("--experiments takes a number from 1 to 1000000; found \(experiments)")
    }
  }

  func run() throws {
    try SimstudyCommand.mapped {
      let reference = try StudyReference.load("\(options.folder)/reference.csv")
      let study = CoverageStudy(
        folder: options.folder, experiments: experiments, jobs: options.threads, firstSeed: seed)
      var rows: [CoverageRow] = []
      for world in StudyWorld.all {
        SimstudyCommand.remark("\(world.name): \(experiments) x \(world.replications) replications")
        let truths = try world.quantities.map { quantity in
          try quantity.truth ?? reference.estimate(world.name, quantity.metric)
        }
        rows += try study.replications(of: world, truths: truths)
      }
      SimstudyCommand.remark("\(StudyLongRun.name): \(experiments) runs")
      rows += try study.longRuns()
      print(CoverageText.table(rows), terminator: "")
      if let output { try SimstudyCommand.write(CoverageText.csv(rows), to: output) }
      let bad = rows.filter { ($0.coverage?.high ?? 0) < 0.93 || ($0.coverage?.low ?? 1) > 0.97 }
      for row in bad {
        SimstudyCommand.remark("not within 93..97 %: \(row.experiment), \(row.metric), \(row.method)")
      }
      if !bad.isEmpty { throw ExitCode(Self.refuted) }
    }
  }
}

/// The table of coverages as text and as CSV.
enum CoverageText {
  static func csv(_ rows: [CoverageRow]) -> String {
    var text = "experiment,metric,method,confidence,experiments,covered,coverage_ratio,ci_low,ci_high,"
    text += "truth_below,truth_above,without_interval,mean_half_width,truth,truth_source\n"
    for row in rows {
      let coverage = row.coverage
      let numbers: [Double?] = [
        row.confidence, Double(row.experiments), Double(row.covered), coverage?.estimate, coverage?.low,
        coverage?.high, Double(row.tooHigh), Double(row.tooLow), Double(row.withoutInterval),
        row.meanHalfWidth, row.truth,
      ]
      let cells =
        [row.experiment, row.metric, quoted(row.method)]
        + numbers.map { $0.map(NumberText.format) ?? "" } + [quoted(row.source)]
      text += cells.joined(separator: ",") + "\n"
    }
    return text
  }

  private static func quoted(_ text: String) -> String { text.contains(",") ? "\"\(text)\"" : text }

  static func table(_ rows: [CoverageRow]) -> String {
    var lines = [["experiment", "metric", "method", "covered", "95 % of that", "below/above", "half width"]]
    for row in rows {
      let coverage = row.coverage
      lines.append([
        row.experiment, row.metric, row.method, percent(coverage?.estimate) + " %",
        percent(coverage?.low) + ".." + percent(coverage?.high), "\(row.tooHigh)/\(row.tooLow)",
        row.meanHalfWidth.map { rounded($0) + " of " + rounded(row.truth) } ?? "-",
      ])
    }
    return StudyTable.text(lines)
  }

  private static func percent(_ share: Double?) -> String {
    share.map { NumberText.format(($0 * 1000).rounded() / 10) } ?? "-"
  }

  private static func rounded(_ value: Double) -> String {
    value == 0 ? "0" : NumberText.format(Double(String(format: "%.3g", value)) ?? value)
  }
}

/// Columns as wide as their widest cell.
enum StudyTable {
  static func text(_ lines: [[String]]) -> String {
    var widths: [Int] = []
    for line in lines {
      for (column, cell) in line.enumerated() {
        if column == widths.count { widths.append(0) }
        widths[column] = max(widths[column], cell.count)
      }
    }
    var text = ""
    for line in lines {
      let cells = zip(line, widths).map { cell, width in
        cell + String(repeating: " ", count: width - cell.count)
      }
      var joined = cells.joined(separator: "  ")
      while joined.last == " " { joined.removeLast() }
      text += joined + "\n"
    }
    return text
  }
}
