// SPDX-License-Identifier: GPL-3.0-or-later
//
// `sim validate`: every mistake of every file, or the values in force.

import ArgumentParser
import Scenario
import Simulation

struct ValidateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "validate",
    abstract: "Check scenarios and the manifests that they name; tell every mistake with file, line and column.")

  @Argument(help: "Scenario files, JSON or YAML.")
  var scenarios: [String]

  @Flag(help: "Print the values in force, defaults included.")
  var explain = false

  @OptionGroup var options: ScenarioOptions

  func run() throws {
    try Failure.mapped {
      var code: Int32 = 0
      for path in scenarios {
        do {
          let scenario = try options.load(path)
          try Console.write(explain ? ScenarioExplanation.text(scenario, path: path) : "\(path): valid\n")
        } catch let error as ScenarioError {
          Console.remark(error.description)
          code = max(code, error.exitCode)
        } catch let error as UnsupportedScenario {
          Console.remark("\(path): \(error.description)")
          code = max(code, Failure.scenarioIsWrong)
        }
      }
      if code != 0 { throw ExitCode(code) }
    }
  }
}
