// SPDX-License-Identifier: GPL-3.0-or-later
//
// A pod calls the node port of another node, under externalTrafficPolicy Local. Whether the pod network
// masquerades decides whom that node takes the client for; run and trace must tell the same story.

import Cluster
import NetworkTypes
import Scenario
import SimKernel
import Testing
import Traffic

@testable import Simulation

struct PodNetworkMasqueradeTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var mode: ProxyMode
    var masquerades: Bool
    /// The node of the endpoint; the client is on node-2 and calls node-0.
    var endpoint: Int
    var isAnswered: Bool
    /// What the server sees of the client.
    var seen: String?
    var testDescription: String { "\(mode), masquerade \(masquerades), endpoint on node-\(endpoint)" }
  }

  static let cases: [Case] = [
    // The node has an endpoint: only the source that it sees differs.
    Case(mode: .iptables, masquerades: true, endpoint: 0, isAnswered: true, seen: "node"),
    Case(mode: .iptables, masquerades: false, endpoint: 0, isAnswered: true, seen: "pod"),
    Case(mode: .nftables, masquerades: true, endpoint: 0, isAnswered: true, seen: "node"),
    Case(mode: .nftables, masquerades: false, endpoint: 0, isAnswered: true, seen: "pod"),
    Case(mode: .ipvs, masquerades: true, endpoint: 0, isAnswered: true, seen: "node"),
    Case(mode: .ipvs, masquerades: false, endpoint: 0, isAnswered: true, seen: "pod"),
    // It has none. Masqueraded, the client is an outsider: DROP; under ipvs the fallback.
    Case(mode: .iptables, masquerades: true, endpoint: 1, isAnswered: false, seen: nil),
    Case(mode: .nftables, masquerades: true, endpoint: 1, isAnswered: false, seen: nil),
    Case(mode: .ipvs, masquerades: true, endpoint: 1, isAnswered: false, seen: "node"),
    // Not masqueraded, a pod gets any endpoint, which answers the pod past the node that has the translation.
    Case(mode: .iptables, masquerades: false, endpoint: 1, isAnswered: false, seen: "pod"),
    Case(mode: .nftables, masquerades: false, endpoint: 1, isAnswered: false, seen: "pod"),
    Case(mode: .ipvs, masquerades: false, endpoint: 1, isAnswered: false, seen: "pod"),
    // The socket is connected to the backend itself: the pod network sees pods only.
    Case(mode: .ebpf, masquerades: true, endpoint: 1, isAnswered: true, seen: "pod"),
    Case(mode: .ebpf, masquerades: false, endpoint: 1, isAnswered: true, seen: "pod"),
  ]

  @Test("node port of another node, policy Local: run and trace agree", arguments: cases)
  func localNodePort(_ c: Case) throws {
    var w = SmallWorld(nodes: 3, duration: .seconds(5))
    w.file.setMode(of: c.mode)
    w.file.network.masqueradesPodTraffic = c.masquerades
    w.addWeb(on: [c.endpoint])
    w.addService {
      $0.type = "NodePort"
      $0.externalTrafficPolicy = "Local"
      $0.ports[0].nodePort = 30080
    }
    w.serve()
    w.addClient(on: 2, to: .nodePort(SmallWorld.web, port: .first, node: "node-0"), every: 0.5) {
      $0.connectTimeout = .seconds(1)
    }
    let result = try w.run()
    #expect(result.failures == (c.isAnswered ? [] : ["connect_timeout/local_policy: 9"]))
    #expect(result.count(.completed) == (c.isAnswered ? 9 : 0))

    var session = try TraceSession(w.file, at: .zero)
    let to = "\(session.world.control.nodes[0].primaryAddress):30080"
    let trace = try session.trace(TraceRequest(from: "pod/default/client-0", to: to))
    #expect(trace.outcomes.count == 1)
    let outcome = try #require(trace.outcomes.first)
    #expect(outcome.verdict == (c.isAnswered ? .delivered : .dropped))
    #expect(outcome.cause == (c.isAnswered ? nil : .localPolicy))
    let pod = outcome.sourceSeen.map { $0.description.hasPrefix("10.244.") ? "pod" : "node" }
    #expect(pod == c.seen)
  }
}
