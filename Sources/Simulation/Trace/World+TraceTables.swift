// SPDX-License-Identifier: GPL-3.0-or-later
//
// A probe in one node's tables: what `World+Nodes` does with a packet, for every way that the rules leave
// open, and what a fresh table would do.

import Cluster
import NetworkTypes
import Proxy
import SimKernel

extension World {
  mutating func enter(_ node: Int, _ origin: FlowOrigin, _ way: TraceWay, _ record: inout TraceRecord) {
    guard nodePlanes[node].isUp else { return end(way, .nodeDown(node), at: node, &record) }
    if way.visited.contains(where: { $0.node == node && $0.tuple == way.tuple }) {
      // To and fro between a node without a rule and the load balancer until its time to live is over.
      return end(way, .unrouted(node: node, way.tuple, .outside), at: node, &record)
    }
    var way = way
    way.visited.append((node, way.tuple))
    if let hit = knownFlow(way.tuple, node) { return pass(way, node, origin, hit, &record) }
    openFlow(way, node, origin, &record)
  }

  /// The entry that a new packet of this header meets. A SYN on a closed one makes a new one.
  private mutating func knownFlow(_ tuple: FlowTuple, _ node: Int) -> ConntrackHit? {
    guard let hit = conntrack[node].pointee.find(tuple, now: now) else { return nil }
    let state = conntrack[node].pointee[hit.slot].state
    return !hit.isReply && tuple.transport == .tcp && (state == .timeWait || state == .close) ? nil : hit
  }

  /// conntrack knows the flow: no rule is asked.
  private mutating func pass(
    _ way: TraceWay, _ node: Int, _ origin: FlowOrigin, _ hit: ConntrackHit, _ record: inout TraceRecord
  ) {
    let entry = conntrack[node].pointee[hit.slot]
    let original = entry.original.tuple(entry.transport)
    let reply = entry.reply.tuple(entry.transport)
    var next = way
    next.tuple = conntrack[node].pointee.translated(hit)
    next.hasDrawnPort = false
    next.flows.append(TraceFlow(node: node, original: original, reply: reply))
    if entry.tag != .max {
      next.backend = BackendID(entry.tag)
      next.decidingNode = node
      next.isDecidedByConntrack = true
    }
    let what = "conntrack knows the flow (\(entry.state)): translated as before, no rule is asked"
    let id = add(.tables, nodePlanes[node].name, what, way, out: next.packet, &record)
    record.hops[id].conntrack = .existing(
      original: TracePacket(original),
      reply: TracePacket(reply), state: "\(entry.state)")
    next.lastHop = id
    leave(next, node, origin, &record)
  }

  private mutating func openFlow(
    _ way: TraceWay, _ node: Int, _ origin: FlowOrigin, _ record: inout TraceRecord
  ) {
    let explanation = proxies.explain(node: NodeID(node), flow: way.tuple, origin: origin, at: now)
    let fresh = proxies.explain(node: NodeID(node), flow: way.tuple, origin: origin, at: now, fresh: true)
    var table = proxies.programmedMode(of: NodeID(node)).map { mode in
      let staleness = proxies.staleness(of: NodeID(node), at: now)
      return TraceTable(
        mode: mode, age: staleness.age, servicesBehind: staleness.servicesWrong,
        isBetweenCommits: mode == .iptables && proxies.isBetweenCommits(NodeID(node)), rulesWalked: 0,
        lookups: 0, fresh: choices(fresh), differsFromFresh: false)
    }
    let differs = !isSame(choices(explanation), choices(fresh))
    table?.differsFromFresh = differs
    for branch in explanation.branches {
      var next = way
      next.probability *= branch.probability
      table?.rulesWalked = Int(branch.verdict.rulesWalked)
      table?.lookups = Int(branch.verdict.lookups)
      follow(branch, next, node, origin, table, &record)
    }
  }

  /// In short and in a fixed order, equal ones together.
  private func choices(_ explanation: DecisionExplanation) -> [TraceChoice] {
    var found: [TraceChoice] = []
    for branch in explanation.branches {
      let v = branch.verdict
      let choice = TraceChoice(
        kind: v.kind, reason: v.reason, address: v.address, port: v.port, masquerade: v.masquerade,
        probability: 0)
      var same = choice
      same.probability = branch.probability
      let position = found.firstIndex {
        $0.kind == v.kind && $0.reason == v.reason && $0.address == v.address && $0.port == v.port
          && $0.masquerade == v.masquerade
      }
      if let position { found[position].probability += branch.probability } else { found.append(same) }
    }
    return found.sorted { ($0.kind.rawValue, $0.address, $0.port) < ($1.kind.rawValue, $1.address, $1.port) }
  }

  private func isSame(_ a: [TraceChoice], _ b: [TraceChoice]) -> Bool {
    guard a.count == b.count else { return false }
    for (x, y) in zip(a, b) {
      var other = y
      other.probability = x.probability
      if x != other || abs(x.probability - y.probability) > 1e-9 { return false }
    }
    return true
  }

