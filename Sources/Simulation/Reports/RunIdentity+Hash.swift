// SPDX-License-Identifier: GPL-3.0-or-later
//
// run_id: which scenario, seed and version gave these rows. Never of time, place or number of jobs.

import SimKernel

extension RunIdentity {
  /// 16 hex digits: a stable hash of the scenario's hash, the seed and the version.
  public static func runID(
    scenarioHash: UInt64, seed: UInt64, version: String = SimulationRun.version
  ) -> String {
    let scenario = StableHash.mix(scenarioHash ^ StableHash.mix(seed &+ 1))
    return Hexadecimal.digits(StableHash.string(version, seed: scenario))
  }
}
