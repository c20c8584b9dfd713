// SPDX-License-Identifier: GPL-3.0-or-later
//
// Why each rule matched, in words. Jumps that led to nothing are left out; where nothing at all was found,
// one step says so.

import NetworkTypes
import SimKernel

struct IptablesWords {
  var rules: IptablesRuleset
  var writer: IptablesTextWriter
  var flow: FlowTuple
  var origin: FlowOrigin
  var at: SimTime
  /// By the chain that names the affinity list.
  var stamps: [IptablesChainName: SimTime]

  func steps(of walk: IptablesWalk) -> [DecisionStep] {
    var kept: [IptablesWalk.Step] = []
    for step in walk.steps.reversed() {
      // A jump took part only if something behind it did.
      if case .jump = rule(step).target, (kept.last?.depth ?? 0) <= step.depth { continue }
      kept.append(step)
    }
    if walk.kind == .notProxied { return kept.reversed().map { words($0) } + [nothing] }
    return kept.reversed().map { words($0) }
  }

  private func table(_ name: IptablesTableName) -> IptablesTable {
    switch name {
    case .mangle: rules.mangle
    case .filter: rules.filter
    case .nat: rules.nat
    }
  }

  private func rule(_ step: IptablesWalk.Step) -> IptablesRule { table(step.table)[step.chain][step.rule] }

  private func words(_ step: IptablesWalk.Step) -> DecisionStep {
    let rule = self.rule(step)
    return DecisionStep(
      table: step.table.rawValue, chain: writer.names.chain(step.chain),
      rule: writer.line(rule, in: step.chain),
      why: step.table == .nat ? whyNat(rule, step) : whyFilter(rule, step))
  }

  private var destination: String { "\(flow.destination) \(flow.transport.name) \(flow.destinationPort)" }

  private var nothing: DecisionStep {
    DecisionStep(
      table: IptablesTableName.nat.rawValue, chain: writer.names.chain(.services), rule: "",
      why: "none of its \(rules.nat[.services].count) rules leads anywhere for destination \(destination): "
        + "the packet goes where routing takes it")
  }

  private func name(_ rule: IptablesRule) -> String {
    rule.servicePort.isNone ? "" : writer.names.name(rule.servicePort)
  }

  private func comment(_ rule: IptablesRule) -> IptablesComment? {
    for case .comment(let comment) in rule.matches { return comment }
    return nil
  }

  // MARK: nat

  private func whyNat(_ rule: IptablesRule, _ step: IptablesWalk.Step) -> String {
    switch step.chain {
    case .prerouting: "first packet of a connection from \(origin == .pod ? "a pod" : "outside this node")"
    case .output: "first packet of a connection from this node itself"
    case .postrouting: "every packet before it leaves"
    case .services: whyDispatched(rule)
    case .nodePorts:
      "port \(flow.destinationPort) \(flow.transport.name) is the node port of \(name(rule))"
        + (flow.destination.isLoopback ? ", used on a loopback address" : "")
    case .clusterPolicy, .localPolicy: whyChosen(rule, step)
    case .external: whyExternal(rule)
    case .firewall: whyPassed(rule)
    case .endpoint: whyTranslated(rule)
    case .markMasquerade: "marked 0x4000, to be masqueraded when it leaves"
    case .kubePostrouting: whyMasqueraded(rule)
    default: ""
    }
  }

  private func whyDispatched(_ rule: IptablesRule) -> String {
    switch comment(rule) {
    case .clusterIP: "destination \(destination) is the cluster IP of \(name(rule))"
    case .externalIP: "destination \(destination) is an external IP of \(name(rule))"
    case .loadBalancerIP: "destination \(destination) is the load-balancer IP of \(name(rule))"
    default: "destination \(flow.destination) is an address of this node that takes node ports"
    }
  }

