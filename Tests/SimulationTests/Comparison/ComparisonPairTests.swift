// SPDX-License-Identifier: GPL-3.0-or-later
//
// Goal: pairs that go together are compared as pairs, those that do not are not, and every number of a pair
// is the one that paper and pencil give.

import Cluster
import Foundation
import NetworkTypes
import Scenario
import SimKernel
import SimStatistics
import Testing

@testable import Simulation

@Suite struct ComparisonPairTests {
  typealias Fixture = ComparisonFixture

  @Test("a pair says what pairing saved, how often it went which way, and its size in deviations")
  func effects() throws {
    let pair = try #require(Fixture.comparison().metric("lost").pair(0, 3))
    #expect(pair.method == .paired)
    let saved = try #require(pair.savedReplications)
    #expect(abs(saved - 7.0 / 3) < 1e-12)
    #expect(pair.superiority.map { [$0.smaller, $0.equal, $0.larger] } == [4, 0, 0])
    // -2 over the root of the mean variance 7/3, times J(3) = 0.7236.
    let size = try #require(pair.standardizedDifference)
    let expected = -2 / (7.0 / 3).squareRoot() * 0.72360125
    #expect(abs(size - expected) < 1e-6)
    let equal = try #require(Fixture.comparison().metric("lost").pair(0, 1))
    #expect(equal.savedReplications == nil && equal.gain?.correlation == 1)
  }

  @Test("arrivals that differ in every replication are compared as independent runs")
  func unpaired() throws {
    let comparison = Fixture.comparison([[10, 12, 9, 11], [8, 11, 8, 7]], modes: ["iptables", "ebpf"]) {
      variant, _ in variant == 0 ? 0xabc : 0xbad
    }
    let pair = try #require(comparison.metric("lost").pair(0, 1))
    #expect(pair.method == .unpaired)
    let interval = try #require(pair.interval)
    #expect(abs(interval.low + 4.696157432168171) < 1e-8 && abs(interval.high - 0.6961574321681714) < 1e-8)
    #expect(abs(try #require(pair.pValue) - 0.11752529159115997) < 1e-9)
    #expect(abs(try #require(pair.ratioInterval).halfWidth - 0.24870339380660259) < 1e-8)
    let text = comparison.text(.text, files: nil).split(whereSeparator: \.isWhitespace).joined(separator: " ")
    #expect(text.contains("in all 4 replications: other clients"))
    #expect(text.contains("Welch where pairs are not synchronised"))
    #expect(comparison.text(.json, files: nil).contains("\"method\": \"unpaired\""))
  }

  @Test("arrivals that differ in some replications only leave the pairs what they are")
  func partly() throws {
    let comparison = Fixture.comparison { variant, replication in
      variant == 3 && replication > 0 ? 0xbad : 0xabc
    }
    #expect(comparison.metric("lost").pair(0, 3)?.method == .paired)
  }

  @Test("runs that go against each other keep the wider interval of their pairs")
  func opposed() throws {
    let comparison = Fixture.comparison([[10, 20, 30], [30, 21, 10]], modes: ["iptables", "ebpf"]) {
      variant, _ in UInt64(variant)
    }
    let pair = try #require(comparison.metric("lost").pair(0, 1))
    let paired = try #require(PairedDifference([10, 20, 30], [30, 21, 10])?.interval(confidence: 0.95))
    #expect(pair.method == .unpaired && pair.interval == paired)
  }

  @Test("loss ratios are ratios of sums over replications, not means of ratios")
  func ratios() throws {
    func samples(_ parts: [Double], _ wholes: [Double]) -> [MetricSample] {
      zip(parts, wholes).map { .ratio(part: $0, whole: $1) }
    }
    let (parts, wholes) = ([1.0, 30, 5], [100.0, 1000, 200])
    let metric = MetricComparison(
      metric: "loss_ratio", unit: "ratio",
      samples: [samples(parts, wholes), samples([2, 20, 5], wholes), samples([0, 0, 0], [0, 0, 0])])
    #expect(abs(try #require(metric.means[0]) - 36.0 / 1300) < 1e-12)
    #expect(metric.means[2] == nil)
    let values = try #require(metric.values(of: 0))
    let estimate = try #require(RatioEstimate(numerators: parts, denominators: wholes))
    let error = try #require(RunningMoments(values).standardError)
    #expect(abs(error - (try #require(estimate.standardError))) < 1e-12)
    #expect(abs(try #require(metric.pair(0, 1)?.ratio?.ratio) - 27.0 / 36) < 1e-12)
    #expect(metric.pair(0, 2)?.replications == 0)
  }

