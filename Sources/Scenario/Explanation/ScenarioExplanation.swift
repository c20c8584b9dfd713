// SPDX-License-Identifier: GPL-3.0-or-later
//
// What is in force in a scenario and where each value comes from: a line of the file, `--set`, or the
// format's default. Goes through the declaration of the format, so that no key can be forgotten. What
// manifests and kind or kube-proxy configurations bring along is told from the decoded scenario.

import Cluster

/// The values in force, for people.
public struct ScenarioExplanation: Sendable {
  /// One value: its path, the value as it is written, and where it stands.
  public struct Line: Sendable, Equatable {
    public var path: String
    public var value: String
    /// `file:line:column`, `--set …`, or `default`.
    public var origin: String
  }
  public private(set) var lines: [Line] = []

  /// - Throws: what hinders reading or editing the document. Whether its values are right is not checked.
  public init(path: String, overrides: [String] = []) throws(ScenarioError) {
    var document = try ScenarioLoader.document(path: path, overrides: overrides)
    if document.mapping == nil { document = DocumentNode(.mapping([]), at: document.position) }
    explain(document, as: ScenarioFormat.root, at: .root)
  }

  private mutating func explain(_ node: DocumentNode, as shape: Shape, at path: DocumentPath) {
    switch (shape.resolved(for: node.kind), node.content) {
    case (.object(let object)?, .mapping) where !object.isDistribution:
      for field in object.explained(in: node) {
        if let value = node[field.name] {
          explain(value, as: field.shape, at: path.key(field.name))
        } else {
          explainDefault(of: field, at: path.key(field.name))
        }
      }
    case (.list(let item, _)?, .sequence(let items)) where items.contains { $0.mapping != nil }:
      for (index, element) in items.enumerated() { explain(element, as: item, at: path.index(index)) }
    case (.anyObject?, _):
      let name = node["metadata"]?["name"]?.scalar?.text ?? ""
      add(path, "\(node["kind"]?.scalar?.text ?? "object") \(name)", node.position.description)
    default: add(path, node.inlineText, node.position.description)
    }
  }

  private mutating func explainDefault(of field: Field, at path: DocumentPath) {
    if let standard = field.standard {
      add(path, standard, "default")
    } else if case .object(let object)? = field.shape.resolved(for: .object), object.variants.isEmpty {
      for inner in object.fields { explainDefault(of: inner, at: path.key(inner.name)) }
    }
  }

  private mutating func add(_ path: DocumentPath, _ value: String, _ origin: String) {
    lines.append(Line(path: path.text, value: value, origin: origin))
  }
}

extension ObjectShape {
  /// Distributions are shown on one line, as they are written.
  fileprivate var isDistribution: Bool {
    !variants.isEmpty && fields.isEmpty && variants.contains { $0.key.name == "exponential" }
  }

  /// The keys that can be in force beside those of the node: not those of variants that it does not have.
  fileprivate func explained(in node: DocumentNode) -> [Field] {
    let variant = variants.first { node[$0.key.name] != nil }
    return fields + (variant?.fields ?? [])
  }
}

extension DocumentNode {
  /// The value on one line, as in a JSON file.
  var inlineText: String {
    switch content {
    case .scalar(let scalar): scalar.isPlain && kind != .string ? scalar.text : "\"\(scalar.text)\""
    case .sequence(let items): "[" + items.map(\.inlineText).joined(separator: ", ") + "]"
    case .mapping(let entries):
      "{" + entries.map { "\"\($0.key)\": \($0.value.inlineText)" }.joined(separator: ", ") + "}"
    }
  }
}
