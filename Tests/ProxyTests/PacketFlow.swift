// SPDX-License-Identifier: GPL-3.0-or-later
//
// One packet of upstream's tests (FACTS I2) with its fate in every mode. The first fate is that of iptables
// mode; beside it stands what another mode does otherwise, and nothing where it does the same. Upstream has
// such tests for iptables and nftables; what ipvs and eBPF do otherwise rests on the sources named beside the
// tables.

import Cluster
import NetworkTypes
import SimKernel
import Testing

@testable import Proxy

struct PacketFlow: Sendable, CustomTestStringConvertible {
  var name: String
  var from: String
  var to: String
  var port: Int
  var transport = TransportProtocol.tcp
  /// "10.180.0.1:80 10.180.2.1:80 M": the backends, all masqueraded; a star marks single ones that are.
  var expected: String
  var others: [ProxyMode: String] = [:]

  init(
    _ name: String, _ from: String, _ to: String, _ port: Int, _ expected: String,
    transport: TransportProtocol = .tcp, nftables: String? = nil, ipvs: String? = nil, ebpf: String? = nil
  ) {
    (self.name, self.from, self.to, self.port) = (name, from, to, port)
    (self.transport, self.expected) = (transport, expected)
    others[.nftables] = nftables
    others[.ipvs] = ipvs
    others[.ebpf] = ebpf
  }

  var testDescription: String { name }
  var probe: Probe { Probe(from: from, to: to, port: port, transport: transport) }
  func fate(_ mode: ProxyMode) -> String { others[mode] ?? expected }
}

/// The modes that these tables are held against.
let tableModes: [ProxyMode] = [.iptables, .nftables, .ipvs, .ebpf]

/// One node of upstream's tests in a mode.
func modeWorld(
  _ mode: ProxyMode, addresses: [String] = [Address.node, Address.secondNodeAddress], zone: String? = nil,
  name: String = "testnode", _ change: (inout ProxySettings) -> Void = { _ in }
) -> ProxyWorld {
  let settings = testSettings {
    $0.mode = mode
    change(&$0)
  }
  return ProxyWorld(
    nodes: [testNode(0, name, zone: zone, addresses, settings)],
    serviceCIDRs: [IPv4CIDR("172.30.0.0/16")!])
}

extension ProxyWorld {
  /// The fate by the rules, one by one; the compiled lookup must come to the same kind of end.
  mutating func fateInMode(_ probe: Probe) -> String {
    guard fleet.tables[0].nat.eyes < 0 || fleet.eyes[Int(fleet.tables[0].nat.eyes)].mode != .ipvs else {
      return fateInIPVS(probe)
    }
    let explanation = fleet.explain(node: NodeID(0), flow: probe.flow, origin: origin(of: probe), at: now)
    let kind = verdict(probe).kind
    let branches = explanation.branches.filter { $0.probability > 0 }
    if branches.contains(where: { $0.verdict.kind != kind }) { return "lookup and rules disagree" }
    return Self.text(kind, branches.map(\.verdict))
  }

  /// An ipvs scheduler is certain of its next server, so connection after connection asks: rr comes to each
  /// server. Rules and lookup must agree on every one, and together be what a lookup without a scheduler's
  /// state offers.
  private mutating func fateInIPVS(_ probe: Probe) -> String {
    let fresh = fleet.decideFresh(
      node: NodeID(0), flow: probe.flow, origin: origin(of: probe), at: now, random: 0)
    let offered = fresh.kind == .forward ? fleet.candidates(fresh.candidates).count : 0
    var verdicts: [Verdict] = []
    for _ in 0..<max(1, 2 * offered) {
      let flow = newClientFlow(probe)
      let explanation = fleet.explain(node: NodeID(0), flow: flow, origin: origin(of: probe), at: now)
      let decided = fleet.decide(
        node: NodeID(0), flow: flow, origin: origin(of: probe), at: now, random: 0)
      guard explanation.branches.count == 1, Outcome(explanation.branches[0].verdict) == Outcome(decided)
      else { return "lookup and rules disagree" }
      verdicts.append(decided)
    }
    if verdicts.contains(where: { $0.kind != fresh.kind }) { return "state and no state disagree" }
    if fresh.kind == .forward, Set(verdicts.map(\.backend)).count != offered { return "not every server" }
    return Self.text(fresh.kind, verdicts)
  }

  /// The probe's flow from a client port that was not used before.
  mutating func newClientFlow(_ probe: Probe) -> FlowTuple {
    clientPort += 1
    return FlowTuple(
      source: address(probe.from), sourcePort: clientPort, destination: address(probe.to),
      destinationPort: UInt16(probe.port), transport: probe.transport)
  }

  private static func text(_ kind: VerdictKind, _ verdicts: [Verdict]) -> String {
    switch kind {
    case .reject: return "REJECT"
    case .drop: return "DROP"
    case .notProxied: return ""
    case .forward:
      var targets: [String: Bool] = [:]
      for verdict in verdicts { targets["\(verdict.address):\(verdict.port)"] = verdict.masquerade }
      let isUniform = Set(targets.values).count == 1
      let words = targets.keys.sorted().map { $0 + (!isUniform && targets[$0]! ? "*" : "") }
      return words.joined(separator: " ") + (isUniform && targets.values.first! ? " M" : "")
    }
  }

  mutating func check(_ flow: PacketFlow, _ mode: ProxyMode, _ note: String = "") {
    let fate = fateInMode(flow.probe)
    #expect(
      fate == flow.fate(mode), "\(mode) | \(note) | \(flow.name) | \(flow.from) | \(flow.to):\(flow.port)")
  }
}
