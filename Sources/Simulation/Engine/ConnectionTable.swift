// SPDX-License-Identifier: GPL-3.0-or-later

import Traffic

/// Live connections in reused slots; a slot's generation tells its users apart.
struct ConnectionTable: ~Copyable {
  private var base: UnsafeMutablePointer<Connection>
  private var capacity = 256
  private(set) var used = 0
  /// The last slot freed; each free slot holds the one freed before it in `servedBy`, which
  /// nothing reads of a connection that is over.
  private var free = UInt32.max
  private(set) var live = 0

  init() { base = .allocate(capacity: 256) }
  deinit { base.deallocate() }

  /// A connection in place. Reading a field copies the field, not the connection.
  @inline(__always) subscript(_ slot: UInt32) -> UnsafeMutablePointer<Connection> {
    assert(Int(slot) < used)
    return base + Int(slot)
  }

  @inline(__always) func isCurrent(_ slot: UInt32, _ generation: UInt16) -> Bool {
    base[Int(slot)].generation == generation && base[Int(slot)].phase != .free
  }

  /// Where a node's conntrack table had the connection's flow last; −1 if nowhere.
  @inline(__always) func hint(_ slot: UInt32, _ generation: UInt16, _ node: Int) -> Int32 {
    guard isCurrent(slot, generation) else { return -1 }
    let c = base + Int(slot)
    if Int(c.pointee.hintNode0) == node { return c.pointee.hintEntry0 }
    if Int(c.pointee.hintNode1) == node { return c.pointee.hintEntry1 }
    return -1
  }

  func setHint(_ slot: UInt32, _ generation: UInt16, _ node: Int, _ entry: Int32) {
    guard isCurrent(slot, generation) else { return }
    let c = base + Int(slot)
    if c.pointee.hintNode0 == -1 || c.pointee.hintNode0 == Int32(node) {
      c.pointee.hintNode0 = Int32(node)
      c.pointee.hintEntry0 = entry
    } else {
      c.pointee.hintNode1 = Int32(node)
      c.pointee.hintEntry1 = entry
    }
  }

  mutating func open() -> UInt32 {
    live += 1
    if free != .max {
      let slot = free
      let generation = base[Int(slot)].generation
      free = base[Int(slot)].servedBy
      base[Int(slot)] = Connection()
      base[Int(slot)].generation = generation
      return slot
    }
    if used == capacity { grow() }
    (base + used).initialize(to: Connection())
    used += 1
    return UInt32(used - 1)
  }

  mutating func close(_ slot: UInt32) {
    assert(base[Int(slot)].phase != .free)
    base[Int(slot)].phase = .free
    base[Int(slot)].generation &+= 1
    base[Int(slot)].servedBy = free
    free = slot
    live -= 1
  }

  private mutating func grow() {
    let larger = UnsafeMutablePointer<Connection>.allocate(capacity: capacity * 2)
    larger.moveInitialize(from: base, count: used)
    base.deallocate()
    base = larger
    capacity *= 2
  }
}
