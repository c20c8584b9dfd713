// SPDX-License-Identifier: GPL-3.0-or-later
//
// Rows that the packet path reads and writes in place. An Array there costs a bounds check and, for each
// write, a look at its reference count; a connection touches some forty rows, which made a tenth of its
// instructions. The owner is not copyable, so nobody else can hold the rows.

/// Growable rows by index. Indices are checked in debug builds only: they come from the engine's own tables.
struct Table<Row>: ~Copyable {
  private var rows: UnsafeMutablePointer<Row>
  private var capacity: Int
  private(set) var count = 0

  init(minimumCapacity: Int = 4) {
    capacity = max(1, minimumCapacity)
    rows = .allocate(capacity: capacity)
  }

  init(_ list: [Row]) {
    self.init(minimumCapacity: list.count)
    for row in list { append(row) }
  }

  init(repeating row: Row, count: Int) {
    self.init(minimumCapacity: count)
    for _ in 0..<count { append(row) }
  }

  deinit {
    rows.deinitialize(count: count)
    rows.deallocate()
  }

  var indices: Range<Int> { 0..<count }
  /// A copy of all rows.
  var list: [Row] { indices.map { rows[$0] } }

  /// A row in place.
  @inline(__always) subscript(_ i: Int) -> Row {
    unsafeAddress {
      assert(i >= 0 && i < count, "row \(i) of \(count)")
      return UnsafePointer(rows + i)
    }
    unsafeMutableAddress {
      assert(i >= 0 && i < count, "row \(i) of \(count)")
      return rows + i
    }
  }

  mutating func append(_ row: Row) {
    if count == capacity { grow() }
    (rows + count).initialize(to: row)
    count += 1
  }

  /// Appends copies of `row` until there are `wanted` rows.
  @inline(__always) mutating func extend(to wanted: Int, with row: Row) {
    if count < wanted { fill(to: wanted, with: row) }
  }

  @inline(never) private mutating func fill(to wanted: Int, with row: Row) {
    while count < wanted { append(row) }
  }

  @inline(never) private mutating func grow() {
    let larger = UnsafeMutablePointer<Row>.allocate(capacity: capacity * 2)
    larger.moveInitialize(from: rows, count: count)
    rows.deallocate()
    rows = larger
    capacity *= 2
  }
}
