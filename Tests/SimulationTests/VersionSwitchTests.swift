// SPDX-License-Identifier: GPL-3.0-or-later
//
// The version of Kubernetes alone changes what is lost, by as much as the documented figures say.

import Cluster
import NetworkTypes
import SimKernel
import Testing
import Traffic

@testable import Simulation

struct VersionSwitchTests {
  /// Two of three endpoints' node loses power at 10 s. Until the controller gives the node up, and 65 ms
  /// more, two thirds of the connections are lost: 40 s of grace up to 1.31, 50 s from 1.32 on, from the
  /// same heartbeat.
  private static func crash(minor: Int) throws -> RunResult {
    var w = SmallWorld(nodes: 3, duration: .seconds(120))
    w.file.cluster.minorVersion = minor
    w.addService()
    w.addWeb(on: [0, 1, 1])
    w.serve()
    w.addClient(on: 0, every: 0.01) { $0.connectTimeout = .seconds(1) }
    w.at(10, .nodeCrash(.named("node-1"), returnAfter: nil, newAddress: nil))
    return try w.run()
  }

  private static func noticed(_ result: RunResult) throws -> Double {
    try #require(result.events.first { $0.action == "Ready=Unknown" }?.time.seconds)
  }

  @Test func tenSecondsMoreGraceLoseTenSecondsMoreOfConnections() throws {
    let results: [RunResult] = [try Self.crash(minor: 31), try Self.crash(minor: 32)]
    let noticed: [Double] = [try Self.noticed(results[0]), try Self.noticed(results[1])]
    #expect(noticed[1] - noticed[0] == 10)
    // FACTS F1: 30-50 s and 40-60 s after the crash.
    #expect((40...60).contains(noticed[0]) && (50...70).contains(noticed[1]))
    let lost: [Double] = results.map { result in
      Double(result.lost.filter { $0.cause == .staleAPI || $0.cause == .nodeDown }.count)
    }
    // 100 a second, two of three endpoints; kubelet status and slice 10 ms, watch 5 ms, sync 50 ms.
    for index in 0..<2 {
      let predicted: Double = 66.667 * (noticed[index] + 0.065 - 10)
      let error: Double = (predicted / 3).squareRoot()
      #expect(abs(lost[index] - predicted) < 4 * error, "\(lost[index]) for \(predicted)")
    }
    let difference: Double = lost[1] - lost[0]
    #expect(abs(difference - 667) < 60, "\(lost)")
  }

  /// kube-proxy up to 1.25 refuses connections while the only endpoint terminates; from 1.26 on it serves
  /// them.
  @Test(arguments: [(25, true), (26, false), (36, false)])
  func terminatingEndpointsServeFromVersion126On(minor: Int, isRefused: Bool) throws {
    var w = SmallWorld(nodes: 2, duration: .seconds(10))
    w.file.cluster.minorVersion = minor
    w.addService()
    w.addWeb(on: [1])
    w.serve { $0.preStop = .seconds(4) }
    w.addClient(on: 0, every: 0.1)
    w.at(3, .podDelete(.named(NamespacedName(name: "web-0"))))
    let result = try w.run()
    let early = result.lost.filter { $0.end < .zero + .seconds(7) }
    #expect(early.isEmpty != isRefused, "\(early.count)")
    if isRefused { #expect(early.allSatisfy { $0.outcome == .refused }) }
  }
}
