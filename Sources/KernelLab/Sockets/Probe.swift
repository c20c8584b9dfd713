// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the lab's clients ask for, and what they can meet. The answering pods say who they are and whom they
// saw, in one line: `10.244.1.2:8080 10.244.1.1:40123`.

import NetworkTypes

/// Address and port.
public struct LabEnd: Sendable, Hashable, Comparable, CustomStringConvertible {
  public var address: IPv4Address
  public var port: UInt16
  public init(_ address: IPv4Address, _ port: UInt16) {
    self.address = address
    self.port = port
  }

  /// `10.244.1.2:8080`; anything else gives nil.
  public init?(_ text: some StringProtocol) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, let address = IPv4Address(parts[0]), let port = UInt16(parts[1]) else {
      return nil
    }
    self.init(address, port)
  }

  public var description: String { "\(address):\(port)" }
  public static func < (a: Self, b: Self) -> Bool { (a.address, a.port) < (b.address, b.port) }
}

/// A pod's answer.
public struct LabAnswer: Sendable, Hashable {
  /// The socket that answered.
  public var server: LabEnd
  /// The client as that socket saw it.
  public var seen: LabEnd
  public init(server: LabEnd, seen: LabEnd) {
    self.server = server
    self.seen = seen
  }

  /// The line that a pod sends.
  public var line: String { "\(server) \(seen)\n" }

  /// Nil for anything that no pod of the lab sends.
  public init?(line: some StringProtocol) {
    guard line.hasSuffix("\n") else { return nil }
    let words = line.dropLast().split(separator: " ", omittingEmptySubsequences: false)
    guard words.count == 2, let server = LabEnd(words[0]), let seen = LabEnd(words[1]) else { return nil }
    self.init(server: server, seen: seen)
  }
}

/// What one attempt met.
public enum LabMeeting: Sendable, Hashable {
  case answered(LabAnswer)
  /// ECONNREFUSED: a RST to the SYN, or ICMP port unreachable.
  case refused
  /// EHOSTUNREACH or ENETUNREACH.
  case unreachable
  /// An open connection got a RST.
  case reset
  /// Nothing until the time was up.
  case silence
  /// Something that no kind of packet explains, with its errno.
  case failed(Int32)
}

extension LabMeeting: CustomStringConvertible {
  public var description: String {
    switch self {
    case .answered(let answer): "an answer of \(answer.server), which saw \(answer.seen.address)"
    case .refused: "refused"
    case .unreachable: "unreachable"
    case .reset: "reset"
    case .silence: "silence"
    case .failed(let code): "errno \(code)"
    }
  }
}

/// One attempt of a probe.
public struct LabAttempt: Sendable, Equatable {
  public var meeting: LabMeeting
  public var milliseconds: Double
}

#if os(Linux)
  /// Connections of one client to one address.
  public struct Probe {
    public var from: NetworkNamespace
    public var to: LabEnd
    public var transport: TransportProtocol
    public var attempts: Int
    /// Source addresses, taken in turn; empty: the kernel chooses.
    public var sources: [IPv4Address]
    /// Each attempt waits for the one before it.
    public var isSequential: Bool

    public init(
      from: NetworkNamespace, to: LabEnd, transport: TransportProtocol, attempts: Int,
      sources: [IPv4Address] = [], isSequential: Bool = false
    ) {
      self.from = from
      self.to = to
      self.transport = transport
      self.attempts = attempts
      self.sources = sources
      self.isSequential = isSequential
    }
  }
#endif
