// SPDX-License-Identifier: GPL-3.0-or-later
//
// Who lost most for a cause: the combination of deciding node, target and client with the most connections
// among those listed, and when these began.

import NetworkTypes
import SimKernel

/// Lost connections that agree in cause, deciding node, target and client.
struct Offender: Sendable, Equatable {
  /// Empty where no node was reached.
  var node: String
  var target: TargetName
  var client: String
  var connections: Int
  /// Starts of the first and of the last of them.
  var from: SimTime
  var to: SimTime
}

/// Counts lost connections by cause and offender.
struct OffenderCounts: Sendable {
  private struct Key: Hashable {
    var cause: Cause
    var isMisdelivered: Bool
    var node: String
    var service: String
    var port: String
    var client: String
  }
  private var index: [Key: Int] = [:]
  /// In the order of their first connection.
  private var offenders: [(key: Key, offender: Offender)] = []

  mutating func add(_ connection: LostConnection, in result: RunResult) {
    let target = result.targets[connection.target]
    let client = result.client(connection.client)
    let key = Key(
      cause: connection.cause, isMisdelivered: connection.outcome == .misdelivered,
      node: connection.decidingNode, service: target.service, port: target.port, client: client)
    if let position = index[key] {
      offenders[position].offender.connections += 1
      offenders[position].offender.from = min(offenders[position].offender.from, connection.start)
      offenders[position].offender.to = max(offenders[position].offender.to, connection.start)
    } else {
      index[key] = offenders.count
      let offender = Offender(
        node: connection.decidingNode, target: target, client: client, connections: 1, from: connection.start,
        to: connection.start)
      offenders.append((key, offender))
    }
  }

  /// The one with the most connections; of equal ones, the earlier.
  func worst(of cause: Cause, misdelivered: Bool) -> Offender? {
    var worst: Offender?
    for (key, offender) in offenders
    where key.cause == cause && key.isMisdelivered == misdelivered
      && offender.connections > (worst?.connections ?? 0)
    {
      worst = offender
    }
    return worst
  }
}
