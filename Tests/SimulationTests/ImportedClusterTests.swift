// SPDX-License-Identifier: GPL-3.0-or-later
//
// Real kube-proxy and real clients, by way of `sim import`: a dump of a real cluster becomes a scenario
// whose rules are those that the cluster's kube-proxies wrote, in both modes, and whose packets fare as
// real ones did.

import Cluster
import Foundation
import NetworkTypes
import Proxy
import Scenario
import SimKernel
import Testing

@testable import Simulation

@Suite struct ImportedClusterTests {
  private static let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()

  private static func text(_ path: String) throws -> String {
    try String(contentsOf: tests.appending(path: path), encoding: .utf8)
  }

  private static func scenario(_ mode: ProxyMode, files: [String]) throws -> ScenarioFile {
    let result = try ScenarioImport.read(
      files.map {
        SourceFile(
          path: "\($0).yaml", text: try text("ScenarioTests/Kubernetes/Golden/cluster/objects/\($0).yaml"))
      })
    let path = FileManager.default.temporaryDirectory.appending(path: "sim-import-\(UUID().uuidString).json")
    try result.text.write(to: path, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(at: path) }
    var scenario = try ScenarioLoader.load(path: path.path)
    scenario.setMode(of: mode)
    return scenario
  }

  static let everything = ["nodes", "pods", "svc", "endpointslices", "endpoints"]
  static let nodes = [
    ("cp", "test-cluster-control-plane"), ("w1", "test-cluster-worker"), ("w2", "test-cluster-worker2"),
  ]

  @Test(arguments: nodes) func iptablesRulesAreThoseOfTheRealNode(_ node: (file: String, name: String)) throws
  {
    var normaliser = IptablesSaveNormaliser()
    normaliser.foreignPrefixes = ["KIND-"]
    let scenario = try Self.scenario(.iptables, files: Self.everything)
    let texts = try SimulationRun.rules(scenario, node: node.name, at: .zero).texts
    let ours = normaliser.lines(try #require(texts.first { $0.command == "iptables-save" }).text)
    let real = normaliser.lines(try Self.text("ProxyTests/Golden/iptables-\(node.file).txt"))
    let differences = IptablesSaveNormaliser.differences(ours, real).joined(separator: "\n")
    #expect(real.count > 200)
    #expect(ours == real, "\(differences)")
  }

  /// Slices are enough for the rules: pods that a dump lacks are made from them.
  @Test(arguments: nodes) func aDumpWithoutPodsGivesTheSameRules(_ node: (file: String, name: String)) throws
  {
    let all = try SimulationRun.rules(
      Self.scenario(.iptables, files: Self.everything), node: node.name, at: .zero)
    let less = try SimulationRun.rules(
      Self.scenario(.iptables, files: ["nodes", "svc", "endpointslices"]), node: node.name, at: .zero)
    let normaliser = IptablesSaveNormaliser()
    #expect(all.texts.map { normaliser.lines($0.text) } == less.texts.map { normaliser.lines($0.text) })
  }

  @Test(arguments: nodes) func nftablesRulesAreThoseOfTheRealNode(_ node: (file: String, name: String)) throws
  {
    let scenario = try Self.scenario(.nftables, files: Self.everything)
    let texts = try SimulationRun.rules(scenario, node: node.name, at: .zero).texts
    let ours = Self.blocks(try #require(texts.first { $0.command == "nft list table ip kube-proxy" }).text)
    let real = Self.blocks(try Self.text("ProxyTests/Golden/nftables-\(node.file).txt"))
    #expect(real.count > 50)
    // Times that an affinity set's elements have left are the capture's.
    #expect(ours.count == real.count)
    for (a, b) in zip(ours, real) { #expect(a == b) }
  }

  /// Sets, maps and chains sorted, with sorted elements; affinity sets without what clients left in them.
  private static func blocks(_ text: String) -> [String] {
    // Without the frame of the table, which would cling to the first and the last block.
    let frame = text.components(separatedBy: "\n").filter { !$0.hasPrefix("table") && $0 != "}" }
    return frame.joined(separator: "\n").components(separatedBy: "\n\n").map { block in
      var lines = block.split(separator: "\n").map { String($0.drop { $0 == "\t" || $0 == " " }) }
      if lines.contains(where: { $0.hasPrefix("set affinity") }) {
        lines = lines.filter { line in
          ["set", "type", "flags", "timeout", "}"].contains { line.hasPrefix($0) }
        }
      }
      return lines.filter { !$0.isEmpty }.joined(separator: "\n")
    }.sorted()
  }

  struct Spot: Sendable {
    var from: String
    var to: String
    var sees: ClientView
    /// Pods that may answer.
    var pods: [String]
  }

  /// Of golden/cluster/traffic-iptables.txt.
  static let spots = [
    Spot(
      from: "pod/default/client-1", to: "svc/default/web", sees: .answer, pods: ["web-1", "web-2", "web-3"]),
    Spot(from: "pod/default/client-1", to: "svc/default/itp-local", sees: .answer, pods: ["web-1"]),
    Spot(from: "pod/default/client-2", to: "svc/default/term", sees: .answer, pods: ["term-1", "term-2"]),
    Spot(from: "pod/default/client-1", to: "svc/default/noep", sees: .refused, pods: []),
    Spot(
      from: "external/172.18.0.100", to: "172.18.0.3:30007", sees: .answer, pods: ["web-1", "web-2", "web-3"]),
    Spot(from: "node/test-cluster-worker2", to: "svc/default/pubnr", sees: .refused, pods: ["nr-1"]),
  ]

  @Test func packetsFareAsInTheRealCluster() throws {
    var session = try TraceSession(Self.scenario(.iptables, files: Self.everything), at: .zero)
    for spot in Self.spots.dropLast() {
      let trace = try session.trace(
        TraceRequest(
          from: spot.from, to: spot.to, transport: .tcp,
          via: spot.from.hasPrefix("external") ? "node/test-cluster-worker" : nil))
      #expect(trace.worst.clientSees == spot.sees, "\(spot)")
      let pods = Set(trace.candidates.compactMap(\.backend.pod))
      #expect(pods == Set(spot.pods.map { "default/" + $0 }), "\(spot)")
    }
  }
}
