// SPDX-License-Identifier: GPL-3.0-or-later
//
// Goal: `sim trace` says what really happens. Real clients at seven places of a real cluster called every
// address and port of its Services (Golden/README.md), once with kube-proxy in iptables mode and once in
// nftables mode. Method: each flow is traced in a scenario with the same objects; verdict, backends and
// source addresses must be the real ones.
//
// A backend that a trace names and that never answered is a mistake unless chance explains it: with
// probability p it stays away from n connections with (1 - p)^n, and below one in a million that is no
// explanation. With session affinity all connections of a client are one choice.

import Cluster
import Foundation
import NetworkTypes
import Scenario
import SimKernel
import Testing

@testable import Simulation

/// One member of traffic-*.json.
private struct RealFlow {
  var name: String
  var transport: String
  var destination: String
  var answers: [String: Int]
  var sources: Set<String>
  var errors: [String]

  var connections: Int { answers.values.reduce(0, +) }
  var hasAffinity: Bool { name.hasPrefix("aff ") }
  /// What the clients saw. Linux tells the sender of a UDP packet that its own OUTPUT chain rejects EPERM.
  var clientSees: ClientView {
    if !answers.isEmpty { return .answer }
    return errors.contains { $0 == "ECONNREFUSED" || $0 == "EPERM" } ? .refused : .silence
  }

  init?(_ key: String, _ value: Any) {
    let words = key.split(separator: " ").map(String.init)
    guard let at = words.firstIndex(where: { $0 == "TCP" || $0 == "UDP" }), words.count == at + 2,
      let flow = value as? [String: Any], let to = flow["to"] as? [String: Int],
      let seen = flow["src_seen"] as? [String: Int], let errors = flow["errors"] as? [String: Int]
    else { return nil }
    name = words[..<at].joined(separator: " ")
    transport = words[at]
    destination = words[at + 1]
    answers = to
    sources = Set(seen.keys)
    self.errors = errors.keys.sorted()
  }
}

struct GoldenTraceTests {
  private static let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  private static func flows(_ mode: ProxyMode, from vantage: String) throws -> [RealFlow] {
    let path = tests.appending(path: "SimulationTests/Golden/traffic-\(mode.rawValue).json")
    let all = try JSONSerialization.jsonObject(with: Data(contentsOf: path)) as? [String: [String: Any]]
    let here = try #require(all?[vantage])
    let flows = here.keys.sorted().compactMap { RealFlow($0, here[$0]!) }
    #expect(flows.count == here.count)
    return flows
  }

  private static func scenario(_ mode: ProxyMode) throws -> ScenarioFile {
    let path = tests.appending(path: "ScenarioTests/Kubernetes/Golden/cluster/traffic.json").path
    var file = try ScenarioLoader.load(path: path)
    file.setMode(of: mode)
    return file
  }

  private static func client(_ vantage: String) -> String {
    switch vantage {
    case "outside": "external/172.18.0.100"
    case "node-cp": "node/test-cluster-control-plane"
    case "node-worker": "node/test-cluster-worker"
    case "node-worker2": "node/test-cluster-worker2"
    default: "pod/default/" + vantage.dropFirst("pod-".count)
    }
  }

  static let modes = [ProxyMode.iptables, .nftables]
  static let vantages = [
    "node-cp", "node-worker", "node-worker2", "outside", "pod-client-1", "pod-client-2", "pod-web-1",
  ]

  @Test(arguments: modes, vantages)
  func tracesSayWhatRealClientsMet(_ mode: ProxyMode, _ vantage: String) throws {
    let flows = try Self.flows(mode, from: vantage)
    #expect(flows.count == (vantage.hasPrefix("node") ? 56 : 50))
    var session = try TraceSession(Self.scenario(mode), at: .zero)
    for flow in flows {
      let trace = try session.trace(
        TraceRequest(
          from: Self.client(vantage), to: flow.destination, transport: flow.transport == "UDP" ? .udp : .tcp,
          via: vantage == "outside" ? "node/test-cluster-worker" : nil))
      Self.compare(trace, flow)
    }
  }

  private static func compare(_ trace: Trace, _ flow: RealFlow) {
    let name = Comment(rawValue: "\(flow.name) \(flow.transport) \(flow.destination)")
    #expect(trace.verdictShare == 1, name)
    #expect(trace.worst.clientSees == flow.clientSees, name)
    #expect((trace.worst.cause == nil) == (flow.clientSees == .answer), name)
    guard flow.clientSees == .answer else { return }
    let named = trace.candidates.reduce(into: [String: Double]()) {
      $0[$1.backend.pod ?? "", default: 0] += $1.probability
    }
    let answered = Set(flow.answers.keys.map { "default/" + $0 })
    #expect(answered.isSubset(of: named.keys), name)
    let choices = flow.hasAffinity ? 1 : flow.connections
    for (pod, probability) in named where !answered.contains(pod) {
      #expect(pow(1 - probability, Double(choices)) > 1e-6, "\(name): \(pod) never answered")
    }
    let sources = Set(
      trace.candidates.filter { answered.contains($0.backend.pod ?? "") }
        .flatMap(\.sourcesSeen).map(\.description))
    #expect(sources == flow.sources, name)
  }
}
