// SPDX-License-Identifier: GPL-3.0-or-later
//
// The vocabulary that Proxy and Traffic share: what a packet's header says.

/// Transport protocol, with its IANA number.
@frozen public enum TransportProtocol: UInt8, Hashable, Comparable, Sendable, CaseIterable, BitwiseCopyable {
  case tcp = 6
  case udp = 17
  case sctp = 132

  /// As Kubernetes writes it: `TCP`.
  public var apiName: String {
    switch self {
    case .tcp: "TCP"
    case .udp: "UDP"
    case .sctp: "SCTP"
    }
  }
  /// As kube-proxy and iptables write it: `tcp`.
  public var name: String { apiName.lowercased() }
  public init?(apiName: some StringProtocol) {
    switch apiName {
    case "TCP": self = .tcp
    case "UDP": self = .udp
    case "SCTP": self = .sctp
    default: return nil
    }
  }
  @inlinable public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
}

/// Addresses and ports of a packet or of one direction of a connection. 13 bytes of content.
///
/// Kept as two words, so that comparing and turning round a tuple is two instructions each: conntrack does both
/// for every packet at every node.
@frozen public struct FlowTuple: Hashable, Sendable, BitwiseCopyable {
  /// Source in the low half, destination in the high half.
  public var addresses: UInt64
  /// Source port in the low half, destination port in the high half.
  public var ports: UInt32
  public var transport: TransportProtocol

  @inlinable public init(
    source: IPv4Address, sourcePort: UInt16, destination: IPv4Address, destinationPort: UInt16,
    transport: TransportProtocol = .tcp
  ) {
    self.init(
      addresses: UInt64(source.bits) | UInt64(destination.bits) &<< 32,
      ports: UInt32(sourcePort) | UInt32(destinationPort) &<< 16, transport: transport)
  }

  @inlinable public init(addresses: UInt64, ports: UInt32, transport: TransportProtocol) {
    self.addresses = addresses
    self.ports = ports
    self.transport = transport
  }

  @inlinable public var source: IPv4Address {
    get { IPv4Address(bits: UInt32(truncatingIfNeeded: addresses)) }
    set { addresses = addresses & 0xffff_ffff_0000_0000 | UInt64(newValue.bits) }
  }
  @inlinable public var destination: IPv4Address {
    get { IPv4Address(bits: UInt32(truncatingIfNeeded: addresses &>> 32)) }
    set { addresses = addresses & 0xffff_ffff | UInt64(newValue.bits) &<< 32 }
  }
  @inlinable public var sourcePort: UInt16 {
    get { UInt16(truncatingIfNeeded: ports) }
    set { ports = ports & 0xffff_0000 | UInt32(newValue) }
  }
  @inlinable public var destinationPort: UInt16 {
    get { UInt16(truncatingIfNeeded: ports &>> 16) }
    set { ports = ports & 0xffff | UInt32(newValue) &<< 16 }
  }

  /// The same connection seen from the other end.
  @inlinable public var reversed: FlowTuple {
    FlowTuple(
      addresses: addresses &>> 32 | addresses &<< 32, ports: ports &>> 16 | ports &<< 16, transport: transport
    )
  }
}

extension FlowTuple: CustomStringConvertible {
  public var description: String {
    "\(transport.name) \(source):\(sourcePort) -> \(destination):\(destinationPort)"
  }
}

/// Where a packet enters a node's tables, as seen by that node.
@frozen public enum FlowOrigin: UInt8, Sendable, BitwiseCopyable, CaseIterable {
  /// From a pod of this node's pod network (PREROUTING, recognised by the local detector if there is one).
  case pod
  /// From a process in the node's own network namespace (OUTPUT).
  case node
  /// From a network interface of the node (PREROUTING).
  case outside
}
