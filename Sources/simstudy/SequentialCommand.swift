// SPDX-License-Identifier: GPL-3.0-or-later
//
// `simstudy sequential`: how often the sequential test of a limit decides wrongly. The limit is the true
// mean, where every verdict is wrong and none is harder to avoid; and half as much again above it, where
// "above" is wrong and the number of replications says how long one waits.

import ArgumentParser
import CGSL
import Scenario
import SimStatistics
import Simulation

/// A population with a known mean.
struct StudyPopulation: Sendable {
  var name: String
  var mean: Double
  var draw: @Sendable (inout ResamplingStream) -> Double

  /// A uniform in (0, 1).
  private static func open(_ stream: inout ResamplingStream) -> Double { 1 - stream.uniform() }

  private static func exponential(_ stream: inout ResamplingStream) -> Double { -log(open(&stream)) }

  private static func poisson(_ mean: Double, _ stream: inout ResamplingStream) -> Double {
    // Arrivals of a process of rate 1 up to `mean`.
    var (count, time) = (0.0, exponential(&stream))
    while time < mean {
      count += 1
      time += exponential(&stream)
    }
    return count
  }

  static let all = [
    StudyPopulation(name: "normal, cv 0.5", mean: 2) { 2 + gsl_cdf_ugaussian_Pinv($0.uniform() + 0x1p-54) },
    StudyPopulation(name: "Poisson, mean 3", mean: 3) { poisson(3, &$0) },
    StudyPopulation(name: "Poisson, mean 0.3", mean: 0.3) { poisson(0.3, &$0) },
    StudyPopulation(name: "exponential", mean: 1) { exponential(&$0) },
    StudyPopulation(name: "30 % exponential, else 0", mean: 0.3) { stream in
      stream.uniform() < 0.3 ? exponential(&stream) : 0
    },
    StudyPopulation(name: "lognormal, sigma 1", mean: exp(0.5)) {
      exp(gsl_cdf_ugaussian_Pinv($0.uniform() + 0x1p-54))
    },
  ]
}

/// What became of many tests of one kind.
struct SequentialRow: Sendable {
  var population: String
  var limit: String
  var most: Int
  var tests = 0
  var below = 0
  var above = 0
  var replications = 0

  /// Verdicts that were wrong: at the limit both, above the mean only "above".
  func wrong(isAtMean: Bool) -> Int { isAtMean ? below + above : above }

  static func csv(_ rows: [SequentialRow]) -> String {
    var text = "population,limit,most,tests,below,above,wrong_ratio,ci_low,ci_high,mean_replications\n"
    for row in rows {
      let wrong = row.wrong(isAtMean: row.limit == "mean")
      let rate = Proportion.wilson(successes: wrong, trials: row.tests, confidence: 0.95)
      let name = row.population.contains(",") ? "\"\(row.population)\"" : row.population
      let numbers = [
        rate?.estimate, rate?.low, rate?.high, Double(row.replications) / Double(max(row.tests, 1)),
      ]
      let cells = numbers.map { $0.map(NumberText.format) ?? "" }.joined(separator: ",")
      text += "\(name),\(row.limit),\(row.most),\(row.tests),\(row.below),\(row.above),\(cells)\n"
    }
    return text
  }

  static func table(_ rows: [SequentialRow]) -> String {
    var lines = [["population", "limit", "at most", "below", "above", "wrong", "replications"]]
    for row in rows {
      let tests = Double(max(row.tests, 1))
      func percent(_ count: Int) -> String {
        NumberText.format((Double(count) / tests * 1000).rounded() / 10) + " %"
      }
      lines.append([
        row.population, row.limit, "\(row.most)", percent(row.below), percent(row.above),
        percent(row.wrong(isAtMean: row.limit == "mean")),
        NumberText.format((Double(row.replications) / tests).rounded()),
      ])
    }
    return StudyTable.text(lines)
  }
}

struct SequentialCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sequential", abstract: "How often does a sequential test of a limit decide wrongly?")

  @OptionGroup var options: StudyOptions

  @Option(help: "Tests of each kind.")
  var tests = 10_000

  @Option(help: "Tests on the simulator's own rolling update, whose limit is the true loss ratio.")
  var experiments = 1000

  @Option(name: .shortAndLong, help: "File for the table as CSV.")
  var output: String?

  func validate() throws {
    guard (1...10_000_000).contains(tests), (0...1_000_000).contains(experiments) else {
      throw ValidationError("--tests and --experiments take numbers up to 10000000 and 1000000")
    }
  }

  func run() throws {
    try SimstudyCommand.mapped {
      var rows: [SequentialRow] = []
      for population in StudyPopulation.all {
        for most in [10, 20, 50, 200] {
          SimstudyCommand.remark("\(population.name), at most \(most)")
          rows.append(try tested(population, factor: 1, most: most))
          rows.append(try tested(population, factor: 1.5, most: most))
        }
      }
      if experiments > 0 {
        SimstudyCommand.remark("rolling update: \(experiments) tests")
        rows.append(try simulated(most: 50))
      }
      print(SequentialRow.table(rows), terminator: "")
      if let output { try SimstudyCommand.write(SequentialRow.csv(rows), to: output) }
    }
  }

  private func tested(_ population: StudyPopulation, factor: Double, most: Int) throws -> SequentialRow {
    let verdicts = try parallelMap(tests, jobs: options.threads) { index in
      var stream = ResamplingStream("sequential/\(population.name)/\(most)/\(factor)/\(index)")
      var test = SequentialMeanTest(limit: factor * population.mean, most: most)
      while !test.isFinished { test.add(population.draw(&stream)) }
      return (test.verdict, test.count)
    }
    let limit = factor == 1 ? "mean" : "\(NumberText.format(factor)) mean"
    return Self.row(population.name, limit: limit, most: most, verdicts)
  }

  private func simulated(most: Int) throws -> SequentialRow {
    let world = StudyWorld.rollout
    let truth = try StudyReference.load("\(options.folder)/reference.csv").estimate(world.name, "loss_ratio")
    let scenario = try world.scenario(in: options.folder)
    let query = try world.queries(scenario)[0]
    let verdicts = try parallelMap(experiments, jobs: options.threads) { experiment in
      var scenario = scenario
      // Away from the seeds of coverage experiments and of the reference.
      scenario.seed = 2_000_000_000 + UInt64(experiment)
      var test = SequentialMeanTest(limit: truth, most: most)
      while !test.isFinished {
        let sample = query.sample(try SimulationRun.run(scenario, replication: test.count))
        guard case .ratio(let part, let whole) = sample else {
          throw StudyError(message: "loss_ratio is no ratio")
        }
        test.add(part: part, whole: whole)
      }
      return (test.verdict, test.count)
    }
    return Self.row("rolling-update loss_ratio", limit: "mean", most: most, verdicts)
  }

  private static func row(
    _ name: String, limit: String, most: Int, _ verdicts: [(verdict: LimitVerdict, count: Int)]
  ) -> SequentialRow {
    var row = SequentialRow(population: name, limit: limit, most: most)
    row.tests = verdicts.count
    row.below = verdicts.count { $0.verdict == .below }
    row.above = verdicts.count { $0.verdict == .above }
    row.replications = verdicts.reduce(0) { $0 + $1.count }
    return row
  }
}
