// SPDX-License-Identifier: GPL-3.0-or-later
//
// Tables of what went on in the cluster: how old the nodes' tables were, syncs, events, and the timeline.

import SimKernel

extension ReportTables {
  static let staleness = ReportTable(
    file: "staleness.csv", rowMeaning: "node × time bin", rows: { $0.staleness },
    columns: [
      .number("t_s", unit: "s", "Start of the bin; values are those at its end.") { row, _ in
        row.binStart.seconds
      },
      .text("node", "Name of the node.") { row, _ in row.node },
      .number("age_s", unit: "s", "Age of the oldest change in the API that the node has not programmed.") {
        row, _ in row.age.seconds
      },
      .count("services_wrong", "Services whose table differs from one made from the API's present state.") {
        row, _ in row.servicesWrong
      },
    ])

  static let timeline = ReportTable(
    file: "timeline.csv", rowMeaning: "time bin", rows: { $0.timeline },
    columns: [
      .number("t_s", unit: "s", "Start of the bin.") { row, _ in row.binStart.seconds },
      .count("attempts", "Attempts that began in it.") { row, _ in row.attempts },
      .count("successes", "Of these, completed.") { row, _ in row.successes },
      .count("losses", "Of these, lost.") { row, _ in row.losses },
      .count("open_connections", "Open connections at its end.") { row, _ in row.openConnections },
      .count("ready_endpoints", "Ready endpoints in the API at its end.") { row, _ in row.readyEndpoints },
      .count("stale_nodes", "Nodes with a change not programmed at its end.") { row, _ in row.staleNodes },
    ])

  static let proxySync = ReportTable(
    file: "proxy_sync.csv", rowMeaning: "sync of a node's table", rows: { $0.syncs },
    columns: [
      .number("t_s", unit: "s", "Start of the sync.") { row, _ in row.start.seconds },
      .text("node", "Name of the node.") { row, _ in row.node },
      .text("kind", "full, partial, or failed: nothing written.", allowed: ["full", "partial", "failed"]) {
        row, _ in row.kind
      },
      .count("changes", "Changes of Services and EndpointSlices that it took in.") { row, _ in row.changes },
      .count("rules_written", "Rules that it wrote.") { row, _ in row.rulesWritten },
      .number("duration_ms", unit: "ms", "Its duration.") { row, _ in row.duration.milliseconds },
      .number(
        "programming_latency_ms", unit: "ms",
        "End of the sync - API time of its oldest change; empty without changes.",
        optional: true
      ) { row, _ in row.programmingLatency?.milliseconds },
    ])

  static let events = ReportTable(
    file: "events.csv", rowMeaning: "thing that happened in the cluster", rows: { $0.events },
    columns: [
      .number("t_s", unit: "s", "When.") { row, _ in row.time.seconds },
      .text("object", "What it happened to, as kind/name or kind/namespace/name.") { row, _ in row.object },
      .text("action", "What happened.") { row, _ in row.action },
      .text("detail", "More about it.", optional: true) { row, _ in row.detail },
    ])
}
