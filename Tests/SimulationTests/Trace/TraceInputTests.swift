// SPDX-License-Identifier: GPL-3.0-or-later
//
// Goal: what cannot be traced is answered with what to write instead.

import Cluster
import Scenario
import SimKernel
import Testing

@testable import Simulation

struct TraceInputTests {
  struct Wrong: Sendable, CustomTestStringConvertible {
    var from = "pod/default/client"
    var to = "svc/default/web:80"
    var via: String?
    var says: [String]
    var testDescription: String { "\(from) to \(to)" }
  }

  static let wrong: [Wrong] = [
    Wrong(from: "pod/default/cleint", says: ["no pod default/cleint", "did you mean default/client?"]),
    Wrong(from: "pod/defualt/client", says: ["did you mean default/client?"]),
    Wrong(from: "node/nod-1", says: ["did you mean node-1?"]),
    Wrong(from: "node/x", says: ["there are node-0, node-1"]),
    Wrong(from: "svc/default/web", says: ["a Service sends no packets"]),
    Wrong(from: "external/10.244.0.77", says: ["no host outside"]),
    Wrong(from: "external/172.18.0.2", says: ["is node/node-0"]),
    Wrong(from: "external/nowhere", says: ["write pod/NAMESPACE/NAME"]),
    Wrong(from: "pod/default/client:http", says: ["a source port is a number"]),
    Wrong(to: "svc/default/wbe:80", says: ["no Service default/wbe", "did you mean default/web?"]),
    Wrong(to: "svc/default/web:81", says: ["no TCP port 81", "it has 80/TCP", "IP:PORT"]),
    Wrong(to: "svc/default/web:http", says: ["no TCP port http"]),
    Wrong(to: "pod/default/web-0:metrics", says: ["no TCP port named metrics"]),
    Wrong(to: "node/node-1", says: ["lacks a port"]),
    Wrong(to: "10.96.0.1", says: ["lacks a port"]),
    Wrong(to: "10.96.0.1:0", says: ["from 1 to 65535"]),
    Wrong(to: "10.96.0.1:70000", says: ["from 1 to 65535"]),
    Wrong(to: "[fd00::1]:80", says: ["IPv6 is not modelled"]),
    Wrong(to: "a/b/c/d", says: ["is no end of a packet's way"]),
    Wrong(to: "", says: ["is no end of a packet's way"]),
    Wrong(via: "node-1", says: ["--via takes the node", "node/NAME"]),
    Wrong(via: "node/node-7", says: ["no node node-7"]),
  ]

  @Test(arguments: wrong) func isAnsweredWithWhatToWriteInstead(_ wrong: Wrong) throws {
    let w = SmallWorld.traced(web: [1])
    let error = #expect(throws: TraceError.self) { try w.trace(wrong.from, wrong.to, via: wrong.via) }
    for part in wrong.says {
      #expect(error?.description.contains(part) == true, "\(error?.description ?? "")")
    }
  }

  @Test func aTimePastTheEndIsThatOfALongerRun() throws {
    var w = SmallWorld.traced(web: [1])
    let late = try w.trace("pod/default/client", "svc/default/web:80", at: 10.5)
    #expect(late.verdict == .delivered)
    w.file.duration = .seconds(11)
    let longer = try w.trace("pod/default/client", "svc/default/web:80", at: 10.5)
    #expect(longer.json.document == late.json.document)
  }

  /// 127.0.0.1 of a pod is the pod itself, whose kernel answers at once; kube-proxy never sees the packet.
  @Test(arguments: ProxyMode.allCases) func aPodsOwnLoopbackRefuses(_ mode: ProxyMode) throws {
    var w = SmallWorld.traced(web: [1]) {
      $0.type = "NodePort"
      $0.ports[0].nodePort = 30080
    }
    w.file.setMode(of: mode)
    let trace = try w.trace("pod/default/client", "127.0.0.1:30080")
    #expect(trace.verdict == .notProxied)
    #expect(trace.outcomes.map(\.clientSees) == [.refused])
    #expect(trace.outcomes.allSatisfy { $0.cause == .portClosed })
  }

  @Test func aPodThatIsGoneIsSaidToHaveBeenThere() throws {
    var w = SmallWorld.traced(web: [1])
    w.at(1, .podDelete(.web(0)))
    let error = #expect(throws: TraceError.self) {
      try w.trace("pod/default/web-0", "svc/default/web:80", at: 9)
    }
    #expect(error?.description.contains("there was one before") == true)
  }
}
