// SPDX-License-Identifier: GPL-3.0-or-later
//
// Truths that no formula gives: the same world, run so much more often than in an experiment that what is
// left of chance does not matter. The file says with which seed and how many replications it was made.

import ArgumentParser
import Foundation
import Scenario
import SimStatistics
import Simulation

/// The rows of reference.csv.
struct StudyReference {
  struct Row: Sendable, Equatable {
    var experiment: String
    var metric: String
    var replications: Int
    var seed: UInt64
    var estimate: Double
    var standardError: Double
  }

  static let header = "experiment,metric,replications,seed,estimate,standard_error"
  var rows: [Row]

  /// - Throws: `StudyError` if the file cannot be read or has another form.
  static func load(_ path: String) throws -> StudyReference {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
      throw StudyError(message: "cannot read \(path); simstudy reference makes it", exitCode: 66)
    }
    let lines = text.split(separator: "\n")
    guard lines.first.map(String.init) == header else {
      throw StudyError(message: "\(path):1: expected \(header)")
    }
    var rows: [Row] = []
    for (index, line) in lines.enumerated().dropFirst() {
      let cells = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      guard cells.count == 6, let replications = Int(cells[2]), let seed = UInt64(cells[3]),
        let estimate = Double(cells[4]), let error = Double(cells[5])
      else { throw StudyError(message: "\(path):\(index + 1): no row of \(header)") }
      rows.append(
        Row(
          experiment: cells[0], metric: cells[1], replications: replications, seed: seed,
          estimate: estimate, standardError: error))
    }
    return StudyReference(rows: rows)
  }

  func estimate(_ experiment: String, _ metric: String) throws -> Double {
    guard let row = rows.first(where: { $0.experiment == experiment && $0.metric == metric }) else {
      throw StudyError(message: "the reference has no \(metric) of \(experiment)")
    }
    return row.estimate
  }

  var csv: String {
    let lines = rows.map { row in
      "\(row.experiment),\(row.metric),\(row.replications),\(row.seed),"
        + "\(NumberText.format(row.estimate)),\(NumberText.format(row.standardError))"
    }
    return ([Self.header] + lines).joined(separator: "\n") + "\n"
  }
}

struct ReferenceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reference", abstract: "The truths that no formula gives, from very many replications.")

  @OptionGroup var options: StudyOptions

  @Option(help: "Replications of each world.")
  var replications = 50_000

  @Option(help: "Seed; experiments begin at 1.")
  var seed: UInt64 = 1_000_000_007

  @Option(name: .shortAndLong, help: "File to write. (default: reference.csv in the folder)")
  var output: String?

  func validate() throws {
    guard (2...10_000_000).contains(replications) else {
      throw ValidationError("--replications takes a number from 2 to 10000000; found \(replications)")
    }
  }

  func run() throws {
    try SimstudyCommand.mapped {
      var rows: [StudyReference.Row] = []
      for world in StudyWorld.all where world.quantities.contains(where: { $0.truth == nil }) {
        SimstudyCommand.remark("\(world.name): \(replications) replications")
        rows += try reference(of: world)
      }
      let reference = StudyReference(rows: rows)
      print(reference.csv, terminator: "")
      try SimstudyCommand.write(reference.csv, to: output ?? "\(options.folder)/reference.csv")
    }
  }

  private func reference(of world: StudyWorld) throws -> [StudyReference.Row] {
    var scenario = try world.scenario(in: options.folder)
    scenario.seed = seed
    let queries = try world.queries(scenario)
    let fixed = scenario
    let samples = try parallelMap(replications, jobs: options.threads) { replication in
      let result = try SimulationRun.run(fixed, replication: replication)
      return queries.map { $0.sample(result) }
    }
    return try queries.enumerated().map { index, query in
      let estimate = MetricEstimate(samples.map { $0[index] })
      guard let mean = estimate.mean, let error = estimate.standardError else {
        throw StudyError(message: "\(world.name) says nothing of \(query.description)")
      }
      return StudyReference.Row(
        experiment: world.name, metric: query.description, replications: replications, seed: seed,
        estimate: mean, standardError: error)
    }
  }
}
