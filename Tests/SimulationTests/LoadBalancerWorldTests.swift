// SPDX-License-Identifier: GPL-3.0-or-later
//
// Connections through the external load balancer: what becomes of open ones when its set of nodes changes, by
// steering; health checks that meet what packets would meet; ipMode.

import Cluster
import NetworkTypes
import Scenario
import SimKernel
import SimRandom
import Testing
import Traffic

@testable import Simulation

struct LoadBalancerWorldTests {
  /// The share of open connections that one node of four leaving the set ends. Equal-cost routes: of the
  /// remainders modulo 12 three are the same modulo 4 and 3, so 9 of 12 move. Every moved one is lost:
  /// another node masquerades it under another address.
  @Test(arguments: [
    (LoadBalancerSettings.Steering.stateful, 0.0), (.resilientEcmp, 0.25), (.maglev, 0.25), (.ecmp, 0.75),
  ])
  func openConnectionsMoveByTheSteering(_ steering: LoadBalancerSettings.Steering, _ share: Double) throws {
    let count = 300
    var w = SmallWorld(nodes: 4)
    w.addWeb(on: [0, 1])
    w.addService { $0.type = "LoadBalancer" }
    w.serve()
    w.file.cluster.loadBalancer.steering = steering
    w.at(3.05, .nodeDelete(.named("node-3")))
    w.addOutsideClient(count: count, to: .loadBalancer(SmallWorld.web, port: .first)) {
      $0.arrivals = .trace([.zero + .seconds(1)])
      $0.requests = .constant(8)
      $0.requestGap = .constant(0.5)
    }
    let result = try w.run()
    #expect(result.attempted == count)
    #expect(result.count(.lbMoved) == result.lostCount, "\(result.failures)")
    let sigma = (share * (1 - share) * Double(count)).squareRoot()
    #expect(abs(Double(result.lostCount) - share * Double(count)) <= 4 * sigma)
  }

  @Test func consistentHashingMovesNobodyElse() {
    let all = (0..<10).map { NodeID($0) }
    let rest = all.filter { $0 != NodeID(4) }
    var moved = 0
    for key in 0..<20_000 as Range<UInt64> {
      let before = World.highest(of: all, key)
      let after = World.highest(of: rest, key)
      if before == 4 { moved += 1 } else { #expect(after == before) }
    }
    #expect(abs(moved - 2000) < 200)
  }

  /// Address of the load balancer as seen from inside: kube-proxy serves it itself, or leaves it alone.
  @Test(arguments: [("VIP", 0.0), ("Proxy", 1.0)])
  func onlyWithIPModeProxyAClientInsideMeetsTheBalancer(_ mode: String, _ lost: Double) throws {
    var w = SmallWorld()
    w.addWeb(on: [1])
    var spec = ServiceSpec()
    spec.type = "LoadBalancer"
    spec.selector = ["app": "web"]
    spec.externalTrafficPolicy = "Local"
    var port = ServicePort()
    port.port = 80
    port.targetPort = .int(8080)
    spec.ports = [port]
    var service = Service(metadata: ObjectMeta(name: "web"), spec: spec)
    service.status.loadBalancerIngress = [LoadBalancerIngress(ip: "192.0.2.7", ipMode: mode)]
    w.add(.service(service))
    w.serve()
    // No target: the only node with an endpoint cannot be reached by health checks.
    w.file.cluster.loadBalancer.checkInterval = .seconds(1)
    w.at(0.5, .partition(LinkTarget(from: .outside, to: .node("node-1")), duration: nil))
    w.addClient(to: .loadBalancer(SmallWorld.web, port: .first)) {
      $0.start = .zero + .seconds(5)
      $0.connectTimeout = .seconds(1)
    }
    let result = try w.run()
    #expect(result.attempted > 40)
    #expect(Double(result.lostCount) == lost * Double(result.attempted), "\(result.failures)")
    #expect(result.count(.lbNoTarget) == result.lostCount, "\(result.failures)")
  }

  /// What the check asks; whether a Service without pods has targets.
  @Test(arguments: [(LoadBalancerSettings.CheckPort.healthz, Cause.noEndpoints), (.nodePort, .lbNoTarget)])
  func aNodePortCheckSeesTheService(_ check: LoadBalancerSettings.CheckPort, _ cause: Cause) throws {
    var w = SmallWorld()
    w.addWeb(on: [])
    w.addService { $0.type = "LoadBalancer" }
    w.file.cluster.loadBalancer.checkPort = check
    w.addOutsideClient(to: .loadBalancer(SmallWorld.web, port: .first)) { $0.connectTimeout = .seconds(1) }
    let result = try w.run()
    #expect(result.attempted > 40 && result.count(cause) == result.attempted, "\(result.failures)")
  }

  /// Version; whether a node with the autoscaler's taint still gets connections after three checks.
  @Test(arguments: [(29, true), (30, false), (36, false)])
  func theAutoscalersTaintFailsHealthzFrom130On(_ minor: Int, _ isUsed: Bool) throws {
    var w = SmallWorld(nodes: 2, duration: .seconds(10))
    w.file.cluster.minorVersion = minor
    w.addWeb(on: [0])
    w.addService { $0.type = "LoadBalancer" }
    w.serve()
    w.file.cluster.loadBalancer.checkInterval = .seconds(1)
    w.at(1, .nodeTaint(.named("node-1"), taint: "ToBeDeletedByClusterAutoscaler:NoSchedule"))
    w.at(6, .nodeCrash(.named("node-1"), returnAfter: nil, newAddress: nil))
    w.addOutsideClient(to: .loadBalancer(SmallWorld.web, port: .first)) { $0.connectTimeout = .seconds(1) }
    let result = try w.run()
    #expect(isUsed == (result.lostCount > 0), "\(result.failures)")
  }
}
