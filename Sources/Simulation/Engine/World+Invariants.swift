// SPDX-License-Identifier: GPL-3.0-or-later
//
// What must hold in every run, whatever the scenario: packets conserved, no connection forgotten, nothing
// counted twice. For tests; a run does not pay for it.

import NetworkTypes
import SimKernel
import Traffic

extension World {
  /// Sentences about invariants that do not hold after `run`; empty if all do. Takes what is pending out of
  /// the queue, so the run is over.
  mutating func brokenInvariants() -> [String] {
    var broken: [String] = []
    if undecided != 0 { broken.append("\(undecided) operations are undecided") }
    let arriving = pendingPackets()
    if packets.inFlight != arriving {
      broken.append("\(packets.inFlight) packets in flight, \(arriving) of them will arrive")
    }
    broken += leakedConnections()
    broken += serverCounts()
    for node in nodePlanes.indices {
      for fault in conntrack[node].pointee.brokenInvariants() {
        broken.append("\(nodePlanes[node].name): \(fault)")
      }
    }
    broken += proxies.brokenConnectionTables()
    return broken
  }

  private mutating func pendingPackets() -> Int {
    var count = 0
    while let entry = queue.popMin() {
      if entry.event.kind == .packet { count += 1 }
    }
    return count
  }

  /// After the drain a connection is idle in its client's pool, or closes: its last packet is on its way, or
  /// its server works on a request that nobody waits for any more.
  private func leakedConnections() -> [String] {
    var broken: [String] = []
    var pooled = 0
    for slot in 0..<UInt32(connections.used) {
      let c = connections[slot].pointee
      // A node's cache goes on asking for a client that has given up.
      if c.isLookup, dns.sockets[slot] != nil { continue }
      switch c.phase {
      case .free, .closing: break
      case .idle:
        pooled += 1
        if !isInPool(slot) { broken.append("connection \(slot) is idle outside of its pool") }
      case .abandoned:
        if !c.isBeingServed { broken.append("connection \(slot) is abandoned, but nobody serves it") }
      case .connecting, .awaiting:
        broken.append("connection \(slot) is \(c.phase) after the drain")
      }
    }
    let inPools = instances.indices.reduce(0) { $0 + instances[$1].idle.count }
    if pooled != inPools { broken.append("\(pooled) idle connections, \(inPools) in pools") }
    for i in instances.indices where instances[i].isAlive && instances[i].poolOpen != instances[i].idle.count
    {
      broken.append(
        "instance \(i) counts \(instances[i].poolOpen) pooled connections, has \(instances[i].idle.count)")
    }
    return broken
  }

  /// Every server knows exactly the connections that say so themselves.
  private func serverCounts() -> [String] {
    var open = [Int](repeating: 0, count: servers.count)
    var queued = open
    var served = open
    for slot in 0..<UInt32(connections.used) where connections[slot].pointee.isLive {
      let c = connections[slot].pointee
      if c.isBeingServed { served[Int(c.servedBy)] += 1 }
      guard c.server != .max, c.tuple.transport != .udp else { continue }
      if c.isQueuedForAccept { queued[Int(c.server)] += 1 } else { open[Int(c.server)] += 1 }
    }
    for q in dns.queries.slots where dns.queries[q].server >= 0 {
      if case .working = dns.queries[q].stage { served[dns.queries[q].server] += 1 }
    }
    var broken: [String] = []
    for i in servers.indices {
      let server = servers[i]
      if server.requestsInSystem != served[i] {
        broken.append("server \(i) counts \(server.requestsInSystem) requests, \(served[i]) are with it")
      }
      guard server.isRunning else { continue }
      if server.openConnections != open[i] || server.acceptQueue.count != queued[i] {
        broken.append(
          "server \(i) counts \(server.openConnections) + \(server.acceptQueue.count) connections, "
            + "\(open[i]) + \(queued[i]) are with it")
      }
    }
    return broken
  }
}

extension RunResult {
  /// Sentences about sums that do not agree; empty if all do.
  func brokenInvariants() -> [String] {
    var broken: [String] = []
    func expect(_ a: Int, _ b: Int, _ what: String) { if a != b { broken.append("\(what): \(a) and \(b)") } }
    for group in groups where group.count <= 0 { broken.append("empty group \(group)") }
    for group in groups where (group.outcome.isLost || group.outcome == .misdelivered) != (group.cause != nil)
    {
      broken.append("\(group.outcome) with cause \(group.cause.map(\.rawValue) ?? "none")")
    }
    expect(groups.reduce(0) { $0 + ($1.outcome == .unfinished ? $1.count : 0) }, 0, "unfinished attempts")
    let failed = groups.reduce(0) { $0 + ($1.cause != nil ? $1.count : 0) }
    expect(lost.count + lostNotListed, failed, "rows of lost connections and attempts with a cause")
    if lostNotListed == 0 { broken += brokenRows() }
    expect(ledger.reduce(0) { $0 + $1.count }, lostCount, "the ledger and lost attempts")
    for cause in Cause.allCases {
      expect(
        ledger.reduce(0) { $0 + ($1.cause == cause ? $1.count : 0) },
        groups.reduce(0) { $0 + ($1.cause == cause && $1.outcome.isLost ? $1.count : 0) },
        "the ledger of \(cause)")
    }
    expect(timeline.reduce(0) { $0 + $1.attempts }, attempted, "the timeline's attempts and all")
    expect(timeline.reduce(0) { $0 + $1.losses }, lostCount, "the timeline's losses and all")
    expect(
      timeline.reduce(0) { $0 + $1.successes },
      groups.reduce(0) { $0 + ($1.outcome == .completed ? $1.count : 0) }, "the timeline's successes and all")
    return broken + brokenShares()
  }

  private func brokenRows() -> [String] {
    var left: [String: Int] = [:]
    for group in groups {
      guard let cause = group.cause else { continue }
      left["\(group.target) \(group.client) \(group.outcome) \(cause)", default: 0] += group.count
    }
    for row in lost { left["\(row.target) \(row.client) \(row.outcome) \(row.cause)", default: 0] -= 1 }
    var broken = left.filter { $0.value != 0 }.map { "rows of \($0.key) differ by \($0.value)" }.sorted()
    if Set(lost.map(\.id)).count != lost.count { broken.append("two rows have one id") }
    for row in lost where row.end < row.start { broken.append("\(row.id) ends before it starts") }
    return broken
  }

  /// Decisions made and decisions expected are the same decisions.
  private func brokenShares() -> [String] {
    var broken: [String] = []
    for target in targets.indices {
      let rows = shares.filter { $0.target == target }
      let observed = rows.reduce(0) { $0 + $1.connections }
      let expected = rows.reduce(0) { $0 + $1.expectedConnections }
      if abs(Double(observed) - expected) > 1e-6 * max(1, expected) {
        broken.append("target \(target): \(observed) decisions, \(expected) expected")
      }
      let counted = spread.reduce(0) { $0 + ($1.target == target ? $1.connections : 0) }
      if counted != observed {
        broken.append("target \(target): \(observed) decisions in shares, \(counted) in statistics")
      }
    }
    return broken
  }
}
