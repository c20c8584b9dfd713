// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which combinations of a sweep are run: comparisons of two operands, each the path of an axis or a value,
// such as `servers[0].preStop <= 10s` or `mode != ipvs`.

/// A comparison that a point of the grid must fulfil.
public struct SweepConstraint: Sendable, Equatable {
  public enum Relation: String, Sendable, CaseIterable {
    // Longer ones first, as they are looked for in this order.
    case lessOrEqual = "<="
    case greaterOrEqual = ">="
    case equal = "=="
    case different = "!="
    case less = "<"
    case greater = ">"
  }

  public let left: String
  public let relation: Relation
  public let right: String
  public let position: SourcePosition

  /// Nil if the text has another form.
  public init?(_ text: String, position: SourcePosition) {
    var found: (range: Range<String.Index>, relation: Relation)?
    for index in text.indices {
      guard let relation = Relation.allCases.first(where: { text[index...].hasPrefix($0.rawValue) }) else {
        continue
      }
      found = (index..<text.index(index, offsetBy: relation.rawValue.count), relation)
      break
    }
    guard let found else { return nil }
    left = Self.trimmed(text[..<found.range.lowerBound])
    right = Self.trimmed(text[found.range.upperBound...])
    relation = found.relation
    self.position = position
    guard !left.isEmpty, !right.isEmpty else { return nil }
  }

  /// Whether it holds where paths have these values; nil if the operands cannot be compared.
  public func holds(_ values: [String: String]) -> Bool? {
    let (a, b) = (values[left] ?? left, values[right] ?? right)
    if let order = Self.order(a, b) {
      switch relation {
      case .less: return order < 0
      case .lessOrEqual: return order <= 0
      case .greater: return order > 0
      case .greaterOrEqual: return order >= 0
      case .equal: return order == 0
      case .different: return order != 0
      }
    }
    switch relation {
    case .equal: return Self.plain(a) == Self.plain(b)
    case .different: return Self.plain(a) != Self.plain(b)
    default: return nil
    }
  }

  /// Below zero, zero or above, for two durations, two rates or two numbers.
  private static func order(_ a: String, _ b: String) -> Double? {
    let (a, b) = (plain(a), plain(b))
    if let x = Double(a), let y = Double(b) { return x - y }
    if let x = DurationText.nanoseconds(a), let y = DurationText.nanoseconds(b) { return x - y }
    if let x = RateText.parse(a), let y = RateText.parse(b) { return x - y }
    return nil
  }

  /// Without quotes.
  private static func plain(_ text: String) -> String {
    text.count > 1 && text.first == "\"" && text.last == "\"" ? String(text.dropFirst().dropLast()) : text
  }

  private static func trimmed(_ text: Substring) -> String {
    String(text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
  }
}
