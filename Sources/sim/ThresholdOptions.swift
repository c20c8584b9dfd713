// SPDX-License-Identifier: GPL-3.0-or-later
//
// Thresholds on the command line: more of them, the files that a CI system reads, and the exit code.

import ArgumentParser
import Foundation
import Scenario
import Simulation

struct ThresholdOptions: ParsableArguments {
  @Option(
    name: .customLong("threshold"),
    help: ArgumentHelp(
      "Must hold beside the scenario's thresholds, such as 'loss_ratio{service=web} < 0.1%'. Repeatable.",
      valueName: "condition"))
  var thresholds: [String] = []

  @Option(
    help: ArgumentHelp("Write the verdicts of the thresholds as JUnit XML into this file.", valueName: "file")
  )
  var junit: String?

  @Option(
    name: .customLong("summary"),
    help: ArgumentHelp(
      "Add the summary as Markdown to this file, such as \"$GITHUB_STEP_SUMMARY\".", valueName: "file"))
  var summaryFile: String?

  /// The thresholds of a run; nil if it has none.
  /// - Throws: exit code 64 for what is wrong with an option; `ScenarioError` for what is in the scenario.
  func board(of scenario: ScenarioFile, replications: Int?) throws -> ThresholdBoard? {
    let amount = replications.map { ThresholdBoard.Amount.exactly($0) } ?? .asNeeded
    // The scenario's own mistakes come first, and with another exit code.
    let own = try ThresholdBoard(scenario, replications: amount)
    guard !thresholds.isEmpty else {
      if own == nil, junit != nil {
        throw usage("--junit needs thresholds: the scenario has none, and there is no --threshold")
      }
      return own
    }
    var more: [ThresholdSettings.Threshold] = []
    for text in thresholds {
      guard let condition = MetricCondition(text) else {
        throw usage("--threshold takes \(ThresholdSettings.expected); found '\(text)'")
      }
      let position = SourcePosition(file: "--threshold '\(text)'", line: 0, column: 0)
      more.append(ThresholdSettings.Threshold(condition: condition, position: position))
    }
    do {
      return try ThresholdBoard(scenario, more: more, replications: amount)
    } catch {
      throw usage(error.description)
    }
  }

  private func usage(_ message: String) -> ExitCode {
    Console.remark(message.hasPrefix("--") ? "sim: " + message : message)
    return ExitCode(Failure.usage)
  }

  /// The files that the options name, so that a place that cannot be written is known before a run spends its
  /// time.
  /// - Parameter results: folder of the results, which is replaced as a whole.
  func open(beside results: String) throws -> SideFiles {
    let folder = URL(fileURLWithPath: results).standardizedFileURL.path + "/"
    for path in [junit, summaryFile].compactMap({ $0 })
    where URL(fileURLWithPath: path).standardizedFileURL.path.hasPrefix(folder) {
      throw ResultFolderError("cannot write \(path): results take the place of all that is in \(results)")
    }
    return try SideFiles(
      junit: junit.map { try SideFile($0) }, summary: summaryFile.map { try SideFile($0) })
  }

  /// - Throws: exit code 99 if a threshold failed, else 98 if one is undecided.
  func end(_ summary: RunSummary, isQuiet: Bool) throws {
    guard let verdict = summary.thresholds.verdict, verdict != .pass else { return }
    if !isQuiet {
      for outcome in summary.thresholds where outcome.verdict != .pass {
        Console.remark("sim: threshold \(outcome.sentence)")
      }
    }
    throw ExitCode(verdict == .fail ? Failure.thresholdFailed : Failure.undecided)
  }
}

/// What a run writes beside its results folder.
struct SideFiles {
  let junit: SideFile?
  let summary: SideFile?

  func write(_ run: RunSummary, results folder: String) throws {
    try junit?.replace(
      JUnitReport.document([ThresholdResults(identity: run.identity, outcomes: run.thresholds)]))
    try summary?.append(run.text(.markdown, files: folder) + "\n")
  }
}
