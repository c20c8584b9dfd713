// SPDX-License-Identifier: GPL-3.0-or-later
//
// One attempt again: as it was, and in runs in which one thing is different. Each is a whole run of the
// scenario up to and past the attempt, with the same draws.

import Cluster
import NetworkTypes
import Proxy
import Scenario
import SimKernel

/// What became of one attempt in one run.
public struct ReplayedConnection: Sendable {
  /// The attempt was made in this run.
  public var exists = false
  /// Open-loop arrivals up to its operation, as a digest: equal where nothing that came before it differs.
  public var arrivalDigest: UInt64 = 0
  public var start: SimTime = .zero
  public var end: SimTime = .zero
  public var outcome: Outcome?
  /// Of a lost or misdelivered attempt.
  public var cause: Cause?
  public var savedBy = ""
  /// namespace/name of the pod that it was sent to in the end, or its address; empty if none was chosen.
  public var backend = ""
  public var backendNode = ""
  public var decidingNode = ""
  /// The stages behind its loss, where a stage lagged.
  public var lags: LostConnection?
  public var steps: [ReplayStep] = []
  public var target: TargetName?
  public var client = ""
  public var clientNode = ""

  public var isLost: Bool { outcome.map(\.isLost) ?? false }
  public var took: SimDuration { end - start }
}

/// One attempt as it was and with something changed.
public struct Replay: Sendable {
  public struct Changed: Sendable {
    public var change: Counterfactual
    public var connection: ReplayedConnection
    /// What the reader should know, such as that the arrivals differ.
    public var note: String?
    /// It was lost as it was, and is not lost with the change. Nil: the attempt cannot be compared.
    public var isSaved: Bool?
  }
  public var id: ConnectionID
  public var scenario: String
  public var asItWas: ReplayedConnection
  public var changed: [Changed] = []

  /// - Parameters:
  ///   - changes: with the scenario of each.
  /// - Throws: `ReplayError` if no run of the scenario has such an attempt.
  public static func run(
    _ id: ConnectionID, of scenario: ScenarioFile, replication: Int = 0,
    with changes: [(Counterfactual, ScenarioFile)], observer: (any RunObserver)? = nil
  ) throws -> Replay {
    var replay = Replay(
      id: id, scenario: scenario.name,
      asItWas: try follow(id, scenario, replication, freshTables: false, isBase: true, observer))
    for (change, file) in changes {
      let isFresh = change.change == .freshTable
      let connection = try follow(id, file, replication, freshTables: isFresh, isBase: false, observer)
      replay.changed.append(judge(change, connection, replay.asItWas, scenario))
    }
    return replay
  }

  private static func judge(
    _ change: Counterfactual, _ connection: ReplayedConnection, _ base: ReplayedConnection,
    _ scenario: ScenarioFile
  ) -> Changed {
    var found = Changed(change: change, connection: connection)
    if !connection.exists {
      found.note = "no such attempt in this run: the one before it was not lost, or came later or never"
    } else if connection.arrivalDigest != base.arrivalDigest {
      found.note = "arrivals before it differ from the run as it was"
    } else if change.change == .freshTable, scenario.hasIPVS {
      found.note = "nodes in ipvs mode keep their tables; 'fresh tables' replaces theirs too"
    }
    if base.outcome == .completed || connection.outcome == .clientGone { return found }
    if connection.exists { found.isSaved = connection.outcome == .completed }
    return found
  }

  private static func follow(
    _ id: ConnectionID, _ scenario: ScenarioFile, _ replication: Int, freshTables: Bool, isBase: Bool,
    _ observer: (any RunObserver)?
  ) throws -> ReplayedConnection {
    var scenario = scenario
    scenario.report.lostConnectionsMax = .max
    var world = try World.make(scenario, replication: UInt32(replication))
    if isBase, !scenario.clients.contains(where: { $0.name == id.client }) {
      let known = scenario.clients.map(\.name)
      let near = nearestName(to: id.client, in: known).map { "; did you mean \($0)?" } ?? ""
      throw ReplayError(
        "no client is named \(id.client)\(near) (clients: \(known.joined(separator: ", ")))")
    }
    try world.run(following: id, hasFreshTables: freshTables, toTheEnd: isBase, observer: observer)
    if isBase, world.following!.end == nil { throw ReplayError(world.whyNotFound(id)) }
    return world.replayedConnection()
  }
}

