// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which stale UDP entries the nodes' kube-proxies delete in a run, for those who want to do the same on a
// real node.

import Cluster
import Proxy
import Scenario
import SimKernel

extension SimulationRun {
  /// The clean-ups of replication 0 after `start` and up to `end`, by name of the node, in the order in which
  /// they are made. Clients change nothing about them.
  /// - Throws: what `run` throws.
  public static func conntrackCleanups(
    _ scenario: ScenarioFile, after start: SimTime, upTo end: SimTime
  ) throws -> [(node: String, cleanup: ConntrackCleanup)] {
    var scenario = scenario
    scenario.clients = []
    scenario.duration = end - .zero
    var world = try World.make(scenario, replication: 0)
    world.cleanupLog = []
    try world.run(observer: nil)
    let made = (world.cleanupLog ?? []).filter { $0.at > start && $0.at <= end }
    return made.map { (world.nodePlanes[$0.node.index].name, $0) }
  }
}
