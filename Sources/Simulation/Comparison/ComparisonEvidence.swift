// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a ranking of proxy modes rests on: parameters that nobody has measured may decide it, and then the
// ranking says so. Of variants that share a mode, none of this differs, and nothing is said.

import Cluster
import Scenario
import Traffic

/// The parameters that part one variant's mode from another's.
struct VariantEvidence: Sendable {
  var mode: ProxyMode
  var costs: DataPathCosts
  /// The durations of its syncs stand in the scenario.
  var hasGivenSync: Bool

  init(_ scenario: ScenarioFile) {
    mode = scenario.modes.first?.mode ?? ProxySettings().mode
    costs = scenario.network.costs[DataPath(mode, scenario.network.iptablesBackend)]
    hasGivenSync = scenario.cluster.timing.proxySync != nil
  }

  /// How long its tables take to be written is assumed. iptables and nftables: golden/dynamics of a real
  /// cluster.
  var hasAssumedSync: Bool {
    switch mode {
    case .iptables, .nftables: false
    case .ipvs: !hasGivenSync
    case .ebpf: true
    }
  }

  /// `ipvs perLookup 154 ns`
  var assumedCosts: [String] {
    CostParameter.allCases.compactMap { parameter in
      let cost = costs[parameter]
      guard cost.grade == .assumed, cost.nanoseconds > 0 else { return nil }
      return "\(mode.rawValue) \(parameter.rawValue) \(ReadableNumber.short(cost.nanoseconds)) ns"
    }
  }

  /// The most, in milliseconds, that assumed costs can make of a connection's latency: two nodes, in each of
  /// which a first packet meets at most so many rules and lookups, and eight packets on their way.
  var assumedReach: Double {
    let weights: [(CostParameter, Double)] = [
      (.firstPacket, 2), (.perRule, 2 * 50), (.perLookup, 2 * 10), (.establishedPacket, 8),
    ]
    return weights.reduce(0) { sum, weight in
      let cost = costs[weight.0]
      return sum + (cost.grade == .assumed ? cost.nanoseconds * weight.1 / 1e6 : 0)
    }
  }
}

extension Comparison {
  /// What a ranking rests on.
  enum Basis {
    /// Latency of connections, in milliseconds.
    case costs
    /// How soon tables are written.
    case syncs
  }

  /// Says if an order of these variants hinges on assumed parameters; nil if nothing has to be said.
  /// - Parameter order: pairs that are said to differ, with their means.
  func caveat(
    _ basis: Basis, order: [(less: Int, more: Int, difference: Double)]
  ) -> String? {
    let evidence = sides.map(\.evidence)
    let pairs = order.filter { evidence[$0.less].mode != evidence[$0.more].mode }
    guard !pairs.isEmpty else { return nil }
    switch basis {
    case .syncs:
      let concerned = sides.indices.filter { index in
        pairs.contains { $0.less == index || $0.more == index }
      }
      let assumed = concerned.map { evidence[$0] }.filter(\.hasAssumedSync).map(\.mode)
      guard !assumed.isEmpty else { return nil }
      let borrowed = assumed.filter { $0 != .ebpf }.map(\.rawValue)
      var reasons: [String] = []
      if !borrowed.isEmpty {
        let names = borrowed.joined(separator: " and ")
        reasons.append("how long syncs of \(names) take is nobody's measurement")
      }
      if assumed.contains(.ebpf) { reasons.append("ebpf writes its maps in the time that the scenario says") }
      return "hinges on assumptions: \(reasons.joined(separator: ", "))"
    case .costs:
      let close = pairs.filter {
        $0.difference <= evidence[$0.less].assumedReach + evidence[$0.more].assumedReach
      }
      guard !close.isEmpty else {
        let known = pairs.allSatisfy {
          evidence[$0.less].assumedReach + evidence[$0.more].assumedReach == 0
        }
        return known ? nil : "assumed costs are too small to turn this order"
      }
      let concerned = sides.indices.filter { index in
        close.contains { $0.less == index || $0.more == index }
      }
      let costs = concerned.flatMap { evidence[$0].assumedCosts }
      return "hinges on assumed costs: \(costs.joined(separator: ", "))"
    }
  }
}
