// SPDX-License-Identifier: GPL-3.0-or-later
//
// What goes wrong with a kube-proxy process: syncs that fail, and starts that take the rules away first.

import Cluster
import NetworkTypes
import SimKernel

extension ProxyFleet {
  /// The next sync of this node fails: it programs nothing and is tried again (FACTS C2).
  public mutating func failNextSync(_ node: NodeID) { processes[node.index].failsNext = true }

  /// Syncs of this node that begin before `until` fail with this probability each.
  public mutating func failSyncs(_ node: NodeID, probability: Double, until: SimTime) {
    processes[node.index].failProbability = probability
    processes[node.index].failsUntil = until
  }

  /// Whether a sync that begins now will fail.
  func failsSync(_ index: Int, _ now: SimTime) -> Bool {
    let process = processes[index]
    if process.failsNext { return true }
    guard process.failProbability > 0, now < process.failsUntil else { return false }
    return draws.failure(node: index, ordinal: process.syncOrdinal) < process.failProbability
  }

  /// A failed sync: kube-proxy forgot what had changed, so the next one is full, and comes after syncPeriod
  /// at the latest, sooner if something changes (FACTS C2, C3).
  mutating func syncFailed(_ index: Int, _ now: SimTime, _ output: inout ProxyOutput) {
    processes[index].needsFull = true
    let at = now + processes[index].settings.syncPeriod
    processes[index].wakeAt = at
    output.schedule.append((at, .wake(NodeID(index), epoch: processes[index].epoch)))
    planWake(index, now, &output)
  }

  /// A process that starts as versions before 1.14 did (k/k 76376): the kernel is without this node's rules
  /// from now until its first sync has ended. True if the first sync has to wait.
  mutating func tearsDown(_ index: Int, _ now: SimTime, _ output: inout ProxyOutput) -> Bool {
    guard let wait = processes[index].teardown else { return false }
    processes[index].teardown = nil
    processes[index].staleChains = []
    processes[index].emptySince = now
    forgetRules(index)
    output.schedule.append((now + wait, .processReady(NodeID(index), epoch: processes[index].epoch)))
    return true
  }

  /// The kernel's tables of this node are empty; what lives in its rules is gone with them.
  mutating func forgetRules(_ index: Int) {
    tables[index].nat = .empty
    tables[index].filter = .empty
    recent.removeLists(of: UInt32(index)) { _ in true }
    dropIPVS(index)
    ebpf.forgetAffinity(of: index)
  }
}
