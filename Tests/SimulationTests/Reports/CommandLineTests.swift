// SPDX-License-Identifier: GPL-3.0-or-later
//
// Goal: the contract of the command line: exit codes, what goes to which stream, and what is left on disk.
// Method: run the program that was built beside this test bundle, in a folder of its own.

import Foundation
import Testing

/// What a run of the program left.
struct ProgramResult {
  var exitCode: Int32
  var output: String
  var errors: String
}

/// The built program and a folder to run it in.
struct Program {
  let folder: String

  /// Runs `body` with a folder that holds a small scenario, `small.json`.
  static func with(_ body: (Program) throws -> Void) throws {
    try TemporaryFolder.with { folder in
      let program = Program(folder: folder)
      try program.write("small.json", Self.small(duration: "2s"))
      try body(program)
    }
  }

  static func small(duration: String, bin: String = "1s") -> String {
    """
    {
      "question": "Does the program keep its promises?",
      "duration": "\(duration)",
      "report": {"bin": "\(bin)"},
      "cluster": {"nodes": [{"name": "worker-{n}", "count": 2}]},
      "objects": [
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
         "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}},
           "template": {"metadata": {"labels": {"app": "web"}},
             "spec": {"containers": [{"name": "web", "ports": [{"containerPort": 8080}]}]}}}},
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
         "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}}
      ],
      "clients": [
        {"name": "frontend", "from": {"nodes": ["worker-1"]}, "to": {"service": "default/web"},
         "rate": "50/s"}
      ]
    }
    """
  }

  func write(_ name: String, _ text: String) throws {
    try text.write(toFile: folder + "/" + name, atomically: true, encoding: .utf8)
  }

  /// The program stands beside the test bundle, and `swift test` builds both.
  static func path() throws -> String {
    for argument in CommandLine.arguments {
      let parent = URL(fileURLWithPath: argument).deletingLastPathComponent()
      var folder = parent
      for _ in 0..<4 {
        let path = folder.appendingPathComponent("sim").path
        if FileManager.default.isExecutableFile(atPath: path), !TestFiles.isFolder(path) { return path }
        folder = folder.deletingLastPathComponent()
      }
    }
    throw ProgramMissing(searched: CommandLine.arguments)
  }
  struct ProgramMissing: Error { var searched: [String] }

  /// - Parameter streams: folder for what the program prints; nil = its own.
  func start(
    _ arguments: [String], streams: String? = nil
  ) throws -> (process: Process, output: URL, errors: URL) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: try Self.path())
    process.arguments = arguments
    process.currentDirectoryURL = URL(fileURLWithPath: folder)
    let files = ["output", "errors"].map {
      URL(fileURLWithPath: (streams ?? folder) + "/.\($0)-\(UUID().uuidString)")
    }
    for file in files { try Data().write(to: file) }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = try FileHandle(forWritingTo: files[0])
    process.standardError = try FileHandle(forWritingTo: files[1])
    try process.run()
    return (process, files[0], files[1])
  }

  func run(_ arguments: String...) throws -> ProgramResult {
    let (process, output, errors) = try start(arguments)
    return try Self.wait(for: process, output, errors)
  }

  static func wait(for process: Process, _ output: URL, _ errors: URL) throws -> ProgramResult {
    process.waitUntilExit()
    return ProgramResult(
      exitCode: process.terminationStatus, output: try TestFiles.text(output.path),
      errors: try TestFiles.text(errors.path))
  }
}

@Suite(.serialized) struct CommandLineTests {
  @Test(
    "wrong usage ends with 64 and says so on standard error",
    arguments: [
      ["--bogus", "small.json"], [], ["run"], ["run", "small.json", "--until", "9"],
      ["run", "small.json", "--set", "duration"], ["run", "small.json", "--replications", "0"],
      ["run", "small.json", "--format", "pdf"], ["run", "small.json", "--mode", "userspace"],
      ["run", "small.json", "--quiet", "--verbose"], ["get", "small.json"], ["get", "cats", "small.json"],
      ["get", "svc", "small.json", "-o", "xml"], ["compare", "small.json", "--modes", "all"],
    ])
  func usage(arguments: [String]) throws {
    try Program.with { program in
      let (process, output, errors) = try program.start(arguments)
      let result = try Program.wait(for: process, output, errors)
      #expect(result.exitCode == 64, "\(result.errors)")
      #expect(!result.errors.isEmpty)
      #expect(result.output.isEmpty)
      #expect(!TestFiles.exists(program.folder + "/results"))
    }
  }

  @Test("a scenario with mistakes ends with 65, names file, line and column, and writes nothing")
  func wrongScenario() throws {
    try Program.with { program in
      try program.write("wrong.json", Program.small(duration: "2s").replacing("\"rate\"", with: "\"rat\""))
      for arguments in [["wrong.json"], ["validate", "wrong.json"], ["get", "svc", "wrong.json"]] {
        let (process, output, errors) = try program.start(arguments)
        let result = try Program.wait(for: process, output, errors)
        #expect(result.exitCode == 65)
        #expect(result.errors.contains("wrong.json:"))
        #expect(result.errors.contains("rat"))
        #expect(result.output.isEmpty)
      }
      #expect(!TestFiles.exists(program.folder + "/results"))
    }
  }

