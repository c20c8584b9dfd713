// SPDX-License-Identifier: GPL-3.0-or-later
//
// `sim answers`: runs what a scenario's section `answer` asks for and says the answer, with its figures
// beside what formulas predict. `--update` keeps the table of scenarios/README.md true.

import ArgumentParser
import Foundation
import Scenario
import SimKernel
import Simulation

struct AnswersCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "answers",
    abstract: "Answer the questions of scenarios: run their variants, say the answer with error bars.",
    discussion: """
      The section `answer` of a scenario says which variants are run how often, which figures are taken, \
      what a formula predicts and the sentence that they complete. Intervals are Student's t at 95 % over \
      replications; z is (simulated - predicted) / standard error. Nothing is written to results/.

      EXAMPLES
        sim answers scenarios/clusterip.json --replications 2
      """)

  enum Format: String, ExpressibleByArgument, CaseIterable {
    case text, markdown, json
  }

  @Argument(
    help: "Scenario files, JSON or YAML. Those without a section `answer` are named and left out.",
    completion: .scenario)
  var scenarios: [String] = []

  @OptionGroup var options: ScenarioOptions

  @Option(help: "Runs of each variant, instead of the scenario's number.")
  var replications: Int?

  @Option(help: "Runs at the same time; changes no figure. (default: number of processors)")
  var jobs: Int?

  @Option(help: "Layout of the answers.")
  var format: Format = .text

  @Option(
    help: ArgumentHelp(
      "Put the table of answers into this Markdown file, between its two marks.", valueName: "file"),
    completion: .file(extensions: ["md"]))
  var update: String?

  @Option(
    help: ArgumentHelp(
      "Write the figures that a formula predicts into this CSV file, with z.", valueName: "file"),
    completion: .file(extensions: ["csv"]))
  var theory: String?

  @Flag(help: "List the metrics that figures can be made of, with their labels.")
  var metrics = false

  @Flag(help: "No progress on standard error.")
  var noProgress = false

  func validate() throws {
    if scenarios.isEmpty, !metrics { throw ValidationError("answers takes scenario files") }
    if let replications, !(2...100_000).contains(replications) {
      throw ValidationError("--replications takes a number from 2 to 100000; found \(replications)")
    }
    if let jobs, !(1...1024).contains(jobs) {
      throw ValidationError("--jobs takes a number from 1 to 1024; found \(jobs)")
    }
  }

  func run() throws {
    if metrics { return try Console.write(Self.metricList) }
    let document = try update.map { try Self.document($0) }
    var answers: [Answer] = []
    var runTimes: [Double] = []
    for path in scenarios {
      try Failure.mapped(path) {
        guard let plan = try plan(path) else {
          return Console.remark("sim: \(path) has no section answer; left out")
        }
        let begin = ContinuousClock.now
        let answer = try answer(plan)
        let threads = Double(min(threads, plan.runs))
        runTimes.append((ContinuousClock.now - begin).seconds * threads / Double(plan.runs))
        answers.append(answer)
        if format == .text, update == nil {
          try Console.write(AnswerText.text(answer, isColoured: Console.isColoured) + "\n")
        }
      }
    }
    let table = AnswerText.markdownTable(answers, runTimes: runTimes)
    if let document, let update {
      try Failure.mapped { try Self.replace(update, with: document.text(with: table)) }
    }
    if let theory {
      try Failure.mapped { try Self.replace(theory, with: AnswerTable.csv(answers, onlyPredicted: true)) }
    }
    switch format {
    case .text: if update != nil { Console.remark("sim: \(answers.count) answers in \(update!)") }
    case .markdown: try Console.write(table)
    case .json: try Console.write(JSONText.array(answers.map(\.json)).document)
    }
  }

  private var threads: Int { jobs ?? ProcessInfo.processInfo.activeProcessorCount }

  private func plan(_ path: String) throws -> AnswerPlan? {
    var edits: [String] = []
    if let replications { edits.append("answer.replications=\(replications)") }
    return try AnswerPlan(path: path) { variant in
      // What a variant sets goes before the user's own values, or it would have no effect.
      try options.load(path, more: variant + (try hasAnswer(path) ? edits : []))
    }
  }

  /// `answer.replications` must not make a section out of nothing.
  private func hasAnswer(_ path: String) throws -> Bool { try options.load(path).answer != nil }

  private func answer(_ plan: AnswerPlan) throws -> Answer {
    let interruption = Interruption()
    let progress = noProgress || !Console.isErrorTerminal ? nil : ProgressPrinter()
    progress?.begin("\(plan.base.name): ")
    defer { progress?.clear() }
    var done = 0
    do {
      return try plan.run(on: ReplicationPool(jobs: threads, goesOn: interruption.question)) {
        done += 1
        progress?.show(done: done, of: plan.runs)
      }
    } catch is RunInterrupted {
      Console.remark("sim: interrupted")
      throw ExitCode(Failure.interrupted)
    }
  }

  // MARK: The file with the table

  private static func document(_ path: String) throws -> AnswerDocument {
    guard let data = FileManager.default.contents(atPath: path) else {
      Console.remark("sim: cannot read \(path)")
      throw ExitCode(66)
    }
    guard let document = AnswerDocument(String(decoding: data, as: UTF8.self)) else {
      Console.remark(
        "sim: \(path): expected one line \"\(AnswerDocument.begin)\" and below it \"\(AnswerDocument.end)\"")
      throw ExitCode(Failure.scenarioIsWrong)
    }
    return document
  }

  /// Old or new, never half of it.
  private static func replace(_ path: String, with text: String) throws {
    do {
      try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      throw ResultFolderError("cannot write \(path): \(error.localizedDescription)")
    }
  }

  private static var metricList: String {
    LabelledMetric.catalogue.map { metric in
      let labels = metric.labels.isEmpty ? "" : "{" + metric.labels.joined(separator: ",") + "}"
      return "\(metric.name)\(labels) (\(metric.unit))\n    \(metric.meaning)\n"
    }.joined()
  }
}
