// SPDX-License-Identifier: GPL-3.0-or-later
//
// Goal: what comes out of a sweep does not depend on who ran which jobs, in which order and how often, and a
// plan and the program are all that a machine needs.
// Method: real processes on a small plan; merged bytes are compared with those of a serial run.

import Foundation
import Testing

@Suite(.serialized) struct SweepCommandTests {
  @Test("a plan has the same bytes each time, on standard output as in a file")
  func planBytes() throws {
    try SweepProgram.planned { sweep, plan in
      let text = try TestFiles.text(sweep.folder + "/plan.jsonl")
      #expect(try sweep("plan", "tiny.json").output == text)
      #expect(plan.header.jobs == 8)
      #expect(plan.header.format == 1)
      #expect(plan.header.version == "0.1.0")
      #expect(plan.jobs.count == 8)
      #expect(Set(plan.ids).count == 8)
      #expect(plan.jobs.map(\.point) == [0, 1, 2, 3, 0, 1, 2, 3])
      #expect(plan.jobs.map(\.firstReplication) == [0, 0, 0, 0, 1, 1, 1, 1])
      #expect(plan.jobs.allSatisfy { $0.replications == 1 })
      #expect(Set(plan.jobs.map(\.set)).count == 4)
    }
  }

  @Test("whatever decides a job's bytes changes its ID, and nothing else does")
  func identities() throws {
    try SweepProgram.planned { sweep, plan in
      func ids(_ scenario: String) throws -> [String] {
        try sweep.program.write("other.json", scenario)
        let result = try sweep("plan", "other.json")
        #expect(result.exitCode == 0, "\(result.errors)")
        return try SweepPlanText(result.output).ids
      }
      let scenario = SweepProgram.scenario()
      // Under the same name, which is a column of every file.
      let base = try ids(scenario)
      #expect(base.count == 8 && Set(base).isDisjoint(with: plan.ids))
      let changes = [
        ("\"2s\"", "\"3s\""), ("\"count\": 2", "\"count\": 3"), ("\"repeats\": 2", "\"repeats\": 1"),
        ("attempted{", "lost{"), ("\"question\"", "\"seed\": 2, \"question\""),
        ("\"20/s\"", "\"21/s\""),
      ]
      for (from, to) in changes {
        let other = scenario.replacing(from, with: to)
        try #require(other != scenario, "\(from)")
        let common = Set(try ids(other)).intersection(base)
        // Points and replications that both plans have are the same jobs.
        let expected = ["\"repeats\": 2": 4, "\"20/s\"": 4][from] ?? 0
        #expect(common.count == expected, "\(from) -> \(to)")
      }
    }
  }

  @Test("a plan and the program are all that a machine needs")
  func selfContained() throws {
    try SweepProgram.with { sweep in
      try FileManager.default.createDirectory(
        atPath: sweep.folder + "/scenario/manifests", withIntermediateDirectories: true)
      let extra = """
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "extra"},
         "spec": {"selector": {"app": "web"}, "ports": [{"port": 81, "targetPort": 8080}]}}
        """
      try sweep.program.write("scenario/manifests/extra.yaml", extra)
      let scenario = SweepProgram.scenario()
        .replacing("\"objects\"", with: "\"manifests\": [\"manifests\"],\n\"objects\"")
        .replacing("to\": {\"service\": \"default/web\"", with: "to\": {\"service\": \"default/extra\"")
        .replacing("attempted{service=default/web}", with: "attempted{service=default/extra}")
      try sweep.program.write("scenario/tiny.json", scenario)
      let planned = try sweep("plan", "scenario/tiny.json", "-o", "plan.jsonl")
      try #require(planned.exitCode == 0, "\(planned.errors)")
      try sweep.done("--out", "here")
      let before = try sweep.merged("here")
      try FileManager.default.removeItem(atPath: sweep.folder + "/scenario")
      try sweep.done("--out", "there")
      #expect(try sweep.merged("there") == before)
    }
  }

  @Test("the merged bytes are a serial run's for any number of threads, for shards in any order, one by one")
  func sameBytes() throws {
    try SweepProgram.planned { sweep, plan in
      try sweep.done("--out", "serial", "--jobs", "1")
      let serial = try sweep.merged("serial")
      #expect(serial.keys.sorted().filter { $0.hasSuffix(".csv") } == ["sweep.csv", "sweep_summary.csv"])
      for jobs in ["2", "4"] {
        try sweep.done("--out", "threads-" + jobs, "--jobs", jobs)
        #expect(try sweep.merged("threads-" + jobs) == serial)
      }
      for shard in [2, 0, 1] { try sweep.done("--out", "shards", "--shard", "\(shard)/3") }
      #expect(try sweep.merged("shards") == serial)
      for id in plan.ids.reversed() { try sweep.done("--out", "single", "--job", id) }
      #expect(try sweep.merged("single") == serial)
    }
  }

