// SPDX-License-Identifier: GPL-3.0-or-later
//
// What type a scalar has, decided from its text and its quoting as Kubernetes' YAML reader does: quoted is
// always a string; a plain one is null, a boolean, a number or else a string. `yes`, `no`, `on` and `off`
// are booleans only where a boolean is asked for; `12:30:45` is a string.

/// Type of a value, as messages name it.
public enum NodeKind: String, Sendable {
  case null
  case boolean = "a boolean"
  case integer = "an integer"
  case number = "a number"
  case string = "a string"
  case list = "a list"
  case object = "an object"
}

extension DocumentNode {
  /// The type that a reader without expectations sees.
  public var kind: NodeKind {
    switch content {
    case .sequence: return .list
    case .mapping: return .object
    case .scalar(let scalar):
      guard scalar.isPlain else { return .string }
      if Self.nulls.contains(scalar.text) { return .null }
      if Self.booleans[scalar.text] != nil { return .boolean }
      if Self.isIntegerText(scalar.text) { return .integer }
      return Self.isDecimalText(scalar.text) || Self.nonFinite[scalar.text] != nil ? .number : .string
    }
  }

  /// `null`, `~` or nothing at all, unquoted.
  public var isNull: Bool { kind == .null }

  /// A string: quoted, or plain text that is nothing else.
  public var string: String? { kind == .string ? scalar?.text : nil }

  /// A whole number in decimal, hexadecimal, octal or binary; nil beyond 64 bits.
  public var int: Int? {
    guard let scalar, scalar.isPlain, Self.isIntegerText(scalar.text) else { return nil }
    return Self.integer(scalar.text)
  }

  /// A number; infinities and NaN where the text says so.
  public var double: Double? {
    guard let scalar, scalar.isPlain else { return nil }
    if Self.isDecimalText(scalar.text) {
      return Double(scalar.text.hasPrefix("+") ? scalar.text.dropFirst() : scalar.text[...])
    }
    if let special = Self.nonFinite[scalar.text] { return special }
    return int.map(Double.init)
  }

  /// `true` and `false`, and the YAML 1.1 forms `yes`, `no`, `on`, `off`.
  public var bool: Bool? {
    guard let scalar, scalar.isPlain else { return nil }
    return Self.booleans[scalar.text] ?? Self.oldBooleans[scalar.text]
  }

  private static let nulls: Set<String> = ["", "~", "null", "Null", "NULL"]
  private static let booleans: [String: Bool] = [
    "true": true, "True": true, "TRUE": true, "false": false, "False": false, "FALSE": false,
  ]
  private static let oldBooleans: [String: Bool] = [
    "yes": true, "Yes": true, "YES": true, "no": false, "No": false, "NO": false,
    "on": true, "On": true, "ON": true, "off": false, "Off": false, "OFF": false,
  ]
  private static let nonFinite: [String: Double] = [
    ".inf": .infinity, ".Inf": .infinity, ".INF": .infinity, "+.inf": .infinity, "-.inf": -.infinity,
    "-.Inf": -.infinity, "-.INF": -.infinity, ".nan": .nan, ".NaN": .nan, ".NAN": .nan,
  ]

  /// Sign, base and digits of an integer's text.
  private static func parts(_ text: String) -> (isNegative: Bool, radix: Int, digits: Substring) {
    var rest = text[...]
    let isNegative = rest.hasPrefix("-")
    if isNegative || rest.hasPrefix("+") { rest = rest.dropFirst() }
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] where rest.hasPrefix(prefix) {
      return (isNegative, radix, rest.dropFirst(2))
    }
    // YAML 1.1: a leading zero means octal.
    if rest.utf8.count > 1, rest.hasPrefix("0") { return (isNegative, 8, rest.dropFirst()) }
    return (isNegative, 10, rest)
  }

  private static func isIntegerText(_ text: String) -> Bool {
    guard let first = text.utf8.first, first == 0x2B || first == 0x2D || (0x30...0x39).contains(first) else {
      return false
    }
    let (_, radix, digits) = parts(text)
    return !digits.isEmpty
      && digits.utf8.allSatisfy { byte in
        switch byte {
        case 0x30...0x39: Int(byte) - 0x30 < radix
        case 0x41...0x46, 0x61...0x66: radix == 16
        default: false
        }
      }
  }

  private static func integer(_ text: String) -> Int? {
    let (isNegative, radix, digits) = parts(text)
    return Int((isNegative ? "-" : "") + digits, radix: radix)
  }

  /// `[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?`
  private static func isDecimalText(_ text: String) -> Bool {
    var rest = text.utf8[...]
    func takeDigits() -> Int {
      let end = rest.firstIndex { !(0x30...0x39).contains($0) } ?? rest.endIndex
      let count = rest.distance(from: rest.startIndex, to: end)
      rest = rest[end...]
      return count
    }
    func takeSign() {
      if rest.first == 0x2B || rest.first == 0x2D { rest = rest.dropFirst() }
    }
    takeSign()
    var mantissa = takeDigits()
    if rest.first == 0x2E {
      rest = rest.dropFirst()
      mantissa += takeDigits()
    }
    guard mantissa > 0 else { return false }
    if rest.first == 0x65 || rest.first == 0x45 {
      rest = rest.dropFirst()
      takeSign()
      guard takeDigits() > 0 else { return false }
    }
    return rest.isEmpty
  }
}
