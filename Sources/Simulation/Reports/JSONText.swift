// SPDX-License-Identifier: GPL-3.0-or-later
//
// JSON as the reports write it: members in the order in which they were given, two spaces of indentation, and
// numbers by the same rule as in CSV. Reading JSON is the Scenario module's business.

import Scenario
import SimStatistics

/// A JSON value that keeps the order of its members.
public indirect enum JSONText: Sendable, Equatable {
  case null
  case bool(Bool)
  case integer(Int)
  case unsigned(UInt64)
  /// Written with at most 9 significant digits; not finite = null.
  case number(Double)
  case string(String)
  case array([JSONText])
  case object([Member])

  /// A name and its value.
  public struct Member: Sendable, Equatable {
    public var key: String
    public var value: JSONText
    public init(_ key: String, _ value: JSONText) {
      self.key = key
      self.value = value
    }
  }

  /// An object of members in this order.
  public static func members(_ pairs: KeyValuePairs<String, JSONText>) -> JSONText {
    .object(pairs.map { Member($0.key, $0.value) })
  }
  public static func optional(_ value: Double?) -> JSONText { value.map { .number($0) } ?? .null }
  public static func optional(_ value: Int?) -> JSONText { value.map { .integer($0) } ?? .null }
  public static func optional(_ value: String?) -> JSONText { value.map { .string($0) } ?? .null }

  /// The document with a line feed at its end.
  public var document: String {
    var text = ""
    write(to: &text, indent: 0)
    return text + "\n"
  }

  private func write(to text: inout String, indent: Int) {
    switch self {
    case .null: text += "null"
    case .bool(let value): text += value ? "true" : "false"
    case .integer(let value): text += String(value)
    case .unsigned(let value): text += String(value)
    case .number(let value): text += value.isFinite ? NumberText.format(value) : "null"
    case .string(let value): text += OrderedJSON.quoted(value)
    case .array(let values):
      Self.block("[", "]", count: values.count, to: &text, indent: indent) { index, text in
        values[index].write(to: &text, indent: indent + 2)
      }
    case .object(let members):
      Self.block("{", "}", count: members.count, to: &text, indent: indent) { index, text in
        text += OrderedJSON.quoted(members[index].key)
        text += ": "
        members[index].value.write(to: &text, indent: indent + 2)
      }
    }
  }

  private static func block(
    _ open: String, _ close: String, count: Int, to text: inout String, indent: Int,
    element: (Int, inout String) -> Void
  ) {
    text += open
    for index in 0..<count {
      text += (index == 0 ? "\n" : ",\n") + String(repeating: " ", count: indent + 2)
      element(index, &text)
    }
    if count > 0 { text += "\n" + String(repeating: " ", count: indent) }
    text += close
  }
}