  @Test("an object that the API server refuses ends with 65 and its words", arguments: ["run", "validate"])
  func refusal(command: String) throws {
    try Program.with { program in
      let scenario = Program.small(duration: "2s")
      let refused = scenario.replacing(
        "\"ports\": [{\"port\": 80", with: "\"clusterIP\": \"1.2.3.4\", \"ports\": [{\"port\": 80")
      try #require(refused != scenario)
      try program.write("refused.json", refused)
      let result = try program.run(command, "refused.json")
      #expect(result.exitCode == 65)
      #expect(result.errors.hasPrefix("refused.json:"))
      #expect(result.errors.contains("The Service \"web\" is invalid: spec.clusterIPs: Invalid value"))
      #expect(result.output.isEmpty)
      #expect(!TestFiles.exists(program.folder + "/results/refused"))
    }
  }

  @Test("a mistake in --set ends with 65")
  func wrongOverride() throws {
    try Program.with { program in
      let result = try program.run("small.json", "--set", "clients[0].rate=fast")
      #expect(result.exitCode == 65)
      #expect(result.errors.contains("rate"))
    }
  }

  @Test("a file that cannot be read ends with 66", arguments: ["missing.json", "."])
  func unreadable(path: String) throws {
    try Program.with { program in
      let result = try program.run(path)
      #expect(result.exitCode == 66, "\(result.errors)")
      #expect(!result.errors.isEmpty)
    }
  }

  @Test("results that cannot be written end with 73 and the place")
  func unwritable() throws {
    try Program.with { program in
      try program.write("file", "")
      let result = try program.run("small.json", "--out", "file/x", "--no-progress")
      #expect(result.exitCode == 73, "\(result.errors)")
      #expect(result.errors.contains("file"))
      let full = try program.run("small.json", "--out", ".")
      #expect(full.exitCode == 73, "\(full.errors)")
      #expect(TestFiles.exists(program.folder + "/small.json"))
    }
  }

  @Test("a run writes every file, its summary to standard output and progress to standard error")
  func run() throws {
    try Program.with { program in
      let result = try program.run("small.json")
      #expect(result.exitCode == 0, "\(result.errors)")
      #expect(result.output.hasPrefix("small  iptables, 2 s simulated, seed 1, run "))
      #expect(result.output.contains("Does the program keep its promises?"))
      #expect(result.errors.contains("simulated in"))
      #expect(try TestFiles.names(program.folder + "/results") == ["small"])
      #expect(try TestFiles.names(program.folder + "/results/small") == ReportFilesTests.fileNames.sorted())
    }
  }

  @Test("--quiet and --no-progress leave standard error empty", arguments: ["--quiet", "--no-progress"])
  func quiet(option: String) throws {
    try Program.with { program in
      let result = try program.run("small.json", option)
      #expect(result.exitCode == 0)
      #expect(result.errors.isEmpty)
      #expect(!result.output.isEmpty)
    }
  }

  @Test("two processes write the same bytes; another seed does not")
  func determinism() throws {
    try Program.with { program in
      for (folder, seed) in [("a", "1"), ("b", "1"), ("c", "2")] {
        #expect(try program.run("small.json", "--out", folder, "--seed", seed).exitCode == 0)
      }
      func text(_ folder: String, _ file: String) throws -> String {
        try TestFiles.text("\(program.folder)/\(folder)/\(file)")
      }
      for file in ReportFilesTests.fileNames where file != "run.json" {
        let (first, second) = try (text("a", file), text("b", file))
        #expect(first == second, "\(file)")
      }
      let (first, other) = try (ParsedCSV(text("a", "summary.csv")), ParsedCSV(text("c", "summary.csv")))
      for column in ["run_id", "value"] { #expect(first.column(column) != other.column(column), "\(column)") }
    }
  }

  @Test("--replications writes the rows of all of them, which differ")
  func replications() throws {
    try Program.with { program in
      let result = try program.run("small.json", "--replications", "3", "--format", "json")
      #expect(result.exitCode == 0, "\(result.errors)")
      let csv = try ParsedCSV(TestFiles.text(program.folder + "/results/small/timeline.csv"))
      #expect(Set(csv.column("replication")) == ["0", "1", "2"])
      let object = try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any]
      #expect(object?["replications"] as? Int == 3)
    }
  }

  @Test("--until shortens a run")
  func until() throws {
    try Program.with { program in
      let result = try program.run("small.json", "--until", "500ms")
      #expect(result.output.contains("0.5 s simulated"))
    }
  }

