// SPDX-License-Identifier: GPL-3.0-or-later
//
// Session affinity as the kernel keeps it: per node and endpoint chain one list of source addresses, each
// with an instant whose meaning is that of the mode.
// iptables (xt_recent, FACTS D1): the last stamp; 100 addresses at most, the least recently stamped evicted.
// A check does not stamp. Reaping expired entries changes nothing that a packet can see: they fail every
// check and are the first to be evicted; so it is left out.
// nftables (dynamic set with timeout, FACTS D2): the expiry; a full set takes no further address.

import NetworkTypes
import SimKernel

struct RecentLists: ~Copyable {
  /// xt_recent's ip_list_tot (iptables-extensions(8)).
  static let capacity = 100

  private struct List {
    var chain: UInt32
    var count = 0
    /// Oldest and newest stamp, −1: none.
    var oldest: Int32 = -1
    var newest: Int32 = -1
  }
  private struct Entry: BitwiseCopyable {
    var list: Int32
    var stamp: SimTime
    var older: Int32
    var newer: Int32
    /// Next entry of the same node, Service port and source.
    var nextOfSource: Int32
    /// Key of the chain of such entries.
    var sourceKey: UInt64
  }

  private var lists: [List] = []
  private var freeLists: [Int32] = []
  private var entries: ContiguousArray<Entry> = []
  private var freeEntries: [Int32] = []
  /// (node, chain) → list
  private var listIndex = FlatMap()
  /// (node, port) → its number
  private var portIndex = FlatMap()
  private var portCount: UInt32 = 0
  /// (number of node and port, source) → first entry, over all chains of the port
  private var sourceIndex = FlatMap()
  /// Lists of each node, for removal with their endpoints.
  private var listsOfNode: [[Int32]] = []

  private static func key(_ node: UInt32, _ other: UInt32) -> UInt64 {
    UInt64(node + 1) << 32 | UInt64(other)
  }

  var isEmpty: Bool { listIndex.count == 0 }

  /// Chains of `port` in which `source` was stamped at `since` or later, appended to `into`.
  func chains(
    node: UInt32, port: PortNameID, source: IPv4Address, since: SimTime, into found: inout [UInt32]
  ) {
    let number = portIndex.find(Self.key(node, port.rawValue))
    if number == .max { return }
    var index = sourceIndex.find(Self.key(number, source.bits))
    while index != .max {
      let entry = entries[Int(index)]
      if entry.stamp >= since { found.append(lists[Int(entry.list)].chain) }
      index = UInt32(bitPattern: entry.nextOfSource)
    }
  }

  /// When `source` was last stamped in each chain of `port` that still lists it.
  func stamps(node: UInt32, port: PortNameID, source: IPv4Address) -> [(chain: UInt32, at: SimTime)] {
    let number = portIndex.find(Self.key(node, port.rawValue))
    if number == .max { return [] }
    var found: [(chain: UInt32, at: SimTime)] = []
    var index = sourceIndex.find(Self.key(number, source.bits))
    while index != .max {
      let entry = entries[Int(index)]
      found.append((lists[Int(entry.list)].chain, entry.stamp))
      index = UInt32(bitPattern: entry.nextOfSource)
    }
    return found
  }

  /// `chain` must always come with the same `port`.
  mutating func stamp(
    node: UInt32, port: PortNameID, chain: UInt32, source: IPv4Address, at now: SimTime,
    capacity: Int = RecentLists.capacity
  ) {
    let list = listID(node, chain)
    let sourceKey = Self.key(number(of: node, port), source.bits)
    var index = sourceIndex.find(sourceKey)
    while index != .max && entries[Int(index)].list != list {
      index = UInt32(bitPattern: entries[Int(index)].nextOfSource)
    }
    if index != .max {
      unlink(Int32(index))
      entries[Int(index)].stamp = now
      append(Int32(index), to: list)
      return
    }
    if lists[Int(list)].count >= capacity { remove(lists[Int(list)].oldest) }
    let entry = Entry(
      list: list, stamp: now, older: -1, newer: -1,
      nextOfSource: Int32(bitPattern: sourceIndex.find(sourceKey)), sourceKey: sourceKey)
    let fresh = allocate(entry)
    sourceIndex.set(sourceKey, UInt32(fresh))
    append(fresh, to: list)
  }

  /// An nftables `update`: the source's element lives until `expiry`, or is added if the set has room once
  /// what has expired is gone. The kernel collects garbage about once a second, here each update does.
  mutating func refresh(
    node: UInt32, port: PortNameID, chain: UInt32, source: IPv4Address, at now: SimTime,
    until expiry: SimTime,
    capacity: Int
  ) {
    let list = Int(listID(node, chain))
    // Two per update bound the list to what is alive, and a little.
    for _ in 0..<2 where lists[list].oldest >= 0 && entries[Int(lists[list].oldest)].stamp <= now {
      remove(lists[list].oldest)
    }
    if lists[list].count >= capacity && !has(node, port, chain, source) { return }
    stamp(node: node, port: port, chain: chain, source: source, at: expiry, capacity: capacity + 1)
  }

