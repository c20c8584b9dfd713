// SPDX-License-Identifier: GPL-3.0-or-later
//
// Goal: load balance and latency distributions of variants are compared with what chance makes of them.

import Cluster
import NetworkTypes
import Scenario
import SimKernel
import SimStatistics
import Testing

@testable import Simulation

@Suite struct ComparisonSpreadTests {
  typealias Fixture = ComparisonFixture

  /// - Parameters:
  ///   - spread: by variant and replication.
  ///   - latencies: of connects, in microseconds, by variant and replication.
  private static func comparison(
    spread: [[[SpreadStatistics]]] = [], latencies: [[[Int]]] = [], replications: Int = 4
  ) -> Comparison {
    let modes = ["iptables", "ebpf"]
    var comparison = Comparison(modes.map { ($0, Fixture.scenario()) })
    for replication in 0..<replications {
      for (variant, mode) in modes.enumerated() {
        var result = Fixture.result(mode, replication: replication, lost: 1 + replication)
        if !spread.isEmpty { result.spread = spread[variant][replication] }
        if !latencies.isEmpty {
          var histogram = LatencyHistogram()
          for value in latencies[variant][replication] { histogram.record(.microseconds(Int64(value))) }
          result.latency = [
            LatencyRow(target: 0, phase: .connect, outcome: .completed, histogram: histogram)
          ]
        }
        comparison.add(result, variant: variant)
      }
    }
    return comparison
  }

  private static func row(_ cv: Double, expected: Double, statistic: Double?, connections: Int = 100)
    -> SpreadStatistics
  {
    var row = SpreadStatistics(target: 0, endpoints: 5, connections: connections)
    (row.cv, row.expectedCV, row.jain, row.gini) = (cv, expected, 0.9, 0.1)
    (row.statistic, row.degreesOfFreedom) = (statistic, statistic == nil ? nil : 4)
    return row
  }

  @Test("chi-squares are added up with their degrees of freedom, where draws were independent")
  func pooled() throws {
    let even = [3.0, 4, 5, 4].map { [Self.row(0.2, expected: 0.2, statistic: $0)] }
    let uneven = [30.0, 40, 50, 40].map {
      [
        Self.row(0.6, expected: 0.2, statistic: $0),
        Self.row(0.6, expected: 0.2, statistic: nil, connections: 100),
      ]
    }
    let balance = Self.comparison(spread: [even, uneven]).loadBalance
    #expect(balance[0].test == ChiSquareTest(statistic: 16, degreesOfFreedom: 16))
    #expect(balance[1].test == ChiSquareTest(statistic: 160, degreesOfFreedom: 16))
    // scipy.stats.chi2.sf(16, 16)
    #expect(abs(try #require(balance[0].test).pValue - 0.45296080948699446) < 1e-9)
    #expect(balance.map(\.untested) == [0, 4])
    #expect(abs(balance[1].excess.mean - 0.4) < 1e-12)
    #expect(balance[0].verdict == "as chance has it")
  }

  @Test("the excess over the expected variation has an interval over replications")
  func excess() throws {
    // Excesses 0.10, 0.12, 0.09, 0.11: mean 0.105, standard error sqrt(5/3)/2 of 0.01, t = 3.182.
    let rows = [0.30, 0.32, 0.29, 0.31].map { [Self.row($0, expected: 0.2, statistic: nil)] }
    let balance = Self.comparison(spread: [rows, rows]).loadBalance
    let interval = try #require(balance[0].interval)
    #expect(abs(interval.estimate - 0.105) < 1e-12)
    let expected = 3.18244630528371 * 0.01 * (5.0 / 3).squareRoot() / 2
    #expect(abs(interval.halfWidth - expected) < 1e-9)
    #expect(balance[0].verdict == "more uneven than chance")
    #expect(balance[0].test == nil)
    let text = Self.comparison(spread: [rows, rows]).text(.text, files: nil)
    #expect(text.contains("more uneven than chance"))
    #expect(text.contains("not with affinity or connection pools"))
  }

  @Test("the distance of two distributions, where it is, and its chance if replications are swapped")
  func distance() throws {
    // 10 of 20 connects within 100 us against 4 of 20; the rest takes 900 us.
    func values(_ fast: Int) -> [Int] {
      Array(repeating: 100, count: fast) + Array(repeating: 900, count: 5 - fast)
    }
    let comparison = Self.comparison(latencies: [
      [values(3), values(2), values(3), values(2)], Array(repeating: values(1), count: 4),
    ])
    let compared = try #require(comparison.latencies().first { $0.phase == .connect })
    #expect(abs(compared.distance - 0.3) < 1e-12)
    #expect(compared.firstShare == 0.5 && compared.secondShare == 0.2)
    #expect(abs(compared.at - 0.1) < 0.001 && abs(compared.shift - 0.8) < 0.01)
    // All four differences have one sign: 2 of 16 choices are as far apart.
    #expect(compared.pValue == 0.125)
    #expect(!compared.isDifferent)
    #expect(comparison.sentence(compared) == nil, "four replications cannot show it")
  }

  @Test("a distance beyond chance is a sentence that begins with its size")
  func sentence() throws {
    let slow = Array(repeating: 900, count: 6) + [100, 100]
    let fast = Array(repeating: 100, count: 6) + [900, 900]
    let comparison = Self.comparison(
      latencies: [Array(repeating: slow, count: 10), Array(repeating: fast, count: 10)], replications: 10)
    let compared = try #require(comparison.latencies().first)
    #expect(abs(try #require(compared.pValue) - 2.0 / 1024) < 1e-12)
    #expect(
      comparison.sentence(compared)
        == "connect p50 of ebpf is 0.800 ms lower than that of iptables (K-S distance 0.50: 75.0 % instead of "
        + "25.0 % within 0.100 ms), beyond chance.")
    let text = comparison.text(.text, files: nil)
    #expect(text.contains("latency, against iptables"))
  }

  @Test(
    "equal distributions are no distance apart, and nothing is kept beyond a bounded number of replications")
  func equal() throws {
    let values = Array(repeating: [100, 200, 300], count: 45)
    let comparison = Self.comparison(latencies: [values, values], replications: 45)
    let compared = try #require(comparison.latencies().first)
    #expect(compared.distance == 0 && compared.pValue == 1)
    #expect(comparison.sides[0].latency.bins[1].count == LatencyTrack.most)
    #expect(comparison.latencyWords.contains("the first 40"))
  }

  @Test("a step that moves by a bin is a large distance and a small shift, and no sentence")
  func step() throws {
    func values(_ microseconds: Int) -> [[Int]] {
      Array(repeating: Array(repeating: microseconds, count: 9), count: 10)
    }
    let comparison = Self.comparison(latencies: [values(1000), values(1010)], replications: 10)
    let compared = try #require(comparison.latencies().first)
    #expect(compared.distance == 1 && compared.isDifferent && !compared.isVisible)
    #expect(comparison.sentence(compared) == nil)
  }
}
