// SPDX-License-Identifier: GPL-3.0-or-later
//
// A trace as JSON. docs/trace.md describes every member; their order is fixed.

import NetworkTypes
import Proxy
import SimKernel

extension Trace {
  public var json: JSONText {
    var members: [JSONText.Member] = [
      .init("from", .string(from)), .init("to", .string(to)), .init("protocol", .string(transport.name)),
      .init("packet", packet.map(Self.json) ?? .null), .init("t_s", .number(at.seconds)),
      .init("mode", .string(mode?.rawValue ?? "mixed")),
    ]
    members += verdictMembers
    members.append(.init("candidates", .array(candidates.map(Self.json))))
    members.append(.init("outcomes", .array(outcomes.map(json))))
    members.append(.init("hops", .array(hops.map(json))))
    members.append(.init("notes", .array(notes.map { .string($0) })))
    return .object(members)
  }

  /// What speaks for all outcomes. Nothing is left to speak for by `droppedOnly` if everything gets through.
  private var verdictMembers: [JSONText.Member] {
    guard !outcomes.isEmpty else {
      return [
        .init("verdict", .string(TraceVerdict.delivered.rawValue)), .init("verdict_share", .number(1)),
        .init("client_sees", .string(ClientView.answer.rawValue)), .init("cause", .null),
        .init("saved_by", .null),
      ]
    }
    let worst = worst
    return [
      .init("verdict", .string(worst.verdict.rawValue)), .init("verdict_share", .number(verdictShare)),
      .init("client_sees", .string(worst.clientSees.rawValue)),
      .init("cause", .optional(worst.cause?.rawValue)), .init("saved_by", .optional(worst.savedBy)),
    ]
  }

  private static func json(_ packet: TracePacket) -> JSONText {
    .members(["source": .string(packet.source), "destination": .string(packet.destination)])
  }

  private static func json(_ candidate: TraceCandidate) -> JSONText {
    .members([
      "ip": .string(candidate.backend.ip.description), "port": .integer(Int(candidate.backend.port)),
      "pod": .optional(candidate.backend.pod), "node": .optional(candidate.backend.node),
      "probability": .number(candidate.probability), "masquerade": .bool(candidate.masquerade),
      "source_seen": .array(candidate.sourcesSeen.map { .string($0.description) }),
      "verdict": .string(candidate.verdict.rawValue), "client_sees": .string(candidate.clientSees.rawValue),
      "cause": .optional(candidate.cause?.rawValue),
    ])
  }

  private func json(_ outcome: TraceOutcome) -> JSONText {
    .members([
      "probability": .number(outcome.probability), "verdict": .string(outcome.verdict.rawValue),
      "client_sees": .string(outcome.clientSees.rawValue), "cause": .optional(outcome.cause?.rawValue),
      "saved_by": .optional(outcome.savedBy), "misdelivered": .bool(outcome.isMisdelivered),
      "entry_node": .optional(outcome.entryNode),
      "backend": outcome.backend.map {
        .members([
          "ip": .string($0.ip.description), "port": .integer(Int($0.port)), "pod": .optional($0.pod),
          "node": .optional($0.node),
        ])
      } ?? .null,
      "source_seen": .optional(outcome.sourceSeen?.description),
      "hops": .array(way(of: outcome).map { .integer($0.id) }),
    ])
  }

  private func json(_ hop: TraceHop) -> JSONText {
    .members([
      "id": .integer(hop.id), "after": .optional(hop.after), "probability": .number(hop.probability),
      "t_s": .number(hop.time.seconds), "node": .optional(hop.node),
      "component": .string(hop.componentName), "what": .string(hop.what),
      "packet_in": Self.json(hop.packetIn), "packet_out": hop.packetOut.map(Self.json) ?? .null,
      "conntrack": Self.json(hop.conntrack), "table": hop.table.map(json) ?? .null,
      "steps": .array(
        hop.steps.map {
          .members([
            "table": .string($0.table), "chain": .string($0.chain), "rule": .string($0.rule),
            "why": .string($0.why),
          ])
        }),
    ])
  }

  private static func json(_ conntrack: TraceConntrack) -> JSONText {
    switch conntrack {
    case .none: .null
    case .new(let original, let reply):
      .members(["action": .string("new"), "original": json(original), "reply": json(reply), "state": .null])
    case .existing(let original, let reply, let state):
      .members([
        "action": .string("existing"), "original": json(original), "reply": json(reply),
        "state": .string(state),
      ])
    }
  }

  private func json(_ table: TraceTable) -> JSONText {
    .members([
      "mode": .string(table.mode.rawValue), "age_s": .number(table.age.seconds),
      "services_behind": .integer(table.servicesBehind),
      "between_commits": .bool(table.isBetweenCommits),
      "rules_walked": .integer(table.rulesWalked), "lookups": .integer(table.lookups),
      "differs_from_fresh": .bool(table.differsFromFresh),
      "fresh": .array(table.fresh.map(Self.json)),
    ])
  }

  private static func json(_ choice: TraceChoice) -> JSONText {
    let isForward = choice.kind == .forward
    return .members([
      "verdict": .string(choice.kindName), "reason": .optional(choice.reasonName),
      "ip": .optional(isForward ? choice.address.description : nil),
      "port": .optional(isForward ? Int(choice.port) : nil), "probability": .number(choice.probability),
    ])
  }
}

extension TraceHop {
  /// As users name it: the proxy's mode for a node's tables.
  public var componentName: String {
    table?.mode.rawValue ?? (component == .tables ? "conntrack" : component.rawValue)
  }
}

extension TraceChoice {
  public var kindName: String {
    switch kind {
    case .forward: "forward"
    case .reject: "reject"
    case .drop: "drop"
    case .notProxied: "not_proxied"
    }
  }

  public var reasonName: String? {
    switch reason {
    case .none: nil
    case .noEndpoints: "no_endpoints"
    case .localPolicy: "local_policy"
    case .sourceRange: "source_range"
    case .nodePortAddress: "nodeport_address"
    case .unknownPort: "unknown_port"
    case .unallocatedAddress: "unallocated_address"
    case .noDestination: "no_destination"
    case .mapFull: "map_full"
    }
  }
}
