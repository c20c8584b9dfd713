// SPDX-License-Identifier: GPL-3.0-or-later
//
// lblc and lblcr: Linux net/netfilter/ipvs/ip_vs_lblc.c and ip_vs_lblcr.c. They remember which server, or set
// of servers, serves a destination address. Their caches have 1024 buckets by destination; a virtual server
// of kube-proxy has one address, so one entry is all that a cache ever holds.

import SimKernel

struct LocalityCache {
  /// DEFAULT_EXPIRATION: an entry unused for so long goes.
  static let expiration = SimDuration.hours(24)
  /// CHECK_EXPIRE_INTERVAL × COUNT_FOR_FULL_EXPIRATION: when entries are looked at for their age.
  static let fullCheck = SimDuration.seconds(60) * 30

  /// A server that the cache holds; stale once its place went to another.
  struct Member {
    var server: Int32
    var generation: UInt32
  }

  var createdAt = SimTime.zero
  /// The newest first, as list_add puts them.
  var members: [Member] = []
  var hasEntry = false
  var lastUse = SimTime.zero
  var lastChange = SimTime.zero

  private func isUsable(_ member: Member, _ servers: [RealServer]) -> Bool {
    let s = servers[Int(member.server)]
    return s.generation == member.generation && s.isAvailable && s.weight > 0
  }

  /// The periodic timer has dropped the entry: at the first full check at which it was a day old.
  private mutating func expireEntry(_ now: SimTime) {
    guard hasEntry, now - lastUse >= Self.expiration else { return }
    let checks = (now - createdAt).nanoseconds / Self.fullCheck.nanoseconds
    if createdAt + Self.fullCheck * checks >= lastUse + Self.expiration {
      hasEntry = false
      members = []
    }
  }

  mutating func single(_ list: [Int32], _ servers: [RealServer], _ input: SchedulingInput) -> Int32? {
    expireEntry(input.now)
    if hasEntry, let known = members.first {
      lastUse = input.now
      if isUsable(known, servers), !Self.isOverloaded(known.server, list, servers) { return known.server }
    }
    guard let chosen = SchedulerState.weightedLeastConnections(list, servers) else { return nil }
    remember([chosen], servers, input.now)
    return chosen
  }

  mutating func replicated(_ list: [Int32], _ servers: [RealServer], _ input: SchedulingInput) -> Int32? {
    expireEntry(input.now)
    guard hasEntry else {
      guard let chosen = SchedulerState.weightedLeastConnections(list, servers) else { return nil }
      remember([chosen], servers, input.now)
      return chosen
    }
    lastUse = input.now
    let least = leastOfSet(servers)
    if members.count > 1, input.now > lastChange + Self.expiration, let most = mostOfSet(servers) {
      members.remove(at: most)
      lastChange = input.now
    }
    if let least, !Self.isOverloaded(least, list, servers) { return least }
    guard let chosen = SchedulerState.weightedLeastConnections(list, servers) else { return nil }
    let isKnown = members.contains {
      $0.server == chosen && $0.generation == servers[Int(chosen)].generation
    }
    if !isKnown {
      members.insert(Member(server: chosen, generation: servers[Int(chosen)].generation), at: 0)
      lastChange = input.now
    }
    return chosen
  }

  private mutating func remember(_ chosen: [Int32], _ servers: [RealServer], _ now: SimTime) {
    members = chosen.map { Member(server: $0, generation: servers[Int($0)].generation) }
    hasEntry = true
    lastUse = now
    lastChange = now
  }

  private func leastOfSet(_ servers: [RealServer]) -> Int32? {
    SchedulerState.weightedLeastConnections(
      members.filter { isUsable($0, servers) }.map(\.server), servers)
  }

  /// Place in the set of the server with the greatest load per weight; the first of equals.
  private func mostOfSet(_ servers: [RealServer]) -> Int? {
    var most: Int?
    for i in members.indices where servers[Int(members[i].server)].weight > 0 {
      guard let best = most else {
        most = i
        continue
      }
      let (a, b) = (servers[Int(members[best].server)], servers[Int(members[i].server)])
      if a.overhead * Int64(b.weight) < b.overhead * Int64(a.weight) { most = i }
    }
    return most
  }

  /// More active connections than weight, while another server has less than half of its own weight.
  private static func isOverloaded(_ server: Int32, _ list: [Int32], _ servers: [RealServer]) -> Bool {
    servers[Int(server)].active > servers[Int(server)].weight
      && list.contains { servers[Int($0)].active * 2 < servers[Int($0)].weight }
  }
}
