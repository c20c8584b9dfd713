// SPDX-License-Identifier: GPL-3.0-or-later
//
// What if tables were fresh: for counterfactual runs. Either every node programs each change at the instant
// at which the API has it, with everything that follows from a sync; or tables made from the API's present
// state stand in for a node's own while one packet passes.

import Cluster
import NetworkTypes
import SimKernel

extension ProxyFleet {
  /// Every node that is up syncs now, in no time, with all that the API has. Takes the place of whatever its
  /// process was about to do: a start, a sync under way, a watch that is cut off.
  public mutating func programAtOnce(at now: SimTime, into output: inout ProxyOutput) {
    guard hasConverged else { return }
    for index in processes.indices where processes[index].phase != .down && isBehind(index) {
      processes[index].epoch &+= 1
      let isStart = processes[index].phase == .starting
      list(index, at: now)
      processes[index].awaitsLists = false
      processes[index].failsNext = false
      processes[index].nodeIP = processes[index].addresses.first ?? .unspecified
      if isStart {
        processes[index].runner = runner(
          for: processes[index].settings, idleSince: now - SyncRunner.maxInterval)
        processes[index].needsFull = true
        processes[index].hasSynced = false
        ipvsProcessStarted(index, at: now)
      }
      let scheduled = output.schedule.count
      beginSync(index, now, &output)
      output.schedule.removeSubrange(scheduled...)
      commitNat(index, now, &output)
    }
  }

  private func isBehind(_ index: Int) -> Bool {
    let process = processes[index]
    return process.phase != .idle || tables[index].nat.eyes != tables[index].freshEyes
      || process.programmedServices < history.logs[WatchKind.services.rawValue].count
      || process.programmedSlices < history.logs[WatchKind.slices.rawValue].count
      || process.zoneDelivery != .distantFuture
  }

  /// The tables that nodes really have, while fresh ones stand in for them.
  public struct LentTables: Sendable {
    var tables: ContiguousArray<NodeTables>
  }

  /// Fresh tables on all nodes until `giveBack`, within one instant. Nodes in ipvs mode keep theirs: what a
  /// packet meets there is not in the tables alone but in virtual servers, which a sync changes.
  public mutating func lendFreshTables() -> LentTables {
    let lent = LentTables(tables: tables)
    for index in tables.indices where processes[index].phase != .down && !isIPVS(index) {
      let fresh = freshTable(NodeID(index))
      guard fresh.eyes >= 0, eyes[Int(fresh.eyes)].mode != .ipvs else { continue }
      tables[index].nat = fresh
      tables[index].filter = fresh
    }
    return lent
  }

  /// - Precondition: no node has joined and nothing was programmed since.
  public mutating func giveBack(_ lent: LentTables) {
    precondition(lent.tables.count == tables.count, "tables were lent for a packet, not across changes")
    for index in tables.indices {
      tables[index].nat = lent.tables[index].nat
      tables[index].filter = lent.tables[index].filter
    }
  }

  private func isIPVS(_ index: Int) -> Bool {
    let state = tables[index].nat
    return state.eyes >= 0 && eyes[Int(state.eyes)].mode == .ipvs
  }

  /// Some node's tables are not what `lendFreshTables` could replace.
  public var hasIPVSTables: Bool { tables.indices.contains { isIPVS($0) } }
}
