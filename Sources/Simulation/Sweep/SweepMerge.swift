// SPDX-License-Identifier: GPL-3.0-or-later
//
// The files of all jobs of a plan, joined in the order of the plan: what is merged does not depend on who ran
// what, on the order, or on replications beyond those that a precision needed.

import Foundation
import Scenario
import SimStatistics

/// A sweep that is complete.
public struct SweepMerge: Sendable {
  public let plan: SweepPlan
  /// Hash of the program that ran all jobs.
  public let binary: String
  /// By point, in the order of replications.
  let files: [[SweepJobFile]]

  /// - Parameters:
  ///   - binary: of the program that merges; results of another one are refused.
  ///   - planName: as the user named it, for the command that runs what is missing.
  /// - Throws: `SweepError` if jobs are missing, files not whole, or of several programs.
  public init(_ plan: SweepPlan, from folders: [SweepFolder], binary: String, planName: String)
    throws(SweepError)
  {
    guard plan.header.version == SimulationRun.version else {
      throw SweepError(
        .wrong, "the plan was made by version \(plan.header.version) of sim, this is \(SimulationRun.version)"
      )
    }
    let progress = try SweepProgress(plan, in: folders, isStrict: true)
    let needed = progress.needed
    guard needed.isEmpty else {
      let first = needed.prefix(3).map(\.id).joined(separator: ", ")
      let more = needed.count > 3 ? ", …" : ""
      let folder = folders.first?.path ?? "sweep"
      throw SweepError(
        .wrong,
        "\(needed.count) of \(plan.jobs.count) jobs are missing: \(first)\(more); "
          + "sim sweep run \(planName) --out \(folder) runs them")
    }
    self.plan = plan
    files = progress.files
    let binaries = Set(files.joined().map(\.binary)).sorted()
    guard binaries.count == 1, let only = binaries.first else {
      throw SweepError(
        .wrong,
        "the jobs were run by \(binaries.count) different programs (\(binaries.joined(separator: ", ")))"
          + "; their bytes need not agree")
    }
    guard only == binary else {
      throw SweepError(
        .wrong,
        "the jobs were run by another program (\(only)) than this one (\(binary)), although both are "
          + "version \(plan.header.version); merge with the program that ran them")
    }
    self.binary = only
  }

  /// Writes the results folder.
  /// - Throws: `ResultFolderError`; the folder is unfinished then.
  public func write(to folder: ResultFolder) throws {
    let header = plan.header
    try SweepTables.writeSamples(self, to: folder.file(SweepTables.samplesFile))
    try SweepTables.writeSummary(self, to: folder.file(SweepTables.summaryFile))
    let package = DataPackage.document(
      scenario: header.scenario, question: header.question, version: header.version,
      tables: SweepTables.descriptions(header),
      digests: [
        SweepTables.samplesFile: try folder.digest(of: SweepTables.samplesFile),
        SweepTables.summaryFile: try folder.digest(of: SweepTables.summaryFile),
      ])
    try folder.write(DataPackage.fileName, package.document)
    try folder.write(RunRecord.fileName, record.document)
    try folder.commit()
  }

  private var record: JSONText {
    .members([
      "run": .members([
        "plan": .string(plan.header.plan),
        "version": .string(plan.header.version),
        "scenario": .string(plan.header.scenario),
        "scenario_file": .string(plan.header.path),
        "question": .string(plan.header.question),
        "seed": .unsigned(plan.header.seed),
        "arguments": .array(plan.header.set.map { .string("--set \($0)") }),
        "binary": .string(binary),
        "jobs": .integer(plan.jobs.count),
        "jobs_that_count": .integer(files.reduce(0) { $0 + $1.count }),
        "points": .integer(plan.header.points),
      ])
    ])
  }

  // MARK: Estimates

  /// Names and units of the metrics, in the order of the files.
  var metrics: [(name: String, unit: String)] {
    guard let first = files.first?.first else { return [] }
    var seen: Set<String> = []
    return first.samples.filter { seen.insert($0.metric).inserted }.map { ($0.metric, $0.unit) }
  }

  /// A metric's samples at a point.
  func estimate(_ metric: String, point: Int) -> MetricEstimate {
    var estimate = MetricEstimate()
    for file in files[point] {
      for row in file.samples where row.metric == metric { estimate.add(row.sample) }
    }
    return estimate
  }

  /// The axes' values at a point, without quotes.
  func values(point: Int) -> [String] {
    // Every point has a job among the first, for replication 0 of each point comes first.
    guard let job = plan.jobs.dropFirst(point).first(where: { $0.point == point }) else { return [] }
    return zip(plan.header.paths, job.set).map { path, setting in
      let value = String(setting.dropFirst(path.count + 1))
      let isQuoted = value.count > 1 && value.first == "\"" && value.last == "\""
      return isQuoted ? String(value.dropFirst().dropLast()) : value
    }
  }
}
