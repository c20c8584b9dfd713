// SPDX-License-Identifier: GPL-3.0-or-later
//
// Tables of what was lost: counts per client and cause, each lost connection, and the ledger by second and
// node.

import NetworkTypes
import SimKernel

extension ReportTables {
  static let connectionLoss = ReportTable(
    file: "connection_loss.csv", rowMeaning: "service × port × client × outcome × cause",
    rows: { ConnectionLossRow.rows(of: $0) },
    columns: [
      .text("service", serviceMeaning) { row, run in run.service(row.group.target) },
      .text("port", portMeaning, optional: true) { row, run in run.port(row.group.target) },
      .text("client", "Name of the client group in the scenario.") { row, run in run.client(row.group.client)
      },
      .text("outcome", "What became of the attempts.", allowed: outcomes) { row, _ in
        row.group.outcome.rawValue
      },
      .text(
        "cause", "Why they were lost or misdelivered; empty for other outcomes.", allowed: causes,
        optional: true
      ) { row, _ in row.group.cause?.rawValue ?? "" },
      .count("connections", "Attempts with this outcome and cause.") { row, _ in row.group.count },
      .count("attempted", "All attempts of this service, port and client.") { row, _ in row.attempted },
      .number(
        "loss_ratio", unit: "ratio",
        "connections / (attempted - unfinished - client_gone) of this service, port and client; "
          + "empty for outcomes that are no loss.", optional: true
      ) { row, _ in row.lossRatio },
    ])

  static let lostConnections = ReportTable(
    file: "lost_connections.csv", rowMeaning: "lost or misdelivered connection", rows: { $0.lost },
    columns: [
      .text("connection_id", "client/ordinal/attempt: the same in every variant with the same arrivals.") {
        row, _ in row.id
      },
      .number("start_s", unit: "s", "Intended start of the attempt.") { row, _ in row.start.seconds },
      .number("end_s", unit: "s", "When its outcome was decided.") { row, _ in row.end.seconds },
      .text("service", serviceMeaning) { row, run in run.service(row.target) },
      .text("port", portMeaning, optional: true) { row, run in run.port(row.target) },
      .text("client", "Name of the client group in the scenario.") { row, run in run.client(row.client) },
      .text("client_node", "Node of the client; empty outside the cluster.", optional: true) {
        row, _ in row.clientNode
      },
      .text(
        "deciding_node", "Node whose table, conntrack or absence decided; empty where none was reached.",
        optional: true
      ) { row, _ in row.decidingNode },
      .text("backend", "Endpoint that had been chosen, if any.", optional: true) { row, _ in row.backend },
      .text("backend_node", "Node of that endpoint.", optional: true) { row, _ in row.backendNode },
      .text("outcome", "What became of it.", allowed: outcomes) { row, _ in row.outcome.rawValue },
      .text("cause", "The first part that would have saved it, had its state been fresh.", allowed: causes) {
        row, _ in row.cause.rawValue
      },
      lag(
        "kubelet_ms",
        "Change in reality until the API had it: the kubelet's status, or for a silent node the grace period."
      ) { $0.kubelet },
      lag("controller_ms", "API write until the endpoint controller wrote the EndpointSlice.") {
        $0.controller
      },
      lag(
        "watch_ms",
        "EndpointSlice written until the node's kube-proxy had it; with stale_route, Node object "
          + "written until the peer's routes had it."
      ) { $0.watch },
      lag("runner_wait_ms", "kube-proxy had it until its sync began.") { $0.runnerWait },
      lag("sync_ms", "Sync began until the table was committed.") { $0.sync },
      .text(
        "saved_by",
        "What would have saved it: the first part of its path that would have, in words; with "
          + "report.counterfactuals the changes of the standard set that do save it (fresh-tables; nftables; "
          + "preStop+5s and so on), or the words where none does.", optional: true
      ) { row, _ in row.savedBy },
    ])

  static let lossLedger = ReportTable(
    file: "loss_ledger.csv", rowMeaning: "second × node × service × cause",
    rows: { LedgerRow.rows(of: $0) },
    columns: [
      .number("t_s", unit: "s", "Second in which the attempts began.") { row, _ in Double(row.second) },
      .text("node", "Node that decided; empty where none was reached.", optional: true) { row, _ in row.node
      },
      .text("node_mode", "Proxy mode of that node at that time.", optional: true) { row, _ in row.nodeMode },
      .text("service", serviceMeaning) { row, _ in row.service },
      .text("cause", "Why the connections were lost or misdelivered.", allowed: causes) { row, _ in
        row.cause.rawValue
      },
      .count("connections", "Lost or misdelivered connections.") { row, _ in row.connections },
    ])

  private static func lag(
    _ name: String, _ meaning: String, _ value: @escaping @Sendable (LostConnection) -> SimDuration?
  ) -> ReportColumn<LostConnection> {
    .number(name, unit: "ms", meaning + " Empty where this stage was not behind it.", optional: true) {
      row, _ in value(row)?.milliseconds
    }
  }
}

/// A row of connection_loss.csv: a group with the totals of its service, port and client.
private struct ConnectionLossRow {
  var group: AttemptGroup
  var attempted: Int
  /// attempted − unfinished − client_gone
  var decided: Int

  var lossRatio: Double? {
    guard group.outcome.isLost, decided > 0 else { return nil }
    return Double(group.count) / Double(decided)
  }

  /// Groups are sorted by target and client, so that each run of equal ones is a total.
  static func rows(of result: RunResult) -> [ConnectionLossRow] {
    var rows: [ConnectionLossRow] = []
    var start = 0
    let groups = result.groups
    while start < groups.count {
      let first = groups[start]
      var end = start
      while end < groups.count, groups[end].target == first.target, groups[end].client == first.client {
        end += 1
      }
      let same = groups[start..<end]
      let attempted = same.reduce(0) { $0 + $1.count }
      let decided = same.reduce(0) { $0 + ($1.outcome.countsAsAttempted ? $1.count : 0) }
      rows += same.map { ConnectionLossRow(group: $0, attempted: attempted, decided: decided) }
      start = end
    }
    return rows
  }
}

/// A row of loss_ledger.csv. The engine counts per target; the file is per Service, all of its ports
/// together.
private struct LedgerRow {
  var second: Int
  var node: String
  var nodeMode: String
  var service: String
  var cause: Cause
  var connections: Int

  static func rows(of result: RunResult) -> [LedgerRow] {
    var rows: [LedgerRow] = []
    let order = Dictionary(uniqueKeysWithValues: Cause.allCases.enumerated().map { ($1, $0) })
    let all = result.ledger.map {
      LedgerRow(
        second: $0.second, node: $0.node, nodeMode: $0.nodeMode, service: result.service($0.target),
        cause: $0.cause,
        connections: $0.count)
    }
    let sorted = all.sorted {
      ($0.second, $0.node, $0.nodeMode, $0.service, order[$0.cause]!)
        < ($1.second, $1.node, $1.nodeMode, $1.service, order[$1.cause]!)
    }
    for row in sorted {
      if let last = rows.last, last.isSameCell(as: row) {
        rows[rows.count - 1].connections += row.connections
      } else {
        rows.append(row)
      }
    }
    return rows
  }

  private func isSameCell(as other: LedgerRow) -> Bool {
    second == other.second && node == other.node && nodeMode == other.nodeMode && service == other.service
      && cause == other.cause
  }
}
