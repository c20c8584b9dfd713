// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which clean-up of UDP entries a change asks for, by generation: by events up to 1.31, reconciling from
// 1.32, also of Services that serve nothing from 1.37 (FACTS C10; k/k 127318, 139629).

import Cluster
import NetworkTypes
import SimKernel
import SimRandom
import Testing

@testable import Proxy

private func slices(_ endpoints: [String]) -> [EndpointSlice] {
  // "1R": 10.180.0.1 in state R.
  let list = endpoints.map {
    testEndpoint("10.180.0.\($0.dropLast())", node: "testnode", $0.last ?? "R")
  }
  return [testSlice(list, ports: [EndpointPort(port: 53, protocol: "UDP")])]
}

private func text(_ cleanup: ConntrackCleanup) -> String {
  let frontends = cleanup.frontends.map { "\($0.address)" }.joined(separator: " ")
  let scope =
    switch cleanup.scope {
    case .everything: "all"
    case .otherThanServing: "not " + cleanup.serving.map { "\($0.address)" }.joined(separator: ",")
    case .leadingTo(let gone): "to " + gone.map { "\($0)" }.joined(separator: ",")
    }
  return "\(frontends) \(cleanup.nodePort): \(scope)"
}

@Suite struct ConntrackCleanupVersionTests {
  private static let all = "172.30.0.41 1.2.3.4 3001"

  @Test(arguments: [
    // An endpoint goes.
    (31, ["1R", "2R"], ["1R"], ["\(all): to 10.180.0.2"]),
    (32, ["1R", "2R"], ["1R"], ["\(all): not 10.180.0.1"]),
    // It is still there but serves no more; terminating and serving it stays.
    (31, ["1R", "2R"], ["1R", "2X"], ["\(all): to 10.180.0.2"]),
    (31, ["1R", "2R"], ["1R", "2T"], []),
    (36, ["1R", "2R"], ["1R", "2T"], ["\(all): not 10.180.0.1,10.180.0.2"]),
    // The last one goes.
    (31, ["1R"], [], ["\(all): to 10.180.0.1"]),
    (32, ["1R"], [], []), (36, ["1R"], [], []),
    (37, ["1R"], [], ["\(all): not "]),
    // The first one comes.
    (31, [], ["1R"], ["\(all): all"]),
    (36, [], ["1R"], ["\(all): not 10.180.0.1"]),
    // One more comes.
    (31, ["1R"], ["1R", "2R"], []),
    (36, ["1R"], ["1R", "2R"], ["\(all): not 10.180.0.1,10.180.0.2"]),
  ]) func aChangeAsksForACleanup(minor: Int, before: [String], after: [String], expected: [String]) {
    var world = udpWorld(minor, before)
    world.put(0, slices: slices(after))
    world.run(for: .seconds(2))
    #expect(world.cleanups.map { text($0) } == expected)
  }

  /// A Service that is deleted: up to 1.31 its cluster IP's entries go, then nobody looks at it.
  @Test(arguments: [(31, ["172.30.0.41 0: all"]), (32, []), (37, [])])
  func aDeletedService(minor: Int, expected: [String]) {
    var world = udpWorld(minor, ["1R"])
    world.put(0, nil as Service?)
    world.run(for: .seconds(2))
    #expect(world.cleanups.map { text($0) } == expected)
  }

  /// The first sync of a process looks at everything.
  @Test(arguments: [(31, ["\(all): all"]), (36, ["\(all): not 10.180.0.1"])])
  func aNewProcess(minor: Int, expected: [String]) {
    var world = udpWorld(minor, ["1R"])
    world.fleet.restart(NodeID(0), settings: nil, at: .zero, into: &world.output)
    world.take()
    world.run(for: .seconds(5))
    #expect(world.cleanups.map { text($0) } == expected)
  }

  private func udpWorld(_ minorVersion: Int, _ endpoints: [String]) -> ProxyWorld {
    var world = ProxyWorld(
      nodes: [testNode(0, "testnode", [Address.node], testSettings())], minorVersion: minorVersion)
    let service = testService("svc1", clusterIP: "172.30.0.41", port: 53, transport: "UDP") {
      $0.spec.type = "LoadBalancer"
      $0.spec.ports[0].nodePort = 3001
      $0.status.loadBalancerIngress = [LoadBalancerIngress(ip: "1.2.3.4")]
    }
    world.put(0, service)
    world.put(0, slices: slices(endpoints))
    world.converge()
    return world
  }
}
