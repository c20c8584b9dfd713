// SPDX-License-Identifier: GPL-3.0-or-later
//
// Goal: a comparison says of its variants what paper and pencil say, says no more than the intervals allow,
// and says it when the variants did not see the same arrivals.

import Cluster
import Foundation
import NetworkTypes
import Scenario
import SimKernel
import SimRandom
import SimStatistics
import Testing
import Traffic

@testable import Simulation

@Suite struct ComparisonTests {
  typealias Fixture = ComparisonFixture

  @Test("means, differences and intervals by hand")
  func byHand() throws {
    let lost = Fixture.comparison().metric("lost")
    #expect(lost.means == [10.5, 10.5, 3.5, 8.5])
    #expect(
      lost.pairs.map { [$0.first, $0.second] } == [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]])
    // ebpf - iptables: -2, -1, -1, -4, the example of PairedDifferenceTests.
    let pair = try #require(lost.pair(0, 3))
    #expect(pair.difference?.mean == -2)
    let interval = try #require(pair.interval)
    #expect(abs(interval.low + 4.25032935) < 1e-7 && abs(interval.high - 0.25032935) < 1e-7)
    #expect(abs(try #require(pair.pValue) - 0.0662756027) < 1e-9)
    #expect(!pair.isDifferent)
    #expect(abs(try #require(pair.ratio?.ratio) - 34.0 / 42) < 1e-12)
    // nftables - iptables: -7, -8, -6, -7: mean -7, standard error sqrt(2 / 3 / 4), t = 17.1.
    let other = try #require(lost.pair(0, 2))
    #expect(other.difference?.mean == -7)
    #expect(abs(try #require(other.interval).halfWidth - 3.18244630528371 * (1.0 / 6).squareRoot()) < 1e-9)
    #expect(other.isDifferent)
  }

  @Test("Holm's correction takes the pairs of a metric together")
  func family() throws {
    let pairs = Fixture.comparison().metric("lost").pairs
    let expected = HolmCorrection.adjusted(pairs.map(\.pValue))
    #expect(pairs.map(\.adjustedPValue) == expected)
    let smallest = try #require(pairs.min { ($0.pValue ?? 1) < ($1.pValue ?? 1) })
    #expect(abs(try #require(smallest.adjustedPValue) - 6 * (try #require(smallest.pValue))) < 1e-12)
  }

  @Test("a pair that only the interval tells apart, but not the corrected p-value, is not called different")
  func corrected() throws {
    // Differences -3, -2, -1, -4: mean -2.5, t = 3.873, p = 0.030: below 0.05 alone, not among six pairs.
    let comparison = Fixture.comparison([
      [10, 12, 9, 11], [10, 12, 9, 11], [10, 12, 9, 11], [7, 10, 8, 7],
    ])
    let pair = try #require(comparison.metric("lost").pair(0, 3))
    #expect(!(try #require(pair.interval)).contains(0))
    #expect(try #require(pair.adjustedPValue) > 0.05)
    #expect(!pair.isDifferent)
    #expect(comparison.conclusions.contains { $0.hasPrefix("ebpf and iptables cannot be told apart") })
  }

  @Test("a metric that one variant lacks is compared where both have it")
  func missing() throws {
    let rules = Fixture.comparison().metric("rules_per_node")
    #expect(rules.means == [120, nil, nil, nil])
    #expect(rules.pairs.allSatisfy { $0.replications == 0 && $0.interval == nil && $0.pValue == nil })
  }

  @Test("sentences say what the intervals allow, and no more")
  func conclusions() {
    let sentences = Fixture.comparison().conclusions
    #expect(sentences[0] == "ipvs lost as many connections as iptables in every replication.")
    // 42 / 14 = 3; deviations y - 3x: 1, 0, 0, -1; se = sqrt(2 / 12) / 3.5 = 0.1166; t = 3.182.
    #expect(
      sentences[1] == "nftables lost 3.00 ± 0.37 times fewer connections than iptables "
        + "(3.50 instead of 10.5 per replication).")
    #expect(sentences[2] == "ebpf and iptables cannot be told apart by their losses in 4 replications.")
    #expect(
      sentences[3]
        == "Fewest losses: nftables (probability 0.995 or more that it is the best of the four). In order: "
        + "nftables (3.50) < ebpf (8.50) ~ iptables (10.5) ~ ipvs (10.5); hinges on assumptions: how long syncs of ipvs take is nobody's measurement, ebpf writes its maps in the "
        + "time that the scenario says.")
  }

  @Test("a small difference is a percentage")
  func percentage() {
    let sentences = Fixture.comparison(
      [[100, 120, 90, 110], [90, 107, 82, 100]], modes: ["iptables", "ebpf"]
    )
    .conclusions
    // 379 / 420 = 0.9024; deviations y - 0.9024 x: -0.24, -1.29, 0.79, 0.74; se = 0.00469; t = 3.182.
    #expect(
      sentences[0]
        == "ebpf lost 9.8 ± 1.5 % fewer connections than iptables (94.8 instead of 105 per replication).")
  }

  @Test("an order within what assumed costs can do is said to hinge on them; a larger difference is not")
  func assumedCosts() throws {
    let modes = ["iptables", "ebpf"]
    func caveat(_ difference: Double) -> String? {
      Fixture.comparison([[1, 1], [1, 1]], modes: modes).caveat(
        .costs, order: [(less: 1, more: 0, difference: difference)])
    }
    // ebpf: 2 * 1500 ns + 20 * 100 ns; iptables has none that are assumed and not zero.
    #expect(caveat(0.0049) == "hinges on assumed costs: ebpf firstPacket 1,500 ns, ebpf perLookup 100 ns")
    #expect(caveat(0.0051) == "assumed costs are too small to turn this order")
  }

  @Test("variants of one mode rest on the same parameters, about which nothing is said")
  func sameMode() {
    var scenario = Fixture.scenario()
    scenario.setMode(of: .ebpf)
    let comparison = Comparison([("base", scenario), ("other", scenario)])
    #expect(comparison.caveat(.syncs, order: [(less: 0, more: 1, difference: 1)]) == nil)
    #expect(comparison.caveat(.costs, order: [(less: 0, more: 1, difference: 1)]) == nil)
  }

  @Test("what a mode does not have is said under the table, too")
  func modeRemarks() throws {
    var scenario = Fixture.scenario()
    var port = ServicePort()
    port.port = 9000
    port.protocol = "SCTP"
    var spec = ServiceSpec()
    spec.ports = [port]
    scenario.objects = [.service(Service(metadata: ObjectMeta(name: "signal"), spec: spec))]
    var ebpf = scenario
    ebpf.setMode(of: .ebpf)
    let remark = try #require(ebpf.modeRemarks().first)
    let comparison = Comparison([("iptables", scenario), ("ebpf", ebpf)])
    #expect(comparison.notes == ebpf.modeRemarks())
    #expect(remark.contains("default/signal"))
  }

  @Test("a mode that lost nothing has no factor")
  func none() {
    let sentences = Fixture.comparison([[10, 12, 9, 11], [0, 0, 0, 0]], modes: ["iptables", "ebpf"])
      .conclusions
    #expect(
      sentences[0] == "ebpf lost 10.5 ± 2.1 fewer connections than iptables per replication; ebpf lost none.")
    let reversed = Fixture.comparison([[0, 0, 0, 0], [10, 12, 9, 11]], modes: ["iptables", "ebpf"])
      .conclusions
    #expect(
      reversed[0]
        == "ebpf lost 10.5 ± 2.1 more connections than iptables per replication; iptables lost none.")
  }

  @Test("one replication allows no sentence and no interval")
  func single() {
    let comparison = Fixture.comparison(Fixture.losses.map { [$0[0]] })
    #expect(comparison.conclusions.isEmpty)
    #expect(comparison.metrics.allSatisfy { $0.pairs.allSatisfy { $0.interval == nil && !$0.isDifferent } })
    let text = comparison.text(.text, files: nil)
    #expect(text.contains("One replication: no intervals"))
    #expect(!text.contains("±"))
  }

  @Test("arrivals that differ are named with the replications, never passed over")
  func mismatch() {
    let same = Fixture.comparison()
    #expect(same.desynchronised.isEmpty)
    let words = same.text(.text, files: nil).split(whereSeparator: \.isWhitespace).joined(separator: " ")
    #expect(words.contains("agree in all 4 replications (4,000 operations each)"))
    let comparison = Fixture.comparison { variant, replication in
      variant == 3 && replication >= 2 ? 0xbad : 0xabc
    }
    #expect(comparison.desynchronised == [.init(variant: "ebpf", replications: [2, 3])])
    for format in SummaryFormat.allCases {
      let text = comparison.text(format, files: nil)
      #expect(!text.contains("Same arrivals"))
      #expect(text.contains(format == .json ? "\"same_arrivals\": false" : "NOT the same arrivals: ebpf"))
    }
  }

  @Test("closed-loop users are said not to be synchronised")
  func closedLoop() {
    var scenario = Fixture.scenario()
    let client = ClientSettings(
      name: "shoppers", place: .nodes([]), target: .name("x", port: 80),
      arrivals: .closed(users: 3, think: .constant(1)))
    scenario.clients = [client]
    let text = Fixture.comparison(scenario: scenario).text(.text, files: nil)
    #expect(text.contains("Not synchronised"))
    #expect(text.contains("closed-loop users of shoppers"))
  }

  @Test("autoscalers are said not to be synchronised")
  func autoscaled() {
    var scenario = Fixture.scenario()
    let scaler = HorizontalPodAutoscaler(
      metadata: ObjectMeta(name: "web"), targetKind: "Deployment", targetName: "web", maxReplicas: 3)
    scenario.objects.append(.horizontalPodAutoscaler(scaler))
    let text = Fixture.comparison(scenario: scenario).text(.text, files: nil)
    #expect(text.contains("by the load that it has: autoscalers default/web."))
  }

  @Test("the table has the recorded layout", arguments: [SummaryFormat.text, .markdown])
  func golden(format: SummaryFormat) throws {
    let suffix = ["text": "txt", "markdown": "md"][format.rawValue]!
    try Golden.compare(
      Fixture.comparison().text(format, files: "results/synthetic"), with: "comparison." + suffix)
  }

  @Test("JSON has the variants, the pairs and whether arrivals were the same")
  func json() throws {
    let text = Fixture.comparison().text(.json, files: "results/synthetic")
    let object = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
    #expect(object?["same_arrivals"] as? Bool == true)
    #expect((object?["variants"] as? [[String: Any]])?.map { $0["variant"] as? String } == Fixture.modes)
    let metrics = try #require(object?["metrics"] as? [[String: Any]])
    let lost = try #require(metrics.first { $0["metric"] as? String == "lost" })
    #expect((lost["means"] as? [String: Double])?["nftables"] == 3.5)
    let pairs = try #require(lost["pairs"] as? [[String: Any]])
    #expect(pairs.count == 6)
    #expect(pairs[2]["variant"] as? String == "ebpf" && pairs[2]["baseline"] as? String == "iptables")
    #expect(pairs[2]["difference"] as? Double == -2)
    #expect(pairs[2]["p_value"] as? Double == 0.0662756027)
  }

  @Test("no line of the text is longer than 100 columns")
  func width() {
    let text = Fixture.comparison().text(.text, files: "results/synthetic")
    for line in text.split(separator: "\n") { #expect(line.count <= 100, "\(line)") }
  }
}