  private func whyChosen(_ rule: IptablesRule, _ step: IptablesWalk.Step) -> String {
    if rule.target == .jump(.markMasquerade) {
      for case .notSource(let block) in rule.matches {
        return "source \(flow.source) is outside the pod network \(block): masqueraded, so that answers "
          + "return here"
      }
      return "masqueradeAll: every connection to a cluster IP is masqueraded"
    }
    for case .seenRecently(let list, let within) in rule.matches {
      let age = stamps[list].map { "\(at - $0)" } ?? "?"
      return
        "session affinity: source \(flow.source) stamped \(age) ago in list \(writer.names.chain(list)), "
        + "within \(within)"
    }
    let chain = table(step.table)[step.chain]
    let hasAffinity = chain.contains { $0.matches.contains { $0.isAffinityCheck } }
    let choices = chain.indices.filter { index in
      guard case .jump(.endpoint) = chain[index].target else { return false }
      return !chain[index].matches.contains { $0.isAffinityCheck }
    }
    let place = (choices.firstIndex(of: step.rule) ?? 0) + 1
    let kind = step.chain == .localPolicy(rule.servicePort) ? "endpoints on this node" : "endpoints"
    let only =
      choices.count == 1 ? "the only one of the \(kind)" : "number \(place) of \(choices.count) \(kind)"
    return "\(only), probability 1/\(choices.count)"
      + (hasAffinity ? "; no affinity list remembers source \(flow.source)" : "")
  }

  private func whyExternal(_ rule: IptablesRule) -> String {
    switch comment(rule) {
    case .masqueradeExternal:
      return "externalTrafficPolicy Cluster: masqueraded, as the endpoint may be on another node"
    case .podsToExternal:
      return "source \(flow.source) is a pod: externalTrafficPolicy Local is for traffic from outside"
    case .masqueradeLocal: return "source \(flow.source) is an address of this node: masqueraded"
    case .routeLocal:
      return "source \(flow.source) is an address of this node: externalTrafficPolicy Local is for traffic "
        + "from outside"
    default:
      let isLocal = rule.target == .jump(.localPolicy(rule.servicePort))
      return isLocal
        ? "externalTrafficPolicy Local: endpoints on this node only, source address kept"
        : "externalTrafficPolicy Cluster: all endpoints of \(name(rule))"
    }
  }

  private func whyPassed(_ rule: IptablesRule) -> String {
    for case .source(let block) in rule.matches {
      return "source \(flow.source) is in \(block), from which \(name(rule)) may be reached"
    }
    return "source \(flow.source) is in none of the loadBalancerSourceRanges of \(name(rule))"
  }

  private func whyTranslated(_ rule: IptablesRule) -> String {
    guard case .dnat(_, let address, let port) = rule.target else {
      return "hairpin: source \(flow.source) is the chosen endpoint itself and must see another address"
    }
    var text = "destination becomes \(address):\(port)"
    for case .stamp(let list) in rule.matches {
      text += "; source \(flow.source) is stamped in list \(writer.names.chain(list))"
    }
    return text
  }

  private func whyMasqueraded(_ rule: IptablesRule) -> String {
    switch rule.target {
    case .returnToCaller: "not marked: source \(flow.source) stays"
    case .clearMark: "marked: the mark is taken off"
    default: "source becomes the address of the interface by which the packet leaves"
    }
  }

  // MARK: filter

  private func whyFilter(_ rule: IptablesRule, _ step: IptablesWalk.Step) -> String {
    switch (step.chain, comment(rule)) {
    case (.input, _): "new connection to this node itself"
    case (.forward, _): "new connection through this node"
    case (.output, _): "new connection from this node itself"
    case (.kubeFirewall, _):
      "destination \(flow.destination) is a loopback address, source \(flow.source) is not: dropped"
    case (.proxyFirewall, _):
      "source \(flow.source) is in none of the loadBalancerSourceRanges of \(name(rule)): dropped"
    case (_, .noEndpoints):
      "\(name(rule)) has no endpoint that could be used: refused with ICMP port unreachable"
    case (.services, .noLocalEndpoints):
      "internalTrafficPolicy Local, and \(name(rule)) has no endpoint on this node: dropped"
    case (_, .noLocalEndpoints):
      "externalTrafficPolicy Local, and \(name(rule)) has no endpoint on this node: dropped"
    case (.nodePorts, _): "health check node port of \(name(rule)): accepted"
    default: "accepted"
    }
  }
}

extension IptablesMatch {
  fileprivate var isAffinityCheck: Bool {
    if case .seenRecently = self { return true }
    return false
  }
}
