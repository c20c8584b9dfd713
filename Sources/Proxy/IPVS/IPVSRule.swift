// SPDX-License-Identifier: GPL-3.0-or-later
//
// The iptables rules that go with ipvs, as data, and their form in `iptables-save`. Their number does not
// depend on the number of Services: sets hold what differs.

import NetworkTypes

enum IPVSTable: String {
  case nat, filter
}

/// One condition of a rule.
enum IPVSMatch: Equatable {
  /// `dst,dst`, `src,dst`, `dst,dst,src` or `dst`.
  case set(IPVSSetName, String)
  case transport(TransportProtocol)
  case source(IPv4CIDR)
  case notSource(IPv4CIDR)
  case destinationIsLocal
  case sourceIsNotLocal
  /// Not from the port of a bridge; a pod behind a routed veth is not either.
  case notFromBridge
  case marked
  case notMarked
  case stateNew
  case stateKnown
  /// The packet belongs to the ipvs connection of this virtual address.
  case virtualAddress(IPv4Address, TransportProtocol, UInt16)
}

enum IPVSTarget: Equatable {
  case jump(String)
  case mark
  case unmark
  case masquerade
  case accept
  case goBack
  case reject
  case drop
}

struct IPVSRule: Equatable {
  var table: IPVSTable
  var chain: String
  var comment: String?
  var matches: [IPVSMatch] = []
  var target: IPVSTarget

  /// As iptables-save prints it: addresses and protocol first, then the extensions in the order written.
  var text: String {
    var words = ["-A \(chain)"]
    for match in matches { if let word = Self.headText(match) { words.append(word) } }
    if let comment { words.append("-m comment --comment \"\(comment)\"") }
    for match in matches { if let word = Self.extensionText(match) { words.append(word) } }
    words.append(targetText)
    return words.joined(separator: " ")
  }

  private static func headText(_ match: IPVSMatch) -> String? {
    switch match {
    case .source(let block): "-s \(block)"
    case .notSource(let block): "! -s \(block)"
    case .transport(let transport): "-p \(transport.name)"
    default: nil
    }
  }

  private static func extensionText(_ match: IPVSMatch) -> String? {
    switch match {
    case .set(let name, let fields): "-m set --match-set \(name.rawValue) \(fields)"
    case .destinationIsLocal: "-m addrtype --dst-type LOCAL"
    case .sourceIsNotLocal: "-m addrtype ! --src-type LOCAL"
    case .notFromBridge: "-m physdev ! --physdev-is-in"
    // Masquerade bit 14 (FACTS C1).
    case .marked: "-m mark --mark 0x4000/0x4000"
    case .notMarked: "-m mark ! --mark 0x4000/0x4000"
    case .stateNew: "-m conntrack --ctstate NEW"
    case .stateKnown: "-m conntrack --ctstate RELATED,ESTABLISHED"
    case .virtualAddress(let address, let transport, let port):
      "-m ipvs --vproto \(transport.rawValue) --vaddr \(address) --vport \(port)"
    case .source, .notSource, .transport: nil
    }
  }

  private var targetText: String {
    switch target {
    case .jump(let chain): "-j \(chain)"
    case .mark: "-j MARK --set-xmark 0x4000/0x4000"
    case .unmark: "-j MARK --set-xmark 0x4000/0x0"
    case .masquerade:
      "-j MASQUERADE" + (chain == "KUBE-POSTROUTING" && matches.isEmpty ? " --random-fully" : "")
    case .accept: "-j ACCEPT"
    case .goBack: "-j RETURN"
    case .reject: "-j REJECT --reject-with icmp-port-unreachable"
    case .drop: "-j DROP"
    }
  }
}

/// Chains of kube-proxy, in the order in which iptables-save lists them here.
enum IPVSChains {
  static let nat = [
    "KUBE-LOAD-BALANCER", "KUBE-MARK-MASQ", "KUBE-NODE-PORT", "KUBE-POSTROUTING", "KUBE-SERVICES",
  ]
  static let filter = [
    "KUBE-FORWARD", "KUBE-IPVS-FILTER", "KUBE-IPVS-OUT-FILTER", "KUBE-NODE-PORT", "KUBE-PROXY-FIREWALL",
    "KUBE-SOURCE-RANGES-FIREWALL",
  ]
  static let natBuiltIn = ["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"]
  static let filterBuiltIn = ["INPUT", "FORWARD", "OUTPUT"]
}
