// SPDX-License-Identifier: GPL-3.0-or-later
//
// A run that keeps an eye on one attempt. Nothing of the run changes by it: each event is looked at before
// and after it is handled, and what is different on the connection becomes a step. The packet path knows
// nothing of it; the few places where attempts end or packets get lost say so.

import Cluster
import NetworkTypes
import Proxy
import SimKernel
import Traffic

/// One thing that happened to a connection.
public struct ReplayStep: Sendable, Equatable {
  public var time: SimTime
  /// Where; empty outside the cluster.
  public var node: String
  /// `client`, `load_balancer`, the mode of a table, `network`, `server`, …
  public var component: String
  public var what: String
}

/// The attempt that is followed, and what was seen of it.
struct Following {
  let id: ConnectionID
  /// Fresh tables stand in for the nodes' own while its packets pass.
  var hasFreshTables = false
  /// Index of the client instance; −1 until it exists.
  var instance = -1
  /// Until the attempt has a connection: `.max`.
  var slot = UInt32.max
  var generation: UInt16 = 0
  var begun: SimTime?
  /// Of all open-loop arrivals before its operation.
  var arrivalDigest: UInt64 = 0
  var steps: [ReplayStep] = []
  /// Losses of its packets in the event that is being handled.
  var losses: [ReplayStep] = []
  var end: (at: SimTime, outcome: Outcome, row: LostConnection?)?
  /// What the last decision was about.
  var backend: UInt32 = .max
  var decidingNode: UInt32 = .max
}

extension World {
  /// Runs with an eye on one attempt.
  /// - Parameter toTheEnd: also when it is decided, for what is known only later.
  mutating func run(
    following id: ConnectionID, hasFreshTables: Bool, toTheEnd: Bool, observer: (any RunObserver)?
  ) throws {
    following = Following(id: id, hasFreshTables: hasFreshTables)
    while now < end || undecided > 0 {
      guard let entry = queue.popMin() else { break }
      if entry.time > end.nanoseconds, undecided == 0 { break }
      now = SimTime(nanoseconds: entry.time)
      eventCount += 1
      digest.mix(UInt64(bitPattern: entry.time) ^ entry.rank)
      if following!.end == nil { watch(entry.event) } else { handle(entry.event) }
      if eventCount & 0xffff == 0, let observer,
        !observer.progress(now: now, end: end, events: eventCount)
      {
        throw RunInterrupted(at: now)
      }
      if !toTheEnd, following!.end != nil { return }
    }
  }

  private mutating func watch(_ event: Event) {
    findInstance()
    let before = followedConnection
    let queriesBefore = followedQueries.map { FollowedQuery(slot: $0, in: self) }
    let isAbout = isAboutFollowed(event)
    let isNext = nextOrdinalOfFollowed
    let digestBefore = arrivalDigest.value
    if isAbout { noteArrival(event) }
    if isAbout, following!.hasFreshTables {
      let lent = proxies.lendFreshTables()
      handle(event)
      proxies.giveBack(lent)
    } else {
      handle(event)
    }
    if let isNext, isNext <= following!.id.operation,
      nextOrdinalOfFollowed.map({ $0 > following!.id.operation }) ?? false
    {
      following!.begun = now
      following!.arrivalDigest = digestBefore
    }
    noteQueries(since: queriesBefore)
    if before == nil { findConnection() }
    noteChanges(since: before)
  }

  // MARK: Finding it

  private mutating func findInstance() {
    guard following!.instance < 0 else { return }
    let id = following!.id
    following!.instance =
      instances.indices.first {
        instances[$0].number == id.instance && groups[instances[$0].group].settings.name == id.client
      } ?? -1
  }

  private var nextOrdinalOfFollowed: UInt32? {
    following!.instance < 0 ? nil : instances[following!.instance].nextOrdinal
  }

