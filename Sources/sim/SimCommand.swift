// SPDX-License-Identifier: GPL-3.0-or-later
//
// The command line: which commands there are, and what their exit codes mean.

import ArgumentParser
import Simulation

struct SimCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sim",
    abstract: "Simulates Kubernetes Service networking: which connections a cluster in churn loses, and why.",
    discussion: """
      sim SCENARIO is short for sim run SCENARIO.

      Exit codes: 0 done; 64 wrong usage; 65 a scenario or manifest is wrong; 66 a file cannot be read; \
      69 this machine lacks what calibrate needs; 70 a bug of this program; 73 a result cannot \
      be written; 98 a threshold stayed undecided; 99 a threshold failed; 130 interrupted.
      """,
    version: SimulationRun.version,
    subcommands: [
      RunCommand.self, CompareCommand.self, SolveCommand.self, ValidateCommand.self, GetCommand.self,
      RulesCommand.self,
      TraceCommand.self, ExplainCommand.self, ReplayCommand.self, AnswersCommand.self, ImportCommand.self,
      SweepCommand.self, CalibrateCommand.self, SchemaCommand.self,
    ],
    defaultSubcommand: RunCommand.self)
}
