// SPDX-License-Identifier: GPL-3.0-or-later
//
// Walks the table as the kernel does, hook by hook and rule by rule, for a NEW connection's first packet: the
// reference for the compiled lookup, and what a trace shows.
//
//   from elsewhere  prerouting -110 firewall, -100 services -> routing
//                     to this node: input checks | else: forward checks, postrouting masquerading
//   from this node  output -110 firewall, -100 services, 0 checks -> postrouting masquerading
//                     to this node: prerouting firewall again, input checks (nat is settled by then)
//
// A masqueraded packet that comes back to its own node keeps its first source here; rules ask for it only in
// the firewall of a load-balancer address that is an endpoint's address, too.

import NetworkTypes
import SimKernel

struct NftablesWalk: Equatable {
  enum Event: Equatable {
    /// A rule all of whose matches held.
    case rule(NftablesChain, Int)
    /// The element that a rule's map had for the packet.
    case element(NftablesMap, NftablesKey)
    /// An endpoint out of so many.
    case choice(ProgrammedEndpoint, outOf: Int)
  }
  var kind = VerdictKind.notProxied
  var endpoint: ProgrammedEndpoint?
  /// Endpoints between which the walk chose.
  var candidates: [ProgrammedEndpoint] = []
  var masquerade = false
  var viaAffinity = false
  /// Service port of the last chain or element that belongs to one.
  var port = PortNameID.none
  /// Where the packet was refused.
  var end: NftablesChain?
  var events: [Event] = []
  var rulesWalked: UInt32 = 0
  var lookups: UInt32 = 0
}

struct NftablesInterpreter {
  var table: NftablesTable
  /// Addresses of the node's interfaces; loopback is always local.
  var localAddresses: [IPv4Address]
  /// Whether the affinity set of an endpoint chain has the source.
  var isRemembered: (_ chain: UInt32) -> Bool

  private struct State {
    var flow: FlowTuple
    var isMarked = false
    var sawAffinity = false
    var end = End.fellThrough
    var walk = NftablesWalk()
    var choose: (Int) -> Int
  }
  private enum End { case fellThrough, returned, accepted, refused }

  /// - Parameter choose: what `numgen random mod n` gives, for each one on the way.
  func walk(_ flow: FlowTuple, origin: FlowOrigin, choose: @escaping (_ outOf: Int) -> Int) -> NftablesWalk {
    var state = State(flow: flow, choose: choose)
    if origin == .node {
      run([.filterOutputPreDNAT, .natOutput, .filterOutput, .natPostrouting], &state)
      if isLocal(state.flow.destination) { run([.filterPrerouting, .filterInput], &state) }
    } else {
      run([.filterPrerouting, .natPrerouting], &state)
      run(isLocal(state.flow.destination) ? [.filterInput] : [.filterForward, .natPostrouting], &state)
    }
    if state.walk.kind != .forward { state.walk.masquerade = false }
    return state.walk
  }

  private func isLocal(_ address: IPv4Address) -> Bool {
    address.isLoopback || localAddresses.contains(address)
  }

  private func run(_ hooks: [NftablesChain], _ state: inout State) {
    for hook in hooks where state.end != .refused {
      state.end = .fellThrough
      run(hook, &state)
    }
  }

  /// Walks one chain; `state.end` says how the walk left it.
  private func run(_ chain: NftablesChain, _ state: inout State) {
    for (index, rule) in table[chain].enumerated() {
      state.walk.rulesWalked += 1
      guard rule.matches.allSatisfy({ matches($0, &state) }) else { continue }
      state.walk.events.append(.rule(chain, index))
      for statement in rule.statements where apply(statement, chain, &state) { return }
    }
    state.end = .fellThrough
  }

  /// True if the walk leaves the chain.
  private func apply(_ statement: NftablesStatement, _ chain: NftablesChain, _ state: inout State) -> Bool {
    switch statement {
    case .jump(let target):
      run(target, &state)
      if state.end == .returned { state.end = .fellThrough }
      return state.end != .fellThrough
    case .goto(let target):
      run(target, &state)
      return true
    case .lookup(let map): return look(up: map, chain, &state)
    case .mark: state.isMarked = true
    case .clearMark: state.isMarked = false
    case .masquerade:
      state.walk.masquerade = true
      state.end = .accepted
      return true
    case .reject, .drop: return refuse(statement == .reject ? .reject : .drop, chain, &state)
    case .returnToCaller:
      state.end = .returned
      return true
    case .translate(let endpoint): return translate(to: endpoint, &state)
    case .translateToRandom(let endpoints):
      return translate(to: endpoints[pick(endpoints, &state)], &state)
    case .gotoRandom(let endpoints, let chains):
      run(.endpoint(chains[pick(endpoints, &state)]), &state)
      return true
    case .remember: state.walk.lookups += 1
    }
    return false
  }

