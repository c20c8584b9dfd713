// SPDX-License-Identifier: GPL-3.0-or-later
//
// One packet of upstream's tests (FACTS I2) with its fate in every mode. The first fate is that of iptables mode;
// beside it stands what another mode does otherwise, and nothing where it does the same.

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

/// The modes that upstream's tables are held against here.
let tableModes: [ProxyMode] = [.iptables, .nftables, .ebpf]

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
    let explanation = fleet.explain(node: NodeID(0), flow: probe.flow, origin: origin(of: probe), at: now)
    let kind = verdict(probe).kind
    let branches = explanation.branches.filter { $0.probability > 0 }
    if branches.contains(where: { $0.verdict.kind != kind }) { return "lookup and rules disagree" }
    switch kind {
    case .reject: return "REJECT"
    case .drop: return "DROP"
    case .notProxied: return ""
    case .forward:
      var targets: [String: Bool] = [:]
      for branch in branches {
        targets["\(branch.verdict.address):\(branch.verdict.port)"] = branch.verdict.masquerade
      }
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
