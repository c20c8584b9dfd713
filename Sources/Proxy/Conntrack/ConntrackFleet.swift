// SPDX-License-Identifier: GPL-3.0-or-later

/// The connection tracking tables of all nodes, by NodeID. Tables are not copyable, so they live in memory of
/// their own instead of an Array.
public struct ConntrackFleet: ~Copyable {
  @usableFromInline var tables: UnsafeMutablePointer<ConntrackTable>
  public private(set) var count = 0
  @usableFromInline var capacity: Int

  public init() {
    capacity = 8
    tables = .allocate(capacity: capacity)
  }
  deinit {
    tables.deinitialize(count: count)
    tables.deallocate()
  }

  public mutating func append(_ table: consuming ConntrackTable) {
    if count == capacity {
      let larger = UnsafeMutablePointer<ConntrackTable>.allocate(capacity: capacity * 2)
      larger.moveInitialize(from: tables, count: count)
      tables.deallocate()
      tables = larger
      capacity *= 2
    }
    (tables + count).initialize(to: table)
    count += 1
  }

  @inlinable public subscript(_ node: Int) -> ConntrackTable {
    _read {
      assert(node < count)
      yield tables[node]
    }
    _modify {
      assert(node < count)
      yield &tables[node]
    }
  }
}