  private func has(_ node: UInt32, _ port: PortNameID, _ chain: UInt32, _ source: IPv4Address) -> Bool {
    let number = portIndex.find(Self.key(node, port.rawValue))
    if number == .max { return false }
    var index = sourceIndex.find(Self.key(number, source.bits))
    while index != .max {
      if lists[Int(entries[Int(index)].list)].chain == chain { return true }
      index = UInt32(bitPattern: entries[Int(index)].nextOfSource)
    }
    return false
  }

  private mutating func number(of node: UInt32, _ port: PortNameID) -> UInt32 {
    let key = Self.key(node, port.rawValue)
    let known = portIndex.find(key)
    if known != .max { return known }
    portIndex.set(key, portCount)
    portCount += 1
    return portCount - 1
  }

  /// Chains that have a list on `node`.
  func chains(of node: UInt32) -> [UInt32] {
    node < listsOfNode.count ? listsOfNode[Int(node)].map { lists[Int($0)].chain } : []
  }

  /// Sources of a chain's list with the instants that it keeps of them, oldest first.
  func entries(node: UInt32, chain: UInt32) -> [(source: IPv4Address, instant: SimTime)] {
    let list = listIndex.find(Self.key(node, chain))
    if list == .max { return [] }
    var found: [(source: IPv4Address, instant: SimTime)] = []
    var index = lists[Int(list)].oldest
    while index >= 0 {
      let entry = entries[Int(index)]
      found.append((IPv4Address(bits: UInt32(truncatingIfNeeded: entry.sourceKey)), entry.stamp))
      index = entry.newer
    }
    return found
  }

  /// Destroys the lists of a node for which `isGone` holds.
  mutating func removeLists(of node: UInt32, where isGone: (UInt32) -> Bool) {
    guard node < listsOfNode.count else { return }
    var kept: [Int32] = []
    for list in listsOfNode[Int(node)] {
      let chain = lists[Int(list)].chain
      guard isGone(chain) else {
        kept.append(list)
        continue
      }
      while lists[Int(list)].oldest >= 0 { remove(lists[Int(list)].oldest) }
      listIndex.remove(Self.key(node, chain))
      freeLists.append(list)
    }
    listsOfNode[Int(node)] = kept
  }

  private mutating func listID(_ node: UInt32, _ chain: UInt32) -> Int32 {
    let key = Self.key(node, chain)
    let known = listIndex.find(key)
    if known != .max { return Int32(known) }
    let fresh = List(chain: chain)
    let id: Int32
    if let free = freeLists.popLast() {
      lists[Int(free)] = fresh
      id = free
    } else {
      id = Int32(lists.count)
      lists.append(fresh)
    }
    listIndex.set(key, UInt32(id))
    while listsOfNode.count <= node { listsOfNode.append([]) }
    listsOfNode[Int(node)].append(id)
    return id
  }

  private mutating func allocate(_ entry: Entry) -> Int32 {
    if let free = freeEntries.popLast() {
      entries[Int(free)] = entry
      return free
    }
    entries.append(entry)
    return Int32(entries.count - 1)
  }

  private mutating func append(_ index: Int32, to list: Int32) {
    let newest = lists[Int(list)].newest
    entries[Int(index)].older = newest
    entries[Int(index)].newer = -1
    if newest >= 0 { entries[Int(newest)].newer = index } else { lists[Int(list)].oldest = index }
    lists[Int(list)].newest = index
    lists[Int(list)].count += 1
  }

  private mutating func unlink(_ index: Int32) {
    let entry = entries[Int(index)]
    let list = Int(entry.list)
    if entry.older >= 0 {
      entries[Int(entry.older)].newer = entry.newer
    } else {
      lists[list].oldest = entry.newer
    }
    if entry.newer >= 0 {
      entries[Int(entry.newer)].older = entry.older
    } else {
      lists[list].newest = entry.older
    }
    lists[list].count -= 1
  }

  private mutating func remove(_ index: Int32) {
    let entry = entries[Int(index)]
    let key = entry.sourceKey
    unlink(index)
    let first = Int32(bitPattern: sourceIndex.find(key))
    if first == index {
      if entry.nextOfSource < 0 {
        sourceIndex.remove(key)
      } else {
        sourceIndex.set(key, UInt32(entry.nextOfSource))
      }
    } else {
      var before = first
      while entries[Int(before)].nextOfSource != index { before = entries[Int(before)].nextOfSource }
      entries[Int(before)].nextOfSource = entry.nextOfSource
    }
    freeEntries.append(index)
  }
}
