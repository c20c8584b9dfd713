// SPDX-License-Identifier: GPL-3.0-or-later
//
// One sync: what had been delivered at its start is programmed, the filter table somewhere inside it, the
// nat table at its end (FACTS C2, C3; golden/README.md on the gap between the two).

import Cluster
import NetworkTypes
import SimKernel

extension ProxyFleet {
  mutating func beginSync(_ index: Int, _ now: SimTime, _ output: inout ProxyOutput) {
    let queued = min(nextDelivery(.services, index), nextDelivery(.slices, index))
    advance(index, to: now)
    processes[index].phase = .syncing
    processes[index].wakeAt = .distantFuture
    processes[index].syncOrdinal += 1
    processes[index].runner.begin(at: now)
    let process = processes[index]
    var target = SyncTarget()
    target.start = now
    // ipvs writes everything at every sync, and so do old versions in iptables mode.
    target.isFull =
      process.needsFull || process.settings.mode == .ipvs || isFullSyncDue(process, now)
      || (process.settings.mode == .iptables && !Behaviours.partialIptablesSync.value(in: minorVersion))
    target.fails = process.failsNext
    target.services = process.services.delivered
    target.slices = process.slices.delivered
    target.queuedSince = queued <= now ? queued : .distantFuture
    target.table = TableState(
      services: revision(.services, process), slices: revision(.slices, process),
      eyes: eyesOfSync(index, isFull: target.isFull),
      orderKey: draws.order(node: index, ordinal: process.syncOrdinal), totals: totals(process))
    countSync(index, &target)
    processes[index].target = target
    processes[index].failsNext = false
    let duration =
      process.settings.mode == .ebpf
      ? process.settings.ebpf.reconcileTime : draws.sync(node: index, ordinal: process.syncOrdinal)
    let id = NodeID(index)
    // Only iptables has two kernel tables, committed one after the other.
    if process.settings.mode == .iptables {
      let share = SimDuration(seconds: duration.seconds * filterCommitShare)
      output.schedule.append((now + min(share, duration), .filterCommit(id, epoch: process.epoch)))
    }
    output.schedule.append((now + duration, .natCommit(id, epoch: process.epoch)))
  }

  /// FACTS C3: an hour after the last full sync the next one is full, but not in a large cluster. That
  /// exception is in the source of 1.36 (k/k pkg/proxy/iptables/proxier.go: the lines that golden/dynamics
  /// names fit no other form); whether 1.35 has it is not known.
  private func isFullSyncDue(_ process: ProxyProcess, _ now: SimTime) -> Bool {
    guard now - process.lastFull >= SyncRunner.maxInterval else { return false }
    let isExempt =
      process.settings.mode == .iptables && process.ruleCounts.isLargeCluster
      && Behaviours.largeClusterSkipsHourlySync.value(in: minorVersion)
    return !isExempt
  }

  /// In nftables mode only a full sync looks for node port addresses (k/k pkg/proxy/nftables/proxier.go,
  /// setupNFTables); whatever else a process knows of its node makes the sync a full one when it changes.
  private mutating func eyesOfSync(_ index: Int, isFull: Bool) -> Int32 {
    let present = tables[index].nat.eyes
    let process = processes[index]
    if process.settings.mode == .nftables && !isFull && present >= 0 { return present }
    return makeEyes(index, zone: process.zone, nodeIP: process.nodeIP, reusing: present)
  }

  private func revision(_ kind: WatchKind, _ process: ProxyProcess) -> UInt32 {
    let delivered = process[kind].delivered
    let logged = delivered > 0 ? history.logs[kind.rawValue][delivered - 1].revision : 0
    return max(logged, process.listedRevision)
  }

  /// Rule counts after the newest of what a node has had delivered.
  private func totals(_ process: ProxyProcess) -> RuleTotals {
    var newest: UInt32 = 0
    var totals = RuleTotals()
    for kind in WatchKind.allCases {
      let delivered = process[kind].delivered
      guard delivered > 0 else { continue }
      let change = history.logs[kind.rawValue][delivered - 1]
      if change.revision >= newest { (newest, totals) = (change.revision, change.totals) }
    }
    return totals
  }

  mutating func commitFilter(_ index: Int) {
    guard !processes[index].target.fails else { return }
    tables[index].filter = processes[index].target.table
  }

