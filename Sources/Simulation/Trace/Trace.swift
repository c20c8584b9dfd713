// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a trace found: every way that the probe's packet can take, as a tree of hops, and where each ends.
// docs/trace.md describes the JSON that is made of it.

import Cluster
import NetworkTypes
import Proxy
import SimKernel

/// What became of a packet.
public enum TraceVerdict: String, Sendable, CaseIterable {
  /// A process took it, and its answer gets back to the client.
  case delivered
  /// Somebody said no: a REJECT rule, a closed port, an unreachable host.
  case rejected
  /// It, or the answer to it, got lost in silence.
  case dropped
  /// No rule took it, and it ended where nobody takes it.
  case notProxied = "not_proxied"

  /// Worse ones are larger.
  var severity: Int {
    switch self {
    case .delivered: 0
    case .rejected: 1
    case .notProxied: 2
    case .dropped: 3
    }
  }
}

/// What the client learns.
public enum ClientView: String, Sendable, CaseIterable {
  case answer
  /// RST, or ICMP port unreachable.
  case refused
  /// ICMP host unreachable, or a name without an address.
  case unreachable
  case silence
}

/// Source and destination of a packet. A port that masquerading draws is `*`.
public struct TracePacket: Sendable, Equatable {
  /// Which port of a translated packet is drawn, and has no number in a trace.
  public enum DrawnPort: Sendable { case none, source, destination }
  public var tuple: FlowTuple
  /// Which port, if any, a random number would decide.
  public var drawn: DrawnPort
  public var source: String { "\(tuple.source):" + (drawn == .source ? "*" : String(tuple.sourcePort)) }
  public var destination: String {
    "\(tuple.destination):" + (drawn == .destination ? "*" : String(tuple.destinationPort))
  }

  init(_ tuple: FlowTuple, drawn: DrawnPort = .none) {
    self.tuple = tuple
    self.drawn = drawn
  }
}

/// What connection tracking does with the packet.
public enum TraceConntrack: Sendable, Equatable {
  /// Nothing: it never gets to a table, or ends before it is remembered.
  case none
  case new(original: TracePacket, reply: TracePacket)
  case existing(original: TracePacket, reply: TracePacket, state: String)
}

/// The table that a node asked, beside the one that it should have by now.
public struct TraceTable: Sendable, Equatable {
  public var mode: ProxyMode
  /// Age of the oldest change that the API has and this table has not; zero: it is up to date.
  public var age: SimDuration
  /// Services with such changes.
  public var servicesBehind: Int
  /// A sync has committed the filter table and not yet the nat table.
  public var isBetweenCommits: Bool
  public var rulesWalked: Int
  public var lookups: Int
  /// What a fresh table would do with the packet.
  public var fresh: [TraceChoice]
  /// Whether that is something else than what this one does.
  public var differsFromFresh: Bool
}

/// A way that a table sends a packet, in short.
public struct TraceChoice: Sendable, Equatable {
  public var kind: VerdictKind
  public var reason: VerdictReason
  /// Meaningful with `forward`.
  public var address: IPv4Address
  public var port: UInt16
  public var masquerade: Bool
  public var probability: Double
}

/// One place on one way.
public struct TraceHop: Sendable, Equatable {
  /// A part of the path.
  public enum Component: String, Sendable {
    case dns
    case client
    case loadBalancer = "load_balancer"
    /// Routers outside the cluster.
    case router
    case network
    /// A node's tables: conntrack and kube-proxy's rules.
    case tables
    case server
    /// The answer, where it does not get back.
    case reply
  }
  /// Position in `Trace.hops`.
  public var id: Int
  /// The hop before it on its way; nil: the first one.
  public var after: Int?
  /// Of coming this way to this place.
  public var probability: Double
  public var time: SimTime
  public var component: Component
  /// Name of the node where it is; nil outside.
  public var node: String?
  /// What happened here, in words.
  public var what: String
  public var packetIn: TracePacket
  /// nil where it ends.
  public var packetOut: TracePacket?
  public var conntrack = TraceConntrack.none
  public var table: TraceTable?
  public var steps: [DecisionStep] = []
}

/// The end of a way.
public struct TraceOutcome: Sendable, Equatable {
  public var probability: Double
  public var verdict: TraceVerdict
  public var clientSees: ClientView
  /// nil if delivered.
  public var cause: Cause?
  /// What would have let it through; nil if delivered.
  public var savedBy: String?
  public var backend: TraceBackend?
  /// The source address that the backend sees, or would have seen.
  public var sourceSeen: IPv4Address?
  /// That of the client's socket.
  public var clientSource: IPv4Address
  /// The node by which a packet from outside entered.
  public var entryNode: String?
  /// Answered by a pod that is no endpoint of the Service any more.
  public var isMisdelivered = false
  /// The last hop; `Trace.way(of:)` gives those before it.
  public var lastHop: Int
}

