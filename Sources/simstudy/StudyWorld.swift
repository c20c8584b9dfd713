// SPDX-License-Identifier: GPL-3.0-or-later
//
// The worlds of the experiments: scenario files under validation/coverage/, small enough for ten thousand
// runs, with the truth of each from a formula or from a reference that is longer by orders of magnitude.

import Scenario
import SimKernel
import SimStatistics
import Simulation

/// A number of a world and what it really is.
struct StudyQuantity: Sendable {
  var metric: String
  /// Nil: in the reference.
  var truth: Double?
  /// Where the truth is from.
  var source: String
}

/// A scenario, how often it is run in one experiment, and what is asked of it.
struct StudyWorld: Sendable {
  var name: String
  var replications: Int
  var quantities: [StudyQuantity]

  /// M/M/1 with λ = 50/s and 1/μ = 10 ms; SYN, SYN-ACK, request and response take 0.1 ms each.
  static let queue = StudyWorld(
    name: "mm1", replications: 10,
    quantities: [
      StudyQuantity(
        metric: "request_mean", truth: 1000 / (100.0 - 50) + 4 * 0.1,
        source: "1/(mu - lambda) + 4 trips, ms")
    ])

  /// One endpoint of ten does not answer, and each is as probable.
  static let stale = StudyWorld(
    name: "stale-endpoint", replications: 10,
    quantities: [StudyQuantity(metric: "loss_ratio", truth: 0.1, source: "1 of 10 endpoints")])

  /// Three pods replaced while tables learn of it after random delays.
  static let rollout = StudyWorld(
    name: "rolling-update", replications: 10,
    quantities: [
      StudyQuantity(metric: "loss_ratio", truth: nil, source: "reference"),
      StudyQuantity(metric: "lost", truth: nil, source: "reference"),
    ])

  static let all = [queue, stale, rollout]

  func scenario(in folder: String, overrides: [String] = []) throws -> ScenarioFile {
    try ScenarioLoader.load(path: "\(folder)/\(name).json", overrides: overrides)
  }

  /// The quantities as questions to results.
  func queries(_ scenario: ScenarioFile) throws -> [MetricQuery] {
    try quantities.map { quantity in
      guard let selector = MetricSelector(quantity.metric) else {
        throw StudyError(message: "no metric is called \(quantity.metric)")
      }
      return try MetricQuery(selector, at: SourcePosition(file: name, line: 1, column: 1), in: scenario)
    }
  }
}

/// One long run of the queue: the number of open connections at the end of each bin. Its mean is, by Little's
/// law, λ times how long a connection is open: the response time and one trip of the FIN.
struct StudyLongRun: Sendable {
  static let name = "mm1-long-run"
  static let overrides = ["warmUp=0s", "duration=1000s", "report.bin=100ms"]
  static let truth = 50 * (1 / (100.0 - 50) + 5 * 0.0001)
  static let source = "lambda (1/(mu - lambda) + 5 trips)"

  static func series(_ result: RunResult) -> [Double] { result.timeline.map { Double($0.openConnections) } }
}
