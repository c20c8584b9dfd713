// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which tables the calibration measures: Services in number, the target's place among them, and for nftables
// further lookups and rules, without which the cost of one could not be told from the rest.

import NetworkTypes

/// What is timed: kube-proxy's nftables, or its iptables in one of the kernel's two forms.
public enum CalibrationMode: String, Sendable, CaseIterable {
  case iptablesNft = "iptables-nft"
  case iptablesLegacy = "iptables-legacy"
  case nftables

  /// The tool that loads the rules, with its arguments.
  public var loader: [String] {
    switch self {
    case .iptablesNft: ["iptables-nft-restore"]
    case .iptablesLegacy: ["iptables-legacy-restore"]
    case .nftables: ["nft", "-f", "-"]
    }
  }
}

/// One table with one client, one node and one server.
public struct CalibrationTable: Sendable, Equatable {
  /// nil: no rules and no connection tracking, the plain way through the node.
  public var mode: CalibrationMode?
  public var services: Int
  /// nftables: maps with as many elements that are looked up before the right one, in vain.
  public var moreLookups = 0
  /// nftables: rules that are compared before and do not match.
  public var moreRules = 0
  public init(mode: CalibrationMode?, services: Int, moreLookups: Int = 0, moreRules: Int = 0) {
    self.mode = mode
    self.services = services
    self.moreLookups = moreLookups
    self.moreRules = moreRules
  }

  /// Places of the targets, counted from 0, evenly spread over the dispatch chain.
  public func places(_ count: Int) -> [Int] {
    let count = max(1, min(count, services))
    return (0..<count).map { (2 * $0 + 1) * services / (2 * count) }
  }

  /// Rules that a first packet is compared with, counted as the model counts them (`Verdict.rulesWalked`).
  /// iptables: the dispatch chain up to the target's rule, two in the Service's chain and two in the
  /// endpoint's. nftables: 14 on the way of a pod's packet to a ClusterIP, in all hooks, each with its jump.
  public func rulesWalked(place: Int) -> Int {
    mode == .nftables ? 14 + moreRules + moreLookups : place + 1 + 4
  }

  /// Lookups in maps and sets (`Verdict.lookups`). nftables: firewall-ips, cluster-ips, service-ips, the map
  /// of endpoints, no-endpoint-services, cluster-ips again, hairpin-connections.
  public var lookups: Int { mode == .nftables ? 7 + moreLookups : 0 }
}

/// The whole plan of a calibration.
public struct CalibrationDesign: Sendable, Equatable {
  /// Numbers of Services.
  public var sizes = [10, 100, 1000, 3000, 10_000]
  /// Target Services per table.
  public var places = 10
  /// Times that every table and place is visited.
  public var rounds = 20
  /// Flows per visit.
  public var flows = 5
  /// Packets of each flow after the first.
  public var laterPackets = 3
  /// What is added to nftables tables to weigh a lookup and a rule.
  public var additions = 16
  public init() {}

  /// The tables for these modes, the plain one first.
  public func tables(_ modes: [CalibrationMode]) -> [CalibrationTable] {
    var tables = [CalibrationTable(mode: nil, services: places)]
    for mode in modes {
      for size in sizes { tables.append(CalibrationTable(mode: mode, services: size)) }
      guard mode == .nftables, let small = sizes.first, let large = sizes.last else { continue }
      for size in small == large ? [small] : [small, large] {
        tables.append(CalibrationTable(mode: mode, services: size, moreLookups: additions))
        tables.append(CalibrationTable(mode: mode, services: size, moreRules: additions))
      }
    }
    return tables
  }
}
