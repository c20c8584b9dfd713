// SPDX-License-Identifier: GPL-3.0-or-later
//
// Causes at the client, in DNS and at the load balancer.

import Cluster
import NetworkTypes
import Scenario
import SimKernel
import Testing
import Traffic

@testable import Simulation

extension CauseCase {
  static let client: [CauseCase] = [
    CauseCase(
      "28,232 ports towards one address, each in TIME_WAIT for a minute", .clientPortsExhausted, [.localError]
    ) {
      var w = base()
      w.serve()
      w.file.duration = .seconds(3)
      w.addClient(every: 0.0001)
      return w
    },
    CauseCase("a name that nobody has", .nameNotFound, [.dnsFailed]) {
      var w = base()
      w.serve()
      w.addClient(to: .name("nowhere.example.com", port: 80))
      return w
    },
    CauseCase("a headless Service without pods has no records", .nameNotFound, [.dnsFailed]) {
      var w = base(web: []) { $0.clusterIP = "None" }
      w.addClient()
      return w
    },
    CauseCase("queries without answers", .dnsLost, [.dnsFailed]) {
      var w = base()
      w.serve()
      w.file.cluster.dns.loss = 1
      w.addClient()
      return w
    },
    CauseCase("CoreDNS on a node that crashed, before the API knows", .dnsLost, [.dnsFailed]) {
      var w = SmallWorld.looking(dns: [1], every: 0.5)
      w.file.objects = w.file.objects.map { SmallWorld.moved($0, "web", to: 0) }
      w.at(3.05, .nodeCrash(.named("node-1"), returnAfter: nil, newAddress: nil))
      return w
    },
    CauseCase("A and AAAA of one socket clash, and there is no second attempt", .insertRace, [.dnsFailed]) {
      var w = SmallWorld.looking(dns: [1, 1])
      w.file.cluster.dns.resolver.library = .musl
      w.file.cluster.dns.resolver.attempts = 1
      w.file.cluster.dns.insertRace.probability = 1
      w.file.cluster.dns.insertRace.kernel = KernelVersion(4, 15)
      return w
    },
    CauseCase("a Service that CoreDNS has not been told of", .staleDNS, [.dnsFailed]) {
      var w = SmallWorld(nodes: 2, duration: .seconds(4))
      w.addWeb(on: [1])
      w.serve()
      w.addCoreDNS(on: [1])
      // Longer than kube-proxy needs for two syncs.
      w.file.cluster.dns.coreDNS.watchDelay = .constant(2)
      w.at(0.5, .apply([SmallWorld.service()]))
      w.addClient {
        $0.dnsCache = .zero
        $0.start = .zero + .milliseconds(510)
        $0.connectTimeout = .seconds(3)
      }
      return w
    },
    CauseCase(
      "a Service made anew with another address, and clients that remember", .staleDNS, [.connectTimeout]
    ) {
      var w = base { $0.clusterIP = "10.96.0.100" }
      w.serve()
      w.at(5.05, .delete(.service, SmallWorld.web))
      w.at(5.05, .apply([SmallWorld.service { $0.clusterIP = "10.96.0.200" }]))
      w.addClient()
      return w
    },
    CauseCase("a headless Service's pod that went while clients remember it", .staleDNS, [.connectTimeout]) {
      var w = base(web: [1, 1]) { $0.clusterIP = "None" }
      w.serve()
      w.file.network.deadPodIP = .blackhole
      // The sandbox is gone 0.12 s later; until then a new connection would meet a RST.
      w.at(3.01, .podDelete(.web(0)))
      w.addClient(every: 0.2) { $0.connectTimeout = .seconds(1) }
      return w
    },
    CauseCase("a server that closes what was idle while a request is on its way", .idleTimeout, [.reset]) {
      var w = base()
      w.serve { $0.idleTimeout = .seconds(1) }
      w.file.network.sameZone = .constant(0.1)
      w.addClient(every: 1.25) { $0.connections = .pool(size: 1, idleTimeout: nil, maxAge: nil) }
      return w
    },
  ]

