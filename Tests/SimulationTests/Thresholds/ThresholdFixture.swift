// SPDX-License-Identifier: GPL-3.0-or-later
//
// Results with nothing in them but attempts, for tests of verdicts: a thousand attempts each unless a test
// says otherwise, so many of them lost.

import NetworkTypes
import Scenario
import SimKernel
import Simulation

enum ThresholdFixture {
  static let scenario: ScenarioFile = {
    var world = SmallWorld(nodes: 2, duration: .seconds(1))
    world.addWeb(on: [0, 1])
    world.addService()
    world.addClient(on: 0)
    return world.file
  }()

  static func result(_ replication: Int, lost: Int, of attempted: Int = 1000) -> RunResult {
    var result = RunResult(
      identity: RunIdentity(
        runID: "0123456789abcdef", scenario: "gate", variant: "base", proxyMode: "iptables",
        replication: replication, seed: 1))
    result.targets = [TargetName(service: "default/web", port: "80")]
    result.clients = ["client-0"]
    result.groups = [
      AttemptGroup(target: 0, client: 0, outcome: .completed, cause: nil, count: attempted - lost),
      AttemptGroup(target: 0, client: 0, outcome: .refused, cause: .staleTable, count: lost),
    ]
    return result
  }

  /// Thresholds as an option gives them.
  static func thresholds(_ texts: [String]) -> [ThresholdSettings.Threshold] {
    texts.map {
      ThresholdSettings.Threshold(
        condition: MetricCondition($0)!, position: SourcePosition(file: "test", line: 0, column: 0))
    }
  }

  /// A board that has seen replications with these losses.
  static func board(
    _ texts: [String], lost: [Int], replications amount: ThresholdBoard.Amount = .asNeeded,
    _ change: (inout ThresholdSettings) -> Void = { _ in }
  ) throws -> ThresholdBoard {
    var scenario = scenario
    var settings = ThresholdSettings()
    settings.all = thresholds(texts)
    change(&settings)
    scenario.thresholds = settings
    var board = try ThresholdBoard(scenario, replications: amount)!
    for (index, number) in lost.enumerated() where !board.isContent {
      board.add(result(index, lost: number))
    }
    return board
  }
}
