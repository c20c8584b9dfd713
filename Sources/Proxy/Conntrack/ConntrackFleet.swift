// SPDX-License-Identifier: GPL-3.0-or-later

/// The connection tracking tables of all nodes, by NodeID. Tables are not copyable, so they live in memory of
/// their own instead of an Array.
public struct ConntrackFleet: ~Copyable {
  var tables: UnsafeMutablePointer<ConntrackTable>
  public private(set) var count = 0
  var capacity: Int

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

  /// The table of a node, in place: `fleet[node].pointee.find(…)`. Valid until the next `append`. (A
  /// `_modify` accessor would be nicer; Swift 6.3.1 crashes on one across modules.)
  public subscript(_ node: Int) -> UnsafeMutablePointer<ConntrackTable> {
    assert(node < count)
    return tables + node
  }
}
