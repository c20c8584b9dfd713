// SPDX-License-Identifier: GPL-3.0-or-later
//
// Comparisons of results made by hand: only counts, so that every mean and interval can be worked out on
// paper.

import Cluster
import NetworkTypes
import Scenario
import SimKernel
import SimStatistics
import Traffic

@testable import Simulation

enum ComparisonFixture {
  static let modes = ["iptables", "ipvs", "nftables", "ebpf"]
  /// Lost connections by mode and replication, of 1,000 each.
  static let losses = [[10, 12, 9, 11], [10, 12, 9, 11], [3, 4, 3, 4], [8, 11, 8, 7]]

  static func result(
    _ variant: String, replication: Int, lost: Int, arrivals: UInt64 = 0xabc
  ) -> RunResult {
    var result = RunResult(
      identity: RunIdentity(
        runID: "0123456789abcde\(variant.count)", scenario: "synthetic", variant: variant, proxyMode: variant,
        replication: replication, seed: 7))
    result.question = "Which mode loses most?"
    result.duration = .seconds(10)
    result.targets = [TargetName(service: "default/web", port: "80")]
    result.clients = ["frontend"]
    func group(_ outcome: Outcome, _ cause: Cause?, _ count: Int) -> AttemptGroup {
      AttemptGroup(target: 0, client: 0, outcome: outcome, cause: cause, count: count)
    }
    result.groups = [group(.completed, nil, 1000 - lost), group(.refused, .staleTable, lost)]
    result.operations = 1000
    result.operationsLost = lost
    result.digest = UInt64(replication)
    result.arrivalDigest = arrivals &+ UInt64(replication)
    result.rulesPerNode = variant == "iptables" ? 120 : nil
    return result
  }

  static func scenario() -> ScenarioFile { ScenarioFile(name: "synthetic", duration: .seconds(10)) }

  /// - Parameter arrivals: by variant and replication; the same for all if nil.
  static func comparison(
    _ losses: [[Int]] = losses, modes: [String] = modes, scenario: ScenarioFile = scenario(),
    arrivals: (_ variant: Int, _ replication: Int) -> UInt64 = { _, _ in 0xabc }
  ) -> Comparison {
    var comparison = Comparison(
      modes.map { mode in
        var file = scenario
        if let mode = ProxyMode(rawValue: mode) { file.setMode(of: mode) }
        return (mode, file)
      })
    for replication in losses[0].indices {
      for (variant, mode) in modes.enumerated() {
        let result = result(
          mode, replication: replication, lost: losses[variant][replication],
          arrivals: arrivals(variant, replication))
        comparison.add(result, variant: variant)
      }
    }
    return comparison
  }
}
