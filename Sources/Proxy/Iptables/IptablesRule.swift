// SPDX-License-Identifier: GPL-3.0-or-later
//
// iptables rules as data: tables of chains of typed matches and targets, in the order in which the kernel
// walks them. Chains carry symbolic names; text is made elsewhere.

import NetworkTypes
import SimKernel

/// A chain of either table.
public enum IptablesChainName: Hashable, Sendable {
  // The kernel's own
  case prerouting, input, forward, output, postrouting
  // kube-proxy's dispatch chains
  case services, nodePorts, externalServices, proxyFirewall, kubeForward
  case markMasquerade, kubePostrouting
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

public enum ConnectionState: Sendable, Hashable {
  case new, invalid, relatedOrEstablished
}

public enum IptablesMatch: Sendable, Hashable {
  /// `-s` and `! -s`
  case source(IPv4CIDR)
  case notSource(IPv4CIDR)
  /// `-d` and `! -d`
  case destination(IPv4CIDR)
  case notDestination(IPv4CIDR)
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
  /// `-m conntrack --ctstate`
  case state(ConnectionState)
}

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

/// One table: its chains in the order of their first rule.
public struct IptablesTable: Sendable {
  public private(set) var names: [IptablesChainName] = []
  public private(set) var rules: [IptablesChainName: [IptablesRule]] = [:]

  public subscript(name: IptablesChainName) -> [IptablesRule] { rules[name] ?? [] }

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
  public var nat = IptablesTable()
  public var filter = IptablesTable()
}
