// SPDX-License-Identifier: GPL-3.0-or-later
//
// Replications until a metric is precise enough, and what is said of all replications together.

import Foundation
import Scenario
import SimKernel
import SimRandom
import SimStatistics
import Testing

@testable import Simulation

@Suite struct PrecisionTests {
  private static func scenario() -> ScenarioFile {
    var world = SmallWorld(nodes: 2, duration: .seconds(1))
    world.addWeb(on: [0, 1])
    world.addService()
    world.serve { $0.serviceTime = .exponential(mean: 0.005) }
    world.addClient(on: 0) { $0.arrivals = .renewal(.exponential(mean: 0.02)) }
    return world.file
  }

  private static func target(_ metric: String, _ width: PrecisionTarget.HalfWidth) -> PrecisionTarget {
    PrecisionTarget(
      metric: MetricSelector(metric)!, halfWidth: width,
      position: SourcePosition(file: "t.json", line: 1, column: 1))
  }

  /// Values 9, 11, 9, 11 ...: s.e. is about 1/sqrt(n).
  @Test(
    "a rule is content at the first number of replications whose interval is narrow enough",
    arguments: [
      (PrecisionTarget.HalfWidth.absolute(1), 2, 7), (.relative(0.1), 2, 8), (.absolute(1), 20, 20),
      (.absolute(100), 3, 3),
    ])
  func narrow(width: PrecisionTarget.HalfWidth, least: Int, expected: Int) throws {
    var rule = try PrecisionRule(Self.target("attempted", width), least: least, in: Self.scenario())
    var count = 0
    while !rule.isContent, count < 100 {
      rule.add(.value(count.isMultiple(of: 2) ? 9 : 11))
      count += 1
      let values = rule.estimate.values
      let narrow =
        values.count >= least && (RunningMoments(values).interval(confidence: 0.95)?.halfWidth ?? 9) <= 1
      if case .absolute(1) = width { #expect(rule.isContent == narrow) }
    }
    #expect(count == expected)
  }

  @Test("a relative precision of nothing is never reached, and says so")
  func zero() throws {
    var rule = try PrecisionRule(Self.target("lost", .relative(0.5)), least: 2, in: Self.scenario())
    for _ in 0..<50 { rule.add(.value(0)) }
    #expect(!rule.isContent && rule.reached == nil)
    #expect(rule.progress == "lost ± ? of ± 50 %")
  }

  @Test("a precision ends a run at the same replication with any number of threads", arguments: [1, 2, 4])
  func threads(jobs: Int) throws {
    let scenario = Self.scenario()
    let rule = try PrecisionRule(Self.target("attempted", .relative(0.1)), least: 3, in: scenario)
    var run = ReplicatedRun(scenario, most: 60, rules: [rule])
    var attempted: [Double] = []
    let count = try run.run(on: ReplicationPool(jobs: jobs)) { result, _ in
      attempted.append(Double(result.attempted))
    }
    func isNarrow(_ values: some Sequence<Double>) -> Bool {
      guard let interval = RunningMoments(values).interval(confidence: 0.95) else { return false }
      return interval.halfWidth <= 0.1 * interval.estimate
    }
    #expect(count > 3 && count < 60 && isNarrow(attempted))
    #expect((3..<count).allSatisfy { !isNarrow(attempted.prefix($0)) })
  }

  @Test("summary.csv has a row of all replications per metric: means with Student's t, ratios of sums")
  func pooled() throws {
    try TemporaryFolder.with { folder in
      let writer = try ReportWriter(folder: ResultFolder(target: folder + "/out"))
      var summary: RunSummary?
      for replication in 0..<4 {
        let result = try SimulationRun.run(Self.scenario(), replication: replication)
        try writer.append(result)
        if summary == nil { summary = RunSummary(result) } else { summary!.add(result) }
      }
      let host = HostRecord(wallSeconds: 1, cores: 1, startedAt: "", operatingSystem: "")
      try writer.finish(RunRecord(scenarioPath: "x.json", scenarioHash: 1, arguments: []), host: host)
      let text = try String(contentsOfFile: folder + "/out/summary.csv", encoding: .utf8)
      let rows = text.split(separator: "\n").map {
        $0.split(separator: ",", omittingEmptySubsequences: false)
      }
      func values(_ metric: String, pooled: Bool) -> [[Substring]] {
        rows.filter { $0[6] == metric && $0[4].isEmpty == pooled }
      }
      let own = values("attempted", pooled: false).compactMap { Double($0[8]) }
      #expect(own.count == 4)
      let all = try #require(values("attempted", pooled: true).first)
      let interval = try #require(RunningMoments(own).interval(confidence: 0.95))
      #expect(abs(try #require(Double(all[8])) - interval.estimate) < 1e-6)
      #expect(abs(try #require(Double(all[9])) - interval.low) < 1e-6)
      #expect(abs(try #require(Double(all[10])) - interval.high) < 1e-6)
      #expect(all[11] == "4")
      #expect(values("attempted", pooled: true).count == 1)
      // The same again is found to be the same.
      summary!.compare(with: EarlierResults(folder: folder + "/out"))
      #expect(summary!.changes.count == 1 && summary!.changes[0].hasPrefix("Nothing:"))
      #expect(EarlierResults(folder: folder + "/none") == nil)
    }
  }

  @Test("what changed since earlier results is told with whether chance could have done it")
  func changes() throws {
    try TemporaryFolder.with { folder in
      func run(_ scenario: ScenarioFile) throws -> RunSummary {
        let earlier = EarlierResults(folder: folder + "/out")
        let writer = try ReportWriter(folder: ResultFolder(target: folder + "/out"))
        var summary: RunSummary?
        for replication in 0..<3 {
          let result = try SimulationRun.run(scenario, replication: replication)
          try writer.append(result)
          if summary == nil { summary = RunSummary(result) } else { summary!.add(result) }
        }
        let host = HostRecord(wallSeconds: 1, cores: 1, startedAt: "", operatingSystem: "")
        try writer.finish(RunRecord(scenarioPath: "x.json", scenarioHash: 1, arguments: []), host: host)
        summary!.compare(with: earlier)
        return summary!
      }
      #expect(try run(Self.scenario()).changes.isEmpty)
      #expect(try run(Self.scenario()).changes.first?.hasPrefix("Nothing:") == true)
      var other = Self.scenario()
      other.seed = 99
      let changes = try run(other).changes
      #expect(changes.first == "Changed: seed 1 -> 99.")
      #expect(changes.dropFirst().allSatisfy { $0.hasSuffix("chance.") || $0.contains("the same") })
      let latency = try #require(changes.first { $0.hasPrefix("request_p99") })
      #expect(latency.hasSuffix("within chance."), "\(latency)")
      other.servers[0].serviceTime = .constant(0.3)
      let slower = try #require(try run(other).changes.first { $0.hasPrefix("request_p99") })
      #expect(slower.hasSuffix("more than chance."), "\(slower)")
    }
  }
}
