// SPDX-License-Identifier: GPL-3.0-or-later

/// A network stack that can own addresses: a pod's, a node's, one outside the cluster, the load balancer.
@frozen public struct HostReference: Hashable, Sendable, BitwiseCopyable {
  @frozen public enum Kind: UInt8, Sendable, BitwiseCopyable {
    case none
    case pod
    case node
    case outside
    /// An address that the external load balancer holds; `id` is the ServiceID.
    case loadBalancer
    /// An address routed to the nodes in equal shares (spec.externalIPs).
    case routedToNodes
  }
  public var kind: Kind
  /// Index in the table of that kind.
  public var id: UInt32

  @inlinable public init(_ kind: Kind, _ id: UInt32) {
    self.kind = kind
    self.id = id
  }
  public static let none = HostReference(.none, .max)
}
