// SPDX-License-Identifier: GPL-3.0-or-later
//
// One sync: what had been delivered at its start is programmed, the filter table somewhere inside it, the
// nat table at its end (FACTS C2, C3; golden/README.md on the gap between the two).

import Cluster
import NetworkTypes
import SimKernel

extension ProxyFleet {
  mutating func beginSync(_ index: Int, _ now: SimTime, _ output: inout ProxyOutput) {
    advance(index, to: now)
    processes[index].phase = .syncing
    processes[index].wakeAt = .distantFuture
    processes[index].syncOrdinal += 1
    processes[index].runner.begin(at: now)
    let process = processes[index]
    var target = SyncTarget()
    target.start = now
    target.isFull = isFullSync(process, now)
    target.fails = failsSync(index, now)
    target.services = process.services.delivered
    target.slices = process.slices.delivered
    target.table = TableState(
      services: revision(.services, process), slices: revision(.slices, process),
      eyes: eyesOfSync(index, isFull: target.isFull),
      orderKey: draws.order(node: index, ordinal: process.syncOrdinal), totals: totals(process))
    countSync(index, &target)
    countWrites(index, &target, now)
    processes[index].target = target
    processes[index].failsNext = false
    let times = syncTimes(index, target, now)
    let id = NodeID(index)
    // Only iptables has two kernel tables, committed one after the other.
    if process.settings.mode == .iptables {
      output.schedule.append((now + times.filterCommit, .filterCommit(id, epoch: process.epoch)))
    }
    output.schedule.append((now + times.end, .natCommit(id, epoch: process.epoch)))
  }

  private func isFullSync(_ process: ProxyProcess, _ now: SimTime) -> Bool {
    let rules = SyncRules(minorVersion: minorVersion)
    if process.needsFull || !rules.hasPartialSyncs(process.settings.mode) { return true }
    let interval = rules.fullSyncInterval(
      process.settings, isLargeCluster: process.ruleCounts.isLargeCluster)
    return interval.map { now - process.lastFull >= $0 } ?? false
  }

  /// At the start of a sync, when its target is known: what it will write, and how it looks for what is
  /// stale.
  private mutating func countWrites(_ index: Int, _ target: inout SyncTarget, _ now: SimTime) {
    if savesRules(processes[index], now) {
      target.savesRules = true
      processes[index].lastSave = now
    }
    switch processes[index].settings.mode {
    case .iptables: target.rulesWritten = target.written.filter + target.written.nat
    case .nftables:
      collectTouched(index, target)
      let operations = countNftablesOperations(index, &target)
      target.rulesWritten = operations.sync + operations.cleanup
    case .ebpf:
      collectTouched(index, target)
      target.rulesWritten = entriesWritten(index, target)
    case .ipvs: break
    }
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
      output.syncs.append(
        SyncRecord(
          node: NodeID(index), start: target.start, end: now, kind: target.isFull ? .full : .partial,
          changes: 0, rulesWritten: 0, programmingLatency: nil, hasFailed: true))
      return syncFailed(index, now, &output)
    }
    let before = tables[index]
    let old = before.nat
    collectTouched(index, target)
    // An ipvs sync writes all that it leaves.
    let isIPVS = processes[index].settings.mode == .ipvs
    tables[index].nat = target.table
    tables[index].filter = target.table
    processes[index].ruleCounts = target.ruleCounts
    processes[index].lastWritten = target.written
    processes[index].staleChains = target.staleChains
    processes[index].queuedSince = nil
    processes[index].lastSuccess = now
    dropAffinityLists(index, old)
    noteModeChange(index, from: before, &output)
    commitIPVS(index, old, now)
    recordSync(index, target, written: isIPVS ? ipvsRulesWritten(index) : target.rulesWritten, now, &output)
    if eyes[Int(target.table.eyes)].mode == .ebpf {
      collectRemovals(index, from: old, now, &output)
    } else {
      collectCleanups(index, target, from: old, now, &output)
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
        programmingLatency: oldest == .distantFuture ? nil : now - oldest,
        slicesRevision: target.table.slices, programming: programmingLatencies(index, target, now)))
  }

  /// One for each write of EndpointSlices that kube-proxy was told of: end of the sync minus the trigger time
  /// in its annotation. What was triggered before the process began does not count (k/k
  /// pkg/proxy/endpointschangetracker.go).
  private func programmingLatencies(_ index: Int, _ target: SyncTarget, _ now: SimTime) -> [SimDuration] {
    let process = processes[index]
    guard process.programmedSlices < target.slices else { return [] }
    return history.logs[WatchKind.slices.rawValue][process.programmedSlices..<target.slices].lazy
      .filter { $0.trigger > process.startedAt && $0.trigger != .distantFuture }.map { now - $0.trigger }
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
