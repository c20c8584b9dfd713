// SPDX-License-Identifier: GPL-3.0-or-later
//
// A table as `nft list table ip kube-proxy` prints it (nft 1.0.6; golden/cluster/nftables), which `nft -f`
// reads back.

import Cluster
import NetworkTypes
import SimKernel

extension ProxyFleet {
  /// The IPv4 table, and the one that kube-proxy writes for IPv6 even where the cluster has a single stack
  /// (golden/cluster/metrics-nftables-w1.txt counts its sync).
  /// - Parameter now: nil: without what affinity sets hold.
  mutating func nftablesTexts(_ node: NodeID, _ table: TableState, at now: SimTime?) -> [RuleText] {
    let rules = nftablesRules(table)
    var held: [UInt32: [NftablesAffinity]] = [:]
    if let now {
      for set in rules.affinitySets {
        held[set.chain] = recent.entries(node: node.rawValue, chain: set.chain)
          .filter { $0.instant > now }.sorted { $0.source < $1.source }
          .map { NftablesAffinity(source: $0.source, left: $0.instant - now) }
      }
    }
    let other = NftablesTable.withoutServices(eyes[Int(table.eyes)], nftablesLayout)
    return [
      RuleText(command: "nft list table ip kube-proxy", text: nftablesText(rules, held)),
      RuleText(command: "nft list table ip6 kube-proxy", text: nftablesText(other)),
    ]
  }

  func nftablesText(_ table: NftablesTable, _ held: [UInt32: [NftablesAffinity]] = [:]) -> String {
    let writer = NftablesWriter(family: table.family, names: NftablesNames(table, history))
    return NftablesListing(table: table, writer: writer, held: held).text
  }
}

/// An element of an affinity set.
struct NftablesAffinity {
  var source: IPv4Address
  /// Until it expires.
  var left: SimDuration
}

extension NftablesTable {
  /// The IPv6 table of a cluster that has no IPv6: no Service, no pod range to tell pods by, no Service
  /// range, and no node address but ::1, which takes no node ports.
  static func withoutServices(_ eyes: NodeEyes, _ layout: NftablesLayout) -> NftablesTable {
    var other = eyes
    other.hasDetector = false
    let builder = NftablesBuilder(
      eyes: other, layout: layout, serviceCIDRs: [], nodePortIPs: eyes.acceptsAnyNodePortAddress ? nil : [])
    var table = builder.table
    table.family = .ip6
    return table
  }
}

private struct NftablesListing {
  let table: NftablesTable
  let writer: NftablesWriter
  let held: [UInt32: [NftablesAffinity]]

  private var addressType: String { table.family == .ip ? "ipv4_addr" : "ipv6_addr" }

  var text: String {
    var lines = [
      "table \(table.family == .ip ? "ip" : "ip6") kube-proxy {", "\tcomment \"rules for kube-proxy\"",
    ]
    var blocks = sets + NftablesMap.allCases.map { map($0) } + affinitySets
    blocks += table.chains.map { chain($0) }
    lines.append(blocks.joined(separator: "\n\n"))
    lines.append("}")
    return lines.joined(separator: "\n") + "\n"
  }

  // MARK: sets and maps

  private var sets: [String] {
    var all: [String] = []
    if table.layout == .directTranslation {
      let hairpins = table.hairpins.sorted { isListedBefore($0, $1) }
      let elements = hairpins.map { "\($0.address) . \($0.address) . \($0.transport.name) . \($0.port)" }
      all.append(
        set(
          .hairpinConnections, type: "\(addressType) . \(addressType) . inet_proto . inet_service",
          "service hairpin connections", elements, perLine: 1))
    }
    let clusterIPs = table.clusterIPs.sorted().map(\.description)
    all.append(set(.clusterIPs, type: addressType, "Active ClusterIPs", clusterIPs, perLine: 2))
    if let addresses = table.nodePortIPs {
      let sorted = addresses.sorted().map(\.description)
      all.append(
        set(.nodePortIPs, type: addressType, "IPs that accept NodePort traffic", sorted, perLine: 2))
    }
    return all
  }

  private func set(
    _ set: NftablesSet, type: String, _ comment: String, _ elements: [String], perLine: Int
  ) -> String {
    block("set \(writer.names.text(set))", ["type \(type)", "comment \"\(comment)\""], elements, perLine)
  }

