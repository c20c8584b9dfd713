// SPDX-License-Identifier: GPL-3.0-or-later
//
// Walks rules as the kernel does, one by one, for a NEW connection's first packet: the reference for the
// compiled lookup, and what a trace shows. Nat first. The filter table judges only packets that nat left
// alone: what nat rewrote is refused there only if an endpoint has the address and port of a Service that
// is refused itself, and the API server's validation or common sense forbid that. What nat rewrote then
// passes POSTROUTING, which masquerades it if it is marked.

import NetworkTypes
import SimKernel

/// One way that a packet can go, with what happened on it.
public struct IptablesWalk: Sendable, Equatable {
  /// A rule that matched.
  public struct Step: Sendable, Equatable {
    public var table: IptablesTableName
    public var chain: IptablesChainName
    public var rule: Int
    /// Jumps that led to its chain.
    public var depth: Int
  }
  public var kind = VerdictKind.notProxied
  /// The rule's Service port, for all kinds but `notProxied`.
  public var servicePort = ServicePortID.none
  public var backend = BackendID.none
  public var masquerade = false
  public var viaAffinity = false
  public var steps: [Step] = []
  /// Rules compared with, of both tables but for POSTROUTING.
  public var rulesWalked = 0
  /// Those of them that are in nat KUBE-SERVICES and KUBE-NODEPORTS.
  public var dispatchRulesWalked = 0
}

/// Walks a node's rules as its kernel does.
public struct IptablesInterpreter {
  public var rules: IptablesRuleset
  /// Addresses of the node's interfaces; loopback is always local.
  public var localAddresses: [IPv4Address]
  /// Whether an affinity list has the source, stamped within a span.
  public var isRemembered: (_ list: IptablesChainName, _ source: IPv4Address, _ within: SimDuration) -> Bool

  public init(
    rules: IptablesRuleset, localAddresses: [IPv4Address],
    isRemembered: @escaping (IptablesChainName, IPv4Address, SimDuration) -> Bool = { _, _, _ in false }
  ) {
    self.rules = rules
    self.localAddresses = localAddresses
    self.isRemembered = isRemembered
  }

  /// - Parameter isTaken: the outcome of each statistic match with probability 1/n, in the order of the walk.
  public func walk(_ flow: FlowTuple, origin: FlowOrigin, isTaken: (_ oneIn: Int) -> Bool) -> IptablesWalk {
    var state = WalkState(flow: flow)
    run(rules.nat, origin == .node ? .output : .prerouting, &state, isTaken)
    if state.end == .accepted && state.walk.kind == .forward {
      let walked = state.walk.rulesWalked
      state.end = .fellThrough
      run(rules.nat, .postrouting, &state, isTaken)
      state.walk.rulesWalked = walked
      return state.walk
    }
    state.end = .fellThrough
    let goesToThisNode = isLocal(flow.destination)
    if origin == .node { run(rules.filter, .output, &state, isTaken) }
    if state.end != .fellThrough { return state.walk }
    if goesToThisNode {
      run(rules.filter, .input, &state, isTaken)
    } else if origin != .node {
      run(rules.filter, .forward, &state, isTaken)
    }
    return state.walk
  }

  private enum End { case fellThrough, returned, accepted, refused }

  private struct WalkState {
    var flow: FlowTuple
    var isMarked = false
    var sawAffinity = false
    var end = End.fellThrough
    var depth = 0
    var walk = IptablesWalk()
  }

  private func isLocal(_ address: IPv4Address) -> Bool {
    address.isLoopback || localAddresses.contains(address)
  }

  /// Walks one chain; `state.end` says how the walk left it.
  private func run(
    _ table: borrowing IptablesTable, _ chain: IptablesChainName, _ state: inout WalkState,
    _ isTaken: (Int) -> Bool
  ) {
    let rules = table[chain]
    let isDispatch = table.name == .nat && (chain == .services || chain == .nodePorts)
    for index in rules.indices {
      let rule = rules[index]
      state.walk.rulesWalked += 1
      if isDispatch { state.walk.dispatchRulesWalked += 1 }
      guard isMatch(rule, &state, isTaken) else { continue }
      state.walk.steps.append(
        IptablesWalk.Step(table: table.name, chain: chain, rule: index, depth: state.depth))
      apply(rule, table, &state, isTaken)
      if state.end == .returned { break }
      if state.end != .fellThrough { return }
    }
    state.end = .fellThrough
  }

