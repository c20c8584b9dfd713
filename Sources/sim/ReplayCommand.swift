// SPDX-License-Identifier: GPL-3.0-or-later
//
// `sim replay`: one connection again, as it was and with something changed.

import ArgumentParser
import Cluster
import Foundation
import Scenario
import SimKernel
import Simulation

struct ReplayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay",
    abstract: "Run one connection again, as it was and with something changed: what would have saved it?",
    discussion: """
      IDs are those of lost_connections.csv, client-instance/operation/attempt; a connection that was not \
      lost can be replayed as well. Without --with, fresh tables, the other proxy modes, a longer preStop \
      and draining are tried, one at a time. docs/replay.md describes the output.

      EXAMPLES
        sim replay scenarios/clusterip.json --connection frontend-1/629/0
      """)

  enum Layout: String, ExpressibleByArgument, CaseIterable {
    case text
    case json
  }

  @Argument(help: "Scenario file, JSON or YAML.", completion: .scenario)
  var scenario: String

  @Option(help: ArgumentHelp("The connection, as in lost_connections.csv.", valueName: "id"))
  var connection: String

  @Option(
    help: ArgumentHelp(
      "What is different: \(Counterfactual.forms). Repeatable, one run each.", valueName: "change"))
  var with: [String] = []

  @Option(help: "Which replication of the scenario.")
  var replication = 0

  @Option(name: [.customShort("o"), .long], help: "Layout.")
  var output: Layout = .text

  @OptionGroup var options: ScenarioOptions

  func validate() throws {
    guard ConnectionID(connection) != nil else {
      throw ValidationError(
        "--connection takes an id of lost_connections.csv, such as frontend-0/17/0; found '\(connection)'")
    }
    for text in with where Counterfactual(text) == nil {
      throw ValidationError("--with takes \(Counterfactual.forms); found '\(text)'")
    }
    guard (0..<1_000_000).contains(replication) else {
      throw ValidationError("--replication takes a number from 0 to 999999; found \(replication)")
    }
  }

  func run() throws {
    try Failure.mapped(scenario) {
      let base = try options.load(scenario)
      let asked = with.compactMap { Counterfactual($0) }
      let changes = asked.isEmpty ? Self.standardChanges(base) : asked
      let files = try changes.map { change in
        (change, try change.scenario(base: base) { try options.load(scenario, more: $0) })
      }
      Console.remark(modesOf: [base])
      do {
        let replay = try Replay.run(
          ConnectionID(connection)!, of: base, replication: replication, with: files)
        try Console.write(
          output == .json
            ? replay.json.document
            : replay.text(showsSteps: !asked.isEmpty, isColoured: Console.isColoured))
      } catch let error as ReplayError {
        Console.remark("sim replay: \(error)")
        throw ExitCode(Failure.usage)
      }
    }
  }

  /// The table at this connection's packets alone first: it answers the question about tables exactly.
  private static func standardChanges(_ base: ScenarioFile) -> [Counterfactual] {
    [Counterfactual(.freshTable)] + Counterfactual.standard(for: base)
  }
}
