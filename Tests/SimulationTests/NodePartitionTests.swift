// SPDX-License-Identifier: GPL-3.0-or-later
//
// Nodes that are cut off on one side only, and that come back with what they knew before; and node ports on a
// node's new address by proxy mode (FACTS J).

import Cluster
import NetworkTypes
import Scenario
import SimKernel
import SimRandom
import Testing
import Traffic

@testable import Simulation

struct NodePartitionTests {
  static func world(seconds: Int64 = 60) -> SmallWorld {
    var w = SmallWorld(nodes: 2, duration: .seconds(seconds))
    w.file.cluster.timing.nodeMonitorGrace = .seconds(20)
    w.addWeb(on: [0, 1])
    w.addService()
    w.serve()
    return w
  }

  @Test func aNodeCutOffFromTheControlPlaneServesOnAndIsTakenOut() throws {
    var w = Self.world()
    w.at(3.05, .partition(LinkTarget(from: .node("node-1"), to: .controlPlane), duration: nil))
    w.addClient { $0.connectTimeout = .seconds(1) }
    let result = try w.run()
    #expect(result.lostCount == 0, "\(result.failures)")
    #expect(result.events.contains { $0.object == "node/node-1" && $0.action == "Ready=Unknown" })
    let late = result.events.filter { $0.action == "Ready=Unknown" }.map(\.time.seconds)
    #expect(late.count == 1 && late[0] > 12 && late[0] < 28.1)
  }

  @Test func aNodeWithoutDataPlaneStaysReadyAndLosesItsShareForEver() throws {
    var w = Self.world()
    w.at(3.05, .partition(LinkTarget(from: .node("node-1"), to: .anyNode), duration: nil))
    w.addClient { $0.connectTimeout = .seconds(1) }
    let result = try w.run()
    #expect(!result.events.contains { $0.action == "Ready=Unknown" })
    #expect(result.count(.partition) == result.lostCount)
    let share = Double(result.lostCount) / Double(result.attempted) * 60 / 57
    #expect(abs(share - 0.5) < 0.1, "\(share)")
  }

  @Test func twoZonesCutApartLoseWhatCrosses() throws {
    var w = Self.world(seconds: 20)
    for i in 0..<2 { w.file.cluster.nodes[i].zone = ["x", "y"][i] }
    w.at(3.05, .partition(LinkTarget(from: .zone("x"), to: .zone("y")), duration: .constant(5)))
    w.addClient { $0.connectTimeout = .seconds(1) }
    let result = try w.run()
    #expect(result.lostCount > 10 && result.count(.partition) == result.lostCount, "\(result.failures)")
    #expect(result.lost.allSatisfy { $0.start.seconds > 3 && $0.start.seconds < 8.06 })
  }

  /// The client's node cannot hear that a pod was deleted: its rules stay as they were until it is back.
  /// TCP brings the news with its next retransmission, 12.6 s after the deletion at the latest.
  @Test func aNodeComesBackWithOldRulesUntilItHasCaughtUp() throws {
    var w = Self.world(seconds: 20)
    w.file.network.deadPodIP = .blackhole
    w.at(3.05, .partition(LinkTarget(from: .node("node-0"), to: .controlPlane), duration: .constant(8)))
    w.at(4, .podDelete(.web(1)))
    w.addClient { $0.connectTimeout = .seconds(1) }
    let result = try w.run()
    #expect(result.lostCount > 20 && result.count(.staleTable) == result.lostCount, "\(result.failures)")
    let starts = result.lost.map(\.start.seconds)
    #expect(starts.min()! >= 4 && starts.max()! > 10.5 && starts.max()! < 17)
  }

  /// A pod that was deleted while its node was cut off serves on until the kubelet hears of it.
  @Test func aPodDeletedMeanwhileIsKilledWhenItsKubeletHearsOfIt() throws {
    var w = Self.world(seconds: 20)
    w.at(3.05, .partition(LinkTarget(from: .node("node-1"), to: .controlPlane), duration: .constant(8)))
    w.at(4, .podDelete(.web(1)))
    w.addClient { $0.connectTimeout = .seconds(1) }
    let result = try w.run()
    let ends = result.events.filter { $0.object == "pod/default/web-1" && $0.action == "ended" }
    #expect(ends.map { ($0.time.seconds * 100).rounded() / 100 } == [11.06])
    #expect(result.lostCount == 0, "the tables had long left it out: \(result.failures)")
  }

