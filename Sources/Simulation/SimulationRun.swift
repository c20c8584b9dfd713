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
    return world.result(variant: variant)
  }
}
