// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which jobs of a sweep are still to be run. With a target precision, a combination is finished at the first
// replication at which the rule is content, looked at in the order of replications: results beyond it change
// nothing, whoever has run them.

import Scenario
import SimStatistics

/// How far a sweep is.
public struct SweepProgress: Sendable {
  public let plan: SweepPlan
  private let folders: [SweepFolder]
  private let isStrict: Bool
  /// By the jobs of the plan's points.
  private var points: [PointProgress]

  /// Reads what is there.
  /// - Parameter isStrict: a file that is not whole or not this plan's is an error; else it counts for none,
  ///   and its job is to be run again.
  public init(_ plan: SweepPlan, in folders: [SweepFolder], isStrict: Bool = false) throws(SweepError) {
    self.isStrict = isStrict
    self.plan = plan
    self.folders = folders
    points = plan.jobsByPoint.map { PointProgress(jobs: $0, target: plan.header.target) }
    try update()
  }

  /// Reads what has come since.
  public mutating func update() throws(SweepError) {
    for index in points.indices { try points[index].update(plan.header, folders, isStrict) }
  }

  /// Jobs whose files are there.
  public var done: Int { points.reduce(0) { $0 + $1.files.count { $0 != nil } } }

  /// Their files, by point.
  var present: [SweepJobFile] { points.flatMap { $0.files.compactMap { $0 } } }

  /// Ids of jobs to be run, in the order in which they should be.
  public var needed: [SweepJob] {
    let byPoint = points.map { $0.needed }
    var jobs: [SweepJob] = []
    for list in byPoint { jobs += list }
    return jobs.sorted { ($0.firstReplication, $0.point) < ($1.firstReplication, $1.point) }
  }

  public var isFinished: Bool { points.allSatisfy { $0.needed.isEmpty } }

  /// Combinations that need no further job.
  public var finishedPoints: Int { points.count { $0.needed.isEmpty } }

  /// The files that count, by point, in the order of replications.
  /// - Precondition: the sweep is finished.
  var files: [[SweepJobFile]] { points.map { point in point.files.prefix(point.enough).map { $0! } } }
}

/// How far one combination is.
private struct PointProgress: Sendable {
  let jobs: [SweepJob]
  let target: SweepHeader.Target?
  var files: [SweepJobFile?]
  /// Jobs that count, from the first: all of them until the rule is content.
  var enough: Int
  private var rule: SweepPrecision?
  private var looked = 0

  init(jobs: [SweepJob], target: SweepHeader.Target?) {
    self.jobs = jobs
    self.target = target
    files = jobs.map { _ in nil }
    enough = jobs.count
    rule = target.map { SweepPrecision($0) }
  }

  mutating func update(
    _ header: SweepHeader, _ folders: [SweepFolder], _ isStrict: Bool
  ) throws(SweepError) {
    for index in jobs.indices where files[index] == nil {
      for folder in folders {
        do {
          files[index] = try folder.file(of: jobs[index], header)
        } catch  where !isStrict {
          continue
        }
        if files[index] != nil { break }
      }
    }
    while looked < enough, let file = files[looked] {
      looked += 1
      guard rule != nil else { continue }
      rule!.add(file)
      if rule!.isContent { enough = looked }
    }
  }

  var needed: [SweepJob] { jobs.indices.prefix(enough).filter { files[$0] == nil }.map { jobs[$0] } }
}

/// The precision rule on samples that come from files.
private struct SweepPrecision: Sendable {
  let target: SweepHeader.Target
  var estimate = MetricEstimate()

  init(_ target: SweepHeader.Target) { self.target = target }

  mutating func add(_ file: SweepJobFile) {
    for row in file.samples where row.metric == target.metric { estimate.add(row.sample) }
  }

  var isContent: Bool {
    guard estimate.samples.count >= target.least,
      let interval = estimate.interval(confidence: target.confidence)
    else { return false }
    guard target.isRelative else { return interval.halfWidth <= target.halfWidth }
    return interval.estimate != 0 && interval.halfWidth <= target.halfWidth * abs(interval.estimate)
  }
}
