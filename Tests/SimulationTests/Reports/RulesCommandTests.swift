// SPDX-License-Identifier: GPL-3.0-or-later
//
// Goal: `sim rules` prints what a node has programmed at an instant, and says clearly when there is nothing.
// Method: the built program, on a small cluster in which a node goes and comes and a deployment grows.

import Foundation
import Testing

@Suite(.serialized) struct RulesCommandTests {
  /// worker-2 is off from 5 s to 7 s and without rules from then to 68 s; web grows to 4 pods at 10 s.
  private static let churn = """
    {
      "question": "What does each node have programmed?",
      "duration": "30s",
      "cluster": {
        "nodes": [{"name": "worker-{n}", "count": 2}],
        "timing": {"nodeBoot": "1s", "proxyRestart": "60s"}
      },
      "objects": [
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
         "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}},
           "template": {"metadata": {"labels": {"app": "web"}},
             "spec": {"containers": [{"name": "web", "ports": [{"containerPort": 8080}]}]}}}},
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
         "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}}
      ],
      "events": [
        {"at": "5s", "crashNode": "worker-2", "returnAfter": "2s"},
        {"at": "10s", "scale": "default/web", "replicas": 4}
      ]
    }
    """

  private static func run(_ arguments: [String]) throws -> ProgramResult {
    var result: ProgramResult?
    try Program.with { program in
      try program.write("churn.json", churn)
      let (process, output, errors) = try program.start(["rules", "churn.json"] + arguments)
      result = try Program.wait(for: process, output, errors)
    }
    return try #require(result)
  }

  private static func endpointChains(_ text: String) -> Int {
    text.split(separator: "\n").count { $0.hasPrefix(":KUBE-SEP-") }
  }

  @Test("the text is iptables-save's and nothing else is on standard output")
  func text() throws {
    let result = try Self.run(["--node", "worker-1"])
    #expect(result.exitCode == 0)
    #expect(result.errors.isEmpty)
    #expect(result.output.hasPrefix("*mangle\n:PREROUTING ACCEPT [0:0]\n"))
    #expect(result.output.hasSuffix("COMMIT\n"))
    #expect(Self.endpointChains(result.output) == 2)
    #expect(result.output.contains("--comment \"default/web cluster IP\""))
    #expect(result.output.split(separator: "\n").allSatisfy { ["*", ":", "-", "C"].contains($0.prefix(1)) })
  }

  @Test(
    "several texts stand under the commands that print them", arguments: ["iptables", "ipvs", "nftables"])
  func several(mode: String) throws {
    let result = try Self.run(["--node", "worker-1", "--family", "all", "--mode", mode])
    guard mode == "iptables" else { return }
    let heads = result.output.split(separator: "\n").filter { $0.hasPrefix("#") }
    #expect(heads == ["# iptables-save", "# ip6tables-save"])
    let six = try Self.run(["--node", "worker-1", "--family", "6"])
    #expect(result.output.hasSuffix("# ip6tables-save\n" + six.output))
    #expect(six.output.contains("! -d ::1/128"))
    let byTool = try Self.run(["--node", "worker-1", "--family", "all", "--tool", "ip6tables-save"])
    #expect(byTool.output == six.output)
  }

  @Test("rules are those of the instant, also after the scenario's end, which is said")
  func time() throws {
    let before = try Self.run(["--node", "worker-1", "--at", "4s"])
    #expect(Self.endpointChains(before.output) == 2)
    let after = try Self.run(["--node", "worker-1", "--at", "25s"])
    #expect(after.errors.isEmpty)
    #expect(Self.endpointChains(after.output) > 2)
    let late = try Self.run(["--node", "worker-2", "--at", "90s"])
    #expect(late.exitCode == 0)
    #expect(late.errors.contains("90s is past the scenario's duration of 30s"))
    #expect(Self.endpointChains(late.output) == 4)
  }

  @Test(
    "where there is nothing to print the program says why and ends with 64",
    arguments: [
      (["--node", "worker-3"], "no node is called \"worker-3\"; did you mean \"worker-"),
      (["--node", "elsewhere"], "Nodes: worker-1, worker-2"),
      (["--node", "worker-2", "--at", "6s"], "node worker-2 is down and has no rules at 6s"),
      (["--node", "worker-2", "--at", "12s"], "its kube-proxy has written no rules yet, at 12s"),
      (["--node", "worker-1", "--at", "12"], "--at takes a time with a unit"),
      (["--node", "worker-1", "--at=-3s"], "--at takes a time with a unit"),
      (["--node", "worker-1", "--family", "5"], "--family"),
      (["--node", "worker-1", "--tool", "ipset"], "there are: iptables-save, ip6tables-save"),
      ([], "--node"),
    ])
  func nothing(arguments: [String], message: String) throws {
    let result = try Self.run(arguments)
    #expect(result.exitCode == 64, "\(result.errors)")
    #expect(result.output.isEmpty)
    #expect(result.errors.contains(message), "\(result.errors)")
  }
}
