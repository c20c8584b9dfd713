// SPDX-License-Identifier: GPL-3.0-or-later
//
// Storage of a connection tracking table: entries in chunks that never move, and an open-addressing index
// from a tuple's hash to the entry. Callers keep the rules; this file keeps the memory.

import CMemory

/// Entries in chunks of 1024, with a free list. Growth copies nothing. The first chunks have memory of their
/// own; a table that outgrows them gets blocks of a huge page.
struct ChunkedEntries: ~Copyable {
  /// Directory of the chunks. Raw memory, because it is read for every packet: an Array's check of its bounds
  /// and its header cost as much as the rest of the look-up.
  private var chunks: UnsafeMutablePointer<UnsafeMutablePointer<ConntrackEntry>>
  private var chunkCount = 0
  private var chunkCapacity = 16
  private var blocks: [UnsafeMutableRawPointer] = []
  /// Chunks left in the last block.
  private var spare = 0
  /// Slots handed out so far, free ones included.
  private(set) var used: Int32 = 0
  /// The last slot given back; each free entry holds the one given back before it in `tag`.
  private var free: Int32 = -1

  private static var chunkBytes: Int { 1024 * MemoryLayout<ConntrackEntry>.stride }
  private static var smallChunks: Int { 16 }

  init() { chunks = .allocate(capacity: 16) }
  deinit {
    for block in blocks { block.deallocate() }
    chunks.deallocate()
  }

  @inline(__always) func pointer(_ slot: Int32) -> UnsafeMutablePointer<ConntrackEntry> {
    assert(slot >= 0 && slot < used)
    return chunks[Int(slot) >> 10] + Int(slot & 1023)
  }

  /// Starts to load the next entries that the sweep will look at.
  func prefetch(from slot: Int32, count: Int32) {
    guard slot >= 0, slot + count <= used else { return }
    let first = UnsafeRawPointer(pointer(slot))
    for line in 0..<Int(count) * MemoryLayout<ConntrackEntry>.stride / 64 { sim_prefetch(first + line * 64) }
  }

  mutating func take() -> Int32 {
    if free >= 0 {
      let slot = free
      free = Int32(bitPattern: pointer(slot).pointee.tag)
      return slot
    }
    if Int(used) == chunkCount << 10 { addChunk() }
    used += 1
    return used - 1
  }

  mutating func giveBack(_ slot: Int32) {
    pointer(slot).pointee.tag = UInt32(bitPattern: free)
    free = slot
  }

  private mutating func addChunk() {
    let isLarge = chunkCount >= Self.smallChunks
    let inBlock = isLarge ? LargeMemory.hugePage / Self.chunkBytes : 1
    if spare == 0 {
      blocks.append(LargeMemory.allocate(bytes: isLarge ? LargeMemory.hugePage : Self.chunkBytes))
      spare = inBlock
    }
    let memory = blocks[blocks.count - 1] + (inBlock - spare) * Self.chunkBytes
    if chunkCount == chunkCapacity { growDirectory() }
    (chunks + chunkCount).initialize(to: memory.bindMemory(to: ConntrackEntry.self, capacity: 1024))
    chunkCount += 1
    spare -= 1
  }

  private mutating func growDirectory() {
    typealias Chunk = UnsafeMutablePointer<ConntrackEntry>
    let larger = UnsafeMutablePointer<Chunk>.allocate(capacity: chunkCapacity * 2)
    larger.moveInitialize(from: chunks, count: chunkCount)
    chunks.deallocate()
    chunks = larger
    chunkCapacity *= 2
  }
}

/// Open addressing with linear probing and backward-shift deletion. A cell is key << 32 | slot + 1; the key's
/// low bits are the home position.
///
/// Neighbouring keys come in groups of eight (see `PackedTuple.endKey`), and a group fills a cache line.
/// Probing in steps of one would therefore walk over whole groups; steps of nine leave the line at once, and
/// being odd they still reach every cell. A miss looks at two cells instead of twenty.
struct ConntrackIndex: ~Copyable {
  private var cells: UnsafeMutablePointer<UInt64>
  private var mask: Int
  /// Cells in use.
  private(set) var filled = 0

  init() {
    mask = 63
    cells = .allocate(capacity: 64)
    cells.initialize(repeating: 0, count: 64)
  }
  deinit { cells.deallocate() }

  private static var step: Int { 9 }
  /// Multiplicative inverse of the step modulo any power of two: turns a distance in cells into one in steps.
  private static var inverseStep: Int { Int(bitPattern: 0x8E38_E38E_38E3_8E39) }

  @inline(__always) private func following(_ cell: Int) -> Int { (cell + Self.step) & mask }
  @inline(__always) private func steps(from a: Int, to b: Int) -> Int { ((b - a) &* Self.inverseStep) & mask }

  /// Starts to load the cell where a look-up of `key` will begin.
  @inline(__always) func prefetch(_ key: UInt32) { sim_prefetch(cells + firstProbe(key)) }

  @inline(__always) func firstProbe(_ key: UInt32) -> Int { Int(key) & mask }

  /// The next slot with this key from `probe` on; nil at the end of the run.
  @inline(__always) func next(_ probe: inout Int, key: UInt32) -> Int32? {
    while true {
      let cell = cells[probe]
      if cell == 0 { return nil }
      probe = following(probe)
      if UInt32(truncatingIfNeeded: cell >> 32) == key {
        return Int32(truncatingIfNeeded: cell & 0xffff_ffff) - 1
      }
    }
  }

  mutating func insert(_ key: UInt32, slot: Int32) {
    if (filled + 1) * 8 > (mask + 1) * 5 { grow() }
    put(cellValue(key, slot))
    filled += 1
  }

  private func cellValue(_ key: UInt32, _ slot: Int32) -> UInt64 { UInt64(key) << 32 | UInt64(slot + 1) }
  private func homeOf(_ cell: UInt64) -> Int { Int(cell >> 32) & mask }

  private func put(_ cell: UInt64) {
    var i = homeOf(cell)
    while cells[i] != 0 { i = following(i) }
    cells[i] = cell
  }

  mutating func remove(_ key: UInt32, slot: Int32) {
    let wanted = cellValue(key, slot)
    var hole = firstProbe(key)
    while cells[hole] != wanted {
      precondition(cells[hole] != 0, "conntrack slot \(slot) is not indexed")
      hole = following(hole)
    }
    var i = following(hole)
    while cells[i] != 0 {
      // A cell may fill the hole unless its home lies cyclically in (hole, i].
      if steps(from: homeOf(cells[i]), to: i) >= steps(from: hole, to: i) {
        cells[hole] = cells[i]
        hole = i
      }
      i = following(i)
    }
    cells[hole] = 0
    filled -= 1
  }

  private mutating func grow() {
    let old = cells
    let oldCapacity = mask + 1
    mask = oldCapacity * 2 - 1
    cells = LargeMemory.allocate(bytes: (mask + 1) * 8).bindMemory(to: UInt64.self, capacity: mask + 1)
    cells.initialize(repeating: 0, count: mask + 1)
    for i in 0..<oldCapacity where old[i] != 0 { put(old[i]) }
    old.deallocate()
  }
}
