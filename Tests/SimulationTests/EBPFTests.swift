// SPDX-License-Identifier: GPL-3.0-or-later
//
// Whole runs with Cilium on the nodes: connections whose own destination is the backend, UDP sockets that are
// destroyed, and the ways that replies take under SNAT and DSR.

import Cluster
import NetworkTypes
import Proxy
import Scenario
import SimKernel
import SimRandom
import Testing
import Traffic

@testable import Simulation

extension SmallWorld {
  /// All nodes run Cilium.
  mutating func useCilium(_ change: (inout EBPFSettings) -> Void = { _ in }) {
    var proxy = ProxySettings()
    proxy.clusterCIDR = file.cluster.podCIDR
    proxy.mode = .ebpf
    change(&proxy.ebpf)
    file.cluster.proxy = proxy
  }
}

struct EBPFTests {
  private static func web(_ nodes: [Int], nodeCount: Int = 2) -> SmallWorld {
    var w = SmallWorld(nodes: nodeCount)
    w.addWeb(on: nodes)
    w.addService { $0.type = "LoadBalancer" }
    w.serve()
    w.useCilium()
    return w
  }

  @Test func aPodsConnectionGoesToTheBackendItself() throws {
    var w = Self.web([1, 1])
    w.addClient(on: 0) { $0.connections = .pool(size: 2, idleTimeout: nil, maxAge: nil) }
    var world = try World.make(w.file, replication: 0)
    try world.run(observer: nil)
    var translated = 0
    for slot in 0..<UInt32(world.connections.used) where world.connections[slot].pointee.isLive {
      let c = world.connections[slot].pointee
      guard c.isTranslatedAtSocket else { continue }
      translated += 1
      #expect(w.file.cluster.podCIDR.contains(c.tuple.destination))
      #expect(c.tuple.destinationPort == 8080)
      #expect(w.file.cluster.serviceCIDR.contains(world.dialled(slot).destination))
      #expect(c.serverTuple == c.tuple, "nothing is rewritten on the way")
    }
    #expect(translated > 0)
  }

  @Test func serversSeeTheClientUnlessSnatBringsItFromAnotherNode() throws {
    // Outside clients enter at node 0; the only backend is on node 1.
    for (mode, seesClient) in [(EBPFSettings.Forwarding.snat, false), (.dsr, true), (.hybrid, true)] {
      var w = Self.web([1])
      w.useCilium { $0.forwarding = mode }
      w.addOutsideClient(to: .nodePort(SmallWorld.web, port: .first, node: "node-0")) {
        $0.connections = .pool(size: 1, idleTimeout: nil, maxAge: nil)
      }
      var world = try World.make(w.file, replication: 0)
      try world.run(observer: nil)
      let live = (0..<UInt32(world.connections.used)).map { world.connections[$0].pointee }
        .filter { $0.isLive && $0.hasReachedServer }
      #expect(!live.isEmpty)
      for c in live {
        #expect(!c.isTranslatedAtSocket)
        #expect((c.serverTuple.source == c.tuple.source) == seesClient, "\(mode)")
      }
    }
  }

  /// Under DSR the answer crosses one network less than under SNAT: 100 µs here.
  @Test func repliesSkipTheEntryNodeUnderDsr() throws {
    func latency(_ mode: EBPFSettings.Forwarding) throws -> Double {
      var w = Self.web([1])
      w.useCilium { $0.forwarding = mode }
      w.file.network.sameZone = .constant(0.0001)
      w.addOutsideClient(to: .nodePort(SmallWorld.web, port: .first, node: "node-0"))
      let result = try w.run()
      #expect(result.count(.completed) == result.attempted)
      let row = try #require(result.latency.first { $0.phase == .connect })
      return try #require(row.histogram.mean).seconds
    }
    let gain = try latency(.snat) - latency(.dsr)
    #expect(abs(gain - 0.0001) < 0.00001, "\(gain) s")
  }

  @Test func aServiceWithoutBackendsIsUnreachableAtOnceInside() throws {
    var w = SmallWorld()
    w.addService()
    w.useCilium()
    w.addClient()
    let result = try w.run()
    #expect(result.attempted > 0)
    #expect(result.count(.unreachable) == result.attempted, "\(result.failures)")
    #expect(result.count(.noEndpoints) == result.attempted)
  }

  @Test func aUdpSocketOfADeletedBackendIsDestroyedAndTheNextOneFindsAnother() throws {
    func run(destroys: Bool) throws -> RunResult {
      var w = SmallWorld()
      w.addWeb(on: [1, 1], transport: "UDP")
      w.add(SmallWorld.service(transport: "UDP"))
      w.serve { $0.transport = .udp }
      w.useCilium { $0.terminatesSockets = destroys }
      w.file.network.deadPodIP = .blackhole
      w.at(3.01, .podDelete(.web(0)))
      // Each speaks at 2.4 s and next at 4.8 s: in between the backend goes and the maps follow.
      for _ in 0..<8 {
        w.addClient(every: 2.4) {
          $0.transport = .udp
          $0.connections = .pool(size: 1, idleTimeout: nil, maxAge: nil)
          $0.requestTimeout = .milliseconds(20)
        }
      }
      return try w.run()
    }
    let destroyed = try run(destroys: true)
    #expect(destroyed.count(.completed) == destroyed.attempted, "\(destroyed.failures)")
    // A connected socket stays with the dead address.
    let kept = try run(destroys: false)
    #expect(kept.count(.noReply) > 0)
    #expect(kept.count(.staleTable) == kept.count(.noReply), "\(kept.failures)")
  }

  @Test func tcpConnectionsGoOnWhileTheirBackendTerminates() throws {
    var w = Self.web([1, 1])
    w.file.servers[0].onTermination = .ignore
    w.file.objects = w.file.objects.map { object in
      guard case .pod(var pod) = object, pod.metadata.name == "web-0" else { return object }
      pod.spec.terminationGracePeriod = .seconds(30)
      return .pod(pod)
    }
    w.at(3, .podDelete(.web(0)))
    w.addClient { $0.connections = .pool(size: 4, idleTimeout: nil, maxAge: nil) }
    let result = try w.run()
    #expect(result.count(.completed) == result.attempted, "\(result.failures)")
  }

  @Test func flowsFromOutsideThatLedToADeletedBackendChooseAgain() throws {
    var w = SmallWorld()
    w.addWeb(on: [1, 1], transport: "UDP")
    w.add(SmallWorld.service(transport: "UDP") { $0.type = "NodePort" })
    w.serve { $0.transport = .udp }
    w.useCilium()
    w.file.network.deadPodIP = .blackhole
    w.at(3.01, .podDelete(.web(0)))
    for _ in 0..<4 {
      w.addOutsideClient(to: .nodePort(SmallWorld.web, port: .first, node: "node-0"), every: 0.05) {
        $0.transport = .udp
        $0.connections = .pool(size: 1, idleTimeout: nil, maxAge: nil)
        $0.requestTimeout = .milliseconds(40)
      }
    }
    let result = try w.run()
    #expect(result.count(.completed) > 500)
    #expect(result.lost.allSatisfy { $0.start < .zero + .seconds(5) }, "\(result.failures)")
  }
}
