// SPDX-License-Identifier: GPL-3.0-or-later
//
// Durations of syncs against what three real kube-proxies took (Golden/dynamics), in their own cluster: 30
// and 1030 Services, isolated changes and a restart. Which of these numbers the costs were fitted to is said
// beside SyncCosts.

import Cluster
import Foundation
import NetworkTypes
import SimKernel
import SimRandom
import Testing

@testable import Proxy

/// The golden cluster in which the durations of syncs follow from what they write.
func dynamicsWorld(_ mode: ProxyMode, bulk: Int, names: inout [String]) throws -> ProxyWorld {
  var timing = testTiming()
  timing.proxySync = nil
  timing.filterCommitShare = nil
  return try goldenWorld(["cluster.txt", "cluster-later.txt"], names: &names, timing: timing) {
    $0.mode = mode
  } addingServices: { world, count in
    for id in 0..<bulk {
      let service = testService("bulk-\(id)", clusterIP: "10.110.\(id / 250).\(1 + id % 250)")
      let pods = [("10.244.1.21", "worker"), ("10.244.2.21", "worker2"), ("10.244.2.22", "worker2")]
      world.put(
        count + id, service, pods.map { testEndpoint($0.0, node: "test-cluster-\($0.1)") }, port: 8080)
    }
  }
}

/// Mean of the metric's values in seconds: lines `metric WHAT … NAME{…} n=16 mean=280.6ms`.
private func measured(_ mode: ProxyMode, _ what: String, services: Int) throws -> Double {
  let lines = try golden("dynamics/measure-\(mode.rawValue).txt").split(separator: "\n")
  let line = lines.first {
    $0.contains("metric \(what) services=\(services) ") && $0.contains("sync_partial_proxy_rules")
  }
  let text = line?.split(separator: " ").last { $0.hasPrefix("mean=") }
  return try #require(text.flatMap { Double($0.dropFirst(5).dropLast(2)) }) / 1000
}

/// Durations of the full syncs at the restart, one per node, in seconds.
private func measuredRestarts(_ mode: ProxyMode) throws -> [Double] {
  try golden("dynamics/restart-\(mode.rawValue).txt").split(separator: "\n").compactMap { line in
    guard line.hasPrefix("kubeproxy_sync_full_proxy_rules_duration_seconds_sum{ip_family=\"IPv4\"}") else {
      return nil
    }
    return line.split(separator: " ").last.flatMap { Double($0) }
  }
}

@Suite struct SyncCostTests {
  /// Isolated changes of one Service's endpoints, 1 to 0 and back, as the real ones were made.
  @Test(arguments: [
    (ProxyMode.iptables, 30), (.iptables, 1030), (.nftables, 30), (.nftables, 1030),
  ]) func partialSyncsTakeAsLongAsReal(mode: ProxyMode, services: Int) throws {
    var names: [String] = []
    var world = try dynamicsWorld(mode, bulk: services - 30, names: &names)
    let web = try #require(names.firstIndex(of: "web"))
    let before = world.slices[ServiceID(web)] ?? []
    for i in 0..<100 {
      world.run(for: .seconds(3))
      world.put(web, slices: i % 2 == 0 ? [] : before)
    }
    world.run(for: .seconds(3))
    #expect(world.syncs.count == 300)
    #expect(world.syncs.allSatisfy { $0.kind == .partial })
    let mean = world.syncs.reduce(0) { $0 + ($1.end - $1.start).seconds } / 300
    let real = try measured(mode, "LAT", services: services)
    #expect(abs(mean / real - 1) < 0.03, "\(mean) s, in reality \(real) s")
  }