extension ScenarioFile {
  var hasIPVS: Bool { modes.contains { $0.mode == .ipvs } }
}

extension World {
  /// After `run(following:)`.
  mutating func replayedConnection() -> ReplayedConnection {
    answerLags()
    let f = following!
    var found = ReplayedConnection()
    guard let end = f.end else { return found }
    found.exists = true
    found.arrivalDigest = f.arrivalDigest
    found.steps = f.steps
    found.end = end.at
    found.outcome = end.outcome
    found.start = f.steps.first?.time ?? f.begun ?? end.at
    if f.instance >= 0 {
      let instance = instances[f.instance]
      found.target = targets[groups[instance.group].target]
      found.client = groups[instance.group].settings.name
      found.clientNode = instance.node >= 0 ? nodePlanes[instance.node].name : ""
    }
    if let row = end.row {
      found.start = row.start
      found.cause = row.cause
      found.savedBy = row.savedBy
      found.backend = row.backend
      found.backendNode = row.backendNode
      found.decidingNode = row.decidingNode
      found.lags = recorder.lost.last { $0.id == row.id } ?? row
    } else {
      nameBackend(f, &found)
    }
    return found
  }

  private func nameBackend(_ f: Following, _ found: inout ReplayedConnection) {
    if let begun = f.begun, f.id.attempt == 0 { found.start = begun }
    if f.decidingNode != .max { found.decidingNode = nodePlanes[Int(f.decidingNode)].name }
    guard f.backend != .max else { return }
    let backend = proxies.backend(.init(f.backend))
    found.backend =
      backend.pod.map { control.pods[$0.index].name.description } ?? "\(backend.address):\(backend.port)"
    found.backendNode = backend.nodeName ?? ""
  }

  /// After a whole run in which the attempt was not made.
  func whyNotFound(_ id: ConnectionID) -> String {
    let mine = instances.indices.filter { groups[instances[$0].group].settings.name == id.client }
    guard let instance = mine.first(where: { instances[$0].number == id.instance }) else {
      return "client \(id.client) has \(mine.count) instances in this run, "
        + "\(id.client)-0 to \(id.client)-\(max(0, mine.count - 1)); there is no \(id.client)-\(id.instance)"
    }
    let made = instances[instance].nextOrdinal
    guard id.operation < made else {
      let range = made == 0 ? "made no operation" : "made operations 0 to \(made - 1)"
      return "\(id.client)-\(id.instance) \(range); there is no \(id.operation)" + nearLost(id)
    }
    return "operation \(id.operation) of \(id.client)-\(id.instance) had no attempt \(id.attempt): "
      + "attempts count from 0, and the next one is made only if one is lost" + nearLost(id)
  }

  private func nearLost(_ id: ConnectionID) -> String {
    let lost = recorder.lost.compactMap { ConnectionID($0.id) }.filter {
      $0.client == id.client && $0.instance == id.instance
    }
    let others = recorder.lost.compactMap { ConnectionID($0.id) }.filter { $0.client == id.client }
    func distance(_ other: ConnectionID) -> (Int64, Int) {
      (abs(Int64(other.operation) - Int64(id.operation)), abs(Int(other.attempt) - Int(id.attempt)))
    }
    let near = (lost.isEmpty ? others : lost).sorted { distance($0) < distance($1) }.prefix(3)
    if near.isEmpty { return "" }
    return "; lost ones near it: " + near.map(\.description).joined(separator: ", ")
  }
}
