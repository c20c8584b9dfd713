// SPDX-License-Identifier: GPL-3.0-or-later
//
// Experiments and what came of them: which intervals covered the truth, on which side the others missed.

import Scenario
import SimKernel
import SimStatistics
import Simulation

/// The intervals of one experiment for one quantity, by method.
struct ExperimentIntervals: Sendable {
  var metric: String
  var byMethod: [(method: String, interval: ConfidenceInterval?)]
}

/// How often the intervals of one method covered the truth.
struct CoverageRow: Sendable {
  var experiment: String
  var metric: String
  var method: String
  var truth: Double
  var source: String
  var confidence: Double
  private(set) var experiments = 0
  private(set) var covered = 0
  /// The truth was below the interval.
  private(set) var tooHigh = 0
  /// The truth was above the interval.
  private(set) var tooLow = 0
  /// The method gave no interval; counted as not covering.
  private(set) var withoutInterval = 0
  private var halfWidths = RunningMoments()

  init(
    experiment: String, metric: String, method: String, truth: Double, source: String, confidence: Double
  ) {
    (self.experiment, self.metric, self.method) = (experiment, metric, method)
    (self.truth, self.source, self.confidence) = (truth, source, confidence)
  }

  mutating func add(_ interval: ConfidenceInterval?) {
    experiments += 1
    guard let interval else {
      withoutInterval += 1
      return
    }
    halfWidths.add(interval.halfWidth)
    if truth < interval.low {
      tooHigh += 1
    } else if truth > interval.high {
      tooLow += 1
    } else {
      covered += 1
    }
  }

  var coverage: ConfidenceInterval? {
    Proportion.wilson(successes: covered, trials: experiments, confidence: 0.95)
  }

  var meanHalfWidth: Double? { halfWidths.mean }
}

/// Runs experiments; the experiment's number decides its seed.
struct CoverageStudy: Sendable {
  var folder: String
  var experiments: Int
  var jobs: Int
  /// Of experiment 0; the references use others.
  var firstSeed: UInt64 = 1
  var confidence = 0.95

  /// Replications of a world: Student's t as `sim` prints it, and bootstrap-t.
  func replications(of world: StudyWorld, truths: [Double]) throws -> [CoverageRow] {
    let scenario = try world.scenario(in: folder)
    let queries = try world.queries(scenario)
    let (confidence, firstSeed) = (self.confidence, self.firstSeed)
    let found = try parallelMap(experiments, jobs: jobs) { experiment in
      var scenario = scenario
      scenario.seed = firstSeed + UInt64(experiment)
      var estimates = queries.map { _ in MetricEstimate() }
      for replication in 0..<world.replications {
        let result = try SimulationRun.run(scenario, replication: replication)
        for (index, query) in queries.enumerated() { estimates[index].add(query.sample(result)) }
      }
      return zip(queries, estimates).map { query, estimate in
        ExperimentIntervals(
          metric: query.description,
          byMethod: [
            ("t", estimate.interval(confidence: confidence)),
            ("bootstrap-t", Self.bootstrap(estimate, confidence: confidence)),
          ])
      }
    }
    return rows(
      world.name, found, truths: truths, sources: world.quantities.map(\.source),
      design: "\(world.replications) replications")
  }

  private static func bootstrap(_ estimate: MetricEstimate, confidence: Double) -> ConfidenceInterval? {
    if let parts = estimate.parts {
      return BootstrapT.interval(ofRatio: parts.numerators, parts.denominators, confidence: confidence)
    }
    return BootstrapT.interval(ofMean: estimate.values, confidence: confidence)
  }

  /// One long run from an empty queue: MSER-5, then batch means and overlapping batch means.
  func longRuns() throws -> [CoverageRow] {
    let scenario = try StudyWorld.queue.scenario(in: folder, overrides: StudyLongRun.overrides)
    let (confidence, firstSeed) = (self.confidence, self.firstSeed)
    let found = try parallelMap(experiments, jobs: jobs) { experiment in
      var scenario = scenario
      scenario.seed = firstSeed + UInt64(experiment)
      let series = StudyLongRun.series(try SimulationRun.run(scenario))
      let estimate = LongRunEstimate(series)
      return [
        ExperimentIntervals(
          metric: "open_connections",
          byMethod: [
            ("MSER-5, batch means", estimate?.batchMeans.interval(confidence: confidence)),
            (
              "MSER-5, overlapping batch means",
              estimate?.batchMeans.overlappingInterval(confidence: confidence)
            ),
          ])
      ]
    }
    return rows(
      StudyLongRun.name, found, truths: [StudyLongRun.truth], sources: [StudyLongRun.source],
      design: "1 run")
  }

  private func rows(
    _ name: String, _ found: [[ExperimentIntervals]], truths: [Double], sources: [String], design: String
  ) -> [CoverageRow] {
    var rows: [CoverageRow] = []
    for (quantity, truth) in truths.enumerated() {
      guard let first = found.first?[quantity] else { continue }
      for (method, entry) in first.byMethod.enumerated() {
        var row = CoverageRow(
          experiment: name, metric: first.metric, method: "\(entry.method), \(design)", truth: truth,
          source: sources[quantity], confidence: confidence)
        for experiment in found { row.add(experiment[quantity].byMethod[method].interval) }
        rows.append(row)
      }
    }
    return rows
  }
}