  /// The end of a sync.
  mutating func commitNat(_ index: Int, _ now: SimTime, _ output: inout ProxyOutput) {
    let target = processes[index].target
    processes[index].runner.end(at: now)
    processes[index].phase = .idle
    if target.fails {
      // FACTS C2, C3: tried again after syncPeriod at the latest, and then in full.
      processes[index].needsFull = true
      retry(index, now + processes[index].settings.syncPeriod, &output)
      return
    }
    let old = tables[index].nat
    collectTouched(index, target)
    // What a change costs is seen from the table that it changes; an ipvs sync writes all that it leaves.
    let isIPVS = processes[index].settings.mode == .ipvs
    let changed = isIPVS ? 0 : rulesWritten(index, target)
    tables[index].nat = target.table
    tables[index].filter = target.table
    processes[index].ruleCounts = target.ruleCounts
    processes[index].lastWritten = target.written
    dropAffinityLists(index, old)
    commitIPVS(index, old, now)
    recordSync(index, target, written: isIPVS ? ipvsRulesWritten(index) : changed, now, &output)
    if eyes[Int(target.table.eyes)].mode == .ebpf {
      collectRemovals(index, from: old, now, &output)
    } else {
      collectCleanups(index, target, now, &output)
    }
    processes[index].programmedServices = target.services
    processes[index].programmedSlices = target.slices
    processes[index].hasSynced = true
    if target.isFull {
      processes[index].lastFull = target.start
      processes[index].needsFull = false
    }
    planWake(index, now, &output)
  }

  private mutating func retry(_ index: Int, _ at: SimTime, _ output: inout ProxyOutput) {
    processes[index].wakeAt = at
    output.schedule.append((at, .wake(NodeID(index), epoch: processes[index].epoch)))
    planWake(index, at - processes[index].settings.syncPeriod, &output)
  }

  /// Fills `touched` with the Services of the changes that a sync brings, in order of their first change.
  mutating func collectTouched(_ index: Int, _ target: SyncTarget) {
    touched.removeAll(keepingCapacity: true)
    touchGeneration += 1
    for kind in WatchKind.allCases {
      let range =
        kind == .services
        ? processes[index].programmedServices..<target.services
        : processes[index].programmedSlices..<target.slices
      for position in range {
        let service = history.logs[kind.rawValue][position].service
        while touchedAt.count <= service.index { touchedAt.append(0) }
        if touchedAt[service.index] != touchGeneration {
          touchedAt[service.index] = touchGeneration
          touched.append(service)
        }
      }
    }
  }

  private mutating func recordSync(
    _ index: Int, _ target: SyncTarget, written: Int, _ now: SimTime, _ output: inout ProxyOutput
  ) {
    var oldest = SimTime.distantFuture
    let process = processes[index]
    if process.programmedServices < target.services {
      oldest = history.logs[0][process.programmedServices].at
    }
    if process.programmedSlices < target.slices {
      oldest = min(oldest, history.logs[1][process.programmedSlices].at)
    }
    output.syncs.append(
      SyncRecord(
        node: NodeID(index), start: target.start, end: now, kind: target.isFull ? .full : .partial,
        changes: touched.count, rulesWritten: written,
        programmingLatency: oldest == .distantFuture ? nil : now - oldest, slicesRevision: target.table.slices
      ))
  }

  /// What a sync writes, in each mode's own terms. iptables: dispatch chains are always written in full,
  /// chains of a Service port only if it was touched (FACTS C3).
  private mutating func rulesWritten(_ index: Int, _ target: SyncTarget) -> Int {
    let settings = processes[index].settings
    switch settings.mode {
    case .iptables: return target.written.filter + target.written.nat
    case .nftables:
      let operations = countNftablesOperations(index, target)
      return operations.sync + operations.cleanup
    case .ebpf: return entriesWritten(index, target)
    case .ipvs: return ipvsRulesWritten(index)
    }
  }

  /// An affinity list lives as long as the rule that stamps it (FACTS D1).
  private mutating func dropAffinityLists(_ index: Int, _ old: TableState) {
    let chains = recent.chains(of: UInt32(index))
    if chains.isEmpty { return }
    let new = tables[index].nat
    if old.eyes >= 0 && eyes[Int(old.eyes)].mode != eyes[Int(new.eyes)].mode {
      // Each mode keeps its own, and cleans up behind another.
      return recent.removeLists(of: UInt32(index)) { _ in true }
    }
    let locality = eyes[Int(new.eyes)].locality
    var gone: Set<UInt32> = []
    for chain in chains {
      let port = history.backends.portName(ofChain: chain)
      let isSame =
        history.specVersion(port, at: old.services) == history.specVersion(port, at: new.services)
        && history.endpointsVersion(port, at: old.slices) == history.endpointsVersion(port, at: new.slices)
        && old.eyes == new.eyes
      if isSame { continue }
      let plan = self.plan(port, new, locality: locality)
      let isStamped =
        plan.affinity > .zero
        && [plan.cluster, plan.local].contains { set in
          !set.isNone && candidateSets.firstPosition(of: [chain], in: set, history.backends) != .max
        }
      if !isStamped { gone.insert(chain) }
    }
    if !gone.isEmpty { recent.removeLists(of: UInt32(index)) { gone.contains($0) } }
  }
}
