// SPDX-License-Identifier: GPL-3.0-or-later
//
// `sim solve`: the smallest or largest value of a setting for which a condition on a metric holds.

import ArgumentParser
import Foundation
import Scenario
import SimKernel
import Simulation

struct SolveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "solve",
    abstract: "Find the smallest or largest value of a setting for which a condition holds.",
    discussion: """
      EXAMPLES
        sim solve scenarios/rolling-update-prestop.json --vary 'servers.web.preStop=0s..4s step 500ms' \
      --minimise --such-that 'loss_ratio < 0.01%'

      Exit codes beside those of all commands: 98 undecided within --max-replications; 99 the condition \
      holds nowhere in the range. docs/solve.md explains the method and the table.
      """)

  @Argument(help: "Scenario file, JSON or YAML.", completion: .scenario)
  var scenario: String

  @Option(
    name: .customLong("vary"),
    help: ArgumentHelp(
      "The setting and its range, such as 'servers.web.preStop=0s..30s step 500ms'. (default step: about "
        + "1/64 of the range; 1 for integers)",
      valueName: "path=low..high[ step s]"),
    completion: .path)
  var ranges: [String] = []

  @Flag(name: [.customLong("minimise"), .customLong("minimize")], help: "Find the smallest value.")
  var isMinimum = false

  @Flag(name: [.customLong("maximise"), .customLong("maximize")], help: "Find the largest value.")
  var isMaximum = false

  @Option(
    name: .customLong("such-that"),
    help: ArgumentHelp("What must hold, such as 'loss_ratio{service=web} < 0.1%'.", valueName: "condition"),
    completion: .metric)
  var conditionText: String

  @Option(help: "Of all verdicts together, and so of the answer.")
  var confidence = 0.95

  @Option(help: "Runs of one value at most; what they cannot decide stays undecided.")
  var maxReplications = 200

  @Option(help: "How values are chosen; auto bisects unless the response is not monotone.")
  var method: SolveMethod = .auto

  @OptionGroup var options: ScenarioOptions

  @Option(help: "Runs at the same time; changes no byte of the answer. (default: number of processors)")
  var jobs: Int?

  @Option(
    help: "Write the curve to this file; an earlier file is replaced.", completion: .file(extensions: ["csv"])
  )
  var csv: String?

  @Option(help: "Layout of the answer.")
  var format: SummaryFormat = .text

  @Flag(help: "No progress and no remarks on standard error.")
  var quiet = false

  @Flag(help: "No progress on standard error.")
  var noProgress = false

  func validate() throws {
    if isMinimum == isMaximum { throw ValidationError("give one of --minimise and --maximise") }
    guard confidence > 0.5, confidence < 1 else {
      throw ValidationError(
        "--confidence takes a number above 0.5 and below 1, such as 0.95; found \(confidence)")
    }
    guard (6...100_000).contains(maxReplications) else {
      throw ValidationError("--max-replications takes a number from 6 to 100000; found \(maxReplications)")
    }
    if let jobs, !(1...1024).contains(jobs) {
      throw ValidationError("--jobs takes a number from 1 to 1024; found \(jobs)")
    }
    _ = try grid()
    _ = try question()
  }

  private func grid() throws -> SolveGrid {
    guard ranges.count == 1, let range = ranges.first else {
      throw ValidationError(
        ranges.isEmpty
          ? "give the setting with --vary PATH=LOW..HIGH"
          : "--vary takes one setting: of several there is no smallest value; sim sweep makes a grid of them")
    }
    do {
      return try SolveGrid(range)
    } catch {
      throw ValidationError("--vary: \(error.description)")
    }
  }

  private func question() throws -> SolveQuestion {
    guard let condition = MetricCondition(conditionText) else {
      throw ValidationError(
        "--such-that takes a metric, an operator (<, <=, >, >=) and a number, such as 'loss_ratio < 0.1%'; "
          + "found '\(conditionText)'")
    }
    return SolveQuestion(
      condition: condition, isMaximum: isMaximum, confidence: confidence, most: maxReplications,
      method: method)
  }

  func run() throws {
    try Failure.mapped(scenario) {
      let (grid, question) = (try grid(), try question())
      let base = try options.load(scenario)
      let query = try MetricQuery(of: question.condition, option: "--such-that", in: base)
      // Both ends before any run: most values that cannot be are told at once.
      let high = try load(grid, grid.count - 1)
      _ = try load(grid, 0)
      if !quiet {
        Console.remark(leftOutOf: base)
        Console.remark(modesOf: [high])
      }
      try refuseToReplace()
      let result: SolveResult
      do {
        result = try solve(question, grid, query)
      } catch is RunInterrupted {
        Console.remark("sim: interrupted; nothing written")
        throw ExitCode(Failure.interrupted)
      }
      let report = SolveReport(
        scenario: base.name, question: question, grid: grid, unit: query.unit, result: result)
      if let csv { try replace(csv, with: report.csv) }
      try Console.write(report.text(format))
      switch result.status {
      case .found: break
      case .undecided: throw ExitCode(Failure.undecided)
      case .nowhere: throw ExitCode(Failure.thresholdFailed)
      }
    }
  }

  private func load(_ grid: SolveGrid, _ index: Int) throws -> ScenarioFile {
    try options.load(scenario, more: ["\(grid.path)=\(grid.text(index))"])
  }

  private func solve(_ question: SolveQuestion, _ grid: SolveGrid, _ query: MetricQuery) throws -> SolveResult
  {
    let interruption = Interruption()
    let pool = ReplicationPool(
      jobs: jobs ?? ProcessInfo.processInfo.activeProcessorCount, goesOn: interruption.question)
    let isShown = !quiet && !noProgress
    var solver = Solver(question, count: grid.count) { index, replications in
      let file = try load(grid, index)
      if isShown {
        Console.remark(
          "sim: \(grid.path) = \(grid.text(index)): replications \(replications.lowerBound + 1) to "
            + "\(replications.upperBound)")
      }
      var samples: [MetricSample] = []
      try pool.each(replications.count) { offset, observer in
        let result = try SimulationRun.run(
          file, replication: replications.lowerBound + offset, observer: observer)
        return query.sample(result)
      } take: { _, sample in
        samples.append(sample)
        return .goOn
      }
      return samples
    }
    return try solver.solve()
  }

  private func refuseToReplace() throws {
    var status = stat()
    guard let csv, stat(csv, &status) == 0, status.st_mode & S_IFMT != S_IFREG else { return }
    throw ResultFolderError("cannot write \(csv): it is no regular file")
  }

  /// Old or new, never half of it.
  private func replace(_ path: String, with text: String) throws {
    do {
      try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      throw ResultFolderError("cannot write \(path): \(error.localizedDescription)")
    }
  }
}

extension SolveMethod: ExpressibleByArgument {}