/// Where a packet was sent in the end.
public struct TraceBackend: Sendable, Hashable {
  public var ip: IPv4Address
  public var port: UInt16
  /// namespace/name; nil for what is no pod.
  public var pod: String?
  /// nil outside the cluster, or unknown.
  public var node: String?
}

/// A backend with all ways that lead to it.
public struct TraceCandidate: Sendable, Equatable {
  public var backend: TraceBackend
  public var probability: Double
  /// It sees another source address than the client's.
  public var masquerade: Bool
  /// In rising order.
  public var sourcesSeen: [IPv4Address]
  /// The worst of its ways.
  public var verdict: TraceVerdict
  public var clientSees: ClientView
  public var cause: Cause?
}

/// A probe and all that can become of it.
public struct Trace: Sendable {
  public var from: String
  public var to: String
  /// The client's packet as it leaves it; nil: the name has no address.
  public var packet: TracePacket?
  public var transport: TransportProtocol
  public var at: SimTime
  /// The mode of all nodes; nil: they differ.
  public var mode: ProxyMode?
  /// Depth first, so each hop stands after the one before it on its way.
  public var hops: [TraceHop] = []
  /// In the order of the walk. Their probabilities add up to 1.
  public var outcomes: [TraceOutcome] = []
  /// What should be known about the answer.
  public var notes: [String] = []

  /// The outcome that speaks for all: the worst, and among equally bad ones the most probable.
  public var worst: TraceOutcome {
    outcomes.reduce(outcomes[0]) { best, next in
      if next.verdict.severity != best.verdict.severity {
        return next.verdict.severity > best.verdict.severity ? next : best
      }
      return next.probability > best.probability ? next : best
    }
  }
  public var verdict: TraceVerdict { worst.verdict }
  /// The probability of `verdict`; 1 where all ways end alike.
  public var verdictShare: Double {
    let verdict = worst.verdict
    return TraceNumber.sum(outcomes.lazy.filter { $0.verdict == verdict }.map(\.probability))
  }

  /// The hops of an outcome, first one first.
  public func way(of outcome: TraceOutcome) -> [TraceHop] {
    var way: [TraceHop] = []
    var next: Int? = outcome.lastHop
    while let id = next {
      way.append(hops[id])
      next = hops[id].after
    }
    return way.reversed()
  }

  /// The backends in order of address and port.
  public var candidates: [TraceCandidate] {
    var order: [TraceBackend] = []
    var found: [TraceBackend: [TraceOutcome]] = [:]
    for outcome in outcomes {
      guard let backend = outcome.backend else { continue }
      if found[backend] == nil { order.append(backend) }
      found[backend, default: []].append(outcome)
    }
    let sorted = order.sorted { ($0.ip, $0.port, $0.pod ?? "") < ($1.ip, $1.port, $1.pod ?? "") }
    return sorted.map { candidate($0, found[$0]!) }
  }

  private func candidate(_ backend: TraceBackend, _ ways: [TraceOutcome]) -> TraceCandidate {
    let worst = ways.reduce(ways[0]) { $1.verdict.severity > $0.verdict.severity ? $1 : $0 }
    let sources = Set(ways.compactMap(\.sourceSeen)).sorted()
    return TraceCandidate(
      backend: backend, probability: TraceNumber.sum(ways.lazy.map(\.probability)),
      masquerade: ways.contains { $0.sourceSeen != nil && $0.sourceSeen != $0.clientSource },
      sourcesSeen: sources,
      verdict: worst.verdict, clientSees: worst.clientSees, cause: worst.cause)
  }

  /// Only what does not get through.
  public var droppedOnly: Trace {
    var copy = self
    copy.outcomes = outcomes.filter { $0.verdict != .delivered }
    var isKept = [Bool](repeating: false, count: hops.count)
    for outcome in copy.outcomes {
      for hop in way(of: outcome) { isKept[hop.id] = true }
    }
    var number = [Int](repeating: 0, count: hops.count)
    copy.hops = []
    for hop in hops where isKept[hop.id] {
      number[hop.id] = copy.hops.count
      var kept = hop
      kept.id = copy.hops.count
      kept.after = hop.after.map { number[$0] }
      copy.hops.append(kept)
    }
    for i in copy.outcomes.indices { copy.outcomes[i].lastHop = number[copy.outcomes[i].lastHop] }
    return copy
  }
}

/// Sums of probabilities that add up to 1 in mathematics, though not always in floating point.
enum TraceNumber {
  static func sum(_ parts: some Sequence<Double>) -> Double {
    let total = parts.reduce(0, +)
    return abs(total - 1) < 1e-12 ? 1 : total
  }
}
