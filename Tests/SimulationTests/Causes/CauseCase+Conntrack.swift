// SPDX-License-Identifier: GPL-3.0-or-later
//
// Causes in connection tracking.

import Cluster
import NetworkTypes
import Proxy
import Scenario
import SimKernel
import SimRandom
import Testing
import Traffic

@testable import Simulation

extension CauseCase {
  static let conntrack: [CauseCase] = [
    CauseCase("more open connections than nf_conntrack_max", .conntrackFull, [.connectTimeout]) {
      var w = base()
      w.serve { $0.serviceTime = .constant(3) }
      w.file.cluster.nodes[0].conntrackMax = 5
      w.addClient { $0.connectTimeout = .seconds(1) }
      return w
    },
    CauseCase("eBPF: a service map without room for the Service", .mapFull, [.connectTimeout]) {
      var w = base()
      w.add(SmallWorld.service("other", app: nil))
      w.serve()
      w.useCilium { $0.maps.services = 1 }
      w.addClient { $0.connectTimeout = .seconds(1) }
      return w
    },
    CauseCase(
      "eBPF: more open flows at the entry node than its conntrack map holds", .mapFull, [.reset]
    ) {
      var w = base(web: [1, 1, 1, 1]) { $0.type = "NodePort" }
      w.serve()
      w.useCilium { $0.maps.conntrackTCP = 6 }
      for _ in 0..<4 {
        w.addOutsideClient(to: .nodePort(SmallWorld.web, port: .first, node: "node-0"), every: 0.3) {
          $0.requests = .constant(2)
          $0.requestGap = .constant(1)
          $0.requestTimeout = .seconds(1)
        }
      }
      return w
    },
    CauseCase("silent for longer than the timeout of an open flow", .conntrackExpired, [.reset]) {
      var w = base(web: [1, 1, 1])
      w.serve()
      var proxy = ProxySettings()
      proxy.clusterCIDR = w.file.cluster.podCIDR
      proxy.tcpEstablishedTimeout = .seconds(2)
      w.file.cluster.proxy = proxy
      w.addClient {
        $0.requests = .constant(2)
        $0.requestGap = .constant(4)
      }
      return w
    },
    CauseCase("silent for longer than the timeout, with tcp_loose 0", .conntrackInvalid, [.broken]) {
      var w = base(web: [1, 1, 1])
      w.serve()
      var proxy = ProxySettings()
      proxy.clusterCIDR = w.file.cluster.podCIDR
      proxy.tcpEstablishedTimeout = .seconds(2)
      w.file.cluster.proxy = proxy
      w.file.cluster.kernel.tcpLoose = false
      w.addClient {
        $0.requests = .constant(2)
        $0.requestGap = .constant(4)
        $0.requestTimeout = .seconds(1)
      }
      return w
    },
    CauseCase("two sockets with one source port send at the same instant", .insertRace, [.noReply]) {
      var w = SmallWorld(nodes: 1, duration: .milliseconds(150))
      let server = IPv4Address("198.51.100.1")!
      var settings = ServerSettings(name: "log", place: .outside([server]))
      settings.transport = .udp
      settings.port = 514
      settings.serviceTime = .constant(0.001)
      w.file.servers = [settings]
      w.file.network.masqueradesRandomFully = false
      w.file.network.insertRace = .microseconds(20)
      for _ in 0..<2 {
        w.addClient(to: .address(server, port: 514), every: 0.1) {
          $0.transport = .udp
          $0.requestTimeout = .milliseconds(100)
          $0.localPorts = 40000...40000
        }
      }
      return w
    },
    CauseCase("UDP: a flow that conntrack leads to a pod that has gone", .staleConntrack, [.noReply]) {
      var w = udp(pods: 2)
      w.file.cluster.timing.proxyWatch = .constant(2)
      w.file.network.deadPodIP = .blackhole
      // The sandbox is gone 0.12 s later; until then a datagram would meet an ICMP error.
      w.at(3.01, .podDelete(.web(0)))
      for _ in 0..<4 {
        w.addClient(every: 0.2) {
          $0.transport = .udp
          $0.connections = .pool(size: 1, idleTimeout: nil, maxAge: nil)
          $0.requestTimeout = .milliseconds(50)
          $0.stop = .zero + .milliseconds(3300)
        }
      }
      return w
    },
    CauseCase("64,512 flows from one address to one address and port", .snatPortsExhausted, [.noReply]) {
      var w = SmallWorld(nodes: 1)
      let server = IPv4Address("198.51.100.1")!
      w.file.duration = .seconds(14)
      var settings = ServerSettings(name: "log", place: .outside([server]))
      settings.transport = .udp
      settings.port = 514
      settings.serviceTime = .constant(0.001)
      w.file.servers = [settings]
      var proxy = ProxySettings()
      proxy.clusterCIDR = w.file.cluster.podCIDR
      proxy.udpTimeout = .seconds(300)
      w.file.cluster.proxy = proxy
      // Each pod has 28,232 ports of its own, all of which leave with the node's address.
      for _ in 0..<3 {
        w.addClient(to: .address(server, port: 514), every: 0.0006) {
          $0.transport = .udp
          $0.requestTimeout = .milliseconds(100)
        }
      }
      return w
    },
  ]
}

/// INVALID is what is out of its window, or from the middle of an unknown connection with tcp_loose 0; of
/// the other packets of the model only an answer to a SYN that was never answered would be, and the model's
/// clients send nothing before the SYN-ACK has passed.
struct ConntrackStates {
  @Test(arguments: ConntrackState.allCases.filter { $0 != .synSent && $0 != .unreplied && $0 != .stream })
  func noPacketOfAnOpenConnectionIsInvalid(_ state: ConntrackState) {
    for kind in [PacketKind.request, .keepalive, .clientFin] {
      #expect(state.after(kind.segment, isReply: false) != nil)
    }
    for kind in [PacketKind.synAck, .response, .serverFin, .reset, .keepaliveAnswer] {
      #expect(state.after(kind.segment, isReply: true) != nil)
    }
  }
}
