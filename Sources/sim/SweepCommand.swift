// SPDX-License-Identifier: GPL-3.0-or-later
//
// `sim sweep`: a grid of settings as independent jobs. plan works them out, run runs them, here or anywhere,
// status says what is left, merge joins them.

import ArgumentParser
import Foundation
import Scenario
import SimKernel
import Simulation

struct SweepCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sweep",
    abstract: "Run a scenario over a grid of settings, on one machine or many.",
    discussion: """
      The section `sweep` of a scenario says what is varied; docs/sweeps.md explains it. The merged bytes do \
      not depend on who ran what, or in which order.

      EXAMPLES
        sim sweep plan docs/sweeps/tiny.json -o plan.jsonl
        sim sweep run plan.jsonl --out sweep
        sim sweep merge plan.jsonl --from sweep --out results/tiny-sweep
      """,
    subcommands: [
      SweepPlanCommand.self, SweepRunCommand.self, SweepStatusCommand.self, SweepMergeCommand.self,
    ])

  /// A plan from its file.
  static func plan(_ path: String) throws -> SweepPlan {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw SweepError(.unreadable, "\(path): cannot be read")
    }
    return try SweepPlan(text: String(decoding: data, as: UTF8.self), name: path)
  }

  /// Runs a part of the command; what it throws is told and becomes an exit code.
  static func mapped(_ path: String, _ body: () throws -> Void) throws {
    try Failure.mapped(path) {
      do {
        try body()
      } catch let error as SweepError {
        Console.remark("sim: \(error.description)")
        switch error.kind {
        case .usage: throw ExitCode(Failure.usage)
        case .wrong: throw ExitCode(Failure.scenarioIsWrong)
        case .unreadable: throw ExitCode(66)
        }
      } catch is RunInterrupted {
        Console.remark("sim: interrupted; files of finished jobs stay")
        throw ExitCode(Failure.interrupted)
      }
    }
  }

  /// The program itself.
  static func binary() throws -> String {
    guard let path = Bundle.main.executablePath, let hash = SweepBinary.hash(path: path) else {
      throw SweepError(.unreadable, "cannot read this program's own file, whose hash belongs to the results")
    }
    return hash
  }
}

struct SweepPlanCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan",
    abstract: "Work out all jobs of a sweep as JSON lines, and validate every combination.",
    discussion: "A plan carries the texts of the scenario: with the program it is all that a machine needs.")

  @Argument(help: "Scenario file with a section `sweep`, JSON or YAML.", completion: .file())
  var scenario: String

  @OptionGroup var options: ScenarioOptions

  @Option(
    name: [.customShort("o"), .customLong("output")],
    help: "File of the plan; without it the plan goes to standard output.", completion: .file())
  var output: String?

  func validate() throws {
    if options.mode != nil {
      throw ValidationError("sim sweep takes proxy modes as an axis: {\"path\": \"mode\", \"values\": [...]}")
    }
  }

  func run() throws {
    try SweepCommand.mapped(scenario) {
      let plan = try SweepPlanner.plan(path: scenario, edits: options.edits, seed: options.seed)
      let text = try plan.text()
      guard let output else { return try Console.write(text) }
      do {
        try Data(text.utf8).write(to: URL(fileURLWithPath: output), options: .atomic)
      } catch {
        throw ResultFolderError("cannot write \(output): \(error.localizedDescription)")
      }
      Console.remark(
        "sim: \(plan.jobs.count) jobs for \(plan.header.points) combinations in \(output); "
          + "sim sweep run \(output) --out DIR runs them")
    }
  }
}

