// SPDX-License-Identifier: GPL-3.0-or-later
//
// The compiled form of ipvs mode: what becomes of a connection's first packet.
//
//     nat KUBE-SERVICES (mark) -> filter INPUT: KUBE-IPVS-FILTER, KUBE-PROXY-FIREWALL -> virtual server:
//     known connection | persistence template | scheduler | no destination -> nat POSTROUTING (masquerade)
//
// A node's own packet meets the virtual server in OUTPUT, before INPUT; only KUBE-IPVS-OUT-FILTER sees it
// afterwards.

import Cluster
import NetworkTypes
import SimKernel

extension ProxyFleet {
  /// Rules of the nat table's chains that a packet is compared with, whatever the number of Services: about
  /// ten, and as many set look-ups (writeIptablesRules in pkg/proxy/ipvs/proxier.go).
  static var rulesOfAnyWalk: UInt32 { 10 }
  static var lookupsOfAnyWalk: UInt16 { 8 }

  mutating func ipvsVerdict(_ packet: Packet, _ table: TableState) -> Verdict {
    let found = ipvsDestination(packet, table)
    var verdict = Verdict(kind: .notProxied)
    verdict.rulesWalked = Self.rulesOfAnyWalk
    verdict.lookups = Self.lookupsOfAnyWalk
    guard found.isLocal else { return verdict }
    if packet.origin != .node || found.owner == nil {
      if !passesFilter(packet, found, table, &verdict) { return verdict }
    }
    guard let owner = found.owner else {
      noteClosedNodePort(packet, table, &verdict)
      return verdict
    }
    let plan = self.plan(owner.portName, table, locality: eyes[Int(table.eyes)].locality)
    verdict.servicePort = plan.servicePort
    if packet.stamps, hasIPVS(Int(packet.node)) {
      schedule(packet, found, owner, plan, table, &verdict)
    } else {
      chooseFresh(packet, found, owner, plan, &verdict)
    }
    guard verdict.kind == .forward else { return verdict }
    if packet.origin == .node, ipvsBlocksNode(packet, found, table) {
      verdict.kind = .drop
      verdict.reason = .sourceRange
      verdict.isScheduled = false
    }
    let target = history.backends.target(verdict.backend)
    verdict.address = target.address
    verdict.port = target.port
    verdict.masquerade =
      ipvsMarks(packet, found, table)
      || ipvsLoopsBack(verdict.backend, ipvsSource(packet, found), table)
    return verdict
  }

  /// filter INPUT; false if the packet ends there.
  private func passesFilter(
    _ packet: Packet, _ found: IPVSDestination, _ table: TableState, _ verdict: inout Verdict
  ) -> Bool {
    if found.isBound, found.sets.isDisjoint(with: .anyAddress),
      !isHealthCheckNodePort(packet.flow.destinationPort, table)
    {
      verdict.kind = .reject
      verdict.reason = .unknownPort
      return false
    }
    if found.sets.contains(.firewall), !ipvsPassesFirewall(packet, found, table) {
      verdict.kind = .drop
      verdict.reason = .sourceRange
      return false
    }
    return true
  }

  /// Notes that the packet would have met a node port, were its destination among the addresses that have
  /// virtual servers.
  private mutating func noteClosedNodePort(_ packet: Packet, _ table: TableState, _ verdict: inout Verdict) {
    let flow = packet.flow
    explainNodePort(
      Frontend.key(.unspecified, flow.destinationPort, flow.transport), table, &verdict)
  }

  /// Without the state of any node's kernel: every endpoint is a candidate, but for a client with a
  /// persistence template for one of them.
  private mutating func chooseFresh(
    _ packet: Packet, _ found: IPVSDestination, _ owner: Claim, _ plan: PortPlan, _ verdict: inout Verdict
  ) {
    let set = ipvsEndpoints(plan, owner.kind)
    if set.isNone { return refuse(plan, isEmpty: true, &verdict) }
    let count = candidateSets.count(set)
    let position = packet.drawnPosition(of: count)
    verdict.kind = .forward
    verdict.backend = candidateSets.member(set, position)
    verdict.candidates = set
    guard plan.affinity > .zero, hasIPVS(Int(packet.node)), let node = ipvs[Int(packet.node)],
      let place = node.index[found.key],
      let template = node.template(ipvsSource(packet, found), place)
    else { return }
    let server = node.virtualServers[Int(place)].servers[Int(node.templates[Int(template)].server)]
    for backend in candidateSets.list(set) {
      let target = history.backends.target(backend)
      guard target.address == server.address, target.port == server.port else { continue }
      verdict.backend = backend
      verdict.candidates = candidateSets.singleton(backend)
      verdict.viaAffinity = true
    }
  }

  /// ip_vs_leave: the scheduler found nobody.
  func refuse(_ plan: PortPlan, isEmpty: Bool, _ verdict: inout Verdict) {
    verdict.kind = .reject
    verdict.reason =
      !isEmpty ? .noDestination : plan.traits.contains(.hasEndpoints) ? .localPolicy : .noEndpoints
  }
}
