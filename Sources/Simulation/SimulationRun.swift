// SPDX-License-Identifier: GPL-3.0-or-later

import Cluster
import Proxy
import Scenario
import SimKernel

/// One replication of a scenario, from nothing to its result.
public enum SimulationRun {
  /// Part of every `run_id`: results of different versions are never taken for each other.
  public static let version = "0.1.0"

  /// - Throws: `RunInterrupted`; `APIRefusal` if the API server refuses one of the scenario's
  ///   objects.
  public static func run(
    _ scenario: ScenarioFile, replication: Int = 0, variant: String = "base",
    observer: (any RunObserver)? = nil
  ) throws -> RunResult {
    var world = try World.make(scenario, replication: UInt32(replication))
    try world.run(observer: observer)
    var result = world.result(variant: variant)
    if scenario.report.counterfactuals {
      try CounterfactualRuns(scenario, replication: replication, result: result, observer: observer)
        .fill(&result)
    }
    return result
  }
}

extension SimulationRun {
  /// One replication with its story. Every lost connection is listed, whatever the scenario says.
  /// - Throws: as `run`.
  public static func story(
    _ scenario: ScenarioFile, replication: Int = 0, observer: (any RunObserver)? = nil
  ) throws -> (story: Story, result: RunResult) {
    var scenario = scenario
    scenario.report.lostConnectionsMax = .max
    var world = try World.make(scenario, replication: UInt32(replication))
    try world.run(observer: observer)
    let result = world.result(variant: "base")
    return (world.story(result), result)
  }
}
