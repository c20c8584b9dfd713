// SPDX-License-Identifier: GPL-3.0-or-later
//
// `-o yaml`: block style, keys sorted, list items not indented below their key, as kubectl writes it.

/// Objects as kubectl's YAML.
public enum KubectlYAML {
  /// One object if a name is given and found, else a List; kubectl's words if a name is not found. Ends with
  /// an end of line.
  public static func render(_ query: KubectlQuery, view: APIView) -> String {
    guard let tree = ObjectTree.answer(query, view: view) else { return query.notFoundMessage + "\n" }
    var text = ""
    write(tree, indent: 0, isInline: false, into: &text)
    return text
  }

  private static func write(_ tree: ObjectTree, indent: Int, isInline: Bool, into text: inout String) {
    let margin = String(repeating: " ", count: indent)
    switch tree {
    case .object(let object):
      // The first key of a list's item stands on the line of its dash.
      for (index, (key, value)) in ObjectTree.sorted(object).enumerated() {
        text += (index == 0 && isInline ? "" : margin) + scalar(key) + ":"
        writeValue(value, indent: indent, into: &text)
      }
    case .list(let items):
      for item in items {
        text += margin + "- "
        if isNested(item) {
          write(item, indent: indent + 2, isInline: true, into: &text)
        } else {
          text += inline(item, indent: indent + 2) + "\n"
        }
      }
    default: text += margin + inline(tree, indent: indent) + "\n"
    }
  }

  private static func writeValue(_ value: ObjectTree, indent: Int, into text: inout String) {
    guard isNested(value) else {
      text += " " + inline(value, indent: indent + 2) + "\n"
      return
    }
    text += "\n"
    if case .list = value {
      write(value, indent: indent, isInline: false, into: &text)
    } else {
      write(value, indent: indent + 2, isInline: false, into: &text)
    }
  }

  private static func isNested(_ tree: ObjectTree) -> Bool {
    switch tree {
    case .object(let object): !object.isEmpty
    case .list(let items): !items.isEmpty
    default: false
    }
  }

  private static func inline(_ tree: ObjectTree, indent: Int) -> String {
    switch tree {
    case .null: "null"
    case .bool(let flag): flag ? "true" : "false"
    case .int(let number): String(number)
    case .string(let string): string.contains("\n") ? literal(string, indent: indent) : scalar(string)
    case .list: "[]"
    case .object: "{}"
    }
  }

  /// Several lines as a literal block.
  private static func literal(_ string: String, indent: Int) -> String {
    let hasFinalNewline = string.hasSuffix("\n")
    let margin = String(repeating: " ", count: indent)
    let lines = (hasFinalNewline ? String(string.dropLast()) : string)
      .split(separator: "\n", omittingEmptySubsequences: false)
    return (hasFinalNewline ? "|\n" : "|-\n")
      + lines.map { $0.isEmpty ? "" : margin + $0 }.joined(separator: "\n")
  }

  /// Plain where a reader gets the same string back; double quotes where plain text would be another type,
  /// single quotes where it would not be one scalar.
  static func scalar(_ string: String) -> String {
    if string.isEmpty || looksTyped(string) { return "\"\(string)\"" }
    if string.unicodeScalars.contains(where: { $0.value < 32 || $0.value == 127 }) {
      return KubectlJSON.quoted(string)
    }
    return isPlain(string) ? string : "'" + string.replacing("'", with: "''") + "'"
  }

  /// Text that YAML 1.1 reads as null, a boolean, a number or a date.
  private static func looksTyped(_ string: String) -> Bool {
    let words: Set<String> = [
      "~", "null", "true", "false", "yes", "no", "on", "off", "y", "n", ".nan", ".inf", "-.inf", "+.inf",
      "<<",
    ]
    if words.contains(string.lowercased()) { return true }
    guard let first = string.utf8.first, (48...57).contains(first) || [43, 45, 46].contains(first) else {
      return false
    }
    let digits = string.replacing("_", with: "")
    if Double(digits) != nil, !digits.lowercased().hasSuffix("n"), !digits.lowercased().hasSuffix("f") {
      return true
    }
    if ["0x", "0o", "0b"].contains(where: { digits.hasPrefix($0) }) {
      return Int(digits.dropFirst(2), radix: 16) != nil
    }
    return isDate(string)
  }

  /// `2026-11-22`, perhaps with a time.
  private static func isDate(_ string: String) -> Bool {
    let bytes = Array(string.utf8)
    guard bytes.count >= 10, bytes[4] == 45, bytes[7] == 45 else { return false }
    let digits = [0, 1, 2, 3, 5, 6, 8, 9]
    guard digits.allSatisfy({ (48...57).contains(bytes[$0]) }) else { return false }
    return bytes.count == 10 || bytes[10] == 84 || bytes[10] == 116 || bytes[10] == 32
  }

  private static func isPlain(_ string: String) -> Bool {
    let indicators: Set<Character> = [
      "-", "?", ":", ",", "[", "]", "{", "}", "#", "&", "*", "!", "|", ">", "'", "\"", "%", "@", "`", "=",
    ]
    guard let first = string.first, let last = string.last, first != " ", last != " ", last != ":" else {
      return false
    }
    if indicators.contains(first) {
      let second = string.dropFirst().first
      let isBenign = (first == "-" || first == "?" || first == ":") && second != nil && second != " "
      if !isBenign { return false }
    }
    return !string.contains(": ") && !string.contains(" #")
  }
}

extension ObjectTree {
  /// What `-o yaml` and `-o json` show: one object by name, nil if it is not there, or a List.
  static func answer(_ query: KubectlQuery, view: APIView) -> ObjectTree? {
    let trees = ObjectTrees(epoch: view.epoch)
    let items: [ObjectTree] =
      switch query.kind {
      case .nodes: view.nodes.filter { query.includes($0.metadata) }.map { trees.tree($0) }
      case .pods: view.pods.filter { query.includes($0.metadata) }.map { trees.tree($0) }
      case .services: view.services.filter { query.includes($0.metadata) }.map { trees.tree($0) }
      case .endpoints: view.endpoints.filter { query.includes($0.metadata) }.map { trees.tree($0) }
      case .deployments, .replicaSets, .statefulSets, .daemonSets:
        view.states(query).map { trees.tree($0) }
      case .autoscalers:
        view.autoscalers.filter { query.includes($0.object.metadata) }.map { trees.tree($0) }
      case .budgets: view.budgets.filter { query.includes($0.object.metadata) }.map { trees.tree($0) }
      case .endpointSlices: view.slices.filter { query.includes($0.metadata) }.map { trees.tree($0) }
      }
    if query.name != nil { return items.first }
    return .object([
      "apiVersion": .string("v1"), "items": .list(items), "kind": .string("List"),
      "metadata": .object(["resourceVersion": .string("")]),
    ])
  }
}
