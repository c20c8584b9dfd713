// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a packet costs in a node's tables, beside the plain way through the node, for which the delays of the
// network stand: the one place of these parameters, each with where it comes from. A first packet costs
//
//     firstPacket + perRule * rules walked + perLookup * lookups
//
// and every later packet of the flow establishedPacket, at each node that it passes.

import Cluster

/// Which of the kernel's ways a mode's rules take. iptables' rules have two, with very different costs.
public enum DataPath: String, Sendable, CaseIterable {
  /// iptables on nf_tables, what `iptables-nft` loads.
  case iptablesNft = "iptables-nft"
  /// The older x_tables, what `iptables-legacy` loads.
  case iptablesLegacy = "iptables-legacy"
  case nftables
  case ipvs
  case ebpf

  public init(_ mode: ProxyMode, _ backend: IptablesBackend) {
    switch mode {
    case .iptables: self = backend == .nft ? .iptablesNft : .iptablesLegacy
    case .nftables: self = .nftables
    case .ipvs: self = .ipvs
    case .ebpf: self = .ebpf
    }
  }
}

/// What holds the rules that iptables loads.
public enum IptablesBackend: String, Sendable, CaseIterable {
  case nft
  case legacy
}

/// How well a value is known.
public enum EvidenceGrade: String, Sendable {
  /// Measured by us, as the source says.
  case measuredHere = "measured here"
  /// By `sim calibrate` on the user's machine: the scenario names the file.
  case calibrated
  case published
  case assumed
  /// Written in the scenario.
  case given
}

/// The four parameters of a data path.
public enum CostParameter: String, Sendable, CaseIterable {
  case firstPacket
  case perRule
  case perLookup
  case establishedPacket
}

/// One parameter: nanoseconds, and why.
public struct PacketCost: Sendable, Equatable {
  public var nanoseconds: Double
  public var grade: EvidenceGrade
  public var source: String
  public init(_ nanoseconds: Double, _ grade: EvidenceGrade, _ source: String) {
    self.nanoseconds = nanoseconds
    self.grade = grade
    self.source = source
  }
}

/// The parameters of one data path.
public struct DataPathCosts: Sendable, Equatable {
  public var firstPacket: PacketCost
  public var perRule: PacketCost
  public var perLookup: PacketCost
  public var establishedPacket: PacketCost
  public init(
    firstPacket: PacketCost, perRule: PacketCost, perLookup: PacketCost, establishedPacket: PacketCost
  ) {
    self.firstPacket = firstPacket
    self.perRule = perRule
    self.perLookup = perLookup
    self.establishedPacket = establishedPacket
  }

  public subscript(parameter: CostParameter) -> PacketCost {
    get {
      switch parameter {
      case .firstPacket: firstPacket
      case .perRule: perRule
      case .perLookup: perLookup
      case .establishedPacket: establishedPacket
      }
    }
    set {
      switch parameter {
      case .firstPacket: firstPacket = newValue
      case .perRule: perRule = newValue
      case .perLookup: perLookup = newValue
      case .establishedPacket: establishedPacket = newValue
      }
    }
  }

  static func all(_ cost: PacketCost) -> DataPathCosts {
    DataPathCosts(firstPacket: cost, perRule: cost, perLookup: cost, establishedPacket: cost)
  }
}

/// The costs of every data path.
public struct PacketCosts: Sendable, Equatable {
  public var iptablesNft = DataPathCosts.iptablesNft
  public var iptablesLegacy = DataPathCosts.iptablesLegacy
  public var nftables = DataPathCosts.nftables
  public var ipvs = DataPathCosts.ipvs
  public var ebpf = DataPathCosts.ebpf

  /// The defaults.
  public init() {}

  /// Packets pass tables in no time.
  public static var none: PacketCosts {
    var costs = PacketCosts()
    for path in DataPath.allCases { costs[path] = .all(PacketCost(0, .given, "costs none")) }
    return costs
  }

  /// Nothing but this much for each rule of iptables.
  public static func rulesOnly(nanoseconds: Double) -> PacketCosts {
    var costs = PacketCosts.none
    for path in [DataPath.iptablesNft, .iptablesLegacy] {
      costs[path].perRule = PacketCost(nanoseconds, .given, "rules only")
    }
    return costs
  }

  public subscript(path: DataPath) -> DataPathCosts {
    get {
      switch path {
      case .iptablesNft: iptablesNft
      case .iptablesLegacy: iptablesLegacy
      case .nftables: nftables
      case .ipvs: ipvs
      case .ebpf: ebpf
      }
    }
    set {
      switch path {
      case .iptablesNft: iptablesNft = newValue
      case .iptablesLegacy: iptablesLegacy = newValue
      case .nftables: nftables = newValue
      case .ipvs: ipvs = newValue
      case .ebpf: ebpf = newValue
      }
    }
  }
}

// MARK: Defaults

extension DataPathCosts {
  /// `sim calibrate` on Linux 6.18, AMD EPYC, two cores, 10 to 10,000 Services (docs/validation.md).
  private static func here(_ nanoseconds: Double, error: String) -> PacketCost {
    PacketCost(nanoseconds, .measuredHere, "sim calibrate, Linux 6.18, AMD EPYC, standard error \(error)")
  }
  private static func assumed(_ nanoseconds: Double, _ why: String) -> PacketCost {
    PacketCost(nanoseconds, .assumed, why)
  }
  private static var nothing: PacketCost { assumed(0, "it makes none") }

  static var iptablesNft: DataPathCosts {
    DataPathCosts(
      firstPacket: here(3740, error: "59 ns"),
      // The one number that is fitted to FACTS H1; FACTS H6 then comes out within 5 %. Here: 14.2 ns.
      perRule: PacketCost(20, .published, "fitted to FACTS H1 (kubernetes.io blog, 2025-02-28)"),
      perLookup: nothing, establishedPacket: here(862, error: "4 ns"))
  }

  static var iptablesLegacy: DataPathCosts {
    DataPathCosts(
      firstPacket: here(2850, error: "56 ns"),
      // 3.14 ns here, where iptables-nft took 14.2: the same ratio on the machine of FACTS H1.
      perRule: PacketCost(4.4, .measuredHere, "iptables-nft's, by the ratio that sim calibrate found: 0.22"),
      perLookup: nothing, establishedPacket: here(762, error: "4 ns"))
  }

  static var nftables: DataPathCosts {
    DataPathCosts(
      firstPacket: here(2380, error: "73 ns"), perRule: here(1, error: "9 ns"),
      perLookup: here(154, error: "11 ns"), establishedPacket: here(711, error: "4 ns"))
  }

  /// No kernel of ours runs ipvs. FACTS H1: slightly worse than nftables.
  static var ipvs: DataPathCosts {
    DataPathCosts(
      firstPacket: PacketCost(3000, .published, "FACTS H1: slightly worse than nftables"),
      perRule: assumed(20, "its few iptables rules cost what those of iptables-nft do"),
      perLookup: assumed(154, "as a lookup of nftables"),
      establishedPacket: assumed(862, "as iptables: the same hooks, and ip_vs_in beside them"))
  }

  static var ebpf: DataPathCosts {
    DataPathCosts(
      firstPacket: assumed(1500, "no netfilter hooks; a program at connect() or on the device"),
      perRule: assumed(0, "it walks no rules"), perLookup: assumed(100, "a hash map without a lock"),
      establishedPacket: PacketCost(
        862, .published, "FACTS H6: TCP_RR within 1 us of iptables'"))
  }
}
