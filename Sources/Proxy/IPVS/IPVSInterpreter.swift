// SPDX-License-Identifier: GPL-3.0-or-later
//
// Walks the iptables rules of ipvs mode one by one, as the kernel does, and asks sets for what their entries
// say. Decides nothing about real servers.

import NetworkTypes

/// Where a walk through one chain of netfilter ended.
enum IPVSOutcome {
  /// The end of the base chain, or ACCEPT.
  case accepted
  case rejected
  case dropped
  case masqueraded
}

struct IPVSInterpreter {
  var ruleset: IPVSRuleset
  /// As the packet is where the walk begins: its source may be an address of kube-ipvs0, its destination a
  /// real server's behind the translation.
  var source: IPv4Address
  var sourcePort: UInt16
  var destination: IPv4Address
  var destinationPort: UInt16
  var transport: TransportProtocol
  /// Addresses of the node's own interfaces.
  var nodeAddresses: [IPv4Address]
  /// The virtual server that took the packet.
  var virtualKey: UInt64?
  var isMarked = false
  var steps: [DecisionStep] = []

  func isLocal(_ address: IPv4Address) -> Bool {
    address.isLoopback || nodeAddresses.contains(address)
      || ruleset.sets.contains(.boundAddresses, .address(address))
  }

  /// A base chain.
  mutating func walk(_ table: IPVSTable, _ chain: String) -> IPVSOutcome {
    run(table, chain) ?? .accepted
  }

  /// nil: the end of the chain, or RETURN.
  private mutating func run(_ table: IPVSTable, _ chain: String) -> IPVSOutcome? {
    for rule in ruleset.rules(table, chain) {
      var reasons: [String] = []
      guard rule.matches.allSatisfy({ matches($0, &reasons) }) else { continue }
      note(rule, reasons)
      switch rule.target {
      case .jump(let next):
        if let outcome = run(table, next) { return outcome }
      case .goBack: return nil
      case .mark: isMarked = true
      case .unmark: isMarked = false
      case .accept: return .accepted
      case .reject: return .rejected
      case .drop: return .dropped
      case .masquerade: return .masqueraded
      }
    }
    return nil
  }

  /// Writes a rule down, unless it only leads from a base chain into one of kube-proxy's.
  private mutating func note(_ rule: IPVSRule, _ reasons: [String]) {
    if case .jump = rule.target, rule.matches.isEmpty { return }
    if rule.target == .unmark || (rule.target == .goBack && rule.matches == [.notMarked]) { return }
    let what: String
    switch rule.target {
    case .jump(let chain): what = "goes on in \(chain)"
    case .mark: what = "is marked for masquerading"
    case .unmark: what = "loses its mark"
    case .masquerade: what = "gets the address of the interface by which it leaves"
    case .accept: what = "leaves the table"
    case .goBack: what = "goes back to the chain before"
    case .reject: what = "is refused with ICMP port unreachable"
    case .drop: what = "is dropped"
    }
    let why = (reasons + ["the packet \(what)"]).joined(separator: "; ")
    steps.append(
      DecisionStep(table: rule.table.rawValue, chain: rule.chain, rule: rule.text, why: why))
  }

  private func matches(_ match: IPVSMatch, _ reasons: inout [String]) -> Bool {
    switch match {
    case .set(let name, let fields):
      guard let entry = entry(name, fields) else { return false }
      reasons.append("\(name.rawValue) holds \(entry.text)")
      return true
    case .transport(let wanted): return wanted == transport
    case .source(let block):
      reasons.append("the source is \(source)")
      return block.contains(source)
    case .notSource(let block):
      reasons.append("\(source) is not in \(block)")
      return !block.contains(source)
    case .destinationIsLocal: return isLocal(destination)
    case .sourceIsNotLocal: return !isLocal(source)
    // Pods hang on routed interfaces.
    case .notFromBridge: return true
    case .marked: return isMarked
    case .notMarked: return !isMarked
    case .stateNew: return true
    case .stateKnown: return false
    case .virtualAddress(let address, let transport, let port):
      return virtualKey == Frontend.key(address, port, transport)
    }
  }

  /// The entry of a set that fields of the packet find.
  private func entry(_ name: IPVSSetName, _ fields: String) -> IPVSSetEntry? {
    let address = fields.hasPrefix("src") ? source : destination
    let wanted: IPVSSetEntry
    switch name.type {
    case "bitmap:port": wanted = .port(destinationPort)
    case "hash:ip": wanted = .address(address)
    case "hash:ip,port": wanted = .addressPort(address, transport, destinationPort)
    case "hash:ip,port,ip": wanted = .addressPortAddress(address, transport, destinationPort, source)
    default: return ruleset.sets.block(address, transport, destinationPort, source: source)
    }
    return ruleset.sets.contains(name, wanted) ? wanted : nil
  }
}
