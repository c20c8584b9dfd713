// SPDX-License-Identifier: GPL-3.0-or-later
//
// iptables rules as data: tables of chains of typed matches and targets, in the order in which the kernel
// walks them. Chains carry symbolic names; IptablesText makes text of them, IptablesInterpreter walks them.

import NetworkTypes
import SimKernel

/// A chain of either table.
public enum IptablesChainName: Hashable, Sendable {
  // The kernel's own
  case prerouting, input, forward, output, postrouting
  // kube-proxy's dispatch chains
  case services, nodePorts, externalServices, proxyFirewall, kubeForward
  case markMasquerade, kubePostrouting
  /// KUBE-FIREWALL: shared with the kubelet; guards loopback addresses.
  case kubeFirewall
  /// KUBE-PROXY-CANARY: empty; that it is gone tells kube-proxy that somebody flushed the tables.
  case canary
  // of one Service port
  /// KUBE-SVC: cluster policy.
  case clusterPolicy(ServicePortID)
  /// KUBE-SVL: local policy.
  case localPolicy(ServicePortID)
  /// KUBE-EXT: external destinations.
  case external(ServicePortID)
  /// KUBE-FW: load-balancer source ranges.
  case firewall(ServicePortID)
  /// KUBE-SEP: one endpoint; also the name of its affinity list.
  case endpoint(ServicePortID, BackendID)
}

/// conntrack's word on a packet: `--ctstate`.
public enum ConnectionState: Sendable, Hashable {
  case new, invalid, relatedOrEstablished
  /// RELATED, ESTABLISHED, or with a destination that nat has rewritten.
  case relatedEstablishedOrTranslated
}

/// What a rule's comment says. Those about a Service begin with its name and port name (`shop/web:http`).
public enum IptablesComment: Sendable, Hashable {
  case loadBalancerFirewall, healthCheckPorts, externallyVisible, forwardingRules, portals
  case forwardingConntrack, postrouting, nodePorts, needsSNAT, localnet
  /// of one Service port
  case service
  case clusterIP, externalIP, loadBalancerIP
  case noEndpoints, noLocalEndpoints, notAcceptedByFirewall, droppedByFirewall, healthCheckNodePort
  case masqueradeExternal, podsToExternal, masqueradeLocal, routeLocal
  /// A choice: the endpoint's address and port.
  case choice(IPv4Address, UInt16)
}

/// An nfacct object that counts packets which match a rule.
public enum IptablesCounter: String, Sendable, Hashable {
  case invalidDropped = "ct_state_invalid_dropped_pkts"
  case localhostNodePorts = "localhost_nps_accepted_pkts"
}

/// One condition of a rule.
public enum IptablesMatch: Sendable, Hashable {
  /// `-s` and `! -s`
  case source(IPv4CIDR)
  case notSource(IPv4CIDR)
  /// `-d` and `! -d`
  case destination(IPv4CIDR)
  case notDestination(IPv4CIDR)
  /// `! -d ::1/128`, in the IPv6 skeleton only
  case notIPv6Loopback
  /// `-p`
  case transport(TransportProtocol)
  /// `--dport`
  case destinationPort(UInt16)
  /// `-m addrtype --dst-type LOCAL`
  case destinationIsLocal
  /// `-m addrtype --src-type LOCAL`
  case sourceIsLocal
  /// `-m statistic --mode random --probability 1/n`
  case oneIn(Int)
  /// `-m recent --rcheck --seconds s --reap --rsource`
  case seenRecently(list: IptablesChainName, within: SimDuration)
  /// `-m recent --set --rsource`: always matches, and stamps.
  case stamp(list: IptablesChainName)
  /// `-m mark --mark 0x4000/0x4000` and its negation
  case isMarked
  case isNotMarked
  /// `-m conntrack --ctstate` and its negation
  case state(ConnectionState)
  case notState(ConnectionState)
  /// `-m comment`: always matches.
  case comment(IptablesComment)
  /// `-m nfacct`: always matches, and counts.
  case counted(IptablesCounter)
  /// `-m tcp` without an option: always matches after `-p tcp`.
  case transportModule(TransportProtocol)
}

/// What a rule does with a packet.
public enum IptablesTarget: Sendable, Hashable {
  /// A rule without `-j`: counts only.
  case none
  case jump(IptablesChainName)
  case dnat(BackendID, address: IPv4Address, port: UInt16)
  /// `-j MARK --or-mark 0x4000`
  case mark
  /// `-j MARK --xor-mark 0x4000`
  case clearMark
  case masquerade
  case accept
  case reject
  case drop
  case returnToCaller
}

/// One rule of a chain.
public struct IptablesRule: Sendable, Hashable {
  public var matches: [IptablesMatch]
  public var target: IptablesTarget
  /// The Service port that the rule is about, `none` for the others.
  public var servicePort: ServicePortID
  public init(
    _ matches: [IptablesMatch] = [], _ target: IptablesTarget, servicePort: ServicePortID = .none
  ) {
    self.matches = matches
    self.target = target
    self.servicePort = servicePort
  }
}

/// The tables that kube-proxy writes to.
public enum IptablesTableName: String, Sendable, CaseIterable {
  // In the order in which iptables-save prints them (golden/cluster/iptables)
  case mangle, filter, nat

  /// The kernel's own chains of the table, in the order of the hooks.
  public var hooks: [IptablesChainName] {
    switch self {
    case .mangle: [.prerouting, .input, .forward, .output, .postrouting]
    case .filter: [.input, .forward, .output]
    case .nat: [.prerouting, .input, .output, .postrouting]
    }
  }
}

/// One table: its chains in the order of their first rule.
public struct IptablesTable: Sendable {
  public let name: IptablesTableName
  public private(set) var names: [IptablesChainName] = []
  public private(set) var rules: [IptablesChainName: [IptablesRule]] = [:]

  public init(_ name: IptablesTableName) {
    self.name = name
    for hook in name.hooks { declare(hook) }
    declare(.canary)
  }

  public subscript(name: IptablesChainName) -> [IptablesRule] { rules[name] ?? [] }

  /// Rules of all chains but the kernel's own: what an `iptables-restore` of kube-proxy writes in full.
  var writtenRules: Int { rules.reduce(0) { name.hooks.contains($1.key) ? $0 : $0 + $1.value.count } }

  mutating func declare(_ name: IptablesChainName) {
    if rules[name] == nil {
      names.append(name)
      rules[name] = []
    }
  }

  mutating func append(_ name: IptablesChainName, _ rule: IptablesRule) {
    declare(name)
    rules[name, default: []].append(rule)
  }
}

/// What a node has programmed, rule by rule.
public struct IptablesRuleset: Sendable {
  /// Holds nothing but the canary.
  public var mangle = IptablesTable(.mangle)
  public var filter = IptablesTable(.filter)
  public var nat = IptablesTable(.nat)
}
