// SPDX-License-Identifier: GPL-3.0-or-later
//
// The duration of a sync that begins, from what it will write: a few additions, since the counts are kept up
// to date anyway. A scenario may give a distribution instead (timing.proxySync).

import Cluster
import SimKernel

extension ProxyFleet {
  /// When the filter table and the whole of this sync will be in force, counted from its start.
  mutating func syncTimes(_ index: Int, _ target: SyncTarget, _ now: SimTime) -> SyncTimes {
    let process = processes[index]
    let mode = process.settings.mode
    let costs = SyncCosts.of(mode, calibration)
    var times: SyncTimes
    if let given = draws.givenSync(node: index, ordinal: process.syncOrdinal) {
      // Cilium's agent has a setting of its own.
      let end = mode == .ebpf ? process.settings.ebpf.reconcileTime : given
      times = SyncTimes(filterCommit: part(end, filterCommitShare ?? 0.5), end: end)
    } else {
      let factor = draws.syncFactor(node: index, ordinal: process.syncOrdinal, spread: costs.spread)
      times = costs.times(of: syncWork(index, target, now), factor: factor)
      if mode == .ebpf { times.end = times.end + process.settings.ebpf.reconcileTime }
      if let share = filterCommitShare { times.filterCommit = part(times.end, share) }
    }
    return times
  }

  private func part(_ duration: SimDuration, _ share: Double) -> SimDuration {
    min(SimDuration(seconds: duration.seconds * share), duration)
  }

  private func syncWork(_ index: Int, _ target: SyncTarget, _ now: SimTime) -> SyncWork {
    let process = processes[index]
    var work = SyncWork()
    let size = tableSize(process)
    work.servicePorts = Int(size.servicePorts)
    work.endpoints = Int(size.endpoints)
    switch process.settings.mode {
    case .iptables:
      work.filterRules = target.written.filter
      work.written = target.written.nat
      if target.savesRules { work.savedRules = rulesHeld(index) }
    case .nftables, .ebpf: work.written = target.rulesWritten
    case .ipvs: break
    }
    return work
  }

  private func rulesHeld(_ index: Int) -> Int {
    let counts = iptablesRuleCounts(of: .init(index))
    return counts.filter + counts.nat
  }

  /// Size of the table as a process knows it: after the newest of what it has had delivered.
  private func tableSize(_ process: ProxyProcess) -> TableSize {
    var newest: UInt32 = 0
    var size = TableSize()
    for kind in WatchKind.allCases {
      let delivered = process[kind].delivered
      guard delivered > 0 else { continue }
      let change = history.logs[kind.rawValue][delivered - 1]
      if change.revision >= newest { (newest, size) = (change.revision, change.size) }
    }
    return size
  }

  /// Stale chains are looked for with iptables-save, in large clusters only once per syncPeriod (FACTS C3).
  func savesRules(_ process: ProxyProcess, _ now: SimTime) -> Bool {
    process.settings.mode == .iptables
      && (!process.ruleCounts.isLargeCluster || now - process.lastSave > process.settings.syncPeriod)
  }
}
