// SPDX-License-Identifier: GPL-3.0-or-later
//
// `simstudy`, what `make coverage` runs: are the intervals that `sim` prints right as often as they say? The
// simulator is run thousands of times on small worlds whose truth is known, with the code that `sim` uses.

import ArgumentParser
import Foundation
import Scenario

struct SimstudyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "simstudy",
    abstract: "Measure how often sim's intervals cover the truth and how often its verdicts are wrong.",
    subcommands: [CoverageCommand.self, ReferenceCommand.self, SequentialCommand.self, GSLTableCommand.self],
    defaultSubcommand: CoverageCommand.self)

  static let scenarioIsWrong: Int32 = 65
  static let cannotWrite: Int32 = 73

  static func remark(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }

  /// Runs a command; what a scenario or a file lacks is told and becomes an exit code.
  static func mapped(_ body: () throws -> Void) throws {
    do {
      try body()
    } catch let error as ScenarioError {
      remark(error.description)
      throw ExitCode(error.exitCode)
    } catch let error as StudyError {
      remark("simstudy: \(error.message)")
      throw ExitCode(error.exitCode)
    }
  }

  /// Writes text under a temporary name first.
  static func write(_ text: String, to path: String) throws {
    do {
      try text.write(toFile: path, atomically: true, encoding: .utf8)
    } catch {
      throw StudyError(message: "cannot write \(path): \(error.localizedDescription)", exitCode: cannotWrite)
    }
  }
}

/// What ends a study before its end.
struct StudyError: Error {
  var message: String
  var exitCode: Int32 = SimstudyCommand.scenarioIsWrong
}
