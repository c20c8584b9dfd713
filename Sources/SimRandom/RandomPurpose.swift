// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a random draw is for. Each module names its own purposes in an extension; two purposes never
// share a stream. The hash is ours and fixed: Swift's Hasher is seeded anew in every process.

/// The name of a use of randomness, such as "arrival" or "backend choice".
///
///     extension RandomPurpose { static let arrival = RandomPurpose("arrival") }
@frozen public struct RandomPurpose: Sendable, Equatable, CustomStringConvertible {
  /// The name as written; changing it changes every draw made for it.
  public let name: StaticString
  /// FNV-1a over the UTF-8 bytes of the name: the same on every machine and in every process.
  public let hash: UInt64

  public init(_ name: StaticString) {
    self.name = name
    self.hash = name.withUTF8Buffer { Self.fnv1a($0) }
  }

  /// 64-bit FNV-1a, offset basis and prime as in draft-eastlake-fnv.
  public static func fnv1a(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
    return hash
  }

  @inlinable public static func == (a: RandomPurpose, b: RandomPurpose) -> Bool { a.hash == b.hash }

  public var description: String { name.description }
}
