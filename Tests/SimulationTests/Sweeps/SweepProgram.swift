// SPDX-License-Identifier: GPL-3.0-or-later
//
// A folder with a scenario that has a sweep, its plan, and the built program: what the tests of `sim sweep`
// start from.

import Foundation
import Testing

/// `sim sweep` in a folder of its own that holds `tiny.json`.
struct SweepProgram {
  let program: Program
  var folder: String { program.folder }

  /// Two axes of two values each, twice: 4 points, 8 jobs of 50 connections or so.
  static let sweep = """
    "sweep": {
      "axes": [
        {"path": "mode", "values": ["iptables", "nftables"]},
        {"path": "clients[0].rate", "values": ["20/s", "40/s"]}
      ],
      "repeats": 2,
      "metrics": ["attempted{service=default/web}"]
    }
    """

  static func scenario(sweep: String = sweep, duration: String = "2s") -> String {
    Program.small(duration: duration).replacing("\"clients\"", with: sweep + ",\n\"clients\"")
  }

  static func with(sweep: String = sweep, _ body: (SweepProgram) throws -> Void) throws {
    try Program.with { program in
      try program.write("tiny.json", scenario(sweep: sweep))
      try body(SweepProgram(program: program))
    }
  }

  /// With `plan.jsonl` made.
  static func planned(sweep: String = sweep, _ body: (SweepProgram, SweepPlanText) throws -> Void) throws {
    try with(sweep: sweep) { sweeps in
      #expect(try sweeps("plan", "tiny.json", "-o", "plan.jsonl").exitCode == 0)
      try body(sweeps, try sweeps.plan())
    }
  }

  /// Runs `sim sweep` with these arguments.
  func callAsFunction(_ arguments: String...) throws -> ProgramResult { try run(arguments) }

  func run(_ arguments: [String]) throws -> ProgramResult {
    let (process, output, errors) = try program.start(["sweep"] + arguments)
    return try Program.wait(for: process, output, errors)
  }

  /// Runs without progress, expecting success.
  func done(_ arguments: String..., at location: SourceLocation = #_sourceLocation) throws {
    let result = try run(["run", "plan.jsonl"] + arguments + ["--no-progress"])
    #expect(result.exitCode == 0, "\(arguments): \(result.errors)", sourceLocation: location)
  }

  /// Merges what is in `folder` into results/`folder`, and gives the bytes of everything but run.json.
  func merged(_ folder: String, at location: SourceLocation = #_sourceLocation) throws -> [String: Data] {
    let out = "results/" + folder
    let result = try self("merge", "plan.jsonl", "--from", folder, "--out", out)
    #expect(result.exitCode == 0, "\(folder): \(result.errors)", sourceLocation: location)
    return try files(out)
  }

  func files(_ out: String) throws -> [String: Data] {
    var files: [String: Data] = [:]
    for name in try TestFiles.names(self.folder + "/" + out) where name != "run.json" {
      files[name] = try TestFiles.data("\(self.folder)/\(out)/\(name)")
    }
    return files
  }

  func plan(_ name: String = "plan.jsonl") throws -> SweepPlanText {
    try SweepPlanText(TestFiles.text(folder + "/" + name))
  }

  func status(_ out: String) throws -> SweepStatusText {
    let result = try self("status", "plan.jsonl", "--out", out, "--format", "json")
    #expect(result.exitCode == 0, "\(result.errors)")
    return try JSONDecoder().decode(SweepStatusText.self, from: Data(result.output.utf8))
  }

  func jobBytes(_ out: String) throws -> [String: Data] {
    var files: [String: Data] = [:]
    for name in try jobFiles(out) { files[name] = try TestFiles.data("\(folder)/\(out)/\(name)") }
    return files
  }

  /// Names of the files in a folder of jobs, those of no job left out.
  func jobFiles(_ out: String) throws -> [String] {
    try TestFiles.names(folder + "/" + out).filter { $0.hasSuffix(".csv") && !$0.hasPrefix(".") }
  }
}

/// The lines of a plan, as somebody else's program would read them.
struct SweepPlanText {
  struct Header: Decodable {
    var plan: String
    var format: Int
    var version: String
    var scenario: String
    var jobs: Int
  }
  struct Job: Decodable {
    var id: String
    var point: Int
    var set: [String]
    var firstReplication: Int
    var replications: Int

    enum CodingKeys: String, CodingKey {
      case id, point, set, replications
      case firstReplication = "first_replication"
    }
  }
  var header: Header
  var jobs: [Job]
  var ids: [String] { jobs.map(\.id) }

  init(_ text: String) throws {
    let lines = text.split(separator: "\n").map { Data($0.utf8) }
    header = try JSONDecoder().decode(Header.self, from: try #require(lines.first))
    jobs = try lines.dropFirst().map { try JSONDecoder().decode(Job.self, from: $0) }
  }
}

/// What `sim sweep status --format json` prints.
struct SweepStatusText: Decodable {
  var plan: String
  var jobs: Int
  var done: Int
  var needed: [String]
  var finished: Bool
  var points: Int
  var finishedPoints: Int

  enum CodingKeys: String, CodingKey {
    case plan, jobs, done, needed, finished, points
    case finishedPoints = "finished_points"
  }
}
