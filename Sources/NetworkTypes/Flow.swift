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
@frozen public struct FlowTuple: Hashable, Sendable, BitwiseCopyable {
  public var source: IPv4Address
  public var destination: IPv4Address
  public var sourcePort: UInt16
  public var destinationPort: UInt16
  public var transport: TransportProtocol

  @inlinable public init(
    source: IPv4Address, sourcePort: UInt16, destination: IPv4Address, destinationPort: UInt16,
    transport: TransportProtocol = .tcp
  ) {
    self.source = source
    self.destination = destination
    self.sourcePort = sourcePort
    self.destinationPort = destinationPort
    self.transport = transport
  }

  /// The same connection seen from the other end.
  @inlinable public var reversed: FlowTuple {
    FlowTuple(
      source: destination, sourcePort: destinationPort, destination: source, destinationPort: sourcePort,
      transport: transport)
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
