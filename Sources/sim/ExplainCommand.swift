// SPDX-License-Identifier: GPL-3.0-or-later
//
// `sim explain`: a run told as a story.

import ArgumentParser
import Foundation
import Scenario
import Simulation

struct ExplainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract:
      "Tell the story of a run: from what happened to the last table that knew, and what each gap cost.",
    discussion: """
      Every lost connection belongs to one incident or to none; the sums are those of loss_ledger.csv. \
      docs/explain.md describes the output.

      EXAMPLES
        sim explain scenarios/clusterip.json
      """)

  @Argument(help: "Scenario file, JSON or YAML.", completion: .scenario)
  var scenario: String

  @Option(help: "Which replication of the scenario.")
  var replication = 0

  @Option(name: [.customShort("o"), .long, .customLong("format")], help: "Layout.")
  var output: SummaryFormat = .text

  @Flag(help: "Every pod, node and path of an incident instead of the dearest four.")
  var verbose = false

  @Flag(
    help:
      "Also what would have saved them: fresh tables, other modes, a longer preStop, draining."
  )
  var counterfactuals = false

  @OptionGroup var options: ScenarioOptions

  func validate() throws {
    guard (0..<1_000_000).contains(replication) else {
      throw ValidationError("--replication takes a number from 0 to 999999; found \(replication)")
    }
  }

  func run() throws {
    try Failure.mapped(scenario) {
      let file = try options.load(scenario)
      Console.remark(modesOf: [file])
      var (story, result) = try SimulationRun.story(file, replication: replication)
      if counterfactuals {
        story.remedies = try CounterfactualRuns(file, replication: replication, result: result).rows
      }
      let strands = verbose ? Int.max : 4
      switch output {
      case .text: try Console.write(story.text(strandsMax: strands, isColoured: Console.isColoured))
      case .markdown: try Console.write(story.markdown(strandsMax: strands))
      case .json: try Console.write(story.json.document)
      }
    }
  }
}