  private func pick(_ endpoints: [ProgrammedEndpoint], _ state: inout State) -> Int {
    state.walk.lookups += 1
    let index = state.choose(endpoints.count)
    state.walk.candidates = endpoints
    state.walk.events.append(.choice(endpoints[index], outOf: endpoints.count))
    return index
  }

  private func translate(to endpoint: ProgrammedEndpoint, _ state: inout State) -> Bool {
    state.walk.kind = .forward
    state.walk.endpoint = endpoint
    state.walk.viaAffinity = state.sawAffinity
    if state.sawAffinity { state.walk.candidates = [endpoint] }
    state.flow.destination = endpoint.address
    state.flow.destinationPort = endpoint.port
    state.end = .accepted
    return true
  }

  private func refuse(_ kind: VerdictKind, _ chain: NftablesChain, _ state: inout State) -> Bool {
    state.walk.kind = kind
    state.walk.end = chain
    state.end = .refused
    return true
  }

  /// A key that the map does not have lets the walk go on with the next rule.
  private func look(up map: NftablesMap, _ chain: NftablesChain, _ state: inout State) -> Bool {
    state.walk.lookups += 1
    let flow = state.flow
    let key = NftablesKey(
      address: map.isAboutNodePorts ? .unspecified : flow.destination, transport: flow.transport,
      port: flow.destinationPort)
    guard let element = table.element(map, key) else { return false }
    state.walk.events.append(.element(map, key))
    state.walk.port = element.port
    switch element.verdict {
    case .drop: return refuse(.drop, chain, &state)
    case .goto(let target):
      run(target, &state)
      return true
    }
  }

  private func matches(_ match: NftablesMatch, _ state: inout State) -> Bool {
    let flow = state.flow
    switch match {
    case .isNew: return true
    case .destinationIn(let set):
      state.walk.lookups += 1
      return set == .clusterIPs
        ? table.clusterIPs.contains(flow.destination) : table.nodePortIPs?.contains(flow.destination) ?? false
    case .destination(let blocks):
      return contains(flow.destination, blocks, &state)
    case .notDestination(let block): return !block.contains(flow.destination)
    case .destinationIsLocal: return isLocal(flow.destination)
    case .source(let block): return block.contains(flow.source)
    case .notSource(let block): return !block.contains(flow.source)
    case .sourceOutside(let blocks): return !contains(flow.source, blocks, &state)
    case .sourceIn(let set):
      state.walk.lookups += 1
      guard case .affinity(let chain) = set, isRemembered(chain) else { return false }
      state.sawAffinity = true
      return true
    case .sourceIsLocal: return isLocal(flow.source)
    case .transport(let transport): return flow.transport == transport
    case .isMarked: return state.isMarked
    case .isNotMarked: return !state.isMarked
    case .isTranslated: return state.walk.kind == .forward
    case .isHairpin:
      state.walk.lookups += 1
      let key = NftablesKey(
        address: flow.destination, transport: flow.transport, port: flow.destinationPort)
      return flow.source == flow.destination && table.hairpins.contains(key)
    }
  }

  /// Several blocks make an anonymous set, a single one is compared with.
  private func contains(_ address: IPv4Address, _ blocks: [IPv4CIDR], _ state: inout State) -> Bool {
    if blocks.count > 1 { state.walk.lookups += 1 }
    return blocks.contains { $0.contains(address) }
  }
}

extension NftablesInterpreter {
  /// All ways that the packet can go, each with one over its probability.
  func allWalks(_ flow: FlowTuple, origin: FlowOrigin) -> [(walk: NftablesWalk, outOf: Int)] {
    let path = ChoicePath()
    var all: [(walk: NftablesWalk, outOf: Int)] = []
    repeat {
      path.restart()
      let walk = walk(flow, origin: origin) { path.next(outOf: $0) }
      all.append((walk, path.outOf))
    } while path.advance()
    return all
  }
}

/// The numbers drawn on one way through a table, stepped through like the digits of a counter.
private final class ChoicePath {
  private var digits: [(value: Int, base: Int)] = []
  private var used = 0

  var outOf: Int { digits.reduce(1) { $0 * $1.base } }
  func restart() { used = 0 }
  func next(outOf base: Int) -> Int {
    if used == digits.count { digits.append((0, base)) }
    used += 1
    return digits[used - 1].value
  }
  /// To the next way; false after the last.
  func advance() -> Bool {
    while let last = digits.last, last.value + 1 == last.base { digits.removeLast() }
    guard !digits.isEmpty else { return false }
    digits[digits.count - 1].value += 1
    return true
  }
}
