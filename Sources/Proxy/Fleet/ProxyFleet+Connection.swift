// SPDX-License-Identifier: GPL-3.0-or-later
//
// Each node's connection to the API server: watches that are closed and taken up again every few minutes, a
// partition from the control plane, an API server that is away. Each kind is watched by a reflector of its
// own, so after an outage Services and EndpointSlices come back at different times. Whether the reflector
// resumes or lists anew makes no difference here: either way it has everything at once.

import Cluster
import NetworkTypes
import SimKernel
import SimRandom

extension ProxyFleet {
  /// Nothing passes between the node and the control plane, and nobody says so, until `reconnect`.
  public mutating func disconnect(_ node: NodeID, at now: SimTime) {
    let index = node.index
    guard !processes[index].isPartitioned else { return }
    processes[index].isPartitioned = true
    loseConnection(index, now, silently: true)
  }

  public mutating func reconnect(_ node: NodeID, at: SimTime, into output: inout ProxyOutput) {
    let index = node.index
    guard processes[index].isPartitioned else { return }
    processes[index].isPartitioned = false
    if !apiServerIsDown { resume(index, at, &output) }
  }

  /// When EndpointSlices reach the node again: later than the end of a partition, because TCP or the
  /// reflector tries again in its own time.
  public func hearsAgain(_ node: NodeID, at now: SimTime) -> SimTime {
    max(now, processes[node.index][.slices].last)
  }

  /// The API server refuses connections until `apiServerIsBack`.
  public mutating func apiServerIsGone(at now: SimTime) {
    apiServerIsDown = true
    for index in processes.indices { loseConnection(index, now, silently: false) }
  }

  public mutating func apiServerIsBack(at now: SimTime, into output: inout ProxyOutput) {
    apiServerIsDown = false
    for index in processes.indices where !processes[index].isPartitioned { resume(index, now, &output) }
  }

  private mutating func loseConnection(_ index: Int, _ now: SimTime, silently: Bool) {
    guard processes[index].isConnected else { return }
    processes[index].isConnected = false
    processes[index].lostAt = now
    processes[index].lostSilently = silently
    processes[index].losses += 1
  }

  private mutating func resume(_ index: Int, _ now: SimTime, _ output: inout ProxyOutput) {
    guard !processes[index].isConnected else { return }
    var latest = now
    for kind in WatchKind.allCases {
      let back = reconnection(index, kind, now)
      latest = max(latest, back)
      processes[index][kind].last = max(processes[index][kind].last, back)
      processes[index][kind].next = .distantFuture
      processes[index][kind].closes = nil
    }
    processes[index].isConnected = true
    if processes[index].zoneDelivery != .distantFuture {
      processes[index].zoneDelivery = max(processes[index].zoneDelivery, latest)
    }
    if processes[index].awaitsLists {
      output.schedule.append((latest, .processReady(NodeID(index), epoch: processes[index].epoch)))
    }
    planWake(index, now, &output)
  }

  /// When the reflector of a kind gets through again.
  private func reconnection(_ index: Int, _ kind: WatchKind, _ now: SimTime) -> SimTime {
    let process = processes[index]
    let draws = draws
    let jitter = { (number: Int) in
      draws.reconnection(kind, node: index, loss: process.losses, number: UInt64(number))
    }
    if process.awaitsLists {
      // A process that has begun since then has never had a connection.
      return process.lostSilently
        ? ReflectorBackoff.dialling(from: process.waitsSince, back: now, jitter: jitter)
        : ReflectorBackoff.afterRefusals(lost: process.waitsSince, back: now, jitter: jitter)
    }
    guard process.lostSilently else {
      return ReflectorBackoff.afterRefusals(lost: process.lostAt, back: now, jitter: jitter)
    }
    let log = history.logs[kind.rawValue]
    let next = process[kind].delivered
    let unsent = next < log.count ? max(log[next].at, process.lostAt) : nil
    return ReflectorBackoff.afterSilence(
      lost: process.lostAt, back: now, firstUnsent: unsent, jitter: jitter)
  }

  /// When something that is to be delivered at `time` comes, with the pauses in which the watch is closed.
  mutating func whileOpen(_ time: SimTime, _ kind: WatchKind, _ index: Int) -> SimTime {
    guard draws.watchTimeout > .zero else { return time }
    var cursor = processes[index][kind]
    var closes = cursor.closes ?? cursor.last + draws.watchLength(kind, node: index, number: cursor.watches)
    var delivery = time
    while closes <= delivery {
      let opens = closes + draws.watchPause(kind, node: index, number: cursor.watches)
      delivery = max(delivery, opens)
      cursor.watches += 1
      closes = opens + draws.watchLength(kind, node: index, number: cursor.watches)
    }
    cursor.closes = closes
    processes[index][kind] = cursor
    return delivery
  }
}