  // MARK: Rankings

  @Test(
    "the probability that the best is the best adds up what speaks against it",
    arguments: [
      ([[10, 12, 9, 11], [10, 12, 9, 11]], "Fewest losses: both alike in every replication."),
      (
        [[10, 12, 9, 11], [8, 11, 8, 7]],
        // t = 2 / sqrt(2 / 4) = 2.83 with 3 degrees of freedom: 1 - 0.0331.
        "Fewest losses: ebpf, though not beyond chance (probability 0.96 or more that it is the better of the two)."
      ),
      (
        [[10, 12, 9, 11], [4, 6, 3, 5]],
        "Fewest losses: ebpf (probability above 0.999 that it is the better of the two)."
      ),
    ])
  func selection(losses: [[Int]], lead: String) throws {
    let comparison = Fixture.comparison(losses, modes: ["iptables", "ebpf"])
    #expect(try #require(comparison.rankings.first).lead == lead)
  }

  @Test("variants that are equally best are named together")
  func tie() throws {
    let comparison = Fixture.comparison(
      [[10, 12, 9, 11], [3, 4, 3, 4], [3, 4, 3, 4]], modes: ["iptables", "ipvs", "nftables"])
    let ranking = try #require(comparison.rankings.first)
    #expect(ranking.best == ["ipvs", "nftables"])
    #expect(ranking.lead.contains("alike in every replication (probability"))
    #expect(ranking.lead.contains("that none of the three is better"))
  }

  // MARK: Weak statistics

  @Test("few replications, no losses and skewed differences are said, and nothing where nothing is weak")
  func weaknesses() {
    let few = Fixture.comparison([[10, 12, 9, 11], [0, 0, 0, 0]], modes: ["iptables", "ebpf"])
    #expect(few.weaknessWords.contains { $0.hasPrefix("All intervals: 4 replications are few") })
    #expect(few.weaknessWords.contains { $0.hasPrefix("lost, ebpf: none in any of 4 replications") })
    let steady = [10, 12, 9, 11, 10, 11, 12, 10]
    let skewed = Fixture.comparison(
      [steady, steady.enumerated().map { $1 + ($0 == 5 ? 90 : 0) }], modes: ["iptables", "ebpf"])
    #expect(skewed.weaknesses.contains { $0.weakness.name == "skewed" && $0.baseline == "iptables" })
    let fine = Fixture.comparison(
      [steady, [9, 10, 9, 9, 9, 10, 10, 9]], modes: ["iptables", "ebpf"])
    #expect(fine.weaknessWords.isEmpty)
  }

  // MARK: Precision

  @Test("a comparison has enough when every difference is known well enough, not before ten replications")
  func precision() throws {
    #expect(ComparisonPrecision.halfWidth("5%") == .relative(0.05))
    #expect(ComparisonPrecision.halfWidth("2.5") == .absolute(2.5))
    for text in ["0", "-1", "0%", "five", "", "%", "1e400", "nan"] {
      #expect(ComparisonPrecision.halfWidth(text) == nil, "\(text)")
    }
    let base = (0..<12).map { 100 + $0 % 3 }
    let modes = ["iptables", "ipvs", "ebpf"]
    func comparison(_ count: Int, _ spread: Int) -> Comparison {
      Fixture.comparison(
        [base, base.map { $0 - 5 }, base.enumerated().map { $1 - $0 % 2 * spread }].map {
          Array($0.prefix(count))
        },
        modes: modes)
    }
    let wanted = ComparisonPrecision(metric: "lost", halfWidth: .relative(0.05))
    #expect(!wanted.isReached(by: comparison(9, 1)))
    #expect(wanted.isReached(by: comparison(10, 1)))
    #expect(!wanted.isReached(by: comparison(12, 40)), "ebpf's difference is not known to 5 of 100")
    #expect(wanted.words(comparison(12, 1)).hasSuffix("to ± 5 % of iptables's mean: 12 were enough."))
    #expect(wanted.words(comparison(12, 40)).contains("NOT reached within 12"))
  }
}
