// SPDX-License-Identifier: GPL-3.0-or-later
//
// JSON whose keys keep their order, for texts that are compared byte by byte.

/// A JSON value to be written.
public indirect enum OrderedJSON: Sendable {
  case object([(String, OrderedJSON)])
  case array([OrderedJSON])
  case string(String)
  case integer(Int)
  case number(Double)
  case boolean(Bool)

  /// Indented by two spaces; short arrays and objects of scalars on one line.
  public func text(indent: Int = 0) -> String {
    if isShallow {
      let flat = flatText
      if flat.utf8.count + indent <= 100 { return flat }
    }
    let inner = String(repeating: " ", count: indent + 2)
    let outer = String(repeating: " ", count: indent)
    switch self {
    case .object(let pairs) where !pairs.isEmpty:
      let lines = pairs.map { "\(inner)\(Self.quoted($0.0)): \($0.1.text(indent: indent + 2))" }
      return "{\n" + lines.joined(separator: ",\n") + "\n\(outer)}"
    case .array(let items) where !items.isEmpty:
      let lines = items.map { inner + $0.text(indent: indent + 2) }
      return "[\n" + lines.joined(separator: ",\n") + "\n\(outer)]"
    default: return flatText
    }
  }

  private var isScalar: Bool {
    switch self {
    case .object, .array: false
    default: true
    }
  }

  private var isShallow: Bool {
    switch self {
    case .object(let pairs): pairs.allSatisfy(\.1.isScalar)
    case .array(let items): items.allSatisfy(\.isScalar)
    default: true
    }
  }

  private var flatText: String {
    switch self {
    case .object(let pairs):
      pairs.isEmpty
        ? "{}" : "{ " + pairs.map { "\(Self.quoted($0.0)): \($0.1.flatText)" }.joined(separator: ", ") + " }"
    case .array(let items): "[" + items.map(\.flatText).joined(separator: ", ") + "]"
    case .string(let text): Self.quoted(text)
    case .integer(let value): String(value)
    case .number(let value): numberText(value)
    case .boolean(let value): value ? "true" : "false"
    }
  }

  /// A JSON string: escaped is what JSON asks for, and nothing else.
  public static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case let control where control.value < 0x20:
        let digits = String(control.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
