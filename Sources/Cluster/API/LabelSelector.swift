// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which labels a selector matches. Services know equality only (`spec.selector`); workloads also have
// `matchExpressions`. "No selector" is nil at the place of use, an empty selector matches everything.

/// `matchLabels` and `matchExpressions`; all of them must hold.
public struct LabelSelector: Sendable, Equatable {
  public var matchLabels: Labels
  public var matchExpressions: [LabelRequirement]

  public init(_ matchLabels: Labels, matchExpressions: [LabelRequirement] = []) {
    self.matchLabels = matchLabels
    self.matchExpressions = matchExpressions
  }

  public func matches(_ labels: Labels) -> Bool {
    matchLabels.allSatisfy { labels[$0.key] == $0.value }
      && matchExpressions.allSatisfy { $0.matches(labels[$0.key]) }
  }
}

/// One entry of `matchExpressions`.
public struct LabelRequirement: Sendable, Equatable {
  public enum Operator: String, Sendable, CaseIterable {
    case isIn = "In"
    case isNotIn = "NotIn"
    case exists = "Exists"
    case doesNotExist = "DoesNotExist"
  }
  public var key: String
  public var op: Operator
  public var values: [String]

  public init(key: String, op: Operator, values: [String] = []) {
    self.key = key
    self.op = op
    self.values = values
  }

  /// - Parameter value: the object's value of `key`, nil if it has no such label. As in the API, `NotIn`
  ///   holds for objects without the label.
  public func matches(_ value: String?) -> Bool {
    switch op {
    case .isIn: value.map(values.contains) ?? false
    case .isNotIn: value.map { !values.contains($0) } ?? true
    case .exists: value != nil
    case .doesNotExist: value == nil
    }
  }
}
