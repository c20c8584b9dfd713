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
    discussion: "docs/results.md describes every file of the reports.")

  @Argument(help: "Scenario file, JSON or YAML.")
  var scenario: String

  @OptionGroup var options: ScenarioOptions

  @Option(
    help: "Number of runs with independent random draws, one after the other; files have the rows of all.")
  var replications = 1

  @Option(
    help: "Folder of the reports. Earlier results there are replaced. (default: results/<scenario name>)")
  var out: String?

  @Option(help: "Layout of the summary.")
  var format: SummaryFormat = .text

  @Flag(help: "No progress and no remarks on standard error.")
  var quiet = false

  @Flag(help: "Every row of every table of the summary, and remarks about the run.")
  var verbose = false

  @Flag(help: "No progress on standard error.")
  var noProgress = false

  func validate() throws {
    guard (1...1_000_000).contains(replications) else {
      throw ValidationError("--replications takes a number from 1 to 1000000; found \(replications)")
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
      let target = out ?? "results/\(scenario.name)"
      let writer = try ReportWriter(folder: ResultFolder(target: target))
      let monitor = RunMonitor(
        progress: quiet || noProgress ? nil : ProgressPrinter(), replications: replications)
      do {
        let summary = try simulate(scenario, into: writer, monitor)
        let text = summary.text(
          format, files: writer.target, isVerbose: verbose, isColoured: Console.isColoured)
        try Console.write(text)
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

  private func simulate(
    _ scenario: ScenarioFile, into writer: ReportWriter, _ monitor: RunMonitor
  ) throws -> RunSummary {
    let host = HostClock()
    var summary: RunSummary?
    for replication in 0..<replications {
      monitor.begin(replication: replication)
      let result = try SimulationRun.run(scenario, replication: replication, observer: monitor)
      monitor.end(of: result)
      try writer.append(result)
      if verbose { remark(about: result) }
      if summary == nil { summary = RunSummary(result) } else { summary!.add(result) }
    }
    guard let summary else { preconditionFailure("no replication was run") }
    if monitor.isInterrupted { throw RunInterrupted(at: .zero + scenario.duration) }
    let record = RunRecord(
      scenarioPath: self.scenario, scenarioHash: scenario.contentHash,
      arguments: Array(CommandLine.arguments.dropFirst()))
    try writer.finish(record, host: host.record())
    return summary
  }

  private func remark(about result: RunResult) {
    Console.remark(
      "sim: replication \(result.identity.replication): "
        + "\(ReadableNumber.grouped(result.simulationEvents)) events, "
        + "\(ReadableNumber.grouped(result.packets)) packets, digest \(String(result.digest, radix: 16)), "
        + "last attempt decided at \(ReadableNumber.seconds(result.drainedAt))")
  }

  private func tell(_ interruption: RunInterrupted, duration: SimDuration, target: String) {
    Console.remark(
      "sim: interrupted at \(ReadableNumber.seconds(interruption.at)) of \(ReadableNumber.seconds(duration)) "
        + "simulated; \(Console.fateOfResults(in: target))")
  }
}

extension SummaryFormat: ExpressibleByArgument {}
