// SPDX-License-Identifier: GPL-3.0-or-later
//
// Session affinity as Cilium keeps it: one LRU map per node (cilium_lb4_affinity), keyed by frontend and
// client, where a client outside is its address and one inside is its network namespace (FACTS D4). Every hit
// renews the entry (bpf/lib/lb.h, __lb4_affinity_backend_id).

import NetworkTypes
import SimKernel

struct EBPFAffinityKey: Hashable {
  /// Address, port and protocol of the frontend: each has a rev_nat_id of its own.
  var frontend: UInt64
  var scope: EBPFScope
  var isNamespace: Bool
  /// Source address; 0 stands for the node's own namespace. A pod's address stands for its cookie.
  var client: UInt32
}

/// One node's map.
struct EBPFAffinityMap {
  private struct Entry {
    var key: EBPFAffinityKey
    /// The endpoint chain that stands for address and port of a backend.
    var chain: UInt32
    var lastUsed: SimTime
    var older: Int32
    var newer: Int32
  }
  private var entries: [Entry] = []
  private var free: [Int32] = []
  private var index: [EBPFAffinityKey: Int32] = [:]
  private var oldest: Int32 = -1
  private var newest: Int32 = -1

  var count: Int { index.count }

  /// The backend that the client used less than `timeout` ago.
  func chain(_ key: EBPFAffinityKey, now: SimTime, timeout: SimDuration) -> UInt32? {
    guard let slot = index[key], now - entries[Int(slot)].lastUsed < timeout else { return nil }
    return entries[Int(slot)].chain
  }

  mutating func set(_ key: EBPFAffinityKey, _ chain: UInt32, now: SimTime, capacity: Int) {
    if let slot = index[key] {
      unlink(slot)
      entries[Int(slot)].chain = chain
      entries[Int(slot)].lastUsed = now
      return append(slot)
    }
    if index.count >= capacity, oldest >= 0 {
      let evicted = oldest
      unlink(evicted)
      index[entries[Int(evicted)].key] = nil
      free.append(evicted)
    }
    let entry = Entry(key: key, chain: chain, lastUsed: now, older: -1, newer: -1)
    var slot = Int32(entries.count)
    if let reused = free.popLast() {
      slot = reused
      entries[Int(slot)] = entry
    } else {
      entries.append(entry)
    }
    index[key] = slot
    append(slot)
  }

  private mutating func append(_ slot: Int32) {
    entries[Int(slot)].older = newest
    entries[Int(slot)].newer = -1
    if newest >= 0 { entries[Int(newest)].newer = slot } else { oldest = slot }
    newest = slot
  }

  private mutating func unlink(_ slot: Int32) {
    let entry = entries[Int(slot)]
    if entry.older >= 0 { entries[Int(entry.older)].newer = entry.newer } else { oldest = entry.newer }
    if entry.newer >= 0 { entries[Int(entry.newer)].older = entry.older } else { newest = entry.older }
  }
}
