// SPDX-License-Identifier: GPL-3.0-or-later

import Scenario
import SimKernel

/// One replication of a scenario, from nothing to its result.
public enum SimulationRun {
  /// - Throws: `RunInterrupted`, or what is wrong with the scenario that only running it could tell.
  public static func run(
    _ scenario: ScenarioFile, replication: Int = 0, variant: String = "base", observer: (any RunObserver)? = nil
  ) throws -> RunResult {
    RunResult(
      identity: RunIdentity(
        runID: "", scenario: scenario.name, variant: variant, proxyMode: "iptables", replication: replication,
        seed: scenario.seed))
  }
}
