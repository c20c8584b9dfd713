// SPDX-License-Identifier: GPL-3.0-or-later
//
// A replay as JSON. docs/replay.md describes every member; their order is fixed.

import SimKernel

extension Replay {
  public var json: JSONText {
    .members([
      "connection_id": .string(id.description), "scenario": .string(scenario),
      "service": .optional(asItWas.target?.service), "port": .optional(asItWas.target?.port),
      "client": .string(asItWas.client), "client_node": .string(asItWas.clientNode),
      "as_it_was": Self.json(asItWas),
      "with": .array(
        changed.map { item in
          .members([
            "change": .string(item.change.name),
            "saved": item.isSaved.map { .bool($0) } ?? .null, "note": .optional(item.note),
            "connection": Self.json(item.connection),
          ])
        }),
    ])
  }

  private static func json(_ c: ReplayedConnection) -> JSONText {
    guard c.exists else { return .null }
    return .members([
      "start_s": .number(c.start.seconds), "end_s": .number(c.end.seconds),
      "outcome": .optional(c.outcome?.rawValue), "cause": .optional(c.cause?.rawValue),
      "saved_by": .optional(c.savedBy.isEmpty ? nil : c.savedBy),
      "backend": .string(c.backend), "backend_node": .string(c.backendNode),
      "deciding_node": .string(c.decidingNode),
      "kubelet_ms": .optional(c.lags?.kubelet?.milliseconds),
      "controller_ms": .optional(c.lags?.controller?.milliseconds),
      "watch_ms": .optional(c.lags?.watch?.milliseconds),
      "runner_wait_ms": .optional(c.lags?.runnerWait?.milliseconds),
      "sync_ms": .optional(c.lags?.sync?.milliseconds),
      "steps": .array(
        c.steps.map {
          .members([
            "t_s": .number($0.time.seconds), "node": .string($0.node), "component": .string($0.component),
            "what": .string($0.what),
          ])
        }),
    ])
  }
}