  @Test("shards share the jobs out without rest, and each says what is left")
  func shards() throws {
    try SweepProgram.planned { sweep, plan in
      var left = Set(plan.ids)
      for shard in 0..<3 {
        try sweep.done("--out", "out", "--shard", "\(shard)/3")
        let expected = stride(from: shard, to: plan.ids.count, by: 3).map { plan.ids[$0] }
        left.subtract(expected)
        let status = try sweep.status("out")
        #expect(status.needed == plan.ids.filter { left.contains($0) })
        #expect(status.done == plan.ids.count - left.count)
        #expect(status.finished == left.isEmpty)
        #expect(status.plan == plan.header.plan)
        #expect(status.jobs == plan.header.jobs)
        #expect(status.points == 4)
        #expect(status.finishedPoints == [0, 2, 4][shard])
      }
    }
  }

  @Test("jobs that are done are not run again")
  func idempotence() throws {
    try SweepProgram.planned { sweep, plan in
      try sweep.done("--out", "out")
      func written() throws -> [String: Date] {
        var dates: [String: Date] = [:]
        for name in try sweep.jobFiles("out") {
          let attributes = try FileManager.default.attributesOfItem(atPath: "\(sweep.folder)/out/\(name)")
          dates[name] = attributes[.modificationDate] as? Date
        }
        return dates
      }
      let before = try written()
      #expect(before.count == plan.ids.count)
      try sweep.done("--out", "out")
      try sweep.done("--out", "out", "--shard", "0/2")
      #expect(try written() == before)
    }
  }

  @Test("processes in one folder at the same time do not disturb each other")
  func together() throws {
    try SweepProgram.planned { sweep, plan in
      try sweep.done("--out", "serial", "--jobs", "1")
      let running = try (0..<4).map { _ in
        try sweep.program.start(["sweep", "run", "plan.jsonl", "--out", "out", "--no-progress"])
      }
      for (process, output, errors) in running {
        let result = try Program.wait(for: process, output, errors)
        #expect(result.exitCode == 0, "\(result.errors)")
      }
      #expect(try sweep.merged("out") == sweep.merged("serial"))
      let names = try TestFiles.names(sweep.folder + "/out")
      #expect(names.filter { $0.hasSuffix(".csv") }.count == plan.ids.count)
      #expect(!names.contains { $0.contains("tmp") }, "\(names)")
    }
  }

  @Test(
    "what was stopped in the middle leaves whole files and goes on to a serial run's bytes",
    arguments: [SIGINT, SIGTERM, SIGKILL])
  func stopped(signal: Int32) throws {
    // Long enough to be met in the middle: a job takes a good part of a second.
    let sweep = SweepProgram.sweep.replacing("\"20/s\", \"40/s\"", with: "\"2000/s\", \"4000/s\"")
    try SweepProgram.planned(sweep: sweep) { sweep, plan in
      let (process, output, errors) = try sweep.program.start(
        ["sweep", "run", "plan.jsonl", "--out", "out", "--jobs", "1", "--no-progress"])
      for _ in 0..<1000 where ((try? sweep.jobFiles("out").count) ?? 0) < 2 { usleep(10_000) }
      kill(process.processIdentifier, signal)
      let result = try Program.wait(for: process, output, errors)
      if signal != SIGKILL { #expect(result.exitCode == 130, "\(result.errors)") }
      let status = try sweep.status("out")
      #expect(status.done >= 2)
      #expect(!status.needed.isEmpty, "it was met in the middle")
      #expect(try sweep.jobFiles("out").count == status.done)
      try sweep.done("--out", "out")
      try sweep.done("--out", "serial", "--jobs", "1")
      #expect(try sweep.merged("out") == sweep.merged("serial"))
      let names = try TestFiles.names(sweep.folder + "/out")
      #expect(!names.contains { $0.contains("tmp") }, "\(names)")
    }
  }

  @Test("replications beyond the target precision change nothing, and shards run all of them")
  func precision() throws {
    let target = #""repeats": {"target": {"metric": "attempted", "half_width": "15%"}, "min": 3, "max": 12}"#
    let settings = SweepProgram.sweep.replacing("\"repeats\": 2", with: target)
    try SweepProgram.planned(sweep: settings) { sweep, plan in
      #expect(plan.jobs.count == 48)
      try sweep.done("--out", "adaptive")
      let adaptive = try sweep.status("adaptive")
      #expect(adaptive.finished)
      #expect(adaptive.needed.isEmpty)
      #expect(adaptive.done >= 12 && adaptive.done < 48, "\(adaptive.done) of 48")
      let bytes = try sweep.merged("adaptive")

      for shard in [1, 0] { try sweep.done("--out", "all", "--shard", "\(shard)/2") }
      #expect(try sweep.status("all").done == 48)
      #expect(try sweep.merged("all") == bytes)

      // As an engine does it that knows nothing but `status`.
      var needed = try sweep.status("engine").needed
      var rounds = 0
      while !needed.isEmpty, rounds < 20 {
        try sweep.done("--out", "engine", "--job", needed[0], "--job", needed[needed.count - 1])
        for id in needed.dropFirst().dropLast() { try sweep.done("--out", "engine", "--job", id) }
        needed = try sweep.status("engine").needed
        rounds += 1
      }
      #expect(try sweep.merged("engine") == bytes)
    }
  }
}
