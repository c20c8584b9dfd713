// SPDX-License-Identifier: GPL-3.0-or-later
//
// Life of the processes: convergence at t = 0, events, restarts, nodes that go and come.

import Cluster
import NetworkTypes
import SimKernel

extension ProxyFleet {
  /// At t = 0 every node that is up has programmed everything; forced runs have random phases.
  public mutating func converge(into output: inout ProxyOutput) {
    precondition(!hasConverged, "converge is called once")
    hasConverged = true
    var isCountingPrepared = false
    for index in processes.indices where processes[index].phase == .idle {
      list(index, at: .zero)
      let maxInterval = SyncRunner.maxInterval(processes[index].settings)
      let phase = SimDuration(seconds: maxInterval.seconds * draws.phase(node: index))
      let lastRun = SimTime.zero - phase
      var process = processes[index]
      process.runner = runner(for: process.settings, idleSince: lastRun)
      process.lastFull = lastRun
      process.lastSave =
        .zero
        - SimDuration(
          seconds: process.settings.syncPeriod.seconds * draws.phase(node: index))
      process.startedAt = lastRun
      process.lastSuccess = lastRun
      process.needsFull = false
      process.hasSynced = true
      process.programmedServices = process.services.delivered
      process.programmedSlices = process.slices.delivered
      let eyes = makeEyes(index, zone: process.zone, nodeIP: process.nodeIP, reusing: tables[index].freshEyes)
      processes[index] = process
      var table = TableState(
        services: history.latestRevision, slices: history.latestRevision, eyes: eyes,
        orderKey: draws.order(node: index, ordinal: 0), totals: history.totals)
      if process.settings.mode == .iptables {
        if !isCountingPrepared { prepareCounting(table) }
        isCountingPrepared = true
        let counts = countRules(table)
        let now = self.eyes[Int(eyes)]
        processes[index].ruleCounts = counts
        processes[index].lastWritten = tableCounts(counts, chains: counts.chains, now)
        table.totals = ruleTotals(counts, now)
      }
      tables[index].nat = table
      tables[index].filter = table
      output.schedule.append(
        (lastRun + maxInterval, .forcedRun(NodeID(index), epoch: process.epoch)))
      // The process is older than the simulation by a random part of a minute, for what it does each minute.
      ipvsProcessStarted(
        index, at: .zero - SimDuration(seconds: IPVSNode.checkInterval.seconds * draws.phase(node: index)))
      commitIPVS(index, .empty, .zero)
    }
  }

  /// An event that an earlier call asked for, at its time.
  public mutating func handle(_ event: ProxyEvent, at now: SimTime, into output: inout ProxyOutput) {
    switch event {
    case .wake(let node, let epoch):
      let index = node.index
      // A wake that an earlier one replaced is stale.
      guard isCurrent(node, epoch, .idle), processes[index].wakeAt == now else { return }
      beginSync(index, now, &output)
    case .filterCommit(let node, let epoch):
      if isCurrent(node, epoch, .syncing) { commitFilter(node.index) }
    case .natCommit(let node, let epoch):
      if isCurrent(node, epoch, .syncing) { commitNat(node.index, now, &output) }
    case .processReady(let node, let epoch):
      if isCurrent(node, epoch, .starting) { processReady(node.index, now, &output) }
    case .cleanUp(let node, let epoch):
      if isCurrent(node, epoch, .starting) { cleanUp(node.index, now, &output) }
    case .forcedRun(let node, let epoch):
      if processes[node.index].epoch == epoch { forcedRun(node.index, now, &output) }
    }
  }

  private func isCurrent(_ node: NodeID, _ epoch: UInt16, _ phase: ProcessPhase) -> Bool {
    processes[node.index].epoch == epoch && processes[node.index].phase == phase
  }

