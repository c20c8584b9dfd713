// SPDX-License-Identifier: GPL-3.0-or-later
//
// Goal: a trace and the run never tell two stories. Method: the worlds of CauseTests, in each of which
// connections are lost for a known reason; a probe from the same client to the same place, at the instant
// at which a lost connection was begun, must have that loss among its outcomes.

import Cluster
import NetworkTypes
import Scenario
import SimKernel
import Testing
import Traffic

@testable import Simulation

struct TraceAgreementTests {
  /// Causes that the first packet of a new connection can meet without a throw of dice of its own, and that
  /// lie neither in the client nor in the time to come.
  static let causes: Set<Cause> = [
    .lbNoTarget, .lbStaleTarget, .partition, .staleRoute, .nodeAddressChanged, .nodeDown,
    .staleAPI,
    .staleTable, .tableSwap, .noEndpoints, .localPolicy, .sourceRange, .nodePortAddress, .notProxied,
    .conntrackFull,
    .portClosed, .backlogFull,
  ]

  static let worlds = CauseCase.all.filter {
    causes.contains($0.cause) && !Set($0.outcomes).isDisjoint(with: firstPacket.keys)
      && !$0.build().file.clients.contains { if case .name = $0.target { true } else { false } }
  }

  /// Outcomes that can be the first packet's, with what the trace may say that the client sees: a SYN that
  /// met silence is sent again and may meet something else.
  static let firstPacket: [Outcome: Set<ClientView>] = [
    .refused: [.refused, .silence], .unreachable: [.unreachable, .silence], .connectTimeout: [.silence],
    .noReply: [.silence], .dnsFailed: [.unreachable],
  ]

  @Test(
    "a lost connection's first packet is traced to the same cause", arguments: worlds,
    ProxyMode.allCases)
  func traced(_ world: CauseCase, _ mode: ProxyMode) throws {
    var small = world.build()
    small.file.setMode(of: mode)
    let result = try small.run()
    let lost = result.lost.filter { Self.firstPacket[$0.outcome] != nil }
    // Other modes may let through what iptables loses.
    #expect(!lost.isEmpty || mode != .iptables)
    for row in Self.some(of: lost) {
      let client = small.file.clients[row.client]
      var session = try TraceSession(small.file, at: row.start)
      let traces = try session.traces(of: client, row.clientNode)
      let outcomes = traces.flatMap(\.outcomes)
      let views = Self.firstPacket[row.outcome]!
      let found = outcomes.contains { $0.cause == row.cause && views.contains($0.clientSees) }
      #expect(
        found,
        "\(row.id) at \(row.start) \(row.outcome): \(outcomes.map { "\($0.clientSees) \($0.cause?.rawValue ?? "-")" })"
      )
    }
  }

  /// First, last, and two in between.
  private static func some(of rows: [LostConnection]) -> [LostConnection] {
    let places = Set([0, rows.count / 3, rows.count * 2 / 3, rows.count - 1])
    return places.filter { $0 >= 0 && $0 < rows.count }.sorted().map { rows[$0] }
  }
}

extension TraceSession {
  /// Probes of a client of the scenario to each address that it might take.
  fileprivate mutating func traces(of client: ClientSettings, _ node: String) throws -> [Trace] {
    let from: String
    switch client.place {
    case .pods: from = "pod/default/\(client.name)"
    case .nodes: from = "node/\(node)"
    case .outside(let first, _): from = "external/\(first)"
    }
    return try destinations(of: client.name).map {
      try trace(TraceRequest(from: from, to: $0, transport: client.transport))
    }
  }

  /// By name where the client uses one, else by what it was told.
  private func destinations(of client: String) -> [String] {
    let index = world.groups.indices.first { world.groups[$0].settings.name == client }!
    let group = world.groups[index]
    if case .service(let name, let reference) = group.settings.target {
      let ports = group.service.isNone ? [] : world.control.store.service(group.service)?.spec.ports ?? []
      switch reference {
      case .number(let number):
        if ports.contains(where: { $0.port == Int(number) }) { return ["svc/\(name):\(number)"] }
      case .name(let port): return ["svc/\(name):\(port)"]
      case .first: if let port = ports.first { return ["svc/\(name):\(port.port)"] }
      }
    }
    // Who was given addresses keeps them for a while.
    let instance = world.instances.indices.first { world.instances[$0].group == index }!
    let isKept = world.instances[instance].answerExpires > world.now
    let answer = isKept ? world.answers[world.instances[instance].answer] : world.currentAnswer(index)
    return answer.addresses.map { "\($0):\(answer.port)" }
  }
}
