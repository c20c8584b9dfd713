// SPDX-License-Identifier: GPL-3.0-or-later
//
// Goal: what a CI job sees of thresholds: exit codes 0, 98, 99 and 64, and the files, also of a gate that
// fails. Method: run the built program.

import Foundation
import Scenario
import Testing

@testable import Simulation

@Suite(.serialized) struct ThresholdCommandTests {
  /// The small scenario: no losses, about a hundred attempts, but not the same number in all replications.
  private static func with(_ thresholds: String, _ body: (Program) throws -> Void) throws {
    try Program.with { program in
      let text = Program.small(duration: "2s").replacing(
        "\"question\"", with: "\"thresholds\": \(thresholds), \"question\"")
      try program.write("gate.json", text)
      try body(program)
    }
  }

  private static let quick = "\"minReplications\": 6, \"maxReplications\": 25"

  @Test(
    "exit codes say what became of the thresholds, and results are written in all cases",
    arguments: [
      ("attempted > 50", "pass", 0), ("attempted < 50", "fail", 99),
      ("loss_ratio < 1%", "undecided", 98), ("attempted <= 0", "fail", 99),
    ] as [(String, String, Int32)])
  func exitCodes(condition: String, verdict: String, code: Int32) throws {
    try Self.with("{\(Self.quick), \"all\": [\"\(condition)\"]}") { program in
      let result = try program.run("gate.json", "--junit", "gate.xml", "--no-progress")
      #expect(result.exitCode == code, "\(result.errors)")
      let csv = try ParsedCSV(TestFiles.text(program.folder + "/results/gate/thresholds.csv"))
      #expect(csv.column("verdict") == [verdict])
      #expect(csv.column("threshold") == [condition])
      #expect(result.output.contains("Thresholds: 1 "))
      #expect(result.output.contains("  \(verdict)"))
      #expect(result.errors.contains("sim: threshold \(verdict)") == (code != 0))
      #expect(try TestFiles.text(program.folder + "/gate.xml").contains("<testsuites"))
      #expect(!TestFiles.exists(program.folder + "/.gate.xml.tmp"))
      let names = try TestFiles.names(program.folder + "/results/gate")
      #expect(names == (ReportFilesTests.fileNames + ["thresholds.csv"]).sorted())
      #expect(
        try TestFiles.text(program.folder + "/results/gate/datapackage.json").contains("thresholds.csv"))
    }
  }

  @Test("a failure outweighs what is undecided")
  func worst() throws {
    try Self.with("{\(Self.quick), \"all\": [\"loss_ratio < 1%\", \"attempted <= 0\"]}") { program in
      let result = try program.run("gate.json", "--quiet", "--format", "json")
      #expect(result.exitCode == 99)
      #expect(result.errors.isEmpty)
      let object = try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any]
      let thresholds = try #require(object?["thresholds"] as? [[String: Any]])
      #expect(thresholds.map { $0["verdict"] as? String } == ["undecided", "fail"])
    }
  }

  @Test("no more replications than asked for are run, and one alone decides nothing")
  func replications() throws {
    try Self.with("[\"load_max_over_mean < 3\"]") { program in
      let one = try program.run("gate.json", "--replications", "1", "--no-progress")
      #expect(one.exitCode == 98, "\(one.errors)")
      #expect(one.output.contains("Without --replications as many are run as verdicts take."))
      let three = try program.run("gate.json", "--replications", "3", "--format", "json", "--no-progress")
      #expect(three.output.contains("\"replications\": 3"))
    }
  }

  @Test("the same bytes for any number of jobs")
  func jobs() throws {
    try Self.with("{\(Self.quick), \"all\": [\"load_max_over_mean < 1.1\", \"attempted < 104\"]}") {
      program in
      for jobs in ["1", "3"] {
        _ = try program.run(
          "gate.json", "--jobs", jobs, "--out", "r\(jobs)", "--junit", "j\(jobs).xml", "--no-progress")
      }
      for file in ["summary.csv", "thresholds.csv", "timeline.csv"] {
        let (one, three) = try (
          TestFiles.data(program.folder + "/r1/" + file), TestFiles.data(program.folder + "/r3/" + file)
        )
        #expect(one == three, "\(file)")
      }
      let (one, three) = try (
        TestFiles.data(program.folder + "/j1.xml"), TestFiles.data(program.folder + "/j3.xml")
      )
      #expect(one == three)
    }
  }

  @Test("--threshold adds to the scenario's; a wrong one is wrong usage and nothing is run")
  func option() throws {
    try Program.with { program in
      let result = try program.run(
        "small.json", "--threshold", "attempted <= 0", "--threshold", "lost < 5", "--no-progress")
      #expect(result.exitCode == 99)
      #expect(result.output.contains("Thresholds: 1 passes, 1 fails"))
      try FileManager.default.removeItem(atPath: program.folder + "/results")
      for (wrong, expected) in [
        ("los < 5", "--threshold 'los < 5': no metric has the name \"los\""),
        ("lost == 5", "found 'lost == 5'"),
        ("loss_ratio < 0", "can never hold"), ("lost{service=wbe} < 5", "nothing has the service"),
      ] {
        let refused = try program.run("small.json", "--threshold", wrong)
        #expect(refused.exitCode == 64, "\(refused.errors)")
        #expect(refused.errors.contains(expected), "\(refused.errors)")
        #expect(!TestFiles.exists(program.folder + "/results"))
      }
      let none = try program.run("small.json", "--junit", "x.xml")
      #expect(none.exitCode == 64 && none.errors.contains("--junit needs thresholds"))
    }
  }

  @Test(
    "a metric that does not exist is told at its place, by run and by validate",
    arguments: ["run", "validate"])
  func wrongMetric(command: String) throws {
    try Self.with("[\"loss_rato < 1%\"]") { program in
      let result = try program.run(command, "gate.json")
      #expect(result.exitCode == 65)
      #expect(result.errors.contains("gate.json:2:"), "\(result.errors)")
      #expect(result.errors.contains("thresholds[0]: no metric has the name \"loss_rato\""))
      #expect(result.errors.contains("did you mean \"loss_ratio\"?"))
      #expect(!TestFiles.exists(program.folder + "/results"))
    }
  }

  @Test("files that cannot be written are told before the run", arguments: ["--junit", "--summary"])
  func unwritable(option: String) throws {
    try Self.with("[\"lost < 5\"]") { program in
      let result = try program.run("gate.json", option, "no/such/file.xml")
      #expect(result.exitCode == 73)
      #expect(result.errors.contains("cannot write no/such/file.xml"), "\(result.errors)")
      #expect(!TestFiles.exists(program.folder + "/results"))
      let inside = try program.run("gate.json", option, "./results/gate/file.xml")
      #expect(inside.exitCode == 73)
      #expect(inside.errors.contains("results take the place of all that is in results/gate"))
    }
  }

  @Test("--summary adds Markdown to what is there")
  func summary() throws {
    try Self.with("{\(Self.quick), \"all\": [\"attempted <= 0\"]}") { program in
      try program.write("step.md", "before\n")
      _ = try program.run("gate.json", "--summary", "step.md", "--no-progress")
      let text = try TestFiles.text(program.folder + "/step.md")
      #expect(text.hasPrefix("before\n# gate\n"))
      #expect(text.contains("## Thresholds: 1 fails"))
      #expect(text.contains("| fail | attempted <= 0 |"))
    }
  }

  @Test("validate --explain lists thresholds")
  func explain() throws {
    try Self.with("[\"lost < 5\", {\"name\": \"tail\", \"threshold\": \"connect_p99_ms < 50\"}]") { program in
      let result = try program.run("validate", "--explain", "gate.json")
      #expect(result.exitCode == 0, "\(result.errors)")
      #expect(result.output.contains("thresholds  2, confidence 95 %, 10 to 200 replications"))
      #expect(result.output.contains("tail: connect_p99_ms < 50"))
    }
  }

  @Test("the shipped gate passes, and fails without its preStop hook")
  func shippedGate() throws {
    try Program.with { program in
      let gate = TestFiles.package + "/scenarios/slo-gate.json"
      let short = ["--until", "20s", "--no-progress"]
      func run(_ more: [String]) throws -> ProgramResult {
        let (process, output, errors) = try program.start([gate, "--out", "r"] + short + more)
        return try Program.wait(for: process, output, errors)
      }
      let passes = try run([])
      #expect(passes.exitCode == 0, "\(passes.errors)")
      let fails = try run(["--set", "manifests[1]=manifests/slo-gate/web-without-prestop.yaml"])
      #expect(fails.exitCode == 99, "\(fails.errors)")
    }
  }
}
