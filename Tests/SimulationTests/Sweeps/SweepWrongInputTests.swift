// SPDX-License-Identifier: GPL-3.0-or-later
//
// Goal: whatever is wrong with a sweep's files is named, with exit code 64, 65 or 66, and nothing is
// overwritten.
// Method: the built program; files of a good sweep are damaged one at a time.

import Foundation
import Testing

/// One way to damage what a merge reads.
struct SweepDamage: Sendable, CustomTestStringConvertible {
  var testDescription: String
  /// Part of the message.
  var says: String
  var damage: @Sendable (SweepProgram, SweepPlanText) throws -> Void

  init(
    _ name: String, says: String, _ damage: @escaping @Sendable (SweepProgram, SweepPlanText) throws -> Void
  ) {
    (testDescription, self.says, self.damage) = (name, says, damage)
  }

  /// Replaces the file of the plan's third job by what `change` makes of it.
  static func edit(_ sweep: SweepProgram, _ plan: SweepPlanText, _ change: (String) -> String) throws {
    let path = "\(sweep.folder)/out/\(plan.ids[2]).csv"
    let text = try TestFiles.text(path)
    let changed = change(text)
    try #require(changed != text)
    try changed.write(toFile: path, atomically: true, encoding: .utf8)
  }

  static let all: [SweepDamage] = [
    .init("a job is missing", says: "1 of 8 jobs") { sweep, plan in
      try FileManager.default.removeItem(atPath: "\(sweep.folder)/out/\(plan.ids[2]).csv")
    },
    .init("a file ends early", says: "the file is cut") { sweep, plan in
      try edit(sweep, plan) { String($0.dropLast(20)) }
    },
    .init("a file lacks a row", says: "edited, cut, or of another plan") { sweep, plan in
      try edit(sweep, plan) { text in
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        lines.remove(at: 2)
        return lines.joined(separator: "\n")
      }
    },
    .init("a digit was edited", says: "edited, cut, or of another plan") { sweep, plan in
      try edit(sweep, plan) { text in
        guard let digit = text.firstIndex(where: { $0 == "4" }) else { return text }
        return text.replacingCharacters(in: digit...digit, with: "5")
      }
    },
    .init("a file is empty", says: "the file is cut") { sweep, plan in try edit(sweep, plan) { _ in "" } },
    .init("a file is another job's", says: "expected") { sweep, plan in
      let other = try TestFiles.text("\(sweep.folder)/out/\(plan.ids[3]).csv")
      try edit(sweep, plan) { _ in other }
    },
  ]
}

@Suite(.serialized) struct SweepWrongInputTests {
  @Test("what is not whole is not merged, and earlier results stay", arguments: SweepDamage.all)
  func damaged(damage: SweepDamage) throws {
    try SweepProgram.planned { sweep, plan in
      try sweep.done("--out", "out")
      let before = try sweep.merged("out")
      try damage.damage(sweep, plan)
      let merge = try sweep("merge", "plan.jsonl", "--from", "out", "--out", "results/out")
      #expect(merge.exitCode == 65, "\(merge.errors)")
      #expect(merge.errors.contains(plan.ids[2]), "\(merge.errors)")
      #expect(merge.errors.contains(damage.says), "\(merge.errors)")
      #expect(merge.output.isEmpty)
      #expect(try sweep.files("results/out") == before)
      #expect(try TestFiles.names(sweep.folder + "/results") == ["out"])
      // Status says so too, and the next run makes it good.
      #expect(try sweep.status("out").needed == [plan.ids[2]])
      try sweep.done("--out", "out")
      #expect(try sweep.merged("out") == before)
    }
  }

  @Test("jobs and shards that a plan does not have end with 64 and run nothing")
  func unknownJobs() throws {
    try SweepProgram.planned { sweep, plan in
      for (arguments, says) in [
        (["--job", "nothing"], "nothing"),
        (["--job", plan.ids[0], "--job", String(plan.ids[0].dropLast())], "the plan has no job"),
        (["--shard", "4/4"], "4/4"), (["--shard", "-1/4"], "--shard"), (["--shard", "1"], "1"),
        (["--shard", "0/0"], "0/0"),
        (["--shard", "a/b"], "a/b"), (["--shard", "0/2", "--job", plan.ids[0]], "exclude each other"),
        (["--jobs", "0"], "--jobs takes a number from 1 to 1024"),
      ] {
        let result = try sweep.run(["run", "plan.jsonl", "--out", "out"] + arguments)
        #expect(result.exitCode == 64, "\(arguments): \(result.errors)")
        #expect(result.errors.contains(says), "\(arguments): \(result.errors)")
        #expect(!TestFiles.exists(sweep.folder + "/out"), "\(arguments)")
      }
    }
  }

  @Test("a file that is no plan, or was edited, is named", arguments: ["run", "status", "merge"])
  func wrongPlan(verb: String) throws {
    try SweepProgram.planned { sweep, plan in
      try sweep.done("--out", "out")
      let text = try TestFiles.text(sweep.folder + "/plan.jsonl")
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
      let wrong: [(String, String)] = [
        ("empty", ""), ("a scenario", SweepProgram.scenario()), ("cut", String(text.dropLast(30))),
        ("a job less", (lines[0..<3] + lines[4...]).joined(separator: "\n")),
        ("jobs in another order", ([lines[0], lines[2], lines[1]] + lines[3...]).joined(separator: "\n")),
        ("another version", text.replacing("\"version\":\"0.1.0\"", with: "\"version\":\"0.0.9\"")),
        ("another setting", text.replacing("40/s", with: "41/s")),
        ("another scenario", text.replacing("promises", with: "premises")),
        ("another id", text.replacing(plan.ids[0], with: String(plan.ids[0].reversed()))),
      ]
      for (name, text) in wrong {
        try sweep.program.write("wrong.jsonl", text)
        let place = verb == "merge" ? ["--from", "out", "--out", "results/x"] : ["--out", "out"]
        let result = try sweep.run([verb, "wrong.jsonl"] + place)
        #expect(result.exitCode == 65, "\(name): \(result.errors) \(result.output)")
        #expect(result.errors.contains("wrong.jsonl"), "\(name): \(result.errors)")
        #expect(result.output.isEmpty, "\(name)")
        #expect(!TestFiles.exists(sweep.folder + "/results"), "\(name)")
      }
      let none = try sweep.run(
        [verb, "none.jsonl"] + (verb == "merge" ? ["--from", "out", "--out", "x"] : ["--out", "o"]))
      #expect(none.exitCode == 66, "\(none.errors)")
    }
  }