  private func map(_ map: NftablesMap) -> String {
    let key = map.isAboutNodePorts ? "" : "\(addressType) . "
    let elements = (table.maps[map] ?? [:]).sorted { isListedBefore($0.key, $1.key) }
    return block(
      "map \(writer.names.text(map))",
      ["type \(key)inet_proto . inet_service : verdict", "comment \"\(Self.comment(map))\""],
      elements.map { writer.text(map, $0.key, $0.value) }, 1)
  }

  private static func comment(_ map: NftablesMap) -> String {
    switch map {
    case .noEndpointServices: "vmap to drop or reject packets to services with no endpoints"
    case .noEndpointNodePorts: "vmap to drop or reject packets to service nodeports with no endpoints"
    case .firewallIPs: "destinations that are subject to LoadBalancerSourceRanges"
    case .serviceIPs: "ClusterIP, ExternalIP and LoadBalancer IP traffic"
    case .serviceNodePorts: "NodePort traffic"
    }
  }

  private var affinitySets: [String] {
    table.affinitySets.map { set in
      let elements = (held[set.chain] ?? []).map { "\($0.source) expires \(span($0.left))" }
      return block(
        "set \(writer.names.text(.affinity(set.chain)))",
        [
          "type \(addressType)", "size \(nftablesSetSize)", "flags dynamic,timeout",
          "timeout \(span(set.timeout))",
        ], elements, 2)
    }
  }

  private func block(_ head: String, _ lines: [String], _ elements: [String], _ perLine: Int) -> String {
    var all = ["\t\(head) {"] + lines.map { "\t\t\($0)" }
    if !elements.isEmpty {
      var text = "\t\telements = { \(elements[0])"
      for (i, element) in elements.enumerated().dropFirst() {
        // Continuation lines begin below the first element.
        text += i % perLine == 0 ? ",\n\t\t\t     \(element)" : ", \(element)"
      }
      all.append("\(text) }")
    }
    return (all + ["\t}"]).joined(separator: "\n")
  }

  /// nft sorts composed keys as numbers whose least significant byte comes first: by the port's low byte, its
  /// high byte, the protocol and the address from its last byte on.
  private func isListedBefore(_ a: NftablesKey, _ b: NftablesKey) -> Bool {
    func rank(_ key: NftablesKey) -> (UInt16, UInt8, UInt32) {
      (key.port.byteSwapped, key.transport.rawValue, key.address.bits.byteSwapped)
    }
    return rank(a) < rank(b)
  }

  /// `1m40s`, `58s996ms`
  private func span(_ span: SimDuration) -> String {
    var left = span.nanoseconds / 1_000_000
    var text = ""
    let units: [(String, Int64)] = [
      ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1),
    ]
    for (unit, milliseconds) in units {
      if left >= milliseconds { text += "\(left / milliseconds)\(unit)" }
      left %= milliseconds
    }
    return text.isEmpty ? "0s" : text
  }

  // MARK: chains

  private func chain(_ chain: NftablesChain) -> String {
    var lines = ["\tchain \(writer.names.text(chain)) {"]
    if let hook = Self.hook(chain) { lines.append("\t\ttype \(hook); policy accept;") }
    if chain == .reject {
      lines.append("\t\tcomment \"helper for @no-endpoint-services / @no-endpoint-nodeports\"")
    }
    lines += table[chain].map { "\t\t\(writer.text($0))" }
    return (lines + ["\t}"]).joined(separator: "\n")
  }

  /// FACTS D2; nft names a priority where the hook has a name for it.
  private static func hook(_ chain: NftablesChain) -> String? {
    switch chain {
    case .filterPrerouting: "filter hook prerouting priority dstnat - 10"
    case .filterOutputPreDNAT: "filter hook output priority -110"
    case .filterInput: "filter hook input priority filter"
    case .filterForward: "filter hook forward priority filter"
    case .filterOutput: "filter hook output priority filter"
    case .natPrerouting: "nat hook prerouting priority dstnat"
    case .natOutput: "nat hook output priority -100"
    case .natPostrouting: "nat hook postrouting priority srcnat"
    default: nil
    }
  }
}
