// SPDX-License-Identifier: GPL-3.0-or-later
//
// The nftables table `kube-proxy` as data: sets, verdict maps and chains of rules, each rule a list of typed
// matches followed by typed statements. Chains carry symbolic names; text is made elsewhere. Two layouts are
// known, chosen by the version of Kubernetes.

import Cluster
import NetworkTypes
import SimKernel

/// How kube-proxy arranges a Service's rules.
enum NftablesLayout: Equatable {
  /// Up to 1.35 (k/k pkg/proxy/nftables/proxier_test.go @81810de6): a chain per endpoint, and a chain that
  /// sets the masquerade mark.
  case endpointChains
  /// From 1.36 (golden/cluster/nftables; k/k PRs 135800 and 136499): one translation per Service chain, marks
  /// set in place, hairpins found in a set.
  case directTranslation

  init(minorVersion: Int) {
    self =
      Behaviours.nftablesDirectTranslation.value(in: minorVersion) ? .directTranslation : .endpointChains
  }
}

/// A chain; those after `markForMasquerade` belong to one Service port.
enum NftablesChain: Hashable {
  // Base chains, named for type and hook.
  case filterPrerouting, filterOutputPreDNAT, filterInput, filterForward, filterOutput
  case natPrerouting, natOutput, natPostrouting
  // Chains that the base chains jump to.
  case nodePortEndpointsCheck, serviceEndpointsCheck, firewallCheck, services, masquerading, clusterIPsCheck
  case reject
  /// Only in `endpointChains`.
  case markForMasquerade
  /// `service-…`: endpoints of cluster policy.
  case clusterPolicy(PortNameID)
  /// `local-…`: endpoints of local policy.
  case localPolicy(PortNameID)
  /// `external-…`: external destinations.
  case external(PortNameID)
  /// `firewall-…`: load-balancer source ranges.
  case firewall(PortNameID)
  /// `endpoint-…`: one endpoint, by the number of its endpoint chain.
  case endpoint(UInt32)

  /// Base chains in the order in which they are made.
  static var base: [NftablesChain] {
    [
      .filterPrerouting, .filterOutputPreDNAT, .filterInput, .filterForward, .filterOutput, .natPrerouting,
      .natOutput, .natPostrouting,
    ]
  }
}

/// A verdict map: its keys are (address, protocol, port), or (protocol, port) where it is about node ports.
enum NftablesMap: Hashable, CaseIterable {
  case noEndpointServices, noEndpointNodePorts, firewallIPs, serviceIPs, serviceNodePorts

  var isAboutNodePorts: Bool { self == .noEndpointNodePorts || self == .serviceNodePorts }
}

enum NftablesSet: Hashable {
  case hairpinConnections, clusterIPs, nodePortIPs
  /// Sources that an endpoint served lately, by the number of its endpoint chain.
  case affinity(UInt32)
}

enum NftablesMatch: Equatable {
  /// `ct state new`
  case isNew
  /// `ip daddr @set`
  case destinationIn(NftablesSet)
  /// `ip daddr a.b.c.d` or a block, or an anonymous set of them
  case destination([IPv4CIDR])
  /// `ip daddr != 127.0.0.0/8`
  case notDestination(IPv4CIDR)
  /// `fib daddr type local`
  case destinationIsLocal
  case source(IPv4CIDR)
  case notSource(IPv4CIDR)
  /// `ip saddr != { … }`
  case sourceOutside([IPv4CIDR])
  /// `ip saddr @affinity-…`
  case sourceIn(NftablesSet)
  /// `fib saddr type local`
  case sourceIsLocal
  /// `meta l4proto`
  case transport(TransportProtocol)
  /// `meta mark & 0x4000`, set or not
  case isMarked, isNotMarked
  /// `ct status dnat`
  case isTranslated
  /// `ip saddr . ip daddr . meta l4proto . th dport @hairpin-connections`
  case isHairpin
}

enum NftablesStatement: Equatable {
  case jump(NftablesChain)
  case goto(NftablesChain)
  /// `vmap @map`, with the key that the map asks for
  case lookup(NftablesMap)
  /// `meta mark set meta mark | 0x4000`
  case mark
  /// `meta mark set meta mark ^ 0x4000`
  case clearMark
  case masquerade
  case reject
  case drop
  case returnToCaller
  /// `dnat to a.b.c.d:port`
  case translate(ProgrammedEndpoint)
  /// `dnat ip to numgen random mod n map { … }`
  case translateToRandom([ProgrammedEndpoint])
  /// `numgen random mod n vmap { … }` over endpoint chains
  case gotoRandom([ProgrammedEndpoint], chains: [UInt32])
  /// `update @affinity-… { ip saddr }`
  case remember(UInt32)
}

struct NftablesRule: Equatable {
  var matches: [NftablesMatch]
  var statements: [NftablesStatement]
  var comment: String?
  init(_ matches: [NftablesMatch], _ statements: [NftablesStatement], comment: String? = nil) {
    self.matches = matches
    self.statements = statements
    self.comment = comment
  }
}

struct NftablesKey: Hashable {
  /// Unspecified in maps about node ports.
  var address: IPv4Address
  var transport: TransportProtocol
  var port: UInt16
}

/// What a map says of a key.
struct NftablesElement: Equatable {
  enum Verdict: Equatable {
    case goto(NftablesChain)
    case drop
  }
  var verdict: Verdict
  /// The Service port that it is about; its name is the comment of elements about missing endpoints.
  var port: PortNameID
}

enum NftablesFamily: Equatable {
  case ip, ip6
}

struct NftablesTable {
  var family = NftablesFamily.ip
  var layout = NftablesLayout.directTranslation
  /// nil: no such set, since any local address takes node ports.
  var nodePortIPs: [IPv4Address]? = []
  var clusterIPs: Set<IPv4Address> = []
  /// Endpoints on this node that a Service may lead to.
  var hairpins: Set<NftablesKey> = []
  private(set) var maps: [NftablesMap: [NftablesKey: NftablesElement]] = [:]
  /// In the order in which they were made.
  private(set) var affinitySets: [(chain: UInt32, timeout: SimDuration)] = []
  private(set) var affinityChains: Set<UInt32> = []
  private(set) var chains: [NftablesChain] = []
  private(set) var rules: [NftablesChain: [NftablesRule]] = [:]

  subscript(chain: NftablesChain) -> [NftablesRule] { rules[chain] ?? [] }

  func element(_ map: NftablesMap, _ key: NftablesKey) -> NftablesElement? { maps[map]?[key] }

  mutating func declare(_ chain: NftablesChain) {
    guard rules[chain] == nil else { return }
    chains.append(chain)
    rules[chain] = []
  }

  mutating func append(_ chain: NftablesChain, _ rule: NftablesRule) {
    declare(chain)
    rules[chain, default: []].append(rule)
  }

  mutating func declareAffinitySet(_ chain: UInt32, timeout: SimDuration) {
    if affinityChains.insert(chain).inserted { affinitySets.append((chain, timeout)) }
  }

  /// A later element for the same key takes the place of the earlier one.
  mutating func set(_ map: NftablesMap, _ key: NftablesKey, _ element: NftablesElement) {
    maps[map, default: [:]][key] = element
  }
}
