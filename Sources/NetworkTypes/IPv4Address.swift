// SPDX-License-Identifier: GPL-3.0-or-later
//
// IPv4 addresses and CIDR blocks as integers, with the strict text form that Kubernetes accepts.

/// An IPv4 address, in host byte order.
@frozen public struct IPv4Address: Hashable, Comparable, Sendable, BitwiseCopyable {
  public var bits: UInt32

  @inlinable public init(bits: UInt32) { self.bits = bits }

  @inlinable public static var unspecified: IPv4Address { IPv4Address(bits: 0) }

  /// Dotted quad, four decimal octets, no leading zeros (as Go's `netip.ParseAddr`, which the API server
  /// uses); anything else gives nil.
  public init?(_ text: some StringProtocol) {
    var bits: UInt32 = 0
    var octets = 0
    for part in text.split(separator: ".", omittingEmptySubsequences: false) {
      let isDecimal = part.utf8.allSatisfy { (48...57).contains($0) }
      guard octets < 4, (1...3).contains(part.utf8.count), isDecimal, let value = UInt32(part), value <= 255,
        part.utf8.count == 1 || part.utf8.first != 48
      else { return nil }
      bits = bits << 8 | value
      octets += 1
    }
    guard octets == 4 else { return nil }
    self.bits = bits
  }

  @inlinable public static func < (a: IPv4Address, b: IPv4Address) -> Bool { a.bits < b.bits }

  @inlinable public var isLoopback: Bool { bits >> 24 == 127 }
  @inlinable public var isUnspecified: Bool { bits == 0 }
  @inlinable public var isLinkLocalUnicast: Bool { bits >> 16 == 0xA9FE }
  @inlinable public var isLinkLocalMulticast: Bool { bits >> 8 == 0xE00000 }
  @inlinable public var isMulticast: Bool { bits >> 28 == 0xE }
}

extension IPv4Address: CustomStringConvertible {
  public var description: String { "\(bits >> 24).\(bits >> 16 & 255).\(bits >> 8 & 255).\(bits & 255)" }
}

/// A block of IPv4 addresses: `10.244.0.0/16`.
@frozen public struct IPv4CIDR: Hashable, Sendable, BitwiseCopyable {
  /// The lowest address of the block.
  public var base: IPv4Address
  /// 0 … 32.
  public var prefixLength: UInt8

  public init(base: IPv4Address, prefixLength: UInt8) {
    precondition(prefixLength <= 32, "prefix length \(prefixLength)")
    self.prefixLength = prefixLength
    self.base = IPv4Address(bits: base.bits & IPv4CIDR.mask(prefixLength))
  }

  /// `a.b.c.d/n`; host bits are cut. Anything else gives nil.
  public init?(_ text: some StringProtocol) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let base = IPv4Address(parts[0]), (1...2).contains(parts[1].utf8.count),
      parts[1].utf8.allSatisfy({ (48...57).contains($0) }), let length = UInt8(parts[1]), length <= 32
    else { return nil }
    self.init(base: base, prefixLength: length)
  }

  @inlinable public static func mask(_ length: UInt8) -> UInt32 {
    length == 0 ? 0 : UInt32.max << (32 - UInt32(length))
  }
  @inlinable public func contains(_ address: IPv4Address) -> Bool {
    address.bits & IPv4CIDR.mask(prefixLength) == base.bits
  }
  /// Number of addresses in the block, network and broadcast included.
  @inlinable public var size: UInt64 { 1 << UInt64(32 - prefixLength) }
  public func address(at offset: UInt64) -> IPv4Address {
    precondition(offset < size, "offset \(offset) outside \(self)")
    return IPv4Address(bits: base.bits + UInt32(offset))
  }
  public func overlaps(_ other: IPv4CIDR) -> Bool { contains(other.base) || other.contains(base) }
}

extension IPv4CIDR: CustomStringConvertible {
  public var description: String { "\(base)/\(prefixLength)" }
}
