// SPDX-License-Identifier: GPL-3.0-or-later
//
// Writes of the API and when each reaches a node. Deliveries are computed when somebody looks, not scheduled
// one by one: an idle node has one wake event, for the first change that will reach it.

import Cluster
import NetworkTypes
import SimKernel

extension ProxyFleet {
  /// A Service was written or deleted (nil). Before `converge` nothing is scheduled.
  public mutating func record(
    service: ServiceID, _ version: Service?, revision: Revision, at: SimTime, into output: inout ProxyOutput
  ) {
    guard history.record(service, version, revision: revision, at: at), hasConverged else { return }
    wakeListeners(.services, at, &output)
  }

  /// A Service's EndpointSlices were written: `slices` are all it has afterwards. `trigger`: the instant of
  /// their cause as the annotation has it; nil: not known, the write counts.
  public mutating func record(
    slices: [EndpointSlice], of service: ServiceID, revision: Revision, at: SimTime,
    trigger: SimTime? = nil, into output: inout ProxyOutput
  ) {
    let isChanged = history.record(
      slices: slices, of: service, revision: revision, at: at, trigger: trigger ?? .distantFuture)
    guard isChanged, hasConverged else { return }
    wakeListeners(.slices, at, &output)
    if history.isDueForPruning { history.pruneEndpoints(before: oldestSlicesRevision()) }
  }

  /// The oldest endpoints that some kernel table still shows.
  private func oldestSlicesRevision() -> UInt32 {
    var oldest = history.latestRevision
    for state in tables {
      if state.nat.eyes >= 0 { oldest = min(oldest, state.nat.slices) }
      if state.filter.eyes >= 0 { oldest = min(oldest, state.filter.slices) }
    }
    for index in tables.indices where tables[index].hasLeftovers {
      for old in leftovers(of: index) { oldest = min(oldest, old.nat.slices, old.filter.slices) }
    }
    return oldest
  }

  /// The zone label of a Node object was written; its proxy sees it after a watch delay and syncs fully.
  public mutating func setZone(
    _ node: NodeID, _ zone: String?, at: SimTime, into output: inout ProxyOutput
  ) {
    let index = node.index
    processes[index].apiZone = history.zone(zone)
    refreshEyes(index)
    let delay = draws.nodeWatch(node: index, change: UInt64(bitPattern: at.nanoseconds))
    processes[index].zoneDelivery = at + delay
    planWake(index, at, &output)
  }

  private mutating func wakeListeners(_ kind: WatchKind, _ now: SimTime, _ output: inout ProxyOutput) {
    let newest = history.logs[kind.rawValue].count - 1
    for index in 0..<processes.count {
      // A node with an older change of this kind under way wakes for that one; but see `earlierRequest`.
      if processes[index].phase == .idle, processes[index].isConnected,
        processes[index][kind].delivered == newest || processes[index].runner.usesTokenBucket
      {
        planWake(index, now, &output)
      }
    }
  }

  /// How long the watch takes to bring a revision of the EndpointSlices to a node, once earlier ones are
  /// there.
  public func slicesWatchDelay(_ node: NodeID, revision: Revision) -> SimDuration {
    draws.watch(.slices, node: node.index, revision: revision.number)
  }

  /// When the next change of a kind reaches a node; `distantFuture`: none is under way. First in, first out
  /// per kind and node.
  mutating func nextDelivery(_ kind: WatchKind, _ index: Int) -> SimTime {
    let cursor = processes[index][kind]
    if !processes[index].isConnected { return .distantFuture }
    if cursor.next != .distantFuture { return cursor.next }
    guard cursor.delivered < history.logs[kind.rawValue].count else { return .distantFuture }
    let change = history.logs[kind.rawValue][cursor.delivered]
    let delay = draws.watch(kind, node: index, revision: change.revision)
    let next = whileOpen(max(cursor.last, change.at + delay), kind, index)
    processes[index][kind].next = next
    return next
  }

  /// Takes in everything that has been delivered by `now`.
  mutating func advance(_ index: Int, to now: SimTime) {
    for kind in WatchKind.allCases {
      while true {
        let next = nextDelivery(kind, index)
        if next > now { break }
        processes[index][kind].last = next
        processes[index][kind].next = .distantFuture
        processes[index][kind].delivered += 1
        noteQueued(index, next)
      }
    }
    if processes[index].isConnected && processes[index].zoneDelivery <= now {
      processes[index].zoneDelivery = .distantFuture
      processes[index].needsFull =
        processes[index].needsFull || processes[index].zone != processes[index].apiZone
      processes[index].zone = processes[index].apiZone
    }
  }

  /// The first change that waits for or is on its way to an idle node.
  private mutating func nextRequest(_ index: Int) -> SimTime {
    let zone = processes[index].isConnected ? processes[index].zoneDelivery : .distantFuture
    return min(zone, min(nextDelivery(.services, index), nextDelivery(.slices, index)))
  }

  /// Up to 1.33 a request that waits for its timer is overtaken by a later one that finds a token: its
  /// delivery, or nil.
  private mutating func earlierRequest(_ index: Int, before timer: SimTime) -> SimTime? {
    let runner = processes[index].runner
    guard runner.usesTokenBucket, processes[index].isConnected, runner.tokenAt < timer else { return nil }
    var found: SimTime?
    for kind in WatchKind.allCases {
      var cursor = processes[index][kind]
      if cursor.scanned < cursor.delivered {
        (cursor.scanned, cursor.scannedAt) = (cursor.delivered, cursor.last)
      }
      // The delivery of the last one looked at counts as long as nothing later has been found.
      if cursor.scanned > cursor.delivered, cursor.scannedAt >= runner.tokenAt, cursor.scannedAt < timer {
        found = min(found ?? cursor.scannedAt, cursor.scannedAt)
      }
      while cursor.scannedAt < runner.tokenAt, cursor.scanned < history.logs[kind.rawValue].count {
        let change = history.logs[kind.rawValue][cursor.scanned]
        let delay = draws.watch(kind, node: index, revision: change.revision)
        cursor.scannedAt = max(cursor.scannedAt, change.at + delay)
        cursor.scanned += 1
        if cursor.scannedAt >= runner.tokenAt, cursor.scannedAt < timer {
          found = min(found ?? cursor.scannedAt, cursor.scannedAt)
        }
      }
      processes[index][kind] = cursor
    }
    return found
  }

  /// Makes sure that an idle node wakes when its next run may begin.
  mutating func planWake(_ index: Int, _ now: SimTime, _ output: inout ProxyOutput) {
    guard processes[index].phase == .idle else { return }
    let request = nextRequest(index)
    guard request != .distantFuture else { return }
    // An agent collects events for a while from the first one on; kube-proxy runs at once if it may.
    let settings = processes[index].settings
    var start = max(now, request + settings.ebpf.reflectorWaitTime)
    if settings.mode != .ebpf {
      start = processes[index].runner.earliestStart(for: max(request, now))
      if start > max(request, now) { start = earlierRequest(index, before: start) ?? start }
    }
    guard start < processes[index].wakeAt else { return }
    processes[index].wakeAt = start
    output.schedule.append((start, .wake(NodeID(index), epoch: processes[index].epoch)))
  }
}

extension ProxyProcess {
  subscript(kind: WatchKind) -> WatchCursor {
    get { kind == .services ? services : slices }
    set { if kind == .services { services = newValue } else { slices = newValue } }
  }
}
