// SPDX-License-Identifier: GPL-3.0-or-later
//
// A document as a tree in which everything knows its place. YAML and JSON look the same here. Says nothing
// about what keys exist or what values mean.

/// One value of a YAML or JSON document.
public struct DocumentNode: Sendable, Equatable {
  public enum Content: Sendable, Equatable {
    case scalar(Scalar)
    case sequence([DocumentNode])
    /// In the order of the text; keys are unique.
    case mapping([Entry])
  }
  public struct Scalar: Sendable, Equatable {
    /// After unescaping and unfolding.
    public var text: String
    /// Written without quotes, so that its text decides its type.
    public var isPlain: Bool
    public init(text: String, isPlain: Bool) {
      self.text = text
      self.isPlain = isPlain
    }
  }
  public struct Entry: Sendable, Equatable {
    public var key: String
    public var keyPosition: SourcePosition
    public var value: DocumentNode
    public init(key: String, keyPosition: SourcePosition, value: DocumentNode) {
      self.key = key
      self.keyPosition = keyPosition
      self.value = value
    }
  }
  public var content: Content
  public var position: SourcePosition

  public init(_ content: Content, at position: SourcePosition) {
    self.content = content
    self.position = position
  }

  public var scalar: Scalar? {
    if case .scalar(let scalar) = content { scalar } else { nil }
  }
  public var sequence: [DocumentNode]? {
    if case .sequence(let items) = content { items } else { nil }
  }
  public var mapping: [Entry]? {
    if case .mapping(let entries) = content { entries } else { nil }
  }
  /// The value of a key; nil if there is none or this is no mapping. O(keys).
  public subscript(key: String) -> DocumentNode? { entry(key)?.value }
  /// The pair of a key with the key's place.
  public func entry(_ key: String) -> Entry? { mapping?.first { $0.key == key } }

  /// The value in a message: a scalar as written, else `a list` or `an object`.
  public var summary: String {
    switch content {
    case .scalar(let scalar) where !scalar.isPlain: "\"\(shortened(scalar.text))\""
    case .scalar(let scalar) where scalar.text.isEmpty: "null"
    case .scalar(let scalar): shortened(scalar.text)
    case .sequence(let items): items.isEmpty ? "an empty list" : "a list"
    case .mapping(let entries): entries.isEmpty ? "an empty object" : "an object"
    }
  }
}

/// The way from a document's root to a value: `clients[0].rate`.
public struct DocumentPath: Sendable, Equatable, CustomStringConvertible {
  public var text: String
  public init(_ text: String = "") { self.text = text }
  public static let root = DocumentPath()

  public func key(_ key: String) -> DocumentPath {
    let isWord = !key.isEmpty && key.utf8.allSatisfy { $0 != 0x2E && $0 != 0x5B && $0 != 0x22 && $0 > 0x20 }
    if !isWord { return DocumentPath(text + "[\"\(shortened(key))\"]") }
    return DocumentPath(text.isEmpty ? key : text + "." + key)
  }
  public func index(_ index: Int) -> DocumentPath { DocumentPath(text + "[\(index)]") }
  public var description: String { text }
}
