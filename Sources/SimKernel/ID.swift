// SPDX-License-Identifier: GPL-3.0-or-later
//
// Typed indices. Entities live in tables of structs and refer to each other by index; the phantom tag
// keeps a pod's index from being used where a node's is meant.

/// The index of an entity in its table; `Tag` names the table. 4 bytes.
@frozen public struct ID<Tag>: Hashable, Comparable, Sendable, BitwiseCopyable {
  public var rawValue: UInt32

  @inlinable public init(_ rawValue: UInt32) { self.rawValue = rawValue }
  @inlinable public init(_ index: Int) { self.rawValue = UInt32(index) }

  /// "No entity": an index that no table reaches.
  @inlinable public static var none: ID { ID(UInt32.max) }
  @inlinable public var isNone: Bool { rawValue == .max }
  @inlinable public var index: Int { Int(rawValue) }

  @inlinable public static func < (a: ID, b: ID) -> Bool { a.rawValue < b.rawValue }
}

extension ID: CustomStringConvertible {
  public var description: String { isNone ? "none" : "#\(rawValue)" }
}
