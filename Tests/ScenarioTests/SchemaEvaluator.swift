// SPDX-License-Identifier: GPL-3.0-or-later
//
// JSON Schema draft 2020-12, as far as our schema uses it. An unknown keyword is an error, so that the schema
// cannot say something that nobody checks.

import Foundation

@testable import Scenario

/// Decides whether documents conform to a schema.
final class SchemaEvaluator {
  enum Failure: Error { case unknownKeyword(String), badReference(String), badPattern(String) }

  private let root: DocumentNode
  private var patterns: [String: Regex<AnyRegexOutput>] = [:]
  private static let annotations: Set<String> = [
    "$schema", "$id", "$defs", "title", "description", "default",
  ]

  init(_ text: String) throws { root = try DocumentReader.read(text: text, path: "schema.json")[0] }

  func accepts(_ instance: DocumentNode) throws -> Bool { try accepts(instance, root) }

  private func accepts(_ instance: DocumentNode, _ schema: DocumentNode) throws -> Bool {
    // A schema that is a boolean.
    if let constant = schema.bool { return constant }
    for keyword in schema.mapping ?? [] where !(Self.annotations.contains(keyword.key)) {
      guard try satisfies(instance, keyword.key, keyword.value, schema) else { return false }
    }
    return true
  }

  private func satisfies(
    _ node: DocumentNode, _ keyword: String, _ value: DocumentNode, _ schema: DocumentNode
  ) throws -> Bool {
    switch keyword {
    case "$ref": return try accepts(node, resolve(value.string ?? ""))
    case "type": return hasType(node, value.string ?? "")
    case "const": return equal(node, value)
    case "enum": return (value.sequence ?? []).contains { equal(node, $0) }
    case "oneOf": return try (value.sequence ?? []).filter { try accepts(node, $0) }.count == 1
    case "pattern": return try node.string.map { try matches($0, value.string ?? "") } ?? true
    case "minimum": return node.double.map { $0 >= value.double ?? .nan } ?? true
    case "maximum": return node.double.map { $0 <= value.double ?? .nan } ?? true
    case "exclusiveMinimum": return node.double.map { $0 > value.double ?? .nan } ?? true
    case "minItems": return node.sequence.map { $0.count >= value.int ?? .max } ?? true
    case "items": return try (node.sequence ?? []).allSatisfy { try accepts($0, value) }
    case "required":
      guard node.mapping != nil else { return true }
      return (value.sequence ?? []).allSatisfy { $0.string.map { node.entry($0) != nil } ?? false }
    case "properties":
      return try (node.mapping ?? []).allSatisfy { entry in
        try value[entry.key].map { try accepts(entry.value, $0) } ?? true
      }
    case "additionalProperties":
      let declared = schema["properties"]
      return try (node.mapping ?? []).allSatisfy { entry in
        try declared?.entry(entry.key) != nil || accepts(entry.value, value)
      }
    default: throw Failure.unknownKeyword(keyword)
    }
  }

  private func resolve(_ reference: String) throws -> DocumentNode {
    let prefix = "#/$defs/"
    guard reference.hasPrefix(prefix), let schema = root["$defs"]?[String(reference.dropFirst(prefix.count))]
    else {
      throw Failure.badReference(reference)
    }
    return schema
  }

  private func hasType(_ node: DocumentNode, _ type: String) -> Bool {
    switch type {
    case "object": node.mapping != nil
    case "array": node.sequence != nil
    case "string": node.kind == .string
    case "boolean": node.kind == .boolean
    case "null": node.kind == .null
    case "number": node.kind == .integer || node.kind == .number
    // "The value is a number with a zero fractional part."
    case "integer": node.double.map { $0.isFinite && $0.rounded() == $0 } ?? false
    default: false
    }
  }

  private func equal(_ a: DocumentNode, _ b: DocumentNode) -> Bool {
    switch a.kind {
    case .integer, .number: a.double == b.double
    default: a.kind == b.kind && a.scalar?.text == b.scalar?.text
    }
  }

  private func matches(_ text: String, _ pattern: String) throws -> Bool {
    let regex: Regex<AnyRegexOutput>
    if let known = patterns[pattern] {
      regex = known
    } else {
      guard let compiled = try? Regex(pattern) else { throw Failure.badPattern(pattern) }
      regex = compiled
      patterns[pattern] = regex
    }
    return text.firstMatch(of: regex) != nil
  }
}
