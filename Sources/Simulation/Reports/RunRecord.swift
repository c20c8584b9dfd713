// SPDX-License-Identifier: GPL-3.0-or-later
//
// run.json: what is needed to run the same again, apart from what depends on the host and the hour. The first
// part is the same for the same inputs; the second is measured by the command line, which alone reads clocks.

/// What depends on the machine and the hour; no CSV file holds any of it.
public struct HostRecord: Sendable, Equatable {
  /// Seconds of wall clock that the replications took, writing included.
  public var wallSeconds: Double
  public var cores: Int
  /// When the run began, as ISO 8601 in UTC.
  public var startedAt: String
  public var operatingSystem: String

  public init(wallSeconds: Double, cores: Int, startedAt: String, operatingSystem: String) {
    self.wallSeconds = wallSeconds
    self.cores = cores
    self.startedAt = startedAt
    self.operatingSystem = operatingSystem
  }
}

/// What is needed to run the same again.
public struct RunRecord: Sendable {
  public static let fileName = "run.json"

  public var scenarioPath: String
  /// Of the scenario's content after `--set`, manifests included.
  public var scenarioHash: UInt64
  /// As typed, the program's name left out.
  public var arguments: [String]

  public init(scenarioPath: String, scenarioHash: UInt64, arguments: [String]) {
    self.scenarioPath = scenarioPath
    self.scenarioHash = scenarioHash
    self.arguments = arguments
  }

  /// - Parameter replications: at least one, all of one scenario and seed, in any order of variants.
  func document(_ replications: [ReplicationRecord], host: HostRecord) -> JSONText {
    let first = replications[0]
    let events = replications.reduce(0) { $0 + $1.simulationEvents }
    let simulated = replications.reduce(0) { $0 + $1.simulatedSeconds }
    let perSecond = { (amount: Double) in host.wallSeconds > 0 ? amount / host.wallSeconds : nil }
    let isComparison = replications.contains { $0.identity.variant != first.identity.variant }
    return .members([
      "run": .object(isComparison ? comparisonMembers(replications) : runMembers(replications)),
      "host": .members([
        "started_at": .string(host.startedAt),
        "operating_system": .string(host.operatingSystem),
        "cores": .integer(host.cores),
        "wall_s": .number(host.wallSeconds),
        "events_per_s": .optional(perSecond(Double(events))),
        "simulated_s_per_s": .optional(perSecond(simulated)),
      ]),
    ])
  }
}

extension RunRecord {
  private func runMembers(_ replications: [ReplicationRecord]) -> [JSONText.Member] {
    let first = replications[0]
    return [
      .init("run_id", .string(first.identity.runID)),
      .init("version", .string(SimulationRun.version)),
      .init("scenario", .string(first.identity.scenario)),
      .init("scenario_file", .string(scenarioPath)),
      .init("scenario_hash", .string(Hexadecimal.digits(scenarioHash))),
      .init("question", .string(first.question)),
      .init("variant", .string(first.identity.variant)),
      .init("proxy_mode", .string(first.identity.proxyMode)),
      .init("seed", .unsigned(first.identity.seed)),
      .init("arguments", .array(arguments.map { .string($0) })),
      .init("replications", .array(replications.map(\.document))),
    ]
  }

  /// Variants in the order of their first replication.
  private func comparisonMembers(_ replications: [ReplicationRecord]) -> [JSONText.Member] {
    let first = replications[0]
    var names: [String] = []
    for replication in replications where !names.contains(replication.identity.variant) {
      names.append(replication.identity.variant)
    }
    let variants = names.map { name in
      let own = replications.filter { $0.identity.variant == name }
      return JSONText.members([
        "variant": .string(name),
        "proxy_mode": .string(own[0].identity.proxyMode),
        "run_id": .string(own[0].identity.runID),
        "replications": .array(own.map(\.document)),
      ])
    }
    return [
      .init("version", .string(SimulationRun.version)),
      .init("scenario", .string(first.identity.scenario)),
      .init("scenario_file", .string(scenarioPath)),
      .init("scenario_hash", .string(Hexadecimal.digits(scenarioHash))),
      .init("question", .string(first.question)),
      .init("seed", .unsigned(first.identity.seed)),
      .init("arguments", .array(arguments.map { .string($0) })),
      .init("variants", .array(variants)),
    ]
  }
}

/// What run.json keeps of one replication after its rows are written.
struct ReplicationRecord: Sendable {
  var identity: RunIdentity
  var question: String
  var simulationEvents: Int
  var simulatedSeconds: Double
  var digest: UInt64
  var arrivalDigest: UInt64

  init(_ result: RunResult) {
    identity = result.identity
    question = result.question
    simulationEvents = result.simulationEvents
    simulatedSeconds = max(result.drainedAt.seconds, result.duration.seconds)
    digest = result.digest
    arrivalDigest = result.arrivalDigest
  }

  var document: JSONText {
    .members([
      "replication": .integer(identity.replication),
      "digest": .string(Hexadecimal.digits(digest)),
      "arrival_digest": .string(Hexadecimal.digits(arrivalDigest)),
      "simulation_events": .integer(simulationEvents),
      "simulated_s": .number(simulatedSeconds),
    ])
  }
}

enum Hexadecimal {
  /// 16 digits, as run_id and hashes are written.
  static func digits(_ value: UInt64) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: 16 - text.count) + text
  }
}
