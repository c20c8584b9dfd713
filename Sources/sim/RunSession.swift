// SPDX-License-Identifier: GPL-3.0-or-later
//
// The replications of `sim run`, on their way from the engine into files and a summary. One replication shows
// how far it is; several, which run at the same time, how many have ended.

import ArgumentParser
import Foundation
import Scenario
import SimKernel
import Simulation

struct RunSession {
  var scenario: ScenarioFile
  /// As typed.
  var path: String
  var jobs: Int
  var showsProgress: Bool
  var isVerbose: Bool
  /// Gets every result, as the copy among the stopping rules does.
  var thresholds: ThresholdBoard?

  /// Runs replications until there are enough, writes them and puts them in the place of earlier results.
  /// - Throws: `RunInterrupted`, and what a run or the writer throws; the writer has not finished then.
  func run(_ replications: ReplicatedRun, into writer: ReportWriter) throws -> RunSummary {
    let host = HostClock()
    var summary: RunSummary?
    var thresholds = thresholds
    func take(_ result: RunResult) throws {
      try writer.append(result)
      thresholds?.add(result)
      if isVerbose { remark(about: result) }
      if summary == nil { summary = RunSummary(result) } else { summary!.add(result) }
    }
    if replications.most == 1 {
      try take(single())
    } else {
      try several(replications, take)
    }
    guard var summary else { preconditionFailure("no replication was run") }
    summary.thresholds = thresholds?.outcomes ?? []
    let record = RunRecord(
      scenarioPath: path, scenarioHash: scenario.contentHash,
      arguments: Array(CommandLine.arguments.dropFirst()))
    try writer.finish(
      record, host: host.record(),
      thresholds: [ThresholdResults(identity: summary.identity, outcomes: summary.thresholds)])
    return summary
  }

  private func single() throws -> RunResult {
    let monitor = RunMonitor(progress: showsProgress ? ProgressPrinter() : nil, replications: 1)
    monitor.begin(replication: 0)
    let result = try SimulationRun.run(scenario, replication: 0, observer: monitor)
    monitor.end(of: result)
    if monitor.isInterrupted { throw RunInterrupted(at: .zero + scenario.duration) }
    return result
  }

  private func several(_ replications: ReplicatedRun, _ take: (RunResult) throws -> Void) throws {
    let interruption = Interruption()
    let progress = showsProgress ? ProgressPrinter() : nil
    progress?.begin("")
    defer { progress?.clear() }
    var (done, replications) = (0, replications)
    let most = replications.most
    try replications.run(on: ReplicationPool(jobs: jobs, goesOn: interruption.question)) { result, _ in
      try take(result)
      done += 1
      progress?.show(done: done, of: most)
    }
    if interruption.isRequested { throw RunInterrupted(at: .zero + scenario.duration) }
  }

  private func remark(about result: RunResult) {
    Console.remark(
      "sim: replication \(result.identity.replication): "
        + "\(ReadableNumber.grouped(result.simulationEvents)) events, "
        + "\(ReadableNumber.grouped(result.packets)) packets, digest \(String(result.digest, radix: 16)), "
        + "last attempt decided at \(ReadableNumber.seconds(result.drainedAt))")
  }
}
