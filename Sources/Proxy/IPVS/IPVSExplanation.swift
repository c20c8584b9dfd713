// SPDX-License-Identifier: GPL-3.0-or-later
//
// Why a node in ipvs mode does what it does with a packet: rules and sets one by one, the virtual server, its
// scheduler with the numbers that it looks at. A scheduler knows what it will do next, so there is one way
// for the packet, except where the kernel draws (twos).

import Cluster
import NetworkTypes
import SimKernel

/// A server that the next packet can get, with the steps that lead to it.
private struct IPVSChoice {
  var backend: BackendID
  var probability: Double
  var viaAffinity: Bool
  var step: DecisionStep
}

extension ProxyFleet {
  mutating func explainIPVS(_ packet: Packet, _ table: TableState) -> DecisionExplanation {
    var explanation = explainIPVSWays(packet, table)
    for way in explanation.branches.indices {
      explanation.branches[way].verdict.rulesWalked = Self.rulesOfAnyWalk
      explanation.branches[way].verdict.lookups = Self.lookupsOfAnyWalk
    }
    return explanation
  }

  private mutating func explainIPVSWays(_ packet: Packet, _ table: TableState) -> DecisionExplanation {
    let flow = packet.flow
    let ruleset = ipvsRules(Int(packet.node), table)
    var walk = IPVSInterpreter(
      ruleset: ruleset, source: flow.source, sourcePort: flow.sourcePort, destination: flow.destination,
      destinationPort: flow.destinationPort, transport: flow.transport,
      nodeAddresses: Array(localAddresses(Int(packet.node))))
    let isNode = packet.origin == .node
    // A process of the node that connects to a local address gets it as its source.
    if isNode, walk.nodeAddresses.contains(flow.source),
      ruleset.sets.contains(.boundAddresses, .address(flow.destination))
    {
      walk.source = flow.destination
    }
    _ = walk.walk(.nat, isNode ? "OUTPUT" : "PREROUTING")
    let key = Frontend.key(flow.destination, flow.destinationPort, flow.transport)
    let server = ruleset.virtualServer(key)
    guard walk.isLocal(flow.destination) else { return single(Verdict(kind: .notProxied), walk.steps) }
    if !isNode || server == nil, let refusal = filtered(&walk) { return single(refusal, walk.steps) }
    guard let server else {
      var verdict = Verdict(kind: .notProxied)
      explainNodePort(
        Frontend.key(.unspecified, flow.destinationPort, flow.transport), table, &verdict)
      return single(verdict, walk.steps)
    }
    return explain(server, packet, table, walk)
  }

  private func localAddresses(_ node: Int) -> ArraySlice<IPv4Address> {
    let first = Int(tables[node].firstAddress)
    return addressPool[first..<first + Int(tables[node].addressCount)]
  }

  private func single(_ verdict: Verdict, _ steps: [DecisionStep]) -> DecisionExplanation {
    DecisionExplanation(branches: [DecisionBranch(verdict: verdict, probability: 1, steps: steps)])
  }

  private func filtered(_ walk: inout IPVSInterpreter) -> Verdict? {
    switch walk.walk(.filter, "INPUT") {
    case .accepted, .masqueraded: return nil
    case .rejected: return Verdict(kind: .reject, reason: .unknownPort)
    case .dropped: return Verdict(kind: .drop, reason: .sourceRange)
    }
  }

  // MARK: The virtual server

