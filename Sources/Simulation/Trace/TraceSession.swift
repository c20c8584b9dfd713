// SPDX-License-Identifier: GPL-3.0-or-later
//
// A run that has been stopped at an instant, to be asked about packets. Clients run too, so affinity lists,
// round-robin positions and conntrack are the run's own. Asking changes nothing that a later answer could
// depend on.

import Cluster
import Scenario
import SimKernel

/// Replication 0 of a scenario at one instant.
public struct TraceSession: ~Copyable {
  var world: World

  /// Runs the scenario up to `time`, changes of that very instant included.
  /// - Throws: `TraceError` if the time is past the end; what `SimulationRun.run` throws.
  public init(_ scenario: ScenarioFile, at time: SimTime, observer: (any RunObserver)? = nil) throws {
    try Self.check(time, scenario)
    world = try World.make(scenario, replication: 0, upTo: time, observer: observer)
  }

  private static func check(_ time: SimTime, _ scenario: ScenarioFile) throws {
    let end = SimTime.zero + scenario.duration
    guard time <= end else {
      throw TraceError(
        "--at \(time) lies past the end of the scenario at \(end); --until \(time) makes it longer")
    }
  }

  /// Walks one probe.
  /// - Throws: `TraceError`
  public mutating func trace(_ request: TraceRequest) throws -> Trace {
    try world.trace(request)
  }
}
