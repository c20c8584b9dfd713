// SPDX-License-Identifier: GPL-3.0-or-later
//
// Goal: what somebody types who does not know the program yet, or means it ill, is answered with what to do,
// and never leaves half a result or another thing in the place of what was there.
// Method: run the built program, in a folder of its own.

import Foundation
import Testing

@Suite(.serialized) struct NewUserTests {
  @Test("--protocol takes names in either case, and its help says which")
  func protocols() throws {
    try Program.with { program in
      let help = try program.run("trace", "--help").output
      #expect(help.contains("(values: tcp, udp, sctp"))
      #expect(!help.contains("132"))
      for (word, code) in [("tcp", Int32(0)), ("TCP", 0), ("6", 64), ("icmp", 64)] {
        let result = try program.run(
          "trace", "small.json", "--from", "node/worker-1", "--to", "svc/default/web:80", "--protocol", word)
        #expect(result.exitCode == code, "\(word): \(result.errors)")
        #expect(result.output.isEmpty == (code != 0))
      }
    }
  }

  @Test(
    "a time past the end is that of a longer run, and is said to be",
    arguments: [
      ["trace", "small.json", "--from", "node/worker-1", "--to", "svc/default/web:80", "--at", "3s"],
      ["rules", "small.json", "--node", "worker-1", "--at", "3s"],
      ["get", "svc", "small.json", "--at", "3s"],
    ])
  func pastTheEnd(arguments: [String]) throws {
    try Program.with { program in
      let (process, output, errors) = try program.start(arguments)
      let result = try Program.wait(for: process, output, errors)
      #expect(result.exitCode == 0)
      let remark = "sim: 3s is past the scenario's duration of 2s: this is a run that lasts so long\n"
      #expect(result.errors == remark)
      #expect(!result.output.isEmpty)
    }
  }

  @Test("a near miss of a name is told the name", arguments: ["node/worker1", "svc/default/wbe:80"])
  func nearest(name: String) throws {
    try Program.with { program in
      let result = try program.run("trace", "small.json", "--from", "node/worker-1", "--to", name)
      #expect(result.exitCode == 64)
      #expect(result.errors.contains("did you mean "), "\(result.errors)")
      #expect(result.output.isEmpty)
    }
  }

  @Test("sim import leaves alone what is no regular file, even with --force", arguments: ["pipe", "folder"])
  func importLeavesOtherThingsAlone(kind: String) throws {
    try Program.with { program in
      try program.write("node.yaml", Self.node)
      let place = program.folder + "/" + kind
      if kind == "pipe" {
        #expect(mkfifo(place, 0o600) == 0)
      } else {
        try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: false)
      }
      let before = Self.kind(of: place)
      let result = try program.run("import", "node.yaml", "-o", kind, "--force")
      #expect(result.exitCode == 73)
      #expect(result.errors == "sim: cannot write \(kind): it is no regular file\n")
      #expect(Self.kind(of: place) == before)
      let names = try FileManager.default.contentsOfDirectory(atPath: program.folder)
      #expect(!names.contains { $0.contains(".tmp-") })
    }
  }

  @Test("an empty List is told apart from no file at all", arguments: ["[]", "null"])
  func importOfNothing(items: String) throws {
    try Program.with { program in
      try program.write("none.json", "{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": \(items)}")
      let result = try program.run("import", "none.json")
      #expect(result.exitCode == 65)
      #expect(result.errors.hasPrefix("none.json: no node in the input"), "\(result.errors)")
      #expect(result.output.isEmpty)
    }
  }

  @Test("Ctrl-C in the middle of sim compare ends with 130 and leaves nothing")
  func interruptedComparison() throws {
    try Program.with { program in
      try program.write("long.json", Program.small(duration: "8000h", bin: "1h"))
      let (process, output, errors) = try program.start([
        "compare", "long.json", "--modes", "ipvs,ebpf", "--out", "results/x", "--no-progress",
      ])
      let folder = program.folder + "/results"
      for _ in 0..<500 where !TestFiles.exists(folder) { usleep(20_000) }
      usleep(300_000)
      kill(process.processIdentifier, SIGINT)
      let result = try Program.wait(for: process, output, errors)
      #expect(result.exitCode == 130, "\(result.errors)")
      #expect(result.errors.contains("sim: interrupted; nothing written to results/x"))
      #expect(result.output.isEmpty)
      #expect(try !TestFiles.exists(folder) || TestFiles.names(folder).isEmpty)
    }
  }

  private static func kind(of path: String) -> mode_t? {
    var status = stat()
    return lstat(path, &status) == 0 ? status.st_mode & S_IFMT : nil
  }

  private static let node = """
    apiVersion: v1
    kind: Node
    metadata: {name: n1}
    spec: {podCIDR: 10.244.0.0/24}
    status: {addresses: [{type: InternalIP, address: 172.18.0.2}]}
    """
}
