// SPDX-License-Identifier: GPL-3.0-or-later
//
// What one node has programmed at an instant of a run. It is the run itself that is taken up to there, so
// that stale tables, rules between two commits and nodes without rules are seen as packets would meet them.

import Cluster
import Proxy
import Scenario
import SimKernel

/// A node's tables at an instant.
public struct NodeRules: Sendable, Equatable {
  /// In the order of the node's mode; empty for a node that is off or has no rules since its boot.
  public var texts: [RuleText]
  /// The node is switched off.
  public var isDown: Bool
  public init(texts: [RuleText], isDown: Bool) {
    self.texts = texts
    self.isDown = isDown
  }
}

/// A name that no node has at that instant.
public struct UnknownNode: Error, CustomStringConvertible {
  public var name: String
  public var known: [String]

  public var description: String {
    let nearest = nearestName(to: name, in: known).map { "; did you mean \"\($0)\"?" } ?? "."
    let shown = known.prefix(8).joined(separator: ", ")
    let all =
      known.isEmpty ? "there is none" : shown + (known.count > 8 ? " and \(known.count - 8) more" : "")
    return "no node is called \"\(name)\"\(nearest) Nodes: \(all)"
  }
}

extension SimulationRun {
  /// What `node` has programmed at `time` in replication 0. A time past the scenario's duration is that of
  /// a run that lasts so long.
  /// - Throws: `UnknownNode`, and what `run` throws.
  public static func rules(_ scenario: ScenarioFile, node name: String, at time: SimTime) throws -> NodeRules
  {
    var scenario = scenario
    scenario.duration = max(scenario.duration, time - .zero)
    // Connections leave no trace in the rules of iptables; in other modes they do: affinity sets, weights of
    // servers that are drained.
    var world = try World.make(scenario.withoutClientsIfIptables, replication: 0)
    world.run(until: time)
    let planes = world.nodePlanes.indices.map { world.nodePlanes[$0] }
    guard let index = planes.firstIndex(where: { $0.name == name }) else {
      throw UnknownNode(name: name, known: planes.map(\.name))
    }
    guard planes[index].isUp else { return NodeRules(texts: [], isDown: true) }
    return NodeRules(texts: world.proxies.ruleTexts(of: NodeID(index), at: time), isDown: false)
  }
}

extension World {
  /// Handles all events up to and including those at `time`; at zero the cluster has converged and nothing
  /// has happened yet.
  fileprivate mutating func run(until time: SimTime) {
    guard time > .zero else { return }
    while let entry = queue.popMin(), entry.time <= time.nanoseconds {
      now = SimTime(nanoseconds: entry.time)
      handle(entry.event)
    }
    now = time
  }
}

extension ScenarioFile {
  fileprivate var withoutClientsIfIptables: ScenarioFile {
    guard modes.allSatisfy({ $0.mode == .iptables }) else { return self }
    var scenario = self
    scenario.clients = []
    return scenario
  }
}
