// SPDX-License-Identifier: GPL-3.0-or-later
//
// The API's objects at an instant of a run. Clients change nothing in the API, so that the run goes without
// them; everything else is the run's own code and draws, hence the run's own cluster.

import Cluster
import Scenario
import SimKernel

extension SimulationRun {
  /// The cluster of replication 0 at `time`, which may lie after the scenario's duration.
  /// - Throws: what `run` throws.
  public static func apiView(_ scenario: ScenarioFile, at time: SimTime) throws -> APIView {
    var scenario = scenario
    scenario.clients = []
    scenario.duration = time - .zero
    var world = try World.make(scenario, replication: 0)
    try world.run(observer: nil)
    var view = world.control.apiView()
    view.now = time
    return view
  }
}