  private mutating func explain(
    _ rule: IPVSServerRule, _ packet: Packet, _ table: TableState, _ walk: IPVSInterpreter
  ) -> DecisionExplanation {
    let plan = self.plan(rule.portName, table, locality: eyes[Int(table.eyes)].locality)
    var node = explanationNode(packet, rule, plan, table)
    let segment: SegmentKind = packet.flow.transport == .tcp ? .syn : .datagram
    let admission = node.admit(packet.flow, segment, isConfirmed: false)
    if case .dropped = admission {
      var verdict = Verdict(kind: .drop, servicePort: plan.servicePort)
      verdict.reason = .noDestination
      let why = "the packet is dropped to expire a connection whose real server is gone"
      let step = DecisionStep(
        table: "ipvs", chain: Self.chainText(rule, node), rule: "known connection", why: why)
      return single(verdict, walk.steps + [step])
    }
    let choices = self.choices(&node, rule, packet, walk.source, admission)
    if choices.isEmpty {
      let place = node.index[rule.key]!
      let known = node.virtualServers[Int(place)]
      var verdict = Verdict(kind: .reject, servicePort: plan.servicePort)
      refuse(plan, isEmpty: known.list.isEmpty, &verdict)
      let why = "\(known.servicesInWords); ICMP port unreachable goes back (ip_vs_leave)"
      let step = DecisionStep(
        table: "ipvs", chain: Self.chainText(rule, node), rule: "no destination", why: why)
      return single(verdict, walk.steps + [step])
    }
    let branches = choices.map { choice in
      branch(choice, rule, packet, plan, walk, known: node)
    }
    return DecisionExplanation(branches: branches)
  }

  /// The node's ipvs state as it would be found by this packet: a copy, with this table's real servers.
  private mutating func explanationNode(
    _ packet: Packet, _ rule: IPVSServerRule, _ plan: PortPlan, _ table: TableState
  ) -> IPVSNode {
    let index = Int(packet.node)
    var node =
      hasIPVS(index)
      ? ipvs[index]! : IPVSNode(processes[index].settings.ipvs, processStart: packet.at)
    node.advance(to: packet.at)
    let claim = Claim(from: 0, until: .max, portName: rule.portName, kind: rule.kind, previous: -1)
    if let place = node.index[rule.key], !node.virtualServers[Int(place)].isRemoved {
      if table.services != tables[index].nat.services || table.slices != tables[index].nat.slices {
        node.virtualServers[Int(place)].persistence = plan.affinity
        node.virtualServers[Int(place)].sync(
          addOrder(rule.endpoints, table.orderKey), isInitialSync: false, flushes: node.flushes, at: packet.at
        )
      }
    } else {
      let new = newVirtualServer(rule.key, claim, plan, node.settings, table, packet.at)
      node.index[rule.key] = Int32(node.virtualServers.count)
      node.virtualServers.append(new)
    }
    return node
  }

  private func choices(
    _ node: inout IPVSNode, _ rule: IPVSServerRule, _ packet: Packet, _ source: IPv4Address,
    _ admission: IPVSAdmission
  ) -> [IPVSChoice] {
    let chain = Self.chainText(rule, node)
    func choice(_ server: RealServer, _ probability: Double, _ remembered: Bool, _ why: String) -> IPVSChoice
    {
      let text = "-r \(server.address):\(server.port) -m -w \(server.weight)"
      return IPVSChoice(
        backend: server.backend, probability: probability, viaAffinity: remembered,
        step: DecisionStep(table: "ipvs", chain: chain, rule: text, why: why))
    }
    if case .known(let connection) = admission {
      return [choice(node.server(of: connection), 1, true, "ipvs knows a connection with these ports")]
    }
    let place = node.index[rule.key]!
    let known = node.virtualServers[Int(place)]
    if known.persistence > .zero, let template = node.template(source, place) {
      let server = known.servers[Int(node.templates[Int(template)].server)]
      let left = node.templates[Int(template)].expires - packet.at
      return [choice(server, 1, true, "persistence template of \(source), for another \(left)")]
    }
    let input = SchedulingInput(
      source: source, sourcePort: packet.flow.sourcePort, destination: packet.flow.destination,
      now: packet.at)
    if known.scheduler.kind == .twos {
      return SchedulerState.chancesOfTwo(known.list, known.servers).map {
        choice(known.servers[Int($0.server)], $0.chance, false, known.inWords(chosen: $0.server, input))
      }
    }
    guard let server = node.schedule(place, input) else { return [] }
    return [choice(known.servers[Int(server)], 1, false, known.inWords(chosen: server, input))]
  }

  private static func chainText(_ rule: IPVSServerRule, _ node: IPVSNode) -> String {
    var text = "\(virtualServerText(rule.address, rule.port, rule.transport)) -s \(node.settings.scheduler)"
    if rule.persistence > .zero { text += " -p \(rule.persistence.nanoseconds / 1_000_000_000)" }
    return text
  }

