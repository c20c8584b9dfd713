// SPDX-License-Identifier: GPL-3.0-or-later
//
// Causes at the destination.

import Cluster
import NetworkTypes
import Scenario
import SimKernel
import SimRandom
import Testing
import Traffic

@testable import Simulation

extension CauseCase {
  static let destination: [CauseCase] = [
    CauseCase("another Service's pod has the address by now", .ipReused, [.misdelivered]) {
      var w = SmallWorld(nodes: 2)
      // A block with a single usable address.
      w.file.cluster.nodes[1].podCIDR = IPv4CIDR("10.244.77.0/30")!
      w.addWeb(on: [1])
      w.addService()
      w.serve()
      w.file.cluster.timing.proxyWatch = .constant(5)
      w.at(2.05, .podDelete(.web(0)))
      w.at(2.55, .apply([SmallWorld.pod("mail-0", app: "mail", node: 1)]))
      w.addClient {
        $0.start = .zero + .seconds(3)
        $0.stop = .zero + .seconds(6)
      }
      return w
    },
    CauseCase("nothing listens on the target port", .portClosed, [.refused]) {
      var w = SmallWorld(nodes: 2)
      w.addWeb(on: [1])
      w.add(SmallWorld.service(targetPort: 9999))
      w.addClient()
      return w
    },
    CauseCase("UDP: nothing listens on the target port", .portClosed, [.refused]) {
      var w = SmallWorld(nodes: 2)
      w.addWeb(on: [1], transport: "UDP")
      w.add(SmallWorld.service(targetPort: 9999, transport: "UDP"))
      w.addClient { $0.transport = .udp }
      return w
    },
    CauseCase("a pod that exits at SIGTERM in the middle of requests", .podTerminated, [.reset]) {
      var w = base()
      w.serve { $0.serviceTime = .constant(2) }
      w.at(3.05, .podDelete(.web(0)))
      w.addClient { $0.stop = .zero + .seconds(3) }
      return w
    },
    CauseCase("UDP: a pod that exits at SIGTERM in the middle of requests", .podTerminated, [.noReply]) {
      var w = udp()
      w.file.servers[0].serviceTime = .constant(2)
      w.at(3.05, .podDelete(.web(0)))
      w.addClient {
        $0.transport = .udp
        $0.stop = .zero + .seconds(3)
      }
      return w
    },
    CauseCase("a pod that exits while the handshake is on its way", .podTerminated, [.reset]) {
      var w = base()
      w.serve()
      w.file.network.sameZone = .constant(0.2)
      // SYN at 3.0 s, there at 3.2 s; the process ends at 3.22 s; the SYN-ACK arrives at 3.4 s, the FIN at
      // 3.42 s.
      w.at(3.21, .podDelete(.web(0)))
      w.addClient { $0.arrivals = .trace([.zero + .seconds(3)]) }
      return w
    },
    CauseCase("a process that crashes in the middle of requests", .serverCrashed, [.reset]) {
      var w = base()
      w.serve { $0.serviceTime = .constant(2) }
      w.at(3.05, .podCrash(.web(0)))
      w.addClient { $0.stop = .zero + .seconds(3) }
      return w
    },
    CauseCase("an accept queue of one", .backlogFull, [.connectTimeout]) {
      var w = base()
      w.serve {
        $0.serviceTime = .constant(3)
        $0.maxConnections = 1
        $0.backlog = 0
      }
      w.addClient(every: 0.5) { $0.connectTimeout = .seconds(1) }
      return w
    },
    CauseCase("a request takes longer than its client waits", .serverTimeout, [.requestTimeout]) {
      var w = base()
      w.serve { $0.serviceTime = .constant(20) }
      w.addClient(every: 1)
      return w
    },
    CauseCase("UDP: a request takes longer than its client waits", .serverTimeout, [.noReply]) {
      var w = udp()
      w.file.servers[0].serviceTime = .constant(20)
      w.addClient(every: 1) { $0.transport = .udp }
      return w
    },
    CauseCase("a full queue drops requests", .serverTimeout, [.requestTimeout]) {
      var w = base()
      w.serve {
        $0.serviceTime = .constant(30)
        $0.concurrency = 1
        $0.queue = 0
      }
      w.addClient(every: 1)
      return w
    },
  ]
}
