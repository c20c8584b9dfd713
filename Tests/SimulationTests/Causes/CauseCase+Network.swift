// SPDX-License-Identifier: GPL-3.0-or-later
//
// Causes on the network path.

import Cluster
import NetworkTypes
import Scenario
import SimKernel
import SimRandom
import Testing
import Traffic

@testable import Simulation

extension CauseCase {
  static let network: [CauseCase] = [
    CauseCase("two nodes cannot reach each other", .partition, [.connectTimeout]) {
      var w = base()
      w.serve()
      let link = LinkTarget(from: .node("node-0"), to: .node("node-1"))
      w.at(3.05, .partition(link, duration: .constant(3)))
      w.addClient { $0.connectTimeout = .seconds(1) }
      return w
    },
    CauseCase("a path is cut under an open connection", .partition, [.broken]) {
      var w = base()
      w.serve()
      w.at(3.05, .partition(LinkTarget(from: .node("node-0"), to: .node("node-1")), duration: nil))
      w.addClient {
        $0.arrivals = .trace([.zero + .seconds(1)])
        $0.requests = .constant(10)
        $0.requestGap = .constant(0.5)
      }
      return w
    },
    CauseCase("half of all packets get lost", .networkLoss, [.connectTimeout, .broken]) {
      var w = base()
      w.serve()
      w.file.network.loss = 0.5
      w.addClient {
        $0.connectTimeout = .seconds(3)
        $0.requestTimeout = .seconds(1)
      }
      return w
    },
    CauseCase("half of all datagrams get lost", .networkLoss, [.noReply]) {
      var w = udp()
      w.file.network.loss = 0.5
      w.addClient { $0.transport = .udp }
      return w
    },
    CauseCase("peers have not heard of a node's new address", .staleRoute, [.connectTimeout]) {
      var w = base()
      w.serve()
      w.at(3.05, .nodeAddressChange(.named("node-1"), newAddress: IPv4Address("172.18.0.99")!))
      w.addClient { $0.connectTimeout = .seconds(1) }
      return w
    },
    CauseCase("a NodePort at a node's former address", .nodeAddressChanged, [.connectTimeout]) {
      var w = base { $0.type = "NodePort" }
      w.serve()
      w.at(3.05, .nodeAddressChange(.named("node-0"), newAddress: IPv4Address("172.18.0.99")!))
      w.addOutsideClient(to: .nodePort(SmallWorld.web, port: .first, node: "node-0"))
      return w
    },
    CauseCase("a NodePort at a node that is off", .nodeDown, [.connectTimeout]) {
      var w = base { $0.type = "NodePort" }
      w.serve()
      w.at(3.05, .nodeCrash(.named("node-0"), returnAfter: nil, newAddress: nil))
      w.addOutsideClient(to: .nodePort(SmallWorld.web, port: .first, node: "node-0"))
      return w
    },
    CauseCase("the server's node loses power under open connections", .nodeDown, [.broken]) {
      var w = base()
      w.serve { $0.serviceTime = .constant(2) }
      w.at(3.05, .nodeCrash(.named("node-1"), returnAfter: nil, newAddress: nil))
      w.addClient { $0.stop = .zero + .seconds(3) }
      return w
    },
    CauseCase("a pooled connection to a node that was off meanwhile", .nodeDown, [.broken]) {
      var w = base()
      w.serve()
      w.file.duration = .seconds(30)
      w.at(3.05, .nodeCrash(.named("node-1"), returnAfter: .constant(0), newAddress: nil))
      w.addClient {
        $0.arrivals = .trace([1, 2, 4, 20].map { .zero + .seconds($0) })
        $0.connections = .pool(size: 2, idleTimeout: nil, maxAge: nil)
        $0.requestTimeout = .seconds(1)
      }
      w.addClient {
        $0.arrivals = .trace([1, 20].map { .zero + .seconds($0) })
        $0.connections = .pool(size: 2, idleTimeout: nil, maxAge: nil)
      }
      return w
    },
  ]

  /// The Service `web` over UDP with `pods` pods on node-1.
  static func udp(pods: Int = 1) -> SmallWorld {
    var w = SmallWorld(nodes: 2)
    w.addWeb(on: Array(repeating: 1, count: pods), transport: "UDP")
    w.add(SmallWorld.service(transport: "UDP"))
    w.serve { $0.transport = .udp }
    return w
  }
}