struct SweepRunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Run jobs of a plan whose files are not there yet.",
    discussion: """
      Without --job or --shard all that are needed: with a target precision no more than it takes. Several \
      processes may work in one folder.
      """)

  @Argument(help: "Plan, as sim sweep plan writes it.", completion: .file())
  var plan: String

  @Option(help: "Folder of the jobs' files; made if it is not there.", completion: .directory)
  var out: String

  @Option(help: ArgumentHelp("Only this job. Repeatable.", valueName: "id"))
  var job: [String] = []

  @Option(help: ArgumentHelp("Only every n-th job, from the i-th on; i counts from 0.", valueName: "i/n"))
  var shard: String?

  @Option(help: "Runs at the same time; changes no byte of the results. (default: number of processors)")
  var jobs: Int?

  @Flag(help: "No progress on standard error.")
  var noProgress = false

  func validate() throws {
    if let jobs, !(1...1024).contains(jobs) {
      throw ValidationError("--jobs takes a number from 1 to 1024; found \(jobs)")
    }
    if shard != nil, !job.isEmpty { throw ValidationError("--job and --shard exclude each other") }
    if let shard, Self.shard(shard) == nil {
      throw ValidationError("--shard takes i/n with i from 0 to n - 1, such as 0/4; found '\(shard)'")
    }
  }

  private static func shard(_ text: String) -> (index: Int, count: Int)? {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let index = Int(parts[0]), let count = Int(parts[1]), count > 0,
      (0..<count).contains(index)
    else { return nil }
    return (index, count)
  }

  func run() throws {
    try SweepCommand.mapped(plan) {
      let runner = try SweepRunner(SweepCommand.plan(plan), binary: SweepCommand.binary())
      let interruption = Interruption()
      let pool = ReplicationPool(
        jobs: jobs ?? ProcessInfo.processInfo.activeProcessorCount, goesOn: interruption.question)
      let chosen = try chosen(runner)
      let folder = try SweepFolder(out)
      folder.removeAbandoned()
      let progress = noProgress ? nil : ProgressPrinter()
      progress?.begin("")
      defer { progress?.clear() }
      if let chosen {
        var done = 0
        try runner.run(chosen, into: folder, on: pool) {
          done += 1
          progress?.show(done: done, of: chosen.count)
        }
      } else {
        try runner.runNeeded(into: folder, on: pool) { done, most in progress?.show(done: done, of: most) }
      }
      if interruption.isRequested { throw RunInterrupted(at: .zero) }
    }
  }

  /// nil: whatever is needed.
  private func chosen(_ runner: SweepRunner) throws -> [SweepJob]? {
    if !job.isEmpty { return try runner.jobs(job) }
    return shard.flatMap { Self.shard($0) }.map { runner.jobs(shard: $0.index, of: $0.count) }
  }
}

struct SweepStatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Say which jobs of a plan are still needed.")

  enum Format: String, ExpressibleByArgument, CaseIterable { case text, json }

  @Argument(help: "Plan, as sim sweep plan writes it.", completion: .file())
  var plan: String

  @Option(help: "Folder of the jobs' files.", completion: .directory)
  var out: String

  @Option(help: "Layout.")
  var format: Format = .text

  func run() throws {
    try SweepCommand.mapped(plan) {
      let plan = try SweepCommand.plan(plan)
      var folders: [SweepFolder] = []
      if FileManager.default.fileExists(atPath: out) { folders = [try SweepFolder(existing: out)] }
      let progress = try SweepProgress(plan, in: folders)
      try Console.write(progress.text(isJSON: format == .json))
    }
  }
}

struct SweepMergeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "merge", abstract: "Join the jobs of a plan into a results folder, if all are there.")

  @Argument(help: "Plan, as sim sweep plan writes it.", completion: .file())
  var plan: String

  @Option(
    name: .customLong("from"), help: "Folder of the jobs' files. Repeatable.", completion: .directory)
  var from: [String]

  @Option(
    help: "Folder of the results. Earlier results there are replaced. (default: results/<scenario>-sweep)",
    completion: .directory)
  var out: String?

  @Option(help: "Layout of the table.")
  var format: SummaryFormat = .text

  func run() throws {
    try SweepCommand.mapped(plan) {
      let plan = try SweepCommand.plan(self.plan)
      let folders = try from.map { try SweepFolder(existing: $0) }
      let merge = try SweepMerge(plan, from: folders, binary: SweepCommand.binary(), planName: self.plan)
      let folder = try ResultFolder(target: out ?? "results/\(plan.header.scenario)-sweep")
      do {
        try merge.write(to: folder)
      } catch {
        folder.discard()
        throw error
      }
      try Console.write(merge.text(format, files: folder.target, isColoured: Console.isColoured))
    }
  }
}