  /// The attempt's connection, while it works for it.
  private var followedConnection: Connection? {
    let f = following!
    guard f.slot != .max, connections.isCurrent(f.slot, f.generation) else { return nil }
    let c = connections[f.slot].pointee
    return c.ordinal == f.id.operation && c.attempt == f.id.attempt ? c : nil
  }

  private mutating func findConnection() {
    let f = following!
    guard f.slot == .max, f.instance >= 0, instances[f.instance].nextOrdinal > f.id.operation else { return }
    for slot in 0..<UInt32(connections.used) where connections[slot].pointee.isLive {
      let c = connections[slot].pointee
      guard !c.isLookup, c.instance == UInt32(f.instance), c.ordinal == f.id.operation,
        c.attempt == f.id.attempt
      else { continue }
      following!.slot = slot
      following!.generation = c.generation
      return
    }
  }

  /// The event is one of the attempt's own; before it has a connection, one by which it could get one.
  private func isAboutFollowed(_ event: Event) -> Bool {
    let f = following!
    guard f.instance >= 0 else { return false }
    if f.slot != .max {
      switch event.kind {
      case .packet: return packets[event.index].connection == f.slot && isPacketOfFollowed(event.index)
      case .served, .timer, .nextRequest, .idle:
        return event.index == f.slot && connections.isCurrent(f.slot, f.generation)
      default: return false
      }
    }
    if isOfFollowedLookup(event) { return true }
    switch event.kind {
    case .arrival, .user:
      return Int(event.index) == f.instance && f.id.attempt == 0
        && instances[f.instance].nextOrdinal == f.id.operation
    case .resume:
      let operation = waiting[event.index]
      return Int(operation.instance) == f.instance && operation.ordinal == f.id.operation
        && operation.attempt == f.id.attempt
    // A connection of its pool becomes free.
    case .packet, .timer, .idle, .served:
      return groups[instances[f.instance].group].poolSize > 0 && instanceOf(event) == f.instance
    default: return false
    }
  }

  private func isPacketOfFollowed(_ slot: UInt32) -> Bool {
    packets[slot].generation == following!.generation
  }

  private func instanceOf(_ event: Event) -> Int {
    let slot = event.kind == .packet ? packets[event.index].connection : event.index
    guard Int(slot) < connections.used, connections[slot].pointee.isLive else { return -1 }
    return Int(connections[slot].pointee.instance)
  }

  // MARK: What others say

  /// A packet of a connection got lost.
  mutating func noteFollowed(_ slot: UInt32, _ loss: Loss) {
    let f = following!
    // It may be lost in the very event that opens it.
    let c = connections[slot].pointee
    guard Int(c.instance) == f.instance, c.ordinal == f.id.operation, c.attempt == f.id.attempt else {
      return
    }
    let (component, node, words) = replayWords(loss, slot)
    following!.losses.append(ReplayStep(time: now, node: node, component: component, what: words))
  }

  /// An attempt on a connection is lost.
  mutating func noteFollowed(_ slot: UInt32, _ row: LostConnection) {
    guard following!.end == nil, row.id == following!.id.description else { return }
    following!.end = (now, row.outcome, row)
  }

  /// An attempt without a connection has ended.
  /// - Parameter detail: what its row says beyond the cause.
  mutating func noteFollowed(
    _ operation: WaitingOperation, _ outcome: Outcome, _ cause: Cause?, detail: String = ""
  ) {
    let f = following!
    guard f.end == nil, Int(operation.instance) == f.instance, operation.ordinal == f.id.operation,
      operation.attempt == f.id.attempt
    else { return }
    var row: LostConnection?
    if let cause {
      row = LostConnection()
      row?.id = f.id.description
      row?.start = SimTime(nanoseconds: operation.attemptStart)
      row?.outcome = outcome
      row?.cause = cause
      row?.savedBy = savedBy(cause, node: nil) + detail
    }
    following!.end = (now, outcome, row)
  }
}
