// SPDX-License-Identifier: GPL-3.0-or-later
//
// From a scenario with a section `sweep` to a plan: every combination is loaded and validated once, so that
// no job can fail over a setting hours later.

import Cluster
import Scenario

/// Makes plans.
public enum SweepPlanner {
  /// Jobs of a plan at most.
  public static let limit = 1_000_000

  /// - Parameters:
  ///   - edits: `path=value` for all jobs.
  ///   - seed: in place of the scenario's.
  /// - Throws: `ScenarioError` with every mistake of the scenario and of its combinations.
  public static func plan(path: String, edits: [String] = [], seed: UInt64? = nil) throws -> SweepPlan {
    let files = RecordingFiles()
    let base = try ScenarioLoader.load(path: path, overrides: edits, seed: seed, source: files)
    guard let sweep = base.sweep else {
      throw ScenarioError(
        Diagnostic(
          position: SourcePosition(file: path, line: 0, column: 0),
          message: "the scenario has no section `sweep`; docs/sweeps.md shows one"))
    }
    for metric in sweep.metrics { _ = try MetricQuery(metric.selector, at: metric.position, in: base) }
    if let target = sweep.replications.target { _ = try PrecisionRule(target, least: 2, in: base) }
    let grid = try SweepGrid(sweep)
    guard grid.points.count <= limit / sweep.replications.most else {
      throw ScenarioError(
        Diagnostic(
          position: sweep.position, path: "sweep",
          message: "\(grid.points.count) combinations of \(sweep.replications.most) replications, "
            + "expected at most \(limit) jobs"))
    }
    let hashes = try validated(grid, sweep, path: path, edits: edits, files: files)
    let embedded = files.embedded
    var header = SweepHeader(
      plan: "", format: SweepHeader.format, version: SimulationRun.version, scenario: base.name,
      question: base.question, seed: base.seed, jobs: 0, points: grid.points.count, paths: grid.paths,
      metrics: sweep.metrics.map(\.selector.description), target: sweep.replications.target.map(Self.target),
      set: edits, path: path, files: embedded.texts, folders: embedded.folders)
    header.target?.least = sweep.replications.least
    var jobs: [SweepJob] = []
    for replication in 0..<sweep.replications.most {
      for point in grid.points {
        jobs.append(
          job(point, grid.paths, replication: replication, hash: hashes[point.number], header))
      }
    }
    header.jobs = jobs.count
    header.plan = try SweepPlan.hash(header, jobs)
    precondition(Set(jobs.map(\.id)).count == jobs.count, "two jobs of a plan have one id")
    return SweepPlan(header: header, jobs: jobs)
  }

  private static func target(_ target: PrecisionTarget) -> SweepHeader.Target {
    let (width, isRelative) =
      switch target.halfWidth {
      case .absolute(let width): (width, false)
      case .relative(let share): (share, true)
      }
    return SweepHeader.Target(
      metric: target.metric.description, halfWidth: width, isRelative: isRelative,
      confidence: target.confidence, least: 2)
  }

  private static func job(
    _ point: SweepPoint, _ paths: [String], replication: Int, hash: UInt64, _ header: SweepHeader
  ) -> SweepJob {
    var job = SweepJob(
      id: "", point: point.number, set: zip(paths, point.values).map { "\($0)=\($1)" },
      firstReplication: replication, replications: 1, scenarioHash: Hexadecimal.digits(hash))
    let decides =
      [
        "format \(header.format)", header.version, header.scenario, String(header.seed), job.scenarioHash,
        "\(point.number)", "\(replication)", "\(job.replications)",
      ] + paths + job.set + header.metrics
    job.id = SweepPlan.digest(decides.map { "\($0.utf8.count):\($0)" }.joined(separator: ","))
    return job
  }

  /// The content hash of every combination.
  private static func validated(
    _ grid: SweepGrid, _ sweep: SweepSettings, path: String, edits: [String], files: RecordingFiles
  ) throws -> [UInt64] {
    var hashes: [UInt64] = []
    var mistakes: [Diagnostic] = []
    for point in grid.points {
      do {
        let scenario = try scenario(
          path: path, edits: edits + point.edits(grid.paths), mode: point.mode(grid.paths), source: files)
        hashes.append(scenario.contentHash)
      } catch let error as ScenarioError {
        for mistake in error.diagnostics.map({ moved($0, to: sweep) }) where !mistakes.contains(mistake) {
          mistakes.append(mistake)
        }
        // What is wrong with one value is wrong in every combination that has it.
        if mistakes.count > ScenarioError.printLimit { break }
      }
    }
    guard mistakes.isEmpty else { throw ScenarioError(mistakes) }
    return hashes
  }

  /// A combination's scenario.
  static func scenario(
    path: String, edits: [String], mode: String?, seed: UInt64? = nil, source: any FileSource
  ) throws -> ScenarioFile {
    var scenario = try ScenarioLoader.load(path: path, overrides: edits, seed: seed, source: source)
    if let mode {
      guard let mode = ProxyMode(rawValue: mode) else {
        let known = ProxyMode.allCases.map(\.rawValue)
        throw ScenarioError(
          Diagnostic(
            position: SourcePosition(file: "--set mode=\(mode)", line: 0, column: 0),
            message: "expected one of \(known.joined(separator: ", ")), found \"\(mode)\"",
            suggestion: nearestName(to: mode, in: known)))
      }
      scenario.setMode(of: mode)
    }
    return scenario
  }

  /// A mistake in what an axis sets is told at the axis.
  private static func moved(_ mistake: Diagnostic, to sweep: SweepSettings) -> Diagnostic {
    let prefix = "--set "
    guard mistake.position.file.hasPrefix(prefix) else { return mistake }
    let argument = mistake.position.file.dropFirst(prefix.count)
    guard
      let setting = sweep.axes.flatMap(\.settings).first(where: { argument.hasPrefix($0.path + "=") })
    else { return mistake }
    var moved = mistake
    moved.position = setting.position
    moved.message = "\(argument): \(mistake.message)"
    return moved
  }
}
