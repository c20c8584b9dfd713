// SPDX-License-Identifier: GPL-3.0-or-later
//
// Runs jobs of a plan, each from its texts to its file.

import Scenario
import SimKernel

/// Runs jobs of a plan.
public struct SweepRunner: Sendable {
  public let plan: SweepPlan
  let binary: String
  private let source: EmbeddedFiles

  /// - Parameter binary: hash of the program, as `SweepBinary.hash` gives it.
  /// - Throws: `SweepError` if another version of sim has made the plan.
  public init(_ plan: SweepPlan, binary: String) throws(SweepError) {
    guard plan.header.version == SimulationRun.version else {
      throw SweepError(
        .wrong, "the plan was made by version \(plan.header.version) of sim, this is \(SimulationRun.version)"
      )
    }
    self.plan = plan
    self.binary = binary
    source = EmbeddedFiles(texts: plan.header.files, folders: plan.header.folders)
  }

  /// Jobs by their ids, in the order of the plan.
  /// - Throws: `SweepError` (64) for an id that the plan does not have.
  public func jobs(_ ids: [String]) throws(SweepError) -> [SweepJob] {
    let known = Set(plan.jobs.map(\.id))
    if let stranger = ids.first(where: { !known.contains($0) }) {
      throw SweepError(.usage, "--job: the plan has no job \(stranger)")
    }
    let wanted = Set(ids)
    return plan.jobs.filter { wanted.contains($0.id) }
  }

  /// Every `count`-th job from `index` on.
  public func jobs(shard index: Int, of count: Int) -> [SweepJob] {
    plan.jobs.enumerated().filter { $0.offset % count == index }.map(\.element)
  }

  /// Runs those of the jobs whose files are not there, and writes each file as soon as the jobs before it
  /// have theirs.
  /// - Parameter tick: told after each job.
  /// - Throws: `SweepError` (65) before anything is run if another program made a file that would be skipped;
  ///   what a job throws; `RunInterrupted`. Files of finished jobs stay.
  public func run(
    _ jobs: [SweepJob], into folder: SweepFolder, on pool: ReplicationPool, tick: () -> Void
  ) throws {
    var missing: [SweepJob] = []
    // What is there and not whole is made again: its bytes are decided by the job.
    var there: [SweepJobFile] = []
    for job in jobs {
      if let file = try? folder.file(of: job, plan.header) { there.append(file) } else { missing.append(job) }
    }
    try requireThisProgram(there, in: folder)
    for _ in missing.count..<jobs.count { tick() }
    let list = missing
    try pool.each(list.count) { index, observer in
      try file(of: list[index], observer: observer)
    } take: { _, file in
      try folder.write(file)
      tick()
      return .goOn
    }
  }

  /// Runs what is needed until nothing is, a wave at a time, so that a precision that is reached ends a
  /// combination soon.
  /// - Parameter tick: told after each job with the number of jobs that are there, and of those that are
  ///   needed at most.
  public func runNeeded(
    into folder: SweepFolder, on pool: ReplicationPool, tick: (_ done: Int, _ most: Int) -> Void
  ) throws {
    var progress = try SweepProgress(plan, in: [folder])
    while true {
      try requireThisProgram(progress.present, in: folder)
      let needed = progress.needed
      guard !needed.isEmpty else { return }
      let wave = plan.header.target == nil ? needed : Array(needed.prefix(4 * pool.jobs))
      var done = progress.done
      let most = done + needed.count
      try run(wave, into: folder, on: pool) {
        done += 1
        tick(done, most)
      }
      try progress.update()
    }
  }

  /// What another program left can neither be merged with what this one makes nor be taken for it.
  private func requireThisProgram(_ files: [SweepJobFile], in folder: SweepFolder) throws(SweepError) {
    let strangers = files.filter { $0.binary != binary }
    guard let first = strangers.first else { return }
    throw SweepError(
      .wrong,
      "\(folder.path) has \(strangers.count) \(strangers.count == 1 ? "job" : "jobs") of this plan that another "
        + "program ran (\(SweepJobFile.name(first.job)): \(first.binary); this is \(binary)), and what two "
        + "programs ran is not merged; go on with that program, or give another folder with --out")
  }

  private func file(of job: SweepJob, observer: any RunObserver) throws -> SweepJobFile {
    let (header, paths) = (plan.header, plan.header.paths)
    let point = SweepPoint(
      number: job.point,
      values: zip(paths, job.set).map { String($0.1.dropFirst($0.0.count + 1)) })
    let scenario = try SweepPlanner.scenario(
      path: header.path, edits: header.set + point.edits(paths), mode: point.mode(paths), seed: header.seed,
      source: source)
    guard Hexadecimal.digits(scenario.contentHash) == job.scenarioHash else {
      throw SweepError(
        .wrong, "job \(job.id): the plan's texts give another scenario than the one that was planned")
    }
    let queries = try queries(scenario)
    var file = SweepJobFile(
      job: job.id, plan: header.plan, version: header.version, binary: binary, scenario: header.scenario,
      seed: header.seed, point: job.point, samples: [])
    for replication in job.firstReplication..<job.firstReplication + job.replications {
      let result = try SimulationRun.run(
        scenario, replication: replication, variant: SweepTables.variant(job.point), observer: observer)
      func add(_ name: String, _ unit: String, _ sample: MetricSample) {
        file.samples.append(
          SweepSample(
            runID: result.identity.runID, proxyMode: result.identity.proxyMode, replication: replication,
            metric: name, unit: unit, sample: sample))
      }
      for row in SummaryMetric.values(of: result) { add(row.metric, row.unit, row.sample) }
      for query in queries { add(query.description, query.unit, query.sample(result)) }
    }
    return file
  }

  /// The metrics beside those of summary.csv: what the sweep asks for, and its precision's.
  private func queries(_ scenario: ScenarioFile) throws -> [MetricQuery] {
    var names = plan.header.metrics
    let known = SummaryMetric.catalogue.map(\.metric)
    if let target = plan.header.target?.metric, !names.contains(target), !known.contains(target) {
      names.append(target)
    }
    let place = SourcePosition(file: "plan", line: 1, column: 1)
    var queries: [MetricQuery] = []
    for name in names where !known.contains(name) {
      guard let selector = MetricSelector(name) else {
        throw SweepError(.wrong, "the plan names no metric: \(name)")
      }
      queries.append(try MetricQuery(selector, at: place, in: scenario))
    }
    return queries
  }
}
