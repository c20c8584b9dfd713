// SPDX-License-Identifier: GPL-3.0-or-later
//
// Goal: `sim compare` of several scenario files, metrics with labels, a precision and a sheet for a pull
// request, on the command line.

import Foundation
import Testing

@Suite(.serialized) struct CompareFilesTests {
  /// As small.json, with another name, rate or client.
  private static func write(_ program: Program, _ name: String, _ change: (String) -> String) throws {
    try program.write(name, change(Program.small(duration: "2s")))
  }

  private static func json(_ result: ProgramResult) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
  }

  private static func metric(_ object: [String: Any], _ name: String) throws -> [String: Any] {
    let metrics = try #require(object["metrics"] as? [[String: Any]])
    return try #require(metrics.first { $0["metric"] as? String == name })
  }

  @Test("files with the same clients see the same arrivals, whatever their seeds say")
  func sameArrivals() throws {
    try Program.with { program in
      try Self.write(program, "slow.json") {
        $0.replacing("\"duration\"", with: "\"seed\": 7, \"network\": {\"sameZone\": \"3ms\"}, \"duration\"")
      }
      let result = try program.run(
        "compare", "small.json", "slow.json", "--replications", "3", "--format", "json", "--no-progress")
      #expect(result.exitCode == 0, "\(result.errors)")
      #expect(result.errors.contains("slow.json says seed 7; all run with seed 1 of small.json"))
      let object = try Self.json(result)
      #expect(object["same_arrivals"] as? Bool == true)
      let variants = try #require(object["variants"] as? [[String: Any]])
      #expect(variants.map { $0["variant"] as? String } == ["small", "slow"])
      #expect(variants.map { $0["scenario"] as? String } == ["small", "slow"])
      let pairs = try #require(try Self.metric(object, "connect_p50")["pairs"] as? [[String: Any]])
      #expect(pairs[0]["method"] as? String == "paired" && (pairs[0]["difference"] as? Double ?? 0) > 1)
      #expect(try TestFiles.names(program.folder + "/results") == ["small-vs-slow"])
      let csv = try ParsedCSV(TestFiles.text(program.folder + "/results/small-vs-slow/comparison.csv"))
      #expect(Set(csv.column("scenario")) == ["slow"] && Set(csv.column("baseline")) == ["small"])
      #expect(Set(csv.column("method")) == ["paired"])
    }
  }

  @Test("files with other clients are said not to be synchronised, and compared as independent runs")
  func otherArrivals() throws {
    try Program.with { program in
      try Self.write(program, "busy.json") { $0.replacing("50/s", with: "80/s") }
      let result = try program.run(
        "compare", "small.json", "busy.json", "--name", "before", "--name", "after", "--replications", "3",
        "--quiet")
      #expect(result.exitCode == 0, "\(result.errors)")
      #expect(
        result.output.hasPrefix("small vs busy  before, after; 2 s simulated, seed 1, 3 replications each"))
      #expect(
        result.output.contains("NOT the same arrivals: after differs from before in all 3 replications"))
      let csv = try ParsedCSV(TestFiles.text(program.folder + "/results/small-vs-busy/comparison.csv"))
      #expect(Set(csv.column("method")) == ["unpaired"])
    }
  }

  @Test("two scenarios of one name are told apart by their files")
  func names() throws {
    try Program.with { program in
      for name in ["a.json", "b.json", "c.json"] {
        try Self.write(program, name) {
          $0.replacing("\"question\"", with: "\"name\": \"same\", \"question\"")
        }
      }
      let result = try program.run(
        "compare", "a.json", "b.json", "c.json", "--replications", "2", "--format", "json", "--quiet")
      let variants = try #require(try Self.json(result)["variants"] as? [[String: Any]])
      #expect(variants.map { $0["variant"] as? String } == ["a", "b", "c"])
      #expect(try TestFiles.names(program.folder + "/results") == ["same"])
    }
  }

  @Test(
    "what several files exclude ends with 64 and names it",
    arguments: [
      (["small.json"], "small.json is given twice"), (["./small.json"], "./small.json is given twice"),
      (["b.json", "--modes", "ipvs,ebpf"], "without --modes and --variant"),
      (["b.json", "--variant", "x:seed=1"], "without --modes and --variant"),
      (["b.json", "--name", "x"], "one name per scenario file, 2; found 1"),
      (["b.json", "--name", "x", "--name", "x"], "x twice"),
      (["b.json", "--name", "x", "--name", "a|b"], "found 'a|b'"), (["--name", "x"], "found one file"),
      (["--metric", "lost{"], "found 'lost{'"), (["--precision", "0%"], "found '0%'"),
    ])
  func usage(arguments: [String], words: String) throws {
    try Program.with { program in
      try Self.write(program, "b.json") { $0 }
      let (process, output, errors) = try program.start(["compare", "small.json"] + arguments)
      let result = try Program.wait(for: process, output, errors)
      #expect(result.exitCode == 64, "\(result.errors)")
      #expect(result.errors.contains(words), "\(result.errors)")
      #expect(result.output.isEmpty && !TestFiles.exists(program.folder + "/results"))
    }
  }

  @Test(
    "a second file that is missing ends with 66; metrics and labels that do not exist with 65; all before a run"
  )
  func failures() throws {
    try Program.with { program in
      try Self.write(program, "b.json") { $0.replacing("frontend", with: "browser") }
      #expect(try program.run("compare", "small.json", "--out", "kept", "--replications", "1").exitCode == 0)
      let before = try TestFiles.text(program.folder + "/kept/run.json")
      func fails(_ code: Int32, _ words: String, _ arguments: [String]) throws {
        let (process, output, errors) = try program.start(
          ["compare", "small.json", "--out", "kept"] + arguments)
        let result = try Program.wait(for: process, output, errors)
        #expect(result.exitCode == code && result.errors.contains(words), "\(result.errors)")
        #expect(result.output.isEmpty)
        #expect(try TestFiles.text(program.folder + "/kept/run.json") == before)
      }
      try fails(66, "missing.json: no such file", ["missing.json"])
      try fails(65, "did you mean \"loss_ratio\"?", ["--metric", "los_ratio"])
      try fails(65, "nothing has the service \"default/wob\"", ["--metric", "lost{service=default/wob}"])
      try fails(
        65, "b: nothing has the client \"frontend\"", ["b.json", "--metric", "lost{client=frontend}"])
      try fails(73, "cannot write none/x.md", ["--markdown", "none/x.md"])
      try fails(73, "kept: it is no regular file", ["--markdown", "kept"])
      #expect(try TestFiles.names(program.folder).filter { $0.contains("tmp") }.isEmpty)
    }
  }

  @Test(
    "metrics with labels get rows, a precision ends the comparison, and the number of jobs changes no byte")
  func metricsAndPrecision() throws {
    try Program.with { program in
      var outputs: [String] = []
      for jobs in ["1", "2", "4"] {
        let result = try program.run(
          "compare", "small.json", "--modes", "iptables,ebpf", "--metric", "connect_mean{service=web}",
          "--precision", "20%", "--replications", "40", "--jobs", jobs, "--out", "x\(jobs)", "--quiet",
          "--markdown", "x\(jobs).md")
        #expect(result.exitCode == 0, "\(result.errors)")
        outputs.append(result.output.replacing("x\(jobs)/", with: "x/"))
        let sheet = try TestFiles.text(program.folder + "/x\(jobs).md").replacing("x\(jobs)/", with: "x/")
        #expect(sheet.hasPrefix("**"))
        #expect(sheet.contains("--precision 20% --replications 40 --seed 1\n```"))
        outputs.append(sheet)
        let csv = try ParsedCSV(TestFiles.text(program.folder + "/x\(jobs)/comparison.csv"))
        #expect(csv.column("metric").last == "connect_mean{service=web}")
        let same = try TestFiles.text(program.folder + "/x1/comparison.csv")
        #expect(try TestFiles.text(program.folder + "/x\(jobs)/comparison.csv") == same)
      }
      #expect(outputs[0] == outputs[2] && outputs[0] == outputs[4])
      #expect(outputs[1] == outputs[3] && outputs[1] == outputs[5])
      let words = outputs[0].split(whereSeparator: \.isWhitespace).joined(separator: " ")
      #expect(words.contains("connect_mean{service=web}, ms"))
      #expect(words.contains("are known to ± 20 % of iptables's mean: 10 were enough."))
      #expect(words.contains("10 replications each"))
    }
  }
}