  @Test(
    "an interrupted run ends with 130, keeps earlier results and leaves nothing behind",
    arguments: [
      SIGINT, SIGTERM,
    ])
  func interruption(signal: Int32) throws {
    try Program.with { program in
      #expect(try program.run("small.json", "--out", "results/x").exitCode == 0)
      let before = try TestFiles.text(program.folder + "/results/x/run.json")
      try program.write("long.json", Program.small(duration: "8000h", bin: "1h"))
      let (process, output, errors) = try program.start(["long.json", "--out", "results/x"])
      let temporary = program.folder + "/results/.x.tmp-\(process.processIdentifier)"
      for _ in 0..<500 where !TestFiles.exists(temporary + "/summary.csv") { usleep(20_000) }
      usleep(300_000)
      kill(process.processIdentifier, signal)
      let result = try Program.wait(for: process, output, errors)
      #expect(result.exitCode == 130, "\(result.errors)")
      #expect(result.errors.contains("interrupted at"))
      #expect(result.errors.contains("earlier results in results/x left as they were"))
      #expect(result.output.isEmpty)
      #expect(try TestFiles.names(program.folder + "/results") == ["x"])
      #expect(try TestFiles.text(program.folder + "/results/x/run.json") == before)
    }
  }

  @Test("a killed run leaves earlier results, and the next one removes what it left behind")
  func killed() throws {
    try Program.with { program in
      #expect(try program.run("small.json", "--out", "results/x").exitCode == 0)
      try program.write("long.json", Program.small(duration: "8000h", bin: "1h"))
      let (process, output, errors) = try program.start(["long.json", "--out", "results/x"])
      let temporary = program.folder + "/results/.x.tmp-\(process.processIdentifier)"
      for _ in 0..<500 where !TestFiles.exists(temporary + "/summary.csv") { usleep(20_000) }
      kill(process.processIdentifier, SIGKILL)
      _ = try Program.wait(for: process, output, errors)
      #expect(try TestFiles.names(program.folder + "/results/x") == ReportFilesTests.fileNames.sorted())
      #expect(TestFiles.exists(temporary))
      #expect(try program.run("small.json", "--out", "results/x").exitCode == 0)
      #expect(try TestFiles.names(program.folder + "/results") == ["x"])
    }
  }

  @Test("validate says valid, all mistakes, or with --explain the values in force")
  func validate() throws {
    try Program.with { program in
      let valid = try program.run("validate", "small.json")
      #expect(valid.exitCode == 0)
      #expect(valid.output == "small.json: valid\n")
      let wrong = Program.small(duration: "2s").replacing("\"rate\"", with: "\"rat\"").replacing(
        "\"2s\"", with: "2")
      try program.write("wrong.json", wrong)
      let mixed = try program.run("validate", "small.json", "wrong.json")
      #expect(mixed.exitCode == 65)
      #expect(mixed.output == "small.json: valid\n")
      #expect(mixed.errors.contains("duration"))
      #expect(mixed.errors.contains("rat"))
      #expect(try program.run("validate", "small.json", "missing.json").exitCode == 66)
      let explained = try program.run("validate", "--explain", "small.json")
      #expect(explained.exitCode == 0)
      #expect(explained.output.contains("minSyncPeriod"))
      #expect(explained.output.contains("seed"))
    }
  }

  @Test(
    "get lists what the API has, laid out as kubectl lays it out",
    arguments: [
      ["get", "svc", "small.json"], ["get", "svc", "web", "small.json"],
      ["get", "services/web", "small.json"],
      ["get", "svc", "small.json", "--at", "1s"], ["get", "service", "small.json", "-n", "default"],
    ])
  func get(arguments: [String]) throws {
    try Program.with { program in
      let (process, output, errors) = try program.start(arguments)
      let result = try Program.wait(for: process, output, errors)
      #expect(result.exitCode == 0, "\(result.errors)")
      let lines = result.output.split(separator: "\n")
      #expect(lines.first?.split(separator: " ").first == "NAME")
      #expect(lines.contains { $0.hasPrefix("web") && $0.contains("80/TCP") })
    }
  }

  @Test("get of a name that is not there ends with 64 and kubectl's words; of nothing at all with 0")
  func getMissing() throws {
    try Program.with { program in
      let missing = try program.run("get", "svc", "cat", "small.json")
      #expect(missing.exitCode == 64)
      #expect(missing.errors.contains("services \"cat\" not found"))
      #expect(missing.output.isEmpty)
      let none = try program.run("get", "pods", "small.json", "-n", "empty")
      #expect(none.exitCode == 0)
      #expect(none.errors.contains("No resources found in empty namespace."))
      #expect(none.output.isEmpty)
    }
  }

  @Test("schema prints a JSON Schema, and help tells of every command")
  func schemaAndHelp() throws {
    try Program.with { program in
      let schema = try program.run("schema")
      #expect(schema.exitCode == 0)
      let object = try JSONSerialization.jsonObject(with: Data(schema.output.utf8)) as? [String: Any]
      #expect(object?["$schema"] as? String == "https://json-schema.org/draft/2020-12/schema")
      let help = try program.run("--help")
      #expect(help.exitCode == 0)
      for command in ["run", "validate", "get", "rules", "schema"] { #expect(help.output.contains(command)) }
      #expect(try program.run("--version").output == "0.1.0\n")
    }
  }
}