  /// Comes once per maxInterval and node; a run in between pushes it back.
  private mutating func forcedRun(_ index: Int, _ now: SimTime, _ output: inout ProxyOutput) {
    let maxInterval = SyncRunner.maxInterval(processes[index].settings)
    let due =
      processes[index].phase == .idle
      ? processes[index].runner.lastEnd + maxInterval : now + maxInterval
    if due > now {
      output.schedule.append((due, .forcedRun(NodeID(index), epoch: processes[index].epoch)))
      return
    }
    output.schedule.append(
      (now + maxInterval, .forcedRun(NodeID(index), epoch: processes[index].epoch)))
    beginSync(index, now, &output)
  }

  /// The process exits now; its rules stay in the kernel. A new one, with `settings` if given, begins its
  /// first, full sync after timing.proxyRestart. A sync that was under way is lost.
  /// - Parameter teardown: the new process removes the rules first, and syncs so long after it.
  public mutating func restart(
    _ node: NodeID, settings: ProxySettings?, teardown: SimDuration? = nil, at now: SimTime,
    into output: inout ProxyOutput
  ) {
    let index = node.index
    processes[index].teardown = teardown
    if let settings {
      processes[index].settings = settings
      refreshEyes(index)
    }
    guard processes[index].phase != .down else { return }
    startProcess(index, now, &output)
  }

  /// The node is off; its kernel's tables are gone.
  public mutating func nodeWentDown(_ node: NodeID) {
    let index = node.index
    processes[index].phase = .down
    processes[index].awaitsLists = false
    processes[index].epoch &+= 1
    processes[index].wakeAt = .distantFuture
    processes[index].staleChains = []
    forgetRules(index)
    forgetLeftovers(index)
    processes[index].hasCleanedUp = false
  }

  /// The node has booted: no rules until the first sync of its proxy, which begins after timing.proxyRestart.
  public mutating func nodeBooted(_ node: NodeID, at now: SimTime, into output: inout ProxyOutput) {
    precondition(processes[node.index].phase == .down, "node \(node) boots while it is up")
    processes[node.index].emptySince = now
    startProcess(node.index, now, &output)
  }

  private mutating func startProcess(_ index: Int, _ now: SimTime, _ output: inout ProxyOutput) {
    processes[index].epoch &+= 1
    processes[index].phase = .starting
    processes[index].awaitsLists = false
    processes[index].wakeAt = .distantFuture
    processes[index].starts += 1
    let delay = draws.restart(node: index, ordinal: processes[index].starts)
    planCleanUp(index, now, readyAfter: delay, &output)
    output.schedule.append((now + delay, .processReady(NodeID(index), epoch: processes[index].epoch)))
  }

  /// The initial lists are complete: they hold all that the API has.
  private mutating func processReady(_ index: Int, _ now: SimTime, _ output: inout ProxyOutput) {
    // Without the API a new process waits; `reconnect` brings the event again.
    processes[index].awaitsLists = !processes[index].isConnected
    if processes[index].awaitsLists {
      processes[index].waitsSince = now
      return
    }
    if tearsDown(index, now, &output) { return }
    list(index, at: now)
    processes[index].startedAt = now
    processes[index].queuedSince = nil
    processes[index].lastSuccess = nil
    processes[index].lastSave = .zero - .hours(24)
    let process = processes[index]
    processes[index].nodeIP = process.addresses.first ?? .unspecified
    processes[index].runner = runner(for: process.settings, idleSince: now - SyncRunner.maxInterval)
    processes[index].needsFull = true
    processes[index].hasSynced = false
    processes[index].failsNext = false
    ipvsProcessStarted(index, at: now)
    output.schedule.append(
      (now + SyncRunner.maxInterval(process.settings), .forcedRun(NodeID(index), epoch: process.epoch)))
    beginSync(index, now, &output)
  }

  mutating func list(_ index: Int, at now: SimTime) {
    processes[index].listedRevision = history.latestRevision
    for kind in WatchKind.allCases {
      processes[index][kind] = WatchCursor(
        delivered: history.logs[kind.rawValue].count, last: now, next: .distantFuture,
        watches: processes[index][kind].watches + 1)
    }
    processes[index].zone = processes[index].apiZone
    processes[index].zoneDelivery = .distantFuture
  }
}