  /// Mode, version; when the last connection to the node port on the new address fails (start of the
  /// attempt).
  @Test(arguments: [
    (ProxyMode.iptables, 36, 2.9...3.06), (.ipvs, 36, 3.05...6.2), (.nftables, 36, 19.8...20),
    (.nftables, 37, 7.8...8.2), (.iptables, 37, 2.9...3.06),
  ])
  func aNodePortOnTheNewAddress(_ mode: ProxyMode, _ minor: Int, _ last: ClosedRange<Double>) throws {
    var w = SmallWorld(nodes: 2, duration: .seconds(20))
    w.file.cluster.minorVersion = minor
    var proxy = ProxySettings()
    proxy.mode = mode
    proxy.clusterCIDR = w.file.cluster.podCIDR
    proxy.syncPeriod = .seconds(3)
    w.file.cluster.proxy = proxy
    w.addWeb(on: [0])
    w.addService {
      $0.type = "NodePort"
      $0.ports[0].nodePort = 30080
    }
    w.serve()
    let new = IPv4Address("172.18.0.99")!
    w.at(3.05, .nodeAddressChange(.named("node-0"), newAddress: new))
    w.addOutsideClient(to: .address(new, port: 30080)) {
      $0.connectTimeout = .milliseconds(500)
      $0.start = .zero + .seconds(2)
    }
    let result = try w.run()
    let starts = result.lost.map(\.start.seconds)
    #expect(last.contains(try #require(starts.max())), "\(result.failures)")
  }

  /// The old address has another owner by now. A client who keeps it reaches that node, whose node port
  /// serves as well as any with policy Cluster.
  @Test func anOldAddressWithANewOwnerServesAgain() throws {
    var w = SmallWorld(nodes: 3, duration: .seconds(20))
    w.file.cluster.nodes[0].addresses = [IPv4Address("172.18.0.2")!]
    w.addWeb(on: [1])
    w.addService {
      $0.type = "NodePort"
      $0.ports[0].nodePort = 30080
    }
    w.serve()
    w.at(3.05, .nodeAddressChange(.named("node-0"), newAddress: IPv4Address("172.18.0.99")!))
    w.at(8.05, .nodeAddressChange(.named("node-2"), newAddress: IPv4Address("172.18.0.2")!))
    w.addOutsideClient(to: .address(IPv4Address("172.18.0.2")!, port: 30080)) {
      $0.connectTimeout = .milliseconds(500)
    }
    let result = try w.run()
    let starts = result.lost.map(\.start.seconds)
    #expect(starts.min()! > 3 && starts.max()! < 8.06 && result.lostCount > 40, "\(result.failures)")
  }

  /// A hostNetwork pod's endpoint keeps the address that its node had. When another node gets that address
  /// and something listens there, clients of the Service are answered by it.
  @Test func aDeadHostNetworkEndpointIsAnsweredByTheAddressesNextOwner() throws {
    var w = SmallWorld(nodes: 3, duration: .seconds(20))
    let old = IPv4Address("172.18.0.7")!
    w.file.cluster.nodes[1].addresses = [old]
    for (name, node) in [("web", 1), ("other", 2)] {
      guard case .pod(var pod) = SmallWorld.pod("\(name)-0", app: name, node: node) else { continue }
      pod.spec.hostNetwork = true
      w.add(.pod(pod))
    }
    w.addService()
    w.serve()
    w.file.servers.append(
      ServerSettings(name: "other", place: .pods(namespace: "default", labels: ["app": "other"])))
    w.at(3.05, .nodeAddressChange(.named("node-1"), newAddress: IPv4Address("172.18.0.99")!))
    w.at(8.05, .nodeAddressChange(.named("node-2"), newAddress: old))
    w.addClient { $0.connectTimeout = .milliseconds(500) }
    let result = try w.run()
    #expect(result.count(.misdelivered) > 100, "\(result.failures)")
    #expect(result.count(.misdelivered) == result.count(.ipReused), "\(result.failures)")
    let lost = result.lost.filter { $0.outcome != .misdelivered }
    #expect(lost.allSatisfy { $0.cause == .nodeAddressChanged && $0.start.seconds < 8.06 })
  }
}
