// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a metric must be, as thresholds and targets write it: `loss_ratio{service=web} < 0.1%`. Whether the
// metric exists and what unit it has is for the reader of results to say.

/// A metric, an operator and a limit.
public struct MetricCondition: Sendable, Hashable, CustomStringConvertible {
  /// How the metric is to stand to the limit.
  public enum Relation: String, Sendable, Hashable, CaseIterable {
    case lessOrEqual = "<="
    case greaterOrEqual = ">="
    case less = "<"
    case greater = ">"

    /// True for `<` and `<=`.
    public var isUpperBound: Bool { self == .less || self == .lessOrEqual }

    public func holds(_ value: Double, _ limit: Double) -> Bool {
      switch self {
      case .less: value < limit
      case .lessOrEqual: value <= limit
      case .greater: value > limit
      case .greaterOrEqual: value >= limit
      }
    }
  }

  public let selector: MetricSelector
  public let relation: Relation
  /// In the metric's unit; what was written in percent is divided by 100.
  public let limit: Double
  /// As written, blanks around it left out.
  public let description: String
  /// Written in percent, which only ratios are.
  public let isPercent: Bool

  /// Nil if the text has another form.
  public init?(_ text: String) {
    let text = String(text.drop(while: \.isWhitespace))
    let trimmed = String(text.reversed().drop(while: \.isWhitespace).reversed())
    // Label values may hold anything but braces, so that operators are looked for behind them.
    let after = trimmed.firstIndex(of: "}").map { trimmed.index(after: $0) } ?? trimmed.startIndex
    guard let start = trimmed[after...].firstIndex(where: { "<>".contains($0) }) else { return nil }
    let name = trimmed[..<start].reversed().drop(while: \.isWhitespace).reversed()
    guard let selector = MetricSelector(String(name)),
      let relation = Relation.allCases.first(where: { trimmed[start...].hasPrefix($0.rawValue) })
    else { return nil }
    var number = trimmed[start...].dropFirst(relation.rawValue.count).drop(while: \.isWhitespace)
    isPercent = number.last == "%"
    if isPercent { number = number.dropLast() }
    guard let limit = Self.number(String(number)) else { return nil }
    (self.selector, self.relation) = (selector, relation)
    self.limit = isPercent ? limit / 100 : limit
    description = trimmed
  }

  /// Plain decimal numbers, an exponent allowed; no `inf`, `nan` or hexadecimal digits.
  private static func number(_ text: String) -> Double? {
    let text = text.reversed().drop(while: \.isWhitespace).reversed()
    guard !text.isEmpty, text.allSatisfy({ "0123456789.eE+-".contains($0) }),
      let value = Double(String(text)),
      value.isFinite
    else { return nil }
    return value
  }
}
