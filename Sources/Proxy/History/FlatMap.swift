// SPDX-License-Identifier: GPL-3.0-or-later
//
// The one file with unsafe storage: a flat open-addressing hash table from non-zero UInt64 keys to UInt32.
// STYLE 4: it answers in a fifth of the time of a Dictionary, without reference counting.

/// Linear probing, at most half full, no removal of single keys.
struct FlatMap: ~Copyable {
  @usableFromInline struct Slot: BitwiseCopyable {
    var key: UInt64
    var value: UInt32
  }
  private var slots: UnsafeMutablePointer<Slot>
  private var shift: UInt64
  private var mask: Int
  private(set) var count = 0

  init(minimumCapacity: Int = 32) {
    var bits: UInt64 = 4
    while 1 << bits < minimumCapacity * 2 { bits += 1 }
    mask = 1 << Int(bits) - 1
    shift = 64 - bits
    slots = .allocate(capacity: mask + 1)
    slots.initialize(repeating: Slot(key: 0, value: 0), count: mask + 1)
  }

  deinit { slots.deallocate() }

  @inline(__always) private func home(_ key: UInt64) -> Int {
    // Fibonacci hashing; the fold brings high bits of packed keys down before the multiplication.
    Int(truncatingIfNeeded: ((key ^ key >> 29) &* 0x9E37_79B9_7F4A_7C15) >> shift)
  }

  /// The value of `key`, or UInt32.max.
  @inline(__always) func find(_ key: UInt64) -> UInt32 {
    assert(key != 0, "key 0 marks empty slots")
    var i = home(key)
    while true {
      let slot = slots[i]
      if slot.key == key { return slot.value }
      if slot.key == 0 { return .max }
      i = (i + 1) & mask
    }
  }

  mutating func set(_ key: UInt64, _ value: UInt32) {
    precondition(key != 0, "key 0 marks empty slots")
    if (count + 1) * 2 > mask { grow() }
    var i = home(key)
    while slots[i].key != 0 && slots[i].key != key { i = (i + 1) & mask }
    if slots[i].key == 0 { count += 1 }
    slots[i] = Slot(key: key, value: value)
  }

  /// Removes `key` and closes the gap (backward-shift deletion).
  mutating func remove(_ key: UInt64) {
    var i = home(key)
    while slots[i].key != key {
      if slots[i].key == 0 { return }
      i = (i + 1) & mask
    }
    count -= 1
    var j = i
    while true {
      j = (j + 1) & mask
      if slots[j].key == 0 { break }
      let wanted = home(slots[j].key)
      // The entry at j may move to i unless its home lies cyclically in (i, j].
      if (j &- wanted) & mask >= (j &- i) & mask {
        slots[i] = slots[j]
        i = j
      }
    }
    slots[i] = Slot(key: 0, value: 0)
  }

  mutating func removeAll() {
    slots.update(repeating: Slot(key: 0, value: 0), count: mask + 1)
    count = 0
  }

  private mutating func grow() {
    let old = slots
    let oldSize = mask + 1
    mask = oldSize * 2 - 1
    shift -= 1
    slots = .allocate(capacity: mask + 1)
    slots.initialize(repeating: Slot(key: 0, value: 0), count: mask + 1)
    for k in 0..<oldSize where old[k].key != 0 {
      var i = home(old[k].key)
      while slots[i].key != 0 { i = (i + 1) & mask }
      slots[i] = old[k]
    }
    old.deallocate()
  }
}
