// SPDX-License-Identifier: GPL-3.0-or-later
//
// Goal: the contract of `sim trace`: its JSON, its exit codes, the same bytes from every process. Method:
// the built program on a small scenario.

import Foundation
import Testing

@testable import Simulation

@Suite(.serialized) struct TraceCommandTests {
  static let probe = ["trace", "small.json", "--from", "node/worker-1", "--to", "svc/default/web:80"]

  private static func run(_ program: Program, _ arguments: [String]) throws -> ProgramResult {
    let (process, output, errors) = try program.start(arguments)
    return try Program.wait(for: process, output, errors)
  }

  private static func object(_ text: String) throws -> [String: Any] {
    try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
  }

  /// Names in the order in which they stand, at two spaces of indentation.
  private static func members(_ text: String) -> [String] {
    text.split(separator: "\n").compactMap { line in
      guard line.hasPrefix("  \""), let end = line.dropFirst(3).firstIndex(of: "\"") else { return nil }
      return String(line.dropFirst(3)[..<end])
    }
  }

  @Test func itsJSONIsWhatTheContractSays() throws {
    try Program.with { program in
      let result = try Self.run(program, Self.probe + ["-o", "json"])
      #expect(result.exitCode == 0 && result.errors.isEmpty)
      #expect(
        Self.members(result.output) == [
          "from", "to", "protocol", "packet", "t_s", "mode", "verdict", "verdict_share", "client_sees",
          "cause",
          "saved_by", "candidates", "outcomes", "hops", "notes",
        ])
      let object = try Self.object(result.output)
      #expect(object["verdict"] as? String == "delivered" && object["client_sees"] as? String == "answer")
      #expect(object["cause"] is NSNull)
      let candidates = try #require(object["candidates"] as? [[String: Any]])
      #expect(candidates.count == 2)
      for candidate in candidates {
        #expect(
          Set(candidate.keys) == [
            "ip", "port", "pod", "node", "probability", "masquerade", "source_seen", "verdict", "client_sees",
            "cause",
          ])
        #expect(candidate["probability"] as? Double == 0.5 && candidate["port"] as? Int == 8080)
      }
      let hops = try #require(object["hops"] as? [[String: Any]])
      for (index, hop) in hops.enumerated() {
        #expect(hop["id"] as? Int == index)
        #expect((hop["after"] as? Int ?? -1) < index)
        #expect(hop["t_s"] is Double && hop["component"] is String && hop["steps"] is [Any])
      }
      let tables = hops.compactMap { $0["table"] as? [String: Any] }
      #expect(!tables.isEmpty && tables.allSatisfy { $0["age_s"] as? Double == 0 && $0["mode"] is String })
      let steps = hops.flatMap { $0["steps"] as? [[String: String]] ?? [] }
      #expect(steps.contains { $0["chain"] == "KUBE-SERVICES" && $0["rule"]?.isEmpty == false })
    }
  }

  @Test func twoProcessesWriteTheSameBytes() throws {
    try Program.with { program in
      for extra in [
        ["-o", "json"], ["--detail", "all"], ["--mode", "all", "-o", "json", "--at", "1500ms"],
      ] {
        let first = try Self.run(program, Self.probe + extra)
        let second = try Self.run(program, Self.probe + extra)
        #expect(first.exitCode == 0 && !first.output.isEmpty && first.output == second.output)
      }
    }
  }

  @Test func allModesStandInOneDocument() throws {
    try Program.with { program in
      let result = try Self.run(program, Self.probe + ["--mode", "all", "-o", "json"])
      let modes = try #require(try Self.object(result.output)["modes"] as? [String: [String: Any]])
      #expect(Set(modes.keys) == ["iptables", "ipvs", "nftables", "ebpf"])
      for (name, trace) in modes { #expect(trace["mode"] as? String == name) }
      let text = try Self.run(program, Self.probe + ["--mode", "all"])
      let heading = text.output.split(separator: "\n")[0].split(separator: " ").map(String.init)
      #expect(heading == ["iptables", "ipvs", "nftables", "ebpf"])
      let run = try Self.run(program, ["run", "small.json", "--mode", "all"])
      #expect(run.exitCode == 64 && run.errors.contains("--mode all"))
    }
  }

  @Test func whatGetsThroughIsLeftOutOnDemand() throws {
    try Program.with { program in
      let result = try Self.run(program, Self.probe + ["--dropped-only", "-o", "json"])
      let object = try Self.object(result.output)
      #expect(result.exitCode == 0 && (object["outcomes"] as? [Any])?.isEmpty == true)
      #expect((object["hops"] as? [Any])?.isEmpty == true && object["verdict"] as? String == "delivered")
      let text = try Self.run(program, Self.probe + ["--dropped-only"])
      #expect(text.output.contains("everything gets through") && !text.output.contains("Candidates"))
    }
  }

  @Test(arguments: [
    ["--from", "node/worker-7"], ["--to", "svc/default/wob:80"], ["--to", "svc/default/web:81"],
    ["--at", "12"], ["--protocol", "icmp"], ["--via", "worker-1"], ["-o", "xml"],
    ["--detail", "more"], ["--mode", "userspace"],
  ])
  func wrongInputEndsWith64(_ wrong: [String]) throws {
    try Program.with { program in
      var arguments = Self.probe
      if let place = arguments.firstIndex(of: wrong[0]) {
        arguments[place + 1] = wrong[1]
      } else {
        arguments += wrong
      }
      let result = try Self.run(program, arguments)
      #expect(result.exitCode == 64 && !result.errors.isEmpty && result.output.isEmpty)
    }
  }
}
