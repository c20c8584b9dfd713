// SPDX-License-Identifier: GPL-3.0-or-later
//
// Events and counts in words.

import NetworkTypes
import SimKernel

extension Story {
  /// An event as a sentence without its object.
  static func words(_ event: ClusterEventRow) -> String {
    let detail = event.detail.isEmpty ? "" : " (\(event.detail))"
    switch event.action {
    case "deletion requested": return "deletion asked for in the API" + detail
    case "SIGTERM": return "SIGTERM" + detail
    case "ended": return "its process has ended" + detail
    case "crashed": return "its process crashed" + detail
    case "removed": return "the object is gone from the API" + detail
    case "probe fails", "readiness probe fails": return "its readiness probe fails" + detail
    case "probe succeeds", "readiness probe succeeds": return "its readiness probe succeeds again" + detail
    case "ready": return "it answers its readiness probe" + detail
    case "down": return "power is gone" + detail
    case "shutdown": return "orderly shutdown begins" + detail
    case "power on": return "power is back, it boots" + detail
    case "up": return "it has booted" + detail
    case "target unhealthy": return "the load balancer gives it up" + detail
    case "target healthy": return "the load balancer trusts it again" + detail
    case "partitioned": return "the path is cut" + detail
    case "as before": return "the path is as before" + detail
    case "degraded": return "the path is degraded" + detail
    default: return event.action + detail
    }
  }

  /// What happened, with its object.
  static func title(_ event: ClusterEventRow) -> String {
    let parts = event.object.split(separator: "/", maxSplits: 1).map(String.init)
    let kind = parts.first ?? ""
    let name = parts.count > 1 ? parts[1] : event.object
    switch (kind, event.action) {
    case (_, "rollout"): return "rollout of \(name)"
    case (_, "scaled"), (_, "rescaled"): return "\(name) scaled \(event.detail)"
    case ("pod", "deletion requested"): return "pod \(name) deleted"
    case ("pod", "crashed"): return "pod \(name) crashed"
    case ("node", "down"): return "node \(name) lost power"
    case ("node", "shutdown"): return "node \(name) shut down"
    case ("node", "address changed"): return "node \(name) changed its address, \(event.detail)"
    case ("node", "drain"): return "node \(name) drained"
    case ("node", "kube-proxy configured"): return "kube-proxy of \(name) told to run \(event.detail)"
    case ("node", "kube-proxy restarts"): return "kube-proxy of \(name) restarted"
    case ("node", "target unhealthy"): return "the load balancer gave up node \(name)"
    case ("node", "target healthy"): return "the load balancer trusted node \(name)"
    case ("link", _): return "\(name) \(event.action)"
    default: return "\(kind) \(name): \(words(event))"
    }
  }
}

extension Story.Losses {
  init(_ rows: [LostConnection], _ result: RunResult) {
    count = rows.count
    var causes: [Cause: Int] = [:]
    var services: [String: Int] = [:]
    var clients: [String: Int] = [:]
    for row in rows {
      causes[row.cause, default: 0] += 1
      services[result.service(row.target), default: 0] += 1
      clients[result.client(row.client), default: 0] += 1
    }
    let found = Cause.allCases.compactMap { cause in causes[cause].map { (name: cause.rawValue, count: $0) } }
    byCause = Self.falling(found)
    byService = Self.falling(services.keys.sorted().map { ($0, services[$0]!) })
    byClient = Self.falling(clients.keys.sorted().map { ($0, clients[$0]!) })
  }

  /// The larger first; equal ones stay in their order.
  private static func falling(_ list: [(name: String, count: Int)]) -> [(name: String, count: Int)] {
    list.indices.sorted { list[$0].count == list[$1].count ? $0 < $1 : list[$0].count > list[$1].count }
      .map { list[$0] }
  }

  /// `stale_table 38, pod_terminated 3`
  static func words(_ list: [(name: String, count: Int)], most: Int = .max) -> String {
    let shown = list.prefix(most).map { "\($0.name) \(ReadableNumber.grouped($0.count))" }
    let rest = list.dropFirst(most).reduce(0) { $0 + $1.count }
    return (shown + (rest > 0 ? ["others \(ReadableNumber.grouped(rest))"] : [])).joined(separator: ", ")
  }
}
