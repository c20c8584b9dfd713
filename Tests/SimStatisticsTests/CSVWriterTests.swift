// SPDX-License-Identifier: GPL-3.0-or-later

import Testing

@testable import SimStatistics

/// Remembers the pieces that a writer hands over.
private final class Pieces {
  var texts: [String] = []
  var failing = false
  struct Full: Error {}

  func take(_ bytes: UnsafeRawBufferPointer) throws {
    if failing { throw Full() }
    texts.append(String(decoding: bytes, as: UTF8.self))
  }
}

@Suite struct CSVWriterTests {
  private let pieces = Pieces()

  @Test("a table without rows is its header") func headerAlways() throws {
    var writer = CSVWriter(columns: ["run_id", "t_s"], sink: pieces.take)
    try writer.finish()
    #expect(pieces.texts.joined() == "run_id,t_s\n")
  }

  @Test("cells of every type, with what is missing left empty") func cells() throws {
    var writer = CSVWriter(columns: ["a", "b", "c", "d", "e", "f", "g"], sink: pieces.take)
    writer.cell("x")
    writer.cell(-42)
    writer.cell(0.5)
    writer.cell(nil as Double?)
    writer.cell(Double.nan)
    writer.cell(nil as String?)
    writer.cell(Int.min)
    try writer.endRow()
    for _ in 0..<6 { writer.emptyCell() }
    writer.cell(Optional(3))
    try writer.endRow()
    let rows = writer.rows
    try writer.finish()
    #expect(rows == 2)
    #expect(pieces.texts.joined() == "a,b,c,d,e,f,g\nx,-42,0.5,,,,-9223372036854775808\n,,,,,,3\n")
  }

  @Test(
    "text is quoted only where it has to be",
    arguments: [
      ("plain", "plain"), ("", ""), ("a,b", "\"a,b\""), ("say \"hi\"", "\"say \"\"hi\"\"\""),
      ("two\nlines", "\"two\nlines\""), ("cr\r", "\"cr\r\""), ("Zürich 東京", "Zürich 東京"), ("a;b", "a;b"),
    ])
  func quoting(_ text: String, _ expected: String) throws {
    var writer = CSVWriter(columns: ["only"], sink: pieces.take)
    writer.cell(text)
    try writer.endRow()
    try writer.finish()
    #expect(pieces.texts.joined() == "only\n\(expected)\n")
  }

  @Test("rows are handed over in pieces while the table grows") func streaming() throws {
    var writer = CSVWriter(columns: ["n"], flushThreshold: 100, sink: pieces.take)
    for n in 0..<1000 {
      writer.cell(n)
      try writer.endRow()
    }
    try writer.finish()
    #expect(pieces.texts.count > 20)
    #expect(pieces.texts.dropLast().allSatisfy { $0.utf8.count >= 100 && $0.utf8.count < 110 })
    #expect(pieces.texts.joined() == "n\n" + (0..<1000).map { "\($0)\n" }.joined())
    try writer.finish()
    #expect(pieces.texts.joined().hasSuffix("998\n999\n"))
  }

  @Test("an error of the sink reaches the caller") func sinkErrors() throws {
    var writer = CSVWriter(columns: ["n"], flushThreshold: 1, sink: pieces.take)
    pieces.failing = true
    writer.cell(1)
    var caught = false
    do { try writer.endRow() } catch is Pieces.Full { caught = true }
    #expect(caught)
  }
}
