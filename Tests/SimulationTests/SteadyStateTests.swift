// SPDX-License-Identifier: GPL-3.0-or-later
//
// Goal: one long run that is declared to be in a steady state gives the truth an interval that holds it, cuts
// off its beginning, and leaves every other run as it was. Method: queues whose mean is known, series with a
// known correlation, and the files of runs with and without the declaration.

import Cluster
import NetworkTypes
import Scenario
import SimKernel
import SimRandom
import SimStatistics
import Testing
import Traffic

@testable import Simulation

struct SteadyStateTests {
  /// M/M/1 with a load of one half: 2 ms in the system and four ways of 100 µs.
  private static func queue(seconds: Int64 = 10) -> SmallWorld {
    var w = SmallWorld(duration: .seconds(seconds))
    w.file.report.isSteadyState = true
    w.file.network.costs = .none
    w.addWeb(on: [1])
    w.addService()
    w.serve {
      $0.serviceTime = .exponential(mean: 0.001)
      $0.concurrency = 1
    }
    w.addClient { $0.arrivals = .renewal(.exponential(mean: 1 / 500)) }
    return w
  }

  private static func estimate(_ result: RunResult, _ metric: String) throws -> SteadyStateEstimate {
    try #require(result.steadyState.first { $0.metric == metric })
  }

  @Test("intervals of one run hold the mean of theory")
  func theory() throws {
    let w = Self.queue()
    let predicted = 2 + 4 * 0.1
    var covered = 0
    for replication in 0..<8 {
      let result = try w.run(replication: UInt32(replication))
      let request = try Self.estimate(result, "request_mean")
      let (interval, run) = (try #require(request.interval), try #require(request.run))
      if interval.contains(predicted) { covered += 1 }
      #expect(abs(interval.estimate - predicted) < 3 * interval.halfWidth)
      #expect(interval.halfWidth < 0.3 * predicted)
      #expect(request.observations == result.count(.completed))
      // Neighbours wait for the same work: one says little that the other did not.
      #expect(try #require(run.batchMeans.effectiveSampleSize) < Double(request.observations) / 2)
      let overlapping = try #require(request.overlappingInterval)
      #expect(overlapping.estimate == interval.estimate && overlapping.halfWidth < 2 * interval.halfWidth)
    }
    #expect(covered >= 6)
  }

  /// In the first second three times as much arrives as can be served.
  private static func crowdedStart() -> SmallWorld {
    var w = queue(seconds: 20)
    let points = [(0.0, 3000.0), (1, 3000), (1.01, 300), (20, 300)].map {
      ClientSettings.RatePoint(at: .zero + SimDuration(seconds: $0.0), rate: $0.1)
    }
    w.file.clients[0].arrivals = .varyingPoisson(points)
    return w
  }

  @Test("a crowded start is cut off, and then summary.csv has no interval for its mean over all")
  func warmUp() throws {
    let result = try Self.crowdedStart().run()
    let request = try Self.estimate(result, "request_mean")
    #expect(request.truncated > 2500 && !request.isWarmUpGiven)
    #expect(request.warmUp > .milliseconds(900) && request.warmUp < .seconds(9))
    let whole = try #require(SummaryMetric.values(of: result).first { $0.metric == "request_mean" })
    #expect(whole.low == nil && whole.high == nil)
    #expect(try #require(whole.value) > 10 * (try #require(request.mean)))
  }

  @Test("a given warm-up is taken, nothing more is cut, and summary.csv has the interval")
  func givenWarmUp() throws {
    var w = Self.crowdedStart()
    w.file.report.warmUp = .seconds(10)
    let result = try w.run()
    let request = try Self.estimate(result, "request_mean")
    #expect(request.truncated == 0 && request.isWarmUpGiven && request.warmUp == .seconds(10))
    let whole = try #require(SummaryMetric.values(of: result).first { $0.metric == "request_mean" })
    #expect(whole.low == request.interval?.low && whole.low != nil)
    #expect(whole.n == request.observations)
  }

  @Test("a ratio without losses has no interval, and a short run no mean")
  func nothing() throws {
    let result = try Self.queue(seconds: 2).run()
    let loss = try Self.estimate(result, "loss_ratio")
    #expect(loss.mean == 0 && loss.interval == nil && loss.overlappingInterval == nil)
    var short = SteadySeries()
    for i in 0..<99 { short.add(1, start: SimTime(nanoseconds: Int64(i))) }
    let few = short.estimate("connect_mean", unit: "ms", scale: 1, warmUp: .zero)
    #expect(few.observations == 99 && few.mean == nil && few.interval == nil)
  }

  @Test(
    "a correlated series is worth as many independent observations as theory says, in any order of coming")
  func correlation() throws {
    // AR(1) with coefficient 0.9: n (1 - 0.9) / (1 + 0.9).
    let n = 20_000
    var (state, x) = (UInt64(7), 0.0)
    let values = (0..<n).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      x = 0.9 * x + Double(state >> 40) / Double(1 << 24) - 0.5
      return Int64(1_000_000 * (10 + x))
    }
    var (forward, mixed) = (SteadySeries(), SteadySeries())
    for i in 0..<n {
      forward.add(values[i], start: SimTime(nanoseconds: Int64(i)))
      let j = (i * 7919) % n
      mixed.add(values[j], start: SimTime(nanoseconds: Int64(j)))
    }
    let estimate = forward.estimate("request_mean", unit: "ms", scale: 1e-6, warmUp: .zero)
    #expect(estimate == mixed.estimate("request_mean", unit: "ms", scale: 1e-6, warmUp: .zero))
    let size = try #require(estimate.run?.batchMeans.effectiveSampleSize)
    #expect(size > Double(n) / 19 / 2.5 && size < Double(n) / 19 * 2.5)
    #expect(try #require(estimate.interval).contains(10))
    var cut = estimate
    cut.truncated = 5
    #expect(estimate.interval(ofWhole: 10) == estimate.interval && cut.interval(ofWhole: 10) == nil)
  }