  /// One way through the rules.
  private mutating func follow(
    _ branch: DecisionBranch, _ way: TraceWay, _ node: Int, _ origin: FlowOrigin, _ table: TraceTable?,
    _ record: inout TraceRecord
  ) {
    let verdict = branch.verdict
    var next = way
    let ends = verdict.kind == .reject || verdict.kind == .drop
    if !ends { translate(&next, node, origin, verdict, record.probe.client) }
    let id = add(
      .tables, nodePlanes[node].name, words(verdict, way, next, origin, node), way,
      out: ends ? nil : next.packet,
      &record)
    record.hops[id].table = table
    record.hops[id].steps = branch.steps
    next.lastHop = id
    if ends {
      next.delay = next.delay + firstPacketCost(verdict, node)
      return end(next, .refusedByTable(node: node, verdict, way.tuple, origin), at: node, &record)
    }
    guard conntrack[node].pointee.hasRoom(now: now) else {
      record.hops[id].packetOut = nil
      return end(next, .conntrackFull(node: node), at: node, &record)
    }
    let reply = next.tuple.reversed
    let original = verdict.isAtSocket ? TracePacket(next.socket) : way.packet
    next.flows.append(TraceFlow(node: node, original: original.tuple, reply: reply))
    if let original = way.directReturn {
      next.flows.append(TraceFlow(node: node, original: original, reply: reply))
    }
    record.hops[id].conntrack = .new(
      original: original, reply: TracePacket(reply, drawn: next.hasDrawnPort ? .destination : .none))
    next.delay = next.delay + firstPacketCost(verdict, node)
    leave(next, node, origin, &record)
  }

  /// DNAT, then masquerading. A socket that is led elsewhere sends to there from its first packet on.
  private func translate(
    _ way: inout TraceWay, _ node: Int, _ origin: FlowOrigin, _ verdict: Verdict, _ client: TraceClient
  ) {
    let before = way.tuple
    way.directReturn = nil
    if verdict.kind == .forward {
      way.tuple.destination = verdict.address
      way.tuple.destinationPort = verdict.port
      way.backend = verdict.backend.isNone ? nil : verdict.backend
      way.decidingNode = node
      way.isDecidedByConntrack = false
    }
    if verdict.isAtSocket {
      way.tuple.source = sourceAddress(of: client, towards: way.tuple.destination)
      way.socket = way.tuple
    } else if verdict.kind == .forward, origin == .outside, !verdict.masquerade,
      proxies.hasAgent(NodeID(node))
    {
      way.directReturn = before
    }
    if verdict.masquerade || leavesPodNetwork(node, origin, way.tuple.destination) {
      way.tuple.source = masqueradeAddress(node, towards: way.tuple.destination)
      way.hasDrawnPort = true
    }
  }

  private func words(
    _ verdict: Verdict, _ before: TraceWay, _ after: TraceWay, _ origin: FlowOrigin, _ node: Int
  ) -> String {
    let port = verdict.servicePort.isNone ? "" : " of " + portName(verdict)
    switch verdict.kind {
    case .reject where verdict.isAtSocket: return "connect() fails: " + reason(verdict) + port
    case .reject: return "REJECT: " + reason(verdict) + port
    case .drop: return "DROP: " + reason(verdict) + port
    case .forward, .notProxied: break
    }
    var parts: [String] = []
    if verdict.kind == .forward {
      let how = verdict.viaAffinity ? ", remembered by session affinity" : ""
      let act = verdict.isAtSocket ? "the socket is led to" : "DNAT to"
      parts.append("\(act) \(verdict.address):\(verdict.port)\(port)\(how)")
    } else {
      parts.append("no rule of kube-proxy takes it" + (verdict.reason == .none ? "" : ": " + reason(verdict)))
    }
    if after.hasDrawnPort, after.tuple.source != before.tuple.source || !before.hasDrawnPort {
      let by = verdict.masquerade ? "masqueraded" : "masqueraded by the pod network"
      parts.append("\(by) as \(after.tuple.source)")
    }
    return parts.joined(separator: "; ")
  }

  private func portName(_ verdict: Verdict) -> String {
    let key = proxies.servicePort(verdict.servicePort)
    let name = control.store.serviceName(key.service)
    return "\(name):" + (key.name.isEmpty ? String(key.port) : key.name)
  }

  func reason(_ verdict: Verdict) -> String {
    switch verdict.reason {
    case .none: "as the rule says"
    case .noEndpoints: "no usable endpoint"
    case .localPolicy: "traffic policy Local and no usable endpoint on this node"
    case .sourceRange: "the source is outside loadBalancerSourceRanges"
    case .nodePortAddress: "node ports are not served on this address"
    case .unknownPort: "the Service has no such port"
    case .unallocatedAddress: "no Service has this address"
    case .noDestination: "no real server takes new connections"
    case .mapFull: "a map is full"
    }
  }
}
