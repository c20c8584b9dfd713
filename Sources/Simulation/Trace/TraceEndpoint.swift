// SPDX-License-Identifier: GPL-3.0-or-later
//
// The ends of a probe as the command line names them: pod/ns/name, node/name, external/ip, svc/ns/name:port,
// ip:port.

import Cluster
import NetworkTypes

/// A probe that cannot be walked, in words for the person who asked for it.
public struct TraceError: Error, Equatable, CustomStringConvertible {
  public var description: String
  public init(_ description: String) { self.description = description }
}

/// One end of a probe.
public struct TraceEndpoint: Sendable, Equatable {
  /// Where an end of the packet is.
  public enum Place: Sendable, Equatable {
    case pod(NamespacedName)
    case node(String)
    /// A host outside the cluster.
    case external(IPv4Address)
    case service(NamespacedName)
    /// Whatever has the address.
    case address(IPv4Address)
  }
  /// The port of an end, by number or by name.
  public enum Port: Sendable, Equatable, CustomStringConvertible {
    case number(UInt16)
    case name(String)
    public var description: String {
      switch self {
      case .number(let number): String(number)
      case .name(let name): name
      }
    }
  }
  public var place: Place
  /// Of a destination: where to. Of a client: its source port.
  public var port: Port?
  /// As it was given.
  public var text: String

  public static let forms = "pod/NAMESPACE/NAME, node/NAME, external/IP, svc/NAMESPACE/NAME:PORT or IP:PORT"

  /// - Throws: `TraceError` for a text of none of the forms.
  public init(_ text: String) throws {
    self.text = text
    let words = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
    let (last, port) = try Self.cutPort(words[words.count - 1], of: text)
    self.port = port
    if words.count == 1 {
      place = .address(try Self.address(last, in: text))
      return
    }
    guard words.count <= 3, !last.isEmpty, !words.contains("") else { throw Self.malformed(text) }
    let name = NamespacedName(namespace: words.count == 3 ? words[1] : "default", name: last)
    switch (words[0], words.count) {
    case ("pod", _): place = .pod(name)
    case ("svc", _): place = .service(name)
    case ("node", 2): place = .node(last)
    case ("external", 2): place = .external(try Self.address(last, in: text))
    default: throw Self.malformed(text)
    }
  }

  private static func malformed(_ text: String) -> TraceError {
    TraceError("'\(text)' is no end of a packet's way; write \(forms)")
  }

  private static func address(_ word: String, in text: String) throws -> IPv4Address {
    if let address = IPv4Address(word) { return address }
    if text.contains("::") || text.contains("[") || text.count(where: { $0 == ":" }) > 1 {
      throw TraceError("'\(text)': IPv6 is not modelled")
    }
    throw malformed(text)
  }

  private static func cutPort(_ word: String, of text: String) throws -> (String, Port?) {
    guard let colon = word.lastIndex(of: ":"), !word[..<colon].contains(":") else { return (word, nil) }
    let port = String(word[word.index(after: colon)...])
    let rest = String(word[..<colon])
    if !port.isEmpty, port.utf8.allSatisfy({ (48...57).contains($0) }) {
      guard let number = UInt16(port), number > 0 else {
        throw TraceError("'\(text)': a port is a number from 1 to 65535, or the name of one")
      }
      return (rest, .number(number))
    }
    guard !port.isEmpty else { throw malformed(text) }
    return (rest, .name(port))
  }
}

/// What is asked of a trace.
public struct TraceRequest: Sendable {
  public var from: TraceEndpoint
  public var to: TraceEndpoint
  public var transport: TransportProtocol
  /// The node at which a packet from outside to an address that is no node's arrives; nil: wherever it may.
  public var via: String?

  /// - Throws: `TraceError` where `from` or `to` is malformed.
  public init(from: String, to: String, transport: TransportProtocol = .tcp, via: String? = nil) throws {
    self.from = try TraceEndpoint(from)
    self.to = try TraceEndpoint(to)
    self.transport = transport
    self.via = nil
    guard let via else { return }
    guard via.hasPrefix("node/"), via.count > 5 else {
      throw TraceError("--via takes the node at which a packet arrives, as node/NAME; found '\(via)'")
    }
    self.via = String(via.dropFirst(5))
  }
}
