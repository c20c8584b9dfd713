// SPDX-License-Identifier: GPL-3.0-or-later
//
// JSON text to a document tree by the grammar of RFC 8259 and nothing more: no comments, no trailing or
// missing commas, no duplicate keys, surrogate pairs decoded, lone surrogates refused.

struct JSONReader {
  private let file: String
  private let bytes: UnsafeBufferPointer<UInt8>
  private var offset = 0
  private var line = 1
  /// Offset of the line's first byte, and UTF-8 continuation bytes seen since.
  private var lineStart = 0
  private var continuations = 0
  private var depth = 0
  private var nodeCount = 0
  private var duplicates: [Diagnostic] = []

  private struct Failure: Error {
    var diagnostic: Diagnostic
  }

  /// The one value of a JSON text.
  static func read(_ file: SourceFile) throws(ScenarioError) -> DocumentNode {
    var text = file.text
    let result = text.withUTF8 { bytes -> Result<DocumentNode, ScenarioError> in
      var reader = JSONReader(file: file.path, bytes: bytes)
      do throws(Failure) {
        let root = try reader.document()
        return reader.duplicates.isEmpty ? .success(root) : .failure(ScenarioError(reader.duplicates))
      } catch {
        return .failure(ScenarioError(reader.duplicates + [error.diagnostic]))
      }
    }
    return try result.get()
  }

  private init(file: String, bytes: UnsafeBufferPointer<UInt8>) {
    self.file = file
    self.bytes = bytes
  }

  // MARK: Grammar