  @Test("what is not declared is not kept, and the run is the same")
  func off() throws {
    var w = Self.queue(seconds: 2)
    let on = try w.run()
    w.file.report.isSteadyState = false
    let off = try w.run()
    #expect(off.steadyState.isEmpty && on.steadyState.count == 3)
    #expect(on.digest == off.digest)
    #expect(RunSummary(off).json(files: nil).document.contains("steady_state") == false)
    #expect(SummaryMetric.values(of: off).allSatisfy { $0.low == nil })
    #expect(SummaryMetric.values(of: on).map(\.value) == SummaryMetric.values(of: off).map(\.value))
  }

  @Test("the program writes the file and the section when the scenario says so, and only then")
  func program() throws {
    try Program.with { program in
      let small = Program.small(duration: "10s")
      try program.write("plain.json", small)
      try program.write(
        "steady.json", small.replacing("\"question\"", with: "\"steadyState\": true, \"question\""))
      let plain = try program.run("plain.json", "--no-progress")
      let steady = try program.run("steady.json", "--no-progress")
      #expect(steady.exitCode == 0, "\(steady.errors)")
      #expect(!plain.output.contains("Steady state") && steady.output.contains("\nSteady state\n"))
      #expect(steady.output.contains("14 CSV files"))
      let (one, other) = (program.folder + "/results/plain/", program.folder + "/results/steady/")
      #expect(try TestFiles.names(one) == ReportFilesTests.fileNames.sorted())
      #expect(try TestFiles.names(other) == (ReportFilesTests.fileNames + ["steady_state.csv"]).sorted())
      let csv = try ParsedCSV(TestFiles.text(other + "steady_state.csv"))
      #expect(csv.column("metric") == ["connect_mean", "request_mean", "loss_ratio"])
      #expect(csv.column("ci_low").last == "" && csv.column("mean").last == "0")
      #expect(csv.column("batches").allSatisfy { (Int($0) ?? 0) >= 10 })
      #expect(try TestFiles.text(other + "datapackage.json").contains("steady_state.csv"))
      let json = try program.run("steady.json", "--no-progress", "--format", "json")
      #expect(json.output.contains("\"steady_state\": ["))
    }
  }
}
