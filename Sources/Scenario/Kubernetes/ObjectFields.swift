// SPDX-License-Identifier: GPL-3.0-or-later
//
// Typed access to one object inside a Kubernetes document. A value of the wrong type is a mistake at its
// place and then as good as absent; null is absent, as in the API. What keys exist is said by FieldNames.

import Cluster
import NetworkTypes

/// What reading a document collects.
struct ReadingLog {
  var diagnostics: [Diagnostic] = []
  var contents = ManifestContents()

  mutating func wrong(
    _ node: DocumentNode, _ path: DocumentPath, _ message: String, suggestion: String? = nil
  ) {
    diagnostics.append(Diagnostic(at: node, path: path, message: message, suggestion: suggestion))
  }
  mutating func unmodelled(_ kind: String, _ position: SourcePosition) {
    contents.unmodelled.append((kind: kind, position: position))
  }
}

/// A mapping with its place in the document and in the object that it belongs to.
struct ObjectFields {
  let node: DocumentNode
  /// From the document's root.
  let path: DocumentPath
  /// From the API object's root, as the API server names fields.
  let field: DocumentPath

  init(root node: DocumentNode, path: DocumentPath) {
    self.node = node
    self.path = path
    field = .root
  }
  private init(node: DocumentNode, path: DocumentPath, field: DocumentPath) {
    self.node = node
    self.path = path
    self.field = field
  }

  /// The value of a key; nil if it is absent or null.
  func value(_ key: String) -> DocumentNode? {
    guard let value = node[key], !value.isNull else { return nil }
    return value
  }

  func position(_ key: String) -> SourcePosition { node.entry(key)?.keyPosition ?? node.position }

  func string(_ key: String, _ log: inout ReadingLog) -> String? {
    guard let value = value(key) else { return nil }
    if let text = value.string { return text }
    log.wrong(value, path.key(key), "expected a string" + quotingHint(value))
    return nil
  }

  private func quotingHint(_ value: DocumentNode) -> String {
    value.scalar == nil ? "" : " (in quotes)"
  }

  func int(_ key: String, _ log: inout ReadingLog) -> Int? {
    guard let value = value(key) else { return nil }
    if let number = value.int { return number }
    log.wrong(value, path.key(key), "expected an integer")
    return nil
  }

  func bool(_ key: String, _ log: inout ReadingLog) -> Bool? {
    guard let value = value(key) else { return nil }
    if let flag = value.bool { return flag }
    log.wrong(value, path.key(key), "expected true or false")
    return nil
  }

  func intOrString(_ key: String, _ log: inout ReadingLog) -> IntOrString? {
    guard let value = value(key) else { return nil }
    if let number = value.int { return .int(number) }
    if let text = value.string { return .string(text) }
    log.wrong(value, path.key(key), "expected an integer or a string")
    return nil
  }

  func strings(_ key: String, _ log: inout ReadingLog) -> [String] {
    guard let value = value(key) else { return [] }
    guard let items = value.sequence else {
      log.wrong(value, path.key(key), "expected a list of strings")
      return []
    }
    var texts: [String] = []
    for (index, item) in items.enumerated() {
      if let text = item.string {
        texts.append(text)
      } else {
        log.wrong(item, path.key(key).index(index), "expected a string")
      }
    }
    return texts
  }

  /// nil if absent.
  func labels(_ key: String, _ log: inout ReadingLog) -> Labels? {
    guard let fields = object(key, &log) else { return nil }
    var labels: Labels = [:]
    for entry in fields.node.mapping ?? [] {
      labels[entry.key] = entry.value.isNull ? "" : fields.string(entry.key, &log)
    }
    return labels
  }

  func object(_ key: String, _ log: inout ReadingLog) -> ObjectFields? {
    guard let value = value(key) else { return nil }
    if value.mapping != nil { return ObjectFields(node: value, path: path.key(key), field: field.key(key)) }
    log.wrong(value, path.key(key), "expected an object")
    return nil
  }

  func objects(_ key: String, _ log: inout ReadingLog) -> [ObjectFields] {
    guard let value = value(key) else { return [] }
    guard let items = value.sequence else {
      log.wrong(value, path.key(key), "expected a list")
      return []
    }
    var objects: [ObjectFields] = []
    for (index, item) in items.enumerated() {
      if item.mapping != nil {
        objects.append(
          ObjectFields(node: item, path: path.key(key).index(index), field: field.key(key).index(index)))
      } else if !item.isNull {
        log.wrong(item, path.key(key).index(index), "expected an object")
      }
    }
    return objects
  }

  /// An IPv4 address; an IPv6 one is noted as not modelled.
  func address(_ key: String, _ log: inout ReadingLog) -> IPv4Address? {
    guard let text = string(key, &log), !text.isEmpty, let value = value(key) else { return nil }
    if let address = IPv4Address(text) { return address }
    if text.contains(":") {
      log.unmodelled("IPv6", value.position)
    } else {
      log.wrong(value, path.key(key), "expected an IP address")
    }
    return nil
  }

  /// The IPv4 block among blocks separated by commas; IPv6 ones are noted as not modelled.
  func cidr(_ key: String, _ log: inout ReadingLog) -> IPv4CIDR? {
    guard let text = string(key, &log), !text.isEmpty, let value = value(key) else { return nil }
    var found: IPv4CIDR?
    for part in text.split(separator: ",") {
      if let block = IPv4CIDR(part) {
        found = found ?? block
      } else if part.contains(":") {
        log.unmodelled("IPv6", value.position)
      } else {
        log.wrong(value, path.key(key), "expected a CIDR block such as 10.244.0.0/16")
      }
    }
    return found
  }

  /// Reports keys that the API does not know here, as strict validation does: all of them where the list of
  /// fields is closed, else those that look like a known one.
  func check(_ names: FieldNames, _ log: inout ReadingLog) {
    for entry in node.mapping ?? [] where !names.known.contains(entry.key) {
      let nearest = nearestName(to: entry.key, in: names.known)
      if nearest == nil, !names.isClosed { continue }
      log.diagnostics.append(
        Diagnostic(
          position: entry.keyPosition, path: path.key(entry.key).text,
          message: "unknown field \"\(shortened(field.key(entry.key).text, limit: 120))\"",
          suggestion: nearest))
    }
  }
}