  @Test("results of another plan are not merged")
  func foreignPlan() throws {
    try SweepProgram.planned { sweep, plan in
      try sweep.done("--out", "out")
      try sweep.program.write("tiny.json", SweepProgram.scenario(duration: "3s"))
      #expect(try sweep("plan", "tiny.json", "-o", "other.jsonl").exitCode == 0)
      let result = try sweep("merge", "other.jsonl", "--from", "out", "--out", "results/x")
      #expect(result.exitCode == 65)
      #expect(result.errors.contains("8 of 8 jobs"), "\(result.errors)")
      #expect(!TestFiles.exists(sweep.folder + "/results"))
    }
  }

  @Test("a scenario without a sweep, an empty one and one that is too large end with 65 and their place")
  func wrongSweeps() throws {
    let axis = #"{"path": "clients[0].rate", "values": ["20/s", "40/s"]}"#
    let range = #""range": {"from": "1/s", "to": "9/s", "count": 1001}"#
    let wrong: [(name: String, sweep: String, says: String)] = [
      ("none", #""name": "x""#, "sweep"),
      ("no axes", #""sweep": {"axes": []}"#, "sweep.axes"),
      ("no values", #""sweep": {"axes": [{"path": "duration", "values": []}]}"#, "sweep.axes[0].values"),
      ("nothing left", #""sweep": {"axes": [\#(axis)], "where": ["clients[0].rate > 50/s"]}"#, "sweep"),
      ("unknown path", #""sweep": {"axes": [{"path": "clients[0].rat", "values": ["1/s"]}]}"#, "rat"),
      (
        "no such element", #""sweep": {"axes": [{"path": "clients[7].rate", "values": ["1/s"]}]}"#,
        "clients[7]"
      ),
      (
        "wrong value", #""sweep": {"axes": [{"path": "clients[0].rate", "values": ["1/s", "fast"]}]}"#, "fast"
      ),
      ("unknown mode", #""sweep": {"axes": [{"path": "mode", "values": ["iptable"]}]}"#, "iptables"),
      ("unknown metric", #""sweep": {"axes": [\#(axis)], "metrics": ["lots"]}"#, "lots"),
      ("unknown label", #""sweep": {"axes": [\#(axis)], "metrics": ["lost{service=default/wob}"]}"#, "wob"),
      (
        "too many",
        #""sweep": {"axes": [{"path": "clients[0].rate", \#(range)}], "repeats": 1000}"#,
        "1000000"
      ),
    ]
    for (name, sweep, says) in wrong {
      try SweepProgram.with(sweep: sweep) { program in
        let result = try program("plan", "tiny.json", "-o", "plan.jsonl")
        #expect(result.exitCode == 65, "\(name): \(result.errors)")
        #expect(result.errors.hasPrefix("tiny.json:"), "\(name): \(result.errors)")
        #expect(result.errors.contains(says), "\(name): \(result.errors)")
        #expect(result.output.isEmpty, "\(name)")
        #expect(!TestFiles.exists(program.folder + "/plan.jsonl"), "\(name)")
      }
    }
  }

  @Test("what another build of the same version ran is not merged")
  func anotherBinary() throws {
    try SweepProgram.planned { sweep, plan in
      // A byte more than the program has, and runs all the same.
      let other = sweep.folder + "/other-sim"
      var bytes = try TestFiles.data(Program.path())
      bytes.append(0)
      try bytes.write(to: URL(fileURLWithPath: other))
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: other)
      let process = Process()
      process.executableURL = URL(fileURLWithPath: other)
      process.arguments = ["sweep", "run", "plan.jsonl", "--out", "out", "--shard", "0/2", "--no-progress"]
      process.currentDirectoryURL = URL(fileURLWithPath: sweep.folder)
      try process.run()
      process.waitUntilExit()
      try #require(process.terminationStatus == 0)
      try sweep.done("--out", "out", "--shard", "1/2")
      try sweep.done("--out", "rest")
      // What the other one ran is not skipped as if it were done; nothing of it is touched either.
      let files = try sweep.jobBytes("out")
      for arguments in [[], ["--shard", "0/2"], ["--job", plan.ids[0]]] {
        let result = try sweep.run(["run", "plan.jsonl", "--out", "out", "--no-progress"] + arguments)
        #expect(result.exitCode == 65, "\(arguments): \(result.errors)")
        #expect(result.errors.contains("that another program ran"), "\(arguments): \(result.errors)")
        #expect(try sweep.jobBytes("out") == files, "\(arguments)")
      }
      for folder in ["out", "rest"] {
        let result = try sweep("merge", "plan.jsonl", "--from", folder, "--out", "results/x")
        #expect(result.exitCode == (folder == "out" ? 65 : 0), "\(result.errors)")
        #expect(result.errors.contains("2 different programs") == (folder == "out"), "\(result.errors)")
        #expect(TestFiles.exists(sweep.folder + "/results/x") == (folder == "rest"))
      }
    }
  }
}
