// SPDX-License-Identifier: GPL-3.0-or-later

extension ConntrackTable {
  /// Sentences about invariants of the storage that do not hold; empty if all do. For tests: O(table).
  public func brokenInvariants() -> [String] {
    var broken: [String] = []
    var inUse = 0
    var keys = 0
    for slot in 0..<entries.used where entries.pointer(slot).pointee.isInUse {
      let e = entries.pointer(slot).pointee
      inUse += 1
      let initiator = e.original.sourceKey(e.transport)
      let translated = e.reply.destinationKey(e.transport)
      for key in translated == initiator ? [initiator] : [initiator, translated] {
        keys += 1
        if !isIndexed(slot, key) { broken.append("flow \(e.original.tuple(e.transport)) is not indexed") }
      }
    }
    if inUse != count { broken.append("\(inUse) flows in use, \(count) counted") }
    if keys != index.filled { broken.append("\(keys) keys of flows, \(index.filled) in the index") }
    if count > capacity { broken.append("\(count) flows in a table for \(capacity)") }
    return broken
  }

  private func isIndexed(_ slot: Int32, _ key: UInt32) -> Bool {
    var probe = index.firstProbe(key)
    while let found = index.next(&probe, key: key) {
      if found == slot { return true }
    }
    return false
  }
}
