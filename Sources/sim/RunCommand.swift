// SPDX-License-Identifier: GPL-3.0-or-later
//
// `sim run`: from a scenario file to a results folder and a summary. The order matters: the place of the
// results is tried before the run spends its time, and nothing appears there before the run has ended well.

import ArgumentParser
import Foundation
import Scenario
import SimKernel
import Simulation

struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract:
      "Run a scenario: reports into a folder, a summary to standard output, progress to standard error.",
    discussion: """
      docs/results.md describes every file of the reports.

      EXAMPLES
        sim run scenarios/clusterip.json --until 10s
        sim run scenarios/clusterip.json --set servers.web.preStop=5s --out results/five
      """)

  @Argument(help: "Scenario file, JSON or YAML.", completion: .scenario)
  var scenario: String

  @OptionGroup var options: ScenarioOptions

  @Option(
    help:
      """
      Number of runs with independent random draws; files have the rows of all. (default: what the scenario \
      says, else 1; with thresholds as many as verdicts take)
      """
  )
  var replications: Int?

  @Option(help: "Runs at the same time; changes no byte of the results. (default: number of processors)")
  var jobs: Int?

  @Option(
    help: "Folder of the reports. Earlier results there are replaced. (default: results/<scenario name>)",
    completion: .directory)
  var out: String?

  @Option(help: "Layout of the summary.")
  var format: SummaryFormat = .text

  @OptionGroup var gate: ThresholdOptions

  @Flag(help: "No progress and no remarks on standard error.")
  var quiet = false

  @Flag(help: "Every row of every table of the summary, and remarks about the run.")
  var verbose = false

  @Flag(help: "No progress on standard error.")
  var noProgress = false

  func validate() throws {
    if let replications, !(1...1_000_000).contains(replications) {
      throw ValidationError("--replications takes a number from 1 to 1000000; found \(replications)")
    }
    if let jobs, !(1...1024).contains(jobs) {
      throw ValidationError("--jobs takes a number from 1 to 1024; found \(jobs)")
    }
    if quiet && verbose { throw ValidationError("--quiet and --verbose exclude each other") }
  }

  func run() throws {
    try Failure.mapped(scenario) {
      let scenario = try options.load(self.scenario)
      if !quiet {
        Console.remark(leftOutOf: scenario)
        Console.remark(modesOf: [scenario])
      }
      let board = try gate.board(
        of: scenario, replications: ReplicationPlan.number(scenario, asked: replications))
      let plan = try ReplicationPlan(scenario, asked: replications, thresholds: board)
      let target = out ?? "results/\(scenario.name)"
      let files = try gate.open(beside: target)
      let writer = try ReportWriter(
        folder: ResultFolder(target: target), hasThresholds: board != nil,
        isSteadyState: scenario.report.isSteadyState)
      let session = RunSession(
        scenario: scenario, path: self.scenario,
        jobs: jobs ?? ProcessInfo.processInfo.activeProcessorCount,
        showsProgress: !quiet && !noProgress, isVerbose: verbose, thresholds: board)
      do {
        let replications = ReplicatedRun(scenario, most: plan.most, rules: plan.rules)
        let earlier = EarlierResults(folder: writer.target)
        var summary = try session.run(replications, into: writer)
        summary.compare(with: earlier)
        let text = summary.text(
          format, files: writer.target, isVerbose: verbose, isColoured: Console.isColoured)
        try Console.write(text)
        try files.write(summary, results: writer.target)
        try gate.end(summary, isQuiet: quiet)
      } catch let error as RunInterrupted {
        writer.discard()
        tell(error, duration: scenario.duration, target: writer.target)
        throw ExitCode(Failure.interrupted)
      } catch {
        writer.discard()
        throw error
      }
    }
  }

  private func tell(_ interruption: RunInterrupted, duration: SimDuration, target: String) {
    Console.remark(
      "sim: interrupted at \(ReadableNumber.seconds(interruption.at)) of \(ReadableNumber.seconds(duration)) "
        + "simulated; \(Console.fateOfResults(in: target))")
  }
}

extension SummaryFormat: ExpressibleByArgument {}
