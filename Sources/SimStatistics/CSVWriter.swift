// SPDX-License-Identifier: GPL-3.0-or-later
//
// Tables as RFC 4180 text: UTF-8, lines end in LF, the header always comes first, text is quoted only
// where it has to be. Rows are streamed: where the bytes go is the sink's business.

/// Writes one table. Fill a row cell by cell, end it, and finish the table at its end.
public struct CSVWriter: ~Copyable {
  /// Takes the next bytes of the file. The buffer is valid inside the call only.
  public typealias Sink = (UnsafeRawBufferPointer) throws -> Void

  private let columns: Int
  private let threshold: Int
  private let sink: Sink
  private var buffer: [UInt8] = []
  private var cells = 0
  /// Rows ended so far, without the header.
  public private(set) var rows = 0

  /// A table with the given columns. Its bytes reach `sink` in pieces of at least `flushThreshold`.
  /// - Precondition: at least one column.
  public init(columns: [String], flushThreshold: Int = 1 << 16, sink: @escaping Sink) {
    precondition(!columns.isEmpty, "a table needs a column")
    self.columns = columns.count
    self.threshold = flushThreshold
    self.sink = sink
    buffer.reserveCapacity(flushThreshold + 1024)
    for column in columns { cell(column) }
    closeLine()
  }

  /// A cell of text, in quotes if it has a comma, a quote or a line break.
  public mutating func cell(_ text: String) {
    separate()
    var text = text
    text.withUTF8 { bytes in
      let quoted = bytes.contains { Self.needsQuotes($0) }
      guard quoted else {
        buffer.append(contentsOf: bytes)
        return
      }
      buffer.append(UInt8(ascii: "\""))
      for byte in bytes {
        if byte == UInt8(ascii: "\"") { buffer.append(byte) }
        buffer.append(byte)
      }
      buffer.append(UInt8(ascii: "\""))
    }
  }

  /// A cell of text, empty if nil.
  public mutating func cell(_ text: String?) {
    if let text { cell(text) } else { emptyCell() }
  }

  /// A cell with a whole number, never shortened.
  public mutating func cell(_ number: Int) {
    separate()
    if number < 0 { buffer.append(UInt8(ascii: "-")) }
    NumberText.append(UInt64(number.magnitude), to: &buffer)
  }

  /// A cell with a whole number, empty if nil.
  public mutating func cell(_ number: Int?) {
    if let number { cell(number) } else { emptyCell() }
  }

  /// A cell with a number as `NumberText.format` writes it, so empty for NaN.
  public mutating func cell(_ number: Double) {
    separate()
    NumberText.append(number, to: &buffer)
  }

  /// A cell with a number, empty if nil.
  public mutating func cell(_ number: Double?) {
    if let number { cell(number) } else { emptyCell() }
  }

  /// A cell for what is missing.
  public mutating func emptyCell() { separate() }

  /// Ends the row and hands the buffer to the sink if it has grown enough.
  /// - Precondition: the row has a cell for every column.
  /// - Throws: what the sink throws.
  public mutating func endRow() throws {
    closeLine()
    rows += 1
    if buffer.count >= threshold { try flush() }
  }

  /// Hands over what is left. To be called at the end of the table; a second call has no effect.
  /// - Precondition: no row is open.
  /// - Throws: what the sink throws.
  public mutating func finish() throws {
    precondition(cells == 0, "the last row was not ended")
    try flush()
  }

  private mutating func flush() throws {
    guard !buffer.isEmpty else { return }
    try buffer.withUnsafeBytes { try sink($0) }
    buffer.removeAll(keepingCapacity: true)
  }

  private mutating func separate() {
    if cells > 0 { buffer.append(UInt8(ascii: ",")) }
    cells += 1
  }

  private mutating func closeLine() {
    precondition(cells == columns, "a row of \(cells) cells in a table of \(columns) columns")
    buffer.append(UInt8(ascii: "\n"))
    cells = 0
  }

  private static func needsQuotes(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: ",") || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\n")
      || byte == UInt8(ascii: "\r")
  }
}
