// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which error ends the program with which exit code (sysexits.h), and what it says on standard error.

import ArgumentParser
import Cluster
import Foundation
import Scenario
import Simulation

enum Failure {
  static let usage: Int32 = 64
  static let scenarioIsWrong: Int32 = 65
  /// This machine lacks what the command needs (EX_UNAVAILABLE).
  static let unavailable: Int32 = 69
  static let bug: Int32 = 70
  static let cannotWrite: Int32 = 73
  /// A threshold stayed undecided, and none failed.
  static let undecided: Int32 = 98
  /// A threshold failed, as with k6.
  static let thresholdFailed: Int32 = 99
  static let interrupted: Int32 = 130

  /// Runs a command; what it throws is told and becomes an exit code.
  /// - Parameter path: the scenario that the command is about.
  static func mapped(_ path: String = "", _ body: () throws -> Void) throws {
    do {
      try body()
    } catch let error as ScenarioError {
      Console.remark(error.description)
      throw ExitCode(error.exitCode)
    } catch let error as UnsupportedScenario {
      Console.remark("\(path): \(error.description)")
      throw ExitCode(scenarioIsWrong)
    } catch let error as APIRefusal {
      Console.remark("\(path): the API server refuses an object: \(error.message)")
      throw ExitCode(scenarioIsWrong)
    } catch let error as ResultFolderError {
      Console.remark("sim: \(error.description)")
      throw ExitCode(cannotWrite)
    } catch let error as ExitCode {
      throw error
    } catch let error as ValidationError {
      throw error
    } catch {
      Console.remark("sim: this is a bug of sim: \(error)")
      throw ExitCode(bug)
    }
  }
}

/// A scenario that is right but asks for what this release cannot do.
struct UnsupportedScenario: Error, CustomStringConvertible {
  var description: String
}
