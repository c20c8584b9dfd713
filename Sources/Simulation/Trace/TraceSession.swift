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

  /// Runs the scenario up to `time`, changes of that very instant included. A time past the scenario's
  /// duration is that of a run that lasts so long, clients and all, as for rules and API objects.
  /// - Throws: what `SimulationRun.run` throws.
  public init(_ scenario: ScenarioFile, at time: SimTime, observer: (any RunObserver)? = nil) throws {
    var scenario = scenario
    scenario.duration = max(scenario.duration, time - .zero)
    world = try World.make(scenario, replication: 0, upTo: time, observer: observer)
  }

  /// Walks one probe.
  /// - Throws: `TraceError`
  public mutating func trace(_ request: TraceRequest) throws -> Trace {
    try world.trace(request)
  }
}