  @Test(arguments: [ProxyMode.iptables, .nftables])
  func aFullSyncAtARestartTakesAsLongAsReal(mode: ProxyMode) throws {
    var names: [String] = []
    var world = try dynamicsWorld(mode, bulk: 1000, names: &names)
    for _ in 0..<20 {
      for node in 0..<3 {
        world.fleet.restart(NodeID(node), settings: nil, at: world.now, into: &world.output)
        world.take()
      }
      world.run(for: .seconds(20))
    }
    #expect(world.syncs.allSatisfy { $0.kind == .full })
    let mean = world.syncs.reduce(0) { $0 + ($1.end - $1.start).seconds } / Double(world.syncs.count)
    let real = try measuredRestarts(mode)
    #expect(real.count == 3)
    let realMean = real.reduce(0, +) / 3
    #expect(abs(mean / realMean - 1) < 0.05, "\(mean) s, in reality \(realMean) s")
  }
}

/// The formula itself: microseconds in, instants out.
@Suite struct SyncTimesTests {
  private static let costs = SyncCosts(
    fixed: 1000, perServicePort: 10, perEndpoint: 2, perComputed: 3, perWritten: 5, perSaved: 1)

  struct Case: Sendable {
    var work: SyncWork
    var factor = 1.0
    /// In microseconds.
    var filter: Double
    var end: Double
  }
  private static let cases: [Case] = [
    Case(work: SyncWork(), filter: 1000, end: 1000),
    Case(work: SyncWork(servicePorts: 7, endpoints: 20), filter: 1110, end: 1110),
    // 1000, and 3 for each of 110 rules; 5 for each of 10 rules of the filter table, then of 100 of nat.
    Case(work: SyncWork(filterRules: 10, written: 100), filter: 1380, end: 1880),
    Case(work: SyncWork(savedRules: 500), filter: 1500, end: 1500),
    Case(work: SyncWork(filterRules: 10, written: 100), factor: 2, filter: 2760, end: 3760),
  ]

  @Test(arguments: cases) func partsAddUp(given: Case) {
    let times = Self.costs.times(of: given.work, factor: given.factor)
    #expect(times.filterCommit == SimDuration(seconds: given.filter / 1e6))
    #expect(times.end == SimDuration(seconds: given.end / 1e6))
  }

  @Test(arguments: SyncCalibration.allCases, ProxyMode.allCases)
  func everyCostGrowsWithTheWork(calibration: SyncCalibration, mode: ProxyMode) {
    let costs = SyncCosts.of(mode, calibration)
    let small = costs.times(of: SyncWork(servicePorts: 10, endpoints: 20, written: 5), factor: 1)
    let large = costs.times(of: SyncWork(servicePorts: 1000, endpoints: 2000, written: 5000), factor: 1)
    #expect(large.end > small.end)
    #expect(small.filterCommit <= small.end)
  }

  /// KEP-3453's nodes: 16,400 Services with 150,000 endpoints, 482,800 rules.
  @Test func theKEPsNodesTakeEighteenSecondsInFullAndThreeOtherwise() {
    let costs = SyncCosts.of(.iptables, .kep3453)
    let full = costs.times(
      of: SyncWork(
        servicePorts: 16_400, endpoints: 150_000, filterRules: 4, written: 482_800, savedRules: 0), factor: 1)
    let partial = costs.times(
      of: SyncWork(servicePorts: 16_400, endpoints: 150_000, filterRules: 4, written: 16_450), factor: 1)
    #expect(abs(full.end.seconds - 18) < 0.1)
    #expect(abs(partial.end.seconds - 3) < 0.05)
  }

  @Test func theRandomFactorHasMeanOneAndItsSpread() {
    var draws = ProxyDraws(timing: TimingSettings(), watch: WatchSettings(), seed: 5, replication: 0)
    draws.addNode(NodeID(0), watchDelay: nil)
    var (sum, squares) = (0.0, 0.0)
    for ordinal in 0..<UInt64(4000) {
      let factor = draws.syncFactor(node: 0, ordinal: ordinal, spread: 0.2)
      sum += factor
      squares += factor * factor
    }
    let mean = sum / 4000
    let variance = squares / 4000 - mean * mean
    #expect(abs(mean - 1) < 0.02)
    #expect(abs(variance.squareRoot() - 0.202) < 0.015)
    #expect(draws.syncFactor(node: 0, ordinal: 1, spread: 0) == 1)
  }
}