  // MARK: Behind it

  private mutating func branch(
    _ choice: IPVSChoice, _ rule: IPVSServerRule, _ packet: Packet, _ plan: PortPlan,
    _ before: IPVSInterpreter, known: IPVSNode
  ) -> DecisionBranch {
    var walk = before
    walk.steps.append(choice.step)
    let target = history.backends.target(choice.backend)
    var verdict = Verdict(kind: .forward, servicePort: plan.servicePort)
    verdict.backend = choice.backend
    verdict.address = target.address
    verdict.port = target.port
    verdict.viaAffinity = choice.viaAffinity
    verdict.isScheduled = true
    let place = Int(known.index[rule.key]!)
    let usable = known.virtualServers[place].list.filter {
      known.virtualServers[place].servers[Int($0)].weight > 0
    }
    let backends = usable.map { known.virtualServers[place].servers[Int($0)].backend }
    verdict.candidates =
      choice.viaAffinity
      ? candidateSets.singleton(choice.backend)
      : candidateSets.intern(backends.sorted { $0.rawValue < $1.rawValue })
    walk.destination = target.address
    walk.destinationPort = target.port
    if packet.origin == .node {
      walk.virtualKey = rule.key
      if case .dropped = walk.walk(.filter, "OUTPUT") {
        verdict.kind = .drop
        verdict.reason = .sourceRange
        verdict.isScheduled = false
      }
    }
    if case .masqueraded = walk.walk(.nat, "POSTROUTING") { verdict.masquerade = true }
    return DecisionBranch(verdict: verdict, probability: choice.probability, steps: walk.steps)
  }
}

// MARK: Schedulers in words

extension VirtualServer {
  private func name(_ place: Int32) -> String {
    "\(servers[Int(place)].address):\(servers[Int(place)].port)"
  }

  /// The list in the kernel's order.
  private func listed(_ numbers: (RealServer) -> String) -> String {
    list.map { "\(name($0)) \(numbers(servers[Int($0)]))" }.joined(separator: ", ")
  }

  var servicesInWords: String {
    list.isEmpty
      ? "the virtual server has no real server"
      : "no real server takes connections: " + listed { "weight \($0.weight)" }
  }

  /// Why the scheduler takes this server.
  func inWords(chosen: Int32, _ input: SchedulingInput) -> String {
    switch scheduler.kind {
    case .rr, .wrr:
      let last = scheduler.position >= 0 ? name(list[scheduler.position]) : "the head of the list"
      return "\(scheduler.kind): the next one behind \(last) in " + listed { "weight \($0.weight)" }
    case .lc, .wlc:
      return "\(scheduler.kind): the least of 256 x active + inactive"
        + (scheduler.kind == .wlc ? " per weight: " : ": ")
        + listed { "\($0.overhead)/\($0.weight)" }
    case .sed, .nq:
      return "\(scheduler.kind): the least of (active + 1) per weight"
        + (scheduler.kind == .nq ? ", or the first without any: " : ": ")
        + listed { "\($0.active + 1)/\($0.weight)" }
    case .ovf: return "ovf: the heaviest with active <= weight: " + listed { "\($0.active)/\($0.weight)" }
    case .fo: return "fo: the heaviest: " + listed { "weight \($0.weight)" }
    case .twos:
      return "twos: two draws by weight, the lesser load of them: " + listed { "\($0.overhead)/\($0.weight)" }
    case .sh, .dh, .mh: return hashInWords(input)
    case .lblc, .lblcr:
      return "\(scheduler.kind): remembered for \(address), or else the least of 256 x active + inactive: "
        + listed { "\($0.overhead)/\($0.weight)" }
    }
  }

  private func hashInWords(_ input: SchedulingInput) -> String {
    let bucket = scheduler.bucket(of: input)
    switch scheduler.kind {
    case .dh: return "dh: \(input.destination) falls into bucket \(bucket) of 256"
    case .mh:
      return "mh: \(input.source):\(input.sourcePort) falls into place \(bucket) of \(IPVSMaglevTable.size)"
    default: return "sh: \(input.source) falls into bucket \(bucket) of 256"
    }
  }
}
