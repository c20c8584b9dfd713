// SPDX-License-Identifier: GPL-3.0-or-later
//
// API objects as a tree of plain values, from which YAML and JSON are written. Keys are sorted when written,
// as kubectl sorts them; what is not set has no key.

/// A value of the API's JSON form.
indirect enum ObjectTree: Equatable {
  case null
  case bool(Bool)
  case int(Int)
  case string(String)
  case list([ObjectTree])
  case object([String: ObjectTree])

  /// Pairs in the order in which they are written.
  static func sorted(_ object: [String: ObjectTree]) -> [(key: String, value: ObjectTree)] {
    object.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }.map { ($0.key, $0.value) }
  }
}

extension ObjectTree {
  static func strings(_ texts: [String]) -> ObjectTree { .list(texts.map { .string($0) }) }
  static func labels(_ labels: Labels) -> ObjectTree {
    .object(Dictionary(uniqueKeysWithValues: labels.map { ($0.key, .string($0.value)) }))
  }
}

/// Builds an object by setting what is there.
struct ObjectBuilder {
  private(set) var pairs: [String: ObjectTree] = [:]
  var tree: ObjectTree { .object(pairs) }

  subscript(key: String) -> ObjectTree? {
    get { pairs[key] }
    set { pairs[key] = newValue }
  }
  mutating func set(_ key: String, _ text: String?) {
    if let text, !text.isEmpty { pairs[key] = .string(text) }
  }
  mutating func set(_ key: String, _ number: Int?) {
    if let number { pairs[key] = .int(number) }
  }
  mutating func set(_ key: String, _ flag: Bool?) {
    if let flag { pairs[key] = .bool(flag) }
  }
  mutating func set(_ key: String, list: [String]) {
    if !list.isEmpty { pairs[key] = .strings(list) }
  }
  mutating func set(_ key: String, labels: Labels?) {
    if let labels, !labels.isEmpty { pairs[key] = .labels(labels) }
  }
}