  private mutating func document() throws(Failure) -> DocumentNode {
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) {
      offset = 3
      lineStart = 3
    }
    skipSpace()
    if offset == bytes.count { throw failure("the file holds no document", isSyntax: false) }
    let root = try value()
    skipSpace()
    if offset < bytes.count { throw failure("expected the end of the file") }
    return root
  }

  private mutating func value() throws(Failure) -> DocumentNode {
    nodeCount += 1
    if nodeCount > DocumentLimits.nodes {
      throw failure("more than \(DocumentLimits.nodes) values", isSyntax: false)
    }
    let place = position
    switch peek {
    case UInt8(ascii: "{"): return DocumentNode(.mapping(try object()), at: place)
    case UInt8(ascii: "["): return DocumentNode(.sequence(try array()), at: place)
    case UInt8(ascii: "\""):
      return DocumentNode(.scalar(.init(text: try string(), isPlain: false)), at: place)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
      return DocumentNode(.scalar(.init(text: try number(), isPlain: true)), at: place)
    default:
      return DocumentNode(.scalar(.init(text: try literal(), isPlain: true)), at: place)
    }
  }

  private mutating func object() throws(Failure) -> [DocumentNode.Entry] {
    try enter()
    var entries: [DocumentNode.Entry] = []
    var keys: Set<String> = []
    skipSpace()
    if take("}") { return leave(entries) }
    while true {
      skipSpace()
      if peek == UInt8(ascii: "}") { throw failure("expected another key after the comma") }
      guard peek == UInt8(ascii: "\"") else { throw failure("expected a key in double quotes") }
      let place = position
      let key = try string()
      nodeCount += 1
      if !keys.insert(key).inserted {
        duplicates.append(
          Diagnostic(position: place, message: "the key \"\(shortened(key))\" appears twice"))
      }
      skipSpace()
      guard take(":") else { throw failure("expected \":\" after a key") }
      skipSpace()
      entries.append(.init(key: key, keyPosition: place, value: try value()))
      skipSpace()
      if take("}") { return leave(entries) }
      guard take(",") else { throw failure("expected \",\" or \"}\" after a value") }
    }
  }

  private mutating func array() throws(Failure) -> [DocumentNode] {
    try enter()
    var items: [DocumentNode] = []
    skipSpace()
    if take("]") { return leave(items) }
    while true {
      skipSpace()
      if peek == UInt8(ascii: "]") { throw failure("expected another value after the comma") }
      items.append(try value())
      skipSpace()
      if take("]") { return leave(items) }
      guard take(",") else { throw failure("expected \",\" or \"]\" after a value") }
    }
  }

  private mutating func enter() throws(Failure) {
    depth += 1
    if depth > DocumentLimits.depth {
      throw failure(DocumentLimits.depthMessage, isSyntax: false)
    }
    offset += 1
  }

  private mutating func leave<T>(_ result: T) -> T {
    depth -= 1
    return result
  }

  private mutating func literal() throws(Failure) -> String {
    for word in ["true", "false", "null"] where bytes[offset...].starts(with: word.utf8) {
      offset += word.utf8.count
      return word
    }
    throw failure(offset == bytes.count ? "expected a value, but the file ends" : "expected a value")
  }

  private mutating func number() throws(Failure) -> String {
    let start = offset
    _ = take("-")
    let integerStart = offset
    let integerDigits = digits()
    if integerDigits == 0 { throw failure("expected a digit") }
    if integerDigits > 1, bytes[integerStart] == UInt8(ascii: "0") {
      offset = integerStart
      throw failure("a number must not begin with 0")
    }
    if take("."), digits() == 0 { throw failure("expected a digit after the decimal point") }
    if take("e") || take("E") {
      if !take("+") { _ = take("-") }
      if digits() == 0 { throw failure("expected a digit in the exponent") }
    }
    return String(decoding: bytes[start..<offset], as: UTF8.self)
  }

  private mutating func digits() -> Int {
    let start = offset
    while offset < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[offset]) {
      offset += 1
    }
    return offset - start
  }

  // MARK: Strings

  private mutating func string() throws(Failure) -> String {
    offset += 1
    var pieces = ""
    var start = offset
    while offset < bytes.count {
      let byte = bytes[offset]
      switch byte {
      case UInt8(ascii: "\""):
        pieces += String(decoding: bytes[start..<offset], as: UTF8.self)
        offset += 1
        return pieces
      case UInt8(ascii: "\\"):
        pieces += String(decoding: bytes[start..<offset], as: UTF8.self)
        pieces.unicodeScalars.append(try escape())
        start = offset
      case 0..<0x20:
        throw failure("a line break or control character inside a string")
      default:
        if byte & 0xC0 == 0x80 { continuations += 1 }
        offset += 1
      }
    }
    throw failure("the file ends inside a string")
  }

  private mutating func escape() throws(Failure) -> Unicode.Scalar {
    offset += 1
    guard offset < bytes.count else { throw failure("the file ends inside a string") }
    let simple: [UInt8: Unicode.Scalar] = [
      0x22: "\"", 0x5C: "\\", 0x2F: "/", 0x62: "\u{8}", 0x66: "\u{C}", 0x6E: "\n", 0x72: "\r", 0x74: "\t",
    ]
    if let scalar = simple[bytes[offset]] {
      offset += 1
      return scalar
    }
    guard bytes[offset] == UInt8(ascii: "u") else { throw failure("unknown escape in a string") }
    let high = try hexadecimal()
    guard (0xD800...0xDFFF).contains(high) else { return Unicode.Scalar(high) ?? "\u{FFFD}" }
    let isPair = bytes[offset...].starts(with: "\\u".utf8)
    guard high < 0xDC00, isPair else { throw failure("half of a surrogate pair in a string") }
    offset += 1
    let low = try hexadecimal()
    guard (0xDC00...0xDFFF).contains(low) else { throw failure("half of a surrogate pair in a string") }
    return Unicode.Scalar(0x10000 + (high - 0xD800) << 10 + (low - 0xDC00)) ?? "\u{FFFD}"
  }

  /// The four digits after `\u`, of which `offset` is at the `u`.
  private mutating func hexadecimal() throws(Failure) -> UInt32 {
    offset += 1
    let digits = bytes[offset..<min(offset + 4, bytes.count)]
    let text = String(decoding: digits, as: UTF8.self)
    guard digits.count == 4, text.utf8.allSatisfy({ $0 != 0x2B && $0 != 0x2D }),
      let value = UInt32(text, radix: 16)
    else { throw failure("expected four hexadecimal digits after \\u") }
    offset += 4
    return value
  }

  // MARK: Bytes

  private var peek: UInt8 { offset < bytes.count ? bytes[offset] : 0 }

  private mutating func take(_ character: Unicode.Scalar) -> Bool {
    guard offset < bytes.count, bytes[offset] == UInt8(ascii: character) else { return false }
    offset += 1
    return true
  }

  private mutating func skipSpace() {
    while offset < bytes.count {
      switch bytes[offset] {
      case 0x20, 0x09, 0x0D: offset += 1
      case 0x0A:
        offset += 1
        line += 1
        lineStart = offset
        continuations = 0
      default: return
      }
    }
  }

  private var position: SourcePosition {
    SourcePosition(file: file, line: line, column: offset - lineStart - continuations + 1)
  }

  private func failure(_ message: String, isSyntax: Bool = true) -> Failure {
    Failure(diagnostic: Diagnostic(position: position, message: (isSyntax ? "JSON syntax: " : "") + message))
  }
}
