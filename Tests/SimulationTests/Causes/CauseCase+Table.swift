// SPDX-License-Identifier: GPL-3.0-or-later
//
// Causes in the API's view and in a node's proxy table.

import Cluster
import NetworkTypes
import Scenario
import SimKernel
import SimRandom
import Testing
import Traffic

@testable import Simulation

extension CauseCase {
  static let table: [CauseCase] = staleness + refusals

  /// The API knows at once, the client's node three seconds later.
  private static func slowWatch(_ dead: DeadAddressAnswer) -> SmallWorld {
    var w = base(web: [1, 1])
    w.serve()
    w.file.cluster.timing.proxyWatch = .constant(3)
    w.file.network.deadPodIP = dead
    w.at(3.05, .podDelete(.web(0)))
    w.addClient()
    return w
  }

  /// The Service's first pod comes at `time`, and something that should tell of it is slow.
  private static func firstPod(
    at time: Double, callsFrom start: Int64, _ slow: (inout TimingSettings) -> Void
  ) -> SmallWorld {
    var w = base(web: [])
    w.serve()
    slow(&w.file.cluster.timing)
    w.at(time, .apply([SmallWorld.pod("web-0", app: "web", node: 1)]))
    w.addClient {
      $0.start = .zero + .seconds(start)
      $0.stop = .zero + .seconds(5)
      $0.connectTimeout = .milliseconds(500)
    }
    return w
  }

  private static let staleness: [CauseCase] = [
    CauseCase("a container that crashed is being restarted", .staleAPI, [.refused]) {
      var w = base()
      w.serve()
      w.file.cluster.timing.kubeletStatus = .constant(0.5)
      w.file.cluster.timing.podReady = .constant(0)
      w.at(3.05, .podCrash(.web(0)))
      w.addClient()
      return w
    },
    CauseCase("a headless Service's pod that crashed is still in DNS", .staleAPI, [.refused]) {
      var w = base { $0.clusterIP = "None" }
      w.serve()
      w.file.cluster.timing.kubeletStatus = .constant(0.5)
      w.file.cluster.timing.podReady = .constant(0)
      w.at(3.05, .podCrash(.web(0)))
      w.addClient()
      return w
    },
    CauseCase("the first pod is ready, its kubelet has not said so", .staleAPI, [.refused, .connectTimeout]) {
      firstPod(at: 2.05, callsFrom: 3) { $0.kubeletStatus = .constant(4) }
    },
    CauseCase("new connections to pods of a node that crashed", .staleAPI, [.connectTimeout]) {
      var w = base()
      w.serve()
      w.at(3.05, .nodeCrash(.named("node-1"), returnAfter: nil, newAddress: nil))
      w.addClient { $0.connectTimeout = .seconds(1) }
      return w
    },
    CauseCase("a deleted pod, answered for by ICMP", .staleTable, [.unreachable]) {
      slowWatch(.hostUnreachable)
    },
    CauseCase("a deleted pod, answered for by nobody", .staleTable, [.connectTimeout]) {
      slowWatch(.blackhole)
    },
    CauseCase("a deleted pod, answered for by RST", .staleTable, [.refused]) { slowWatch(.reset) },
    CauseCase("the first endpoint has not reached the node", .staleTable, [.refused, .connectTimeout]) {
      firstPod(at: 1.05, callsFrom: 2) { $0.proxyWatch = .constant(4) }
    },
    CauseCase("filter has lost its REJECT, nat has no DNAT yet", .tableSwap, [.connectTimeout]) {
      var w = base(web: [])
      w.serve()
      // The sync that brings the pod begins at 1.3 s; filter is committed at 2.3 s, nat at 3.3 s.
      w.file.cluster.timing.proxySync = .constant(2)
      w.at(1.05, .apply([SmallWorld.pod("web-0", app: "web", node: 1)]))
      w.addClient {
        $0.start = .zero + .milliseconds(2400)
        $0.stop = .zero + .milliseconds(3100)
      }
      return w
    },
  ]

  private static let refusals: [CauseCase] = [
    CauseCase("a Service without pods", .noEndpoints, [.refused, .connectTimeout]) {
      var w = base(web: [])
      w.addClient()
      return w
    },
    CauseCase("from the node itself, whose ICMP errors nobody limits", .noEndpoints, [.refused]) {
      var w = base(web: [])
      w.addClient { $0.place = .nodes(["node-0"]) }
      return w
    },
    CauseCase("externalTrafficPolicy Local without a local pod", .localPolicy, [.connectTimeout]) {
      var w = base {
        $0.type = "NodePort"
        $0.externalTrafficPolicy = "Local"
      }
      w.serve()
      w.addOutsideClient(to: .nodePort(SmallWorld.web, port: .first, node: "node-0"))
      return w
    },
    CauseCase("internalTrafficPolicy Local without a local pod", .localPolicy, [.connectTimeout]) {
      var w = base { $0.internalTrafficPolicy = "Local" }
      w.serve()
      w.addClient()
      return w
    },
    CauseCase("a client outside of loadBalancerSourceRanges", .sourceRange, [.connectTimeout]) {
      var w = base {
        $0.type = "LoadBalancer"
        $0.loadBalancerSourceRanges = ["198.51.100.0/24"]
      }
      w.serve()
      w.addOutsideClient(to: .loadBalancer(SmallWorld.web, port: .first))
      return w
    },
    CauseCase("nodePortAddresses without the node's address", .nodePortAddress, [.refused]) {
      var w = base { $0.type = "NodePort" }
      w.serve()
      var proxy = ProxySettings()
      proxy.clusterCIDR = w.file.cluster.podCIDR
      proxy.nodePortAddresses = [IPv4CIDR("10.0.0.0/8")!]
      w.file.cluster.proxy = proxy
      w.addOutsideClient(to: .nodePort(SmallWorld.web, port: .first, node: "node-0"))
      return w
    },
    CauseCase("a port that the Service does not have", .notProxied, [.connectTimeout]) {
      var w = base()
      w.serve()
      w.addClient(to: .service(SmallWorld.web, port: .number(81)))
      return w
    },
    CauseCase("an address that nobody has", .notProxied, [.connectTimeout]) {
      var w = base()
      w.addOutsideClient(to: .address(IPv4Address("192.0.2.99")!, port: 80))
      return w
    },
  ]
}