  private func apply(
    _ rule: IptablesRule, _ table: borrowing IptablesTable, _ state: inout WalkState, _ isTaken: (Int) -> Bool
  ) {
    switch rule.target {
    case .none: break
    case .jump(let chain):
      state.depth += 1
      run(table, chain, &state, isTaken)
      state.depth -= 1
    case .dnat(let backend, _, _):
      state.walk.kind = .forward
      state.walk.servicePort = rule.servicePort
      state.walk.backend = backend
      state.walk.viaAffinity = state.sawAffinity
      state.end = .accepted
    case .mark: state.isMarked = true
    case .clearMark: state.isMarked = false
    case .masquerade:
      state.walk.masquerade = true
      state.end = .accepted
    case .accept: state.end = .accepted
    case .reject, .drop:
      state.walk.kind = rule.target == .reject ? .reject : .drop
      state.walk.servicePort = rule.servicePort
      state.end = .refused
    case .returnToCaller: state.end = .returned
    }
  }

  private func isMatch(_ rule: IptablesRule, _ state: inout WalkState, _ isTaken: (Int) -> Bool) -> Bool {
    for match in rule.matches where !matches(match, &state, isTaken) { return false }
    return true
  }

  private func matches(_ match: IptablesMatch, _ state: inout WalkState, _ isTaken: (Int) -> Bool) -> Bool {
    let flow = state.flow
    switch match {
    case .source(let block): return block.contains(flow.source)
    case .notSource(let block): return !block.contains(flow.source)
    case .destination(let block): return block.contains(flow.destination)
    case .notDestination(let block): return !block.contains(flow.destination)
    case .transport(let transport): return flow.transport == transport
    case .destinationPort(let port): return flow.destinationPort == port
    case .destinationIsLocal: return isLocal(flow.destination)
    case .sourceIsLocal: return isLocal(flow.source)
    case .oneIn(let n): return isTaken(n)
    case .seenRecently(let list, let within):
      let isHit = isRemembered(list, flow.source, within)
      if isHit { state.sawAffinity = true }
      return isHit
    case .stamp, .comment, .counted, .transportModule, .notIPv6Loopback: return true
    case .isMarked: return state.isMarked
    case .isNotMarked: return !state.isMarked
    case .state(let wanted): return wanted == .new
    case .notState(let unwanted): return unwanted != .new
    }
  }
}

extension IptablesInterpreter {
  /// A probability as a fraction.
  public struct Share: Hashable, Sendable {
    public var numerator: Int
    public var denominator: Int
  }

  /// All ways that the packet can go, each with its exact probability; they add up to one.
  public func allWalks(_ flow: FlowTuple, origin: FlowOrigin) -> [(walk: IptablesWalk, share: Share)] {
    var all: [(walk: IptablesWalk, share: Share)] = []
    /// Outcomes of the statistic matches on the present way; every way that is left begins like it.
    var path: [Bool] = []
    repeat {
      var used = 0
      var share = Share(numerator: 1, denominator: 1)
      let walk = walk(flow, origin: origin) { n in
        if used == path.count { path.append(true) }
        let isTaken = path[used]
        used += 1
        share = share.times(isTaken ? 1 : n - 1, n)
        return isTaken
      }
      all.append((walk, share))
      while path.last == false { path.removeLast() }
      if !path.isEmpty { path[path.count - 1] = false }
    } while !path.isEmpty
    return all
  }
}

extension IptablesInterpreter.Share {
  func times(_ n: Int, _ d: Int) -> Self { Self.reduced(numerator * n, denominator * d) }

  public static func + (a: Self, b: Self) -> Self {
    reduced(a.numerator * b.denominator + b.numerator * a.denominator, a.denominator * b.denominator)
  }

  private static func reduced(_ n: Int, _ d: Int) -> Self {
    var (a, b) = (n, d)
    while b != 0 { (a, b) = (b, a % b) }
    return Self(numerator: n / a, denominator: d / a)
  }
}
