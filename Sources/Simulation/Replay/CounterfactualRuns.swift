// SPDX-License-Identifier: GPL-3.0-or-later
//
// What would have saved each lost connection: the scenario again with one thing changed, once per change, and
// the outcomes side by side by connection. A run answers for all connections at once, because an attempt has
// the same name, start and draws in all of them.

import NetworkTypes
import Scenario
import Traffic

/// What each change of the standard set makes of the losses of a run.
public struct CounterfactualRuns: Sendable {
  /// One change with all that it does.
  public struct Row: Sendable {
    public var change: Counterfactual
    /// Attempts lost with the change.
    public var lost: Int
    /// Attempts of the run as it was that are lost no more.
    public var saved: Int
    /// Attempts that are lost only now.
    public var alsoLost: Int
    /// Open-loop arrivals were the same in both runs.
    public var hasSameArrivals: Bool
  }
  public internal(set) var rows: [Row] = []
  /// By connection: names of the changes that save it, in the order of the set.
  public internal(set) var savers: [String: [String]] = [:]

  /// - Parameter result: of the run as it was, with every lost connection listed.
  public init(
    _ scenario: ScenarioFile, replication: Int, result: RunResult,
    changes: [Counterfactual]? = nil, observer: (any RunObserver)? = nil
  ) throws {
    // Which operation of a closed-loop client has which number depends on how long those before it took.
    let isOpenLoop = scenario.clients.map(\.arrivals.isOpenLoop)
    let lost = result.lost.filter { $0.outcome.isLost || $0.outcome == .misdelivered }
    for change in changes ?? Counterfactual.standard(for: scenario) {
      let other = try Self.outcomes(change, scenario, replication, observer)
      var row = Row(
        change: change, lost: other.lostCount, saved: 0, alsoLost: 0,
        hasSameArrivals: other.arrivalDigest == result.arrivalDigest)
      let fates = Set(other.fates)
      for connection in lost where isOpenLoop[connection.client] && !fates.contains(connection.id) {
        row.saved += 1
        savers[connection.id, default: []].append(change.name)
      }
      let before = Set(lost.map(\.id))
      row.alsoLost = other.lost.count { !before.contains($0) }
      rows.append(row)
    }
  }

  /// Attempts that do not end well in a run: lost, misdelivered, or given up with their client.
  private struct Outcomes {
    var lost: [String]
    var fates: [String]
    var lostCount: Int
    var arrivalDigest: UInt64
  }

  private static func outcomes(
    _ change: Counterfactual, _ scenario: ScenarioFile, _ replication: Int, _ observer: (any RunObserver)?
  ) throws -> Outcomes {
    var file = change.changed(scenario)
    file.report.lostConnectionsMax = .max
    file.report.counterfactuals = false
    var world = try World.make(file, replication: UInt32(replication))
    world.goneAttempts = []
    try world.run(observer: observer)
    let rows = world.recorder.lost
    let lost = rows.filter { $0.outcome.isLost }.map(\.id)
    let gone = world.goneAttempts ?? []
    return Outcomes(
      lost: lost, fates: rows.map(\.id) + gone, lostCount: lost.count,
      arrivalDigest: world.arrivalDigest.value)
  }

  /// Puts the names into the column saved_by; a connection that no change saves keeps its words.
  func fill(_ result: inout RunResult) {
    for index in result.lost.indices {
      if let names = savers[result.lost[index].id] {
        result.lost[index].savedBy = names.joined(separator: "; ")
      }
    }
  }
}

extension ClientSettings.Arrivals {
  /// Operations begin when the scenario says, whatever became of those before.
  var isOpenLoop: Bool {
    if case .closed = self { return false }
    return true
  }
}