  static let balancer: [CauseCase] = [
    CauseCase("no node has a local endpoint", .lbNoTarget, [.connectTimeout]) {
      var w = base(web: []) {
        $0.type = "LoadBalancer"
        $0.externalTrafficPolicy = "Local"
      }
      w.addOutsideClient(to: .loadBalancer(SmallWorld.web, port: .first))
      return w
    },
    CauseCase("a crashed node whose health check has not failed yet", .lbStaleTarget, [.connectTimeout]) {
      var w = base(web: [2], nodeCount: 3) { $0.type = "LoadBalancer" }
      w.serve()
      w.at(3.05, .nodeCrash(.named("node-1"), returnAfter: nil, newAddress: nil))
      w.addOutsideClient(to: .loadBalancer(SmallWorld.web, port: .first)) { $0.connectTimeout = .seconds(2) }
      return w
    },
    CauseCase("a node that lost its only local endpoint", .lbStaleTarget, [.connectTimeout]) {
      var w = base(web: [0, 1]) {
        $0.type = "LoadBalancer"
        $0.externalTrafficPolicy = "Local"
      }
      w.serve { $0.preStop = .seconds(2) }
      w.file.network.deadPodIP = .blackhole
      w.at(3.05, .podDelete(.web(0)))
      w.addOutsideClient(to: .loadBalancer(SmallWorld.web, port: .first)) { $0.connectTimeout = .seconds(2) }
      return w
    },
    CauseCase("routers without a table spread over two nodes instead of three", .lbMoved, [.reset]) {
      var w = balanced(steering: .ecmp)
      w.at(3.05, .nodeDelete(.named("node-2")))
      return w
    },
    CauseCase("a deregistered node whose time to drain is over", .lbDrained, [.reset]) {
      var w = balanced { $0.drain = .seconds(2) }
      w.at(3.05, .nodeDelete(.named("node-2")))
      return w
    },
    CauseCase("a balancer that resets what goes to unhealthy nodes", .lbDrained, [.reset]) {
      var w = balanced {
        $0.resetsUnhealthy = true
        $0.checkInterval = .seconds(1)
      }
      let taint = "ToBeDeletedByClusterAutoscaler:NoSchedule"
      w.at(3.05, .nodeTaint(.named("node-2"), taint: taint))
      return w
    },
    CauseCase("a balancer that forgets idle connections and says so", .idleTimeout, [.reset]) {
      balanced(gap: 5) { $0.idleTimeout = .seconds(4) }
    },
    CauseCase("a balancer that forgets idle connections in silence", .idleTimeout, [.broken]) {
      balanced(gap: 5) {
        $0.idleTimeout = .seconds(4)
        $0.idleAction = .drop
      }
    },
    CauseCase("a target known by an address that the node no longer has", .lbStaleTarget, [.connectTimeout]) {
      var w = balanced {
        $0.targets = .ip
        $0.registration = .constant(60)
      }
      w.file.clients = []
      w.at(3.05, .nodeAddressChange(.named("node-2"), newAddress: IPv4Address("172.18.0.99")!))
      w.addOutsideClient(to: .loadBalancer(SmallWorld.web, port: .first)) { $0.connectTimeout = .seconds(2) }
      return w
    },
  ]

  /// Three nodes, the only pod on node-0, and long connections through the load balancer.
  static func balanced(
    steering: LoadBalancerSettings.Steering = .stateful, gap: Double = 0.5,
    _ change: (inout LoadBalancerSettings) -> Void = { _ in }
  ) -> SmallWorld {
    var w = base(web: [0], nodeCount: 3) { $0.type = "LoadBalancer" }
    w.serve()
    w.file.cluster.loadBalancer.steering = steering
    change(&w.file.cluster.loadBalancer)
    w.addOutsideClient(count: 4, to: .loadBalancer(SmallWorld.web, port: .first)) {
      $0.arrivals = .trace([1.0, 1.3, 1.6, 1.9].map { .zero + SimDuration(seconds: $0) })
      $0.requests = .constant(12)
      $0.requestGap = .constant(gap)
      $0.requestTimeout = .seconds(3)
    }
    return w
  }
}
