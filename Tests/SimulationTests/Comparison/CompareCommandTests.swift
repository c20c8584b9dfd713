// SPDX-License-Identifier: GPL-3.0-or-later
//
// Goal: the contract of `sim compare` on the command line.

import Foundation
import Testing

@Suite(.serialized) struct CompareCommandTests {
  @Test(
    "wrong modes and numbers end with 64 and name what is wrong",
    arguments: [
      (["--modes", "iptables,userspace"], "found 'userspace'"),
      (["--modes", "ipvs,iptables,ipvs"], "ipvs twice"), (["--modes", "nftables"], "at least two"),
      (["--modes", ""], "found ''"), (["--modes", "iptables,"], "found ''"),
      (["--replications", "0"], "--replications"), (["--jobs", "0"], "--jobs"),
      (["--mode", "ipvs"], "--modes"), (["--set", "duration"], "path=value"),
      (["--variant", "slow"], "name:path=value"), (["--variant", "a b:seed=1"], "name:path=value"),
      (["--variant", "base:seed=1"], "the name base"),
      (["--variant", "a:seed=1", "--variant", "a:seed=2"], "the name a"),
      (["--variant", "a:seed=1", "--modes", "ipvs,ebpf"], "exclude each other"),
    ])
  func usage(arguments: [String], words: String) throws {
    try Program.with { program in
      let (process, output, errors) = try program.start(["compare", "small.json"] + arguments)
      let result = try Program.wait(for: process, output, errors)
      #expect(result.exitCode == 64, "\(result.errors)")
      #expect(result.errors.contains(words), "\(result.errors)")
      #expect(result.output.isEmpty)
      #expect(!TestFiles.exists(program.folder + "/results"))
    }
  }

  @Test("mistakes in the scenario end with 65, a missing one with 66, a place that cannot be written with 73")
  func failures() throws {
    try Program.with { program in
      try program.write("wrong.json", Program.small(duration: "2s").replacing("\"rate\"", with: "\"rat\""))
      let wrong = try program.run("compare", "wrong.json")
      #expect(wrong.exitCode == 65)
      #expect(wrong.errors.components(separatedBy: "wrong.json:").count == 2, "told once: \(wrong.errors)")
      #expect(try program.run("compare", "missing.json").exitCode == 66)
      #expect(try program.run("compare", "small.json", "--out", ".").exitCode == 73)
      #expect(!TestFiles.exists(program.folder + "/results"))
    }
  }

  @Test("two processes with different numbers of jobs write the same bytes")
  func determinism() throws {
    try Program.with { program in
      for (folder, jobs) in [("a", "1"), ("b", "2")] {
        let result = try program.run(
          "compare", "small.json", "--modes", "iptables,ipvs", "--replications", "3", "--jobs", jobs, "--out",
          folder, "--quiet")
        #expect(result.exitCode == 0, "\(result.errors)")
        #expect(result.errors.isEmpty)
        #expect(result.output.hasPrefix("small  iptables, ipvs; 2 s simulated, seed 1, 3 replications each"))
      }
      let names = try TestFiles.names(program.folder + "/a")
      #expect(names == (ReportFilesTests.fileNames + ["comparison.csv"]).sorted())
      for name in names where name != "run.json" {
        let a = try TestFiles.text("\(program.folder)/a/\(name)")
        #expect(try TestFiles.text("\(program.folder)/b/\(name)") == a, "\(name)")
      }
    }
  }

  @Test("--variant compares edits of the scenario with the scenario itself")
  func variants() throws {
    try Program.with { program in
      let result = try program.run(
        "compare", "small.json", "--variant", "far:network.sameZone=3ms,network.sameNode=3ms", "--variant",
        "patient:clients[0].connectTimeout=9s", "--replications", "2", "--quiet", "--format", "json")
      #expect(result.exitCode == 0, "\(result.errors)")
      let object = try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any]
      #expect(object?["same_arrivals"] as? Bool == true)
      let metrics = try #require(object?["metrics"] as? [[String: Any]])
      let connect = try #require(metrics.first { $0["metric"] as? String == "connect_p50" })
      let means = try #require(connect["means"] as? [String: Double])
      #expect(means["far"]! > 5.9 && means["base"]! < 1 && means["patient"] == means["base"])
      let wrong = try program.run("compare", "small.json", "--variant", "x:clients[0].rte=1/s", "--quiet")
      #expect(wrong.exitCode == 65)
      #expect(wrong.errors.contains("rte"))
    }
  }

  @Test("run.json lists every variant with its runs, and the runs are those of sim run")
  func record() throws {
    try Program.with { program in
      _ = try program.run(
        "compare", "small.json", "--modes", "ipvs,iptables", "--replications", "2", "--quiet")
      #expect(try program.run("small.json", "--out", "alone", "--quiet").exitCode == 0)
      func run(_ folder: String) throws -> [String: Any] {
        let data = try TestFiles.data(program.folder + "/\(folder)/run.json")
        let object = try JSONSerialization.jsonObject(with: data) as? [String: Any]
        return try #require(object?["run"] as? [String: Any])
      }
      let variants = try #require(try run("results/small")["variants"] as? [[String: Any]])
      #expect(variants.map { $0["variant"] as? String } == ["ipvs", "iptables"])
      let iptables = try #require(variants[1]["replications"] as? [[String: Any]])
      let alone = try #require(try run("alone")["replications"] as? [[String: Any]])
      #expect(iptables.count == 2)
      #expect(iptables[0]["digest"] as? String == alone[0]["digest"] as? String)
      #expect(variants[1]["run_id"] as? String == (try run("alone"))["run_id"] as? String)
    }
  }

  @Test("an interrupted comparison ends with 130, keeps earlier results and leaves nothing behind")
  func interruption() throws {
    try Program.with { program in
      #expect(try program.run("small.json", "--out", "results/x").exitCode == 0)
      let before = try TestFiles.text(program.folder + "/results/x/run.json")
      try program.write("long.json", Program.small(duration: "8000h", bin: "1h"))
      let (process, output, errors) = try program.start(["compare", "long.json", "--out", "results/x"])
      let temporary = program.folder + "/results/.x.tmp-\(process.processIdentifier)"
      for _ in 0..<500 where !TestFiles.exists(temporary + "/summary.csv") { usleep(20_000) }
      usleep(300_000)
      kill(process.processIdentifier, SIGINT)
      let result = try Program.wait(for: process, output, errors)
      #expect(result.exitCode == 130, "\(result.errors)")
      #expect(result.errors.contains("interrupted; earlier results in results/x left as they were"))
      #expect(result.output.isEmpty)
      #expect(try TestFiles.names(program.folder + "/results") == ["x"])
      #expect(try TestFiles.text(program.folder + "/results/x/run.json") == before)
    }
  }
}
