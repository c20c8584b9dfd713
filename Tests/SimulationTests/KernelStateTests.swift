// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the kernel keeps beside rules, and how sysctls change it.

import Cluster
import NetworkTypes
import Proxy
import SimKernel
import Testing
import Traffic

@testable import Simulation

struct KernelStateTests {
  // MARK: Out of window

  /// Mode, tcp_be_liberal; what becomes of a connection of which every response is out of its window.
  static let modes: [(ProxyMode, Bool, [String])] = [
    (.iptables, false, ["broken/conntrack_invalid: 1"]),
    (.nftables, false, ["reset/conntrack_invalid: 1"]),
    (.iptables, true, []), (.nftables, true, []),
  ]

  @Test(arguments: modes)
  func aRuleDropsInvalidPacketsInModeIptablesAndTheClientResetsInOthers(
    _ mode: ProxyMode, _ isLiberal: Bool, _ failures: [String]
  ) throws {
    var w = SmallWorld(nodes: 2)
    w.addWeb(on: [1])
    w.addService()
    w.serve()
    var proxy = ProxySettings()
    proxy.mode = mode
    proxy.clusterCIDR = w.file.cluster.podCIDR
    w.file.cluster.proxy = proxy
    w.file.cluster.kernel.tcpBeLiberal = isLiberal
    w.file.network.outOfWindow = 1
    w.addClient {
      $0.arrivals = .trace([.zero + .seconds(1)])
      $0.requestTimeout = .seconds(2)
    }
    #expect(try w.run().failures == failures)
  }

  @Test func aDroppedResponseIsSentAgain() throws {
    var w = SmallWorld(nodes: 2)
    w.addWeb(on: [1])
    w.addService()
    w.serve()
    w.file.network.outOfWindow = 0.3
    w.addClient(every: 0.1)
    let result = try w.run()
    #expect(result.count(.completed) > 90)
  }

  // MARK: ICMP

  @Test func icmpErrorsAreSixAtOnceAndOneASecondToAPeerAndFiftyAtOnceToAll() {
    var limiter = ICMPLimiter()
    let kernel = KernelSettings()
    let peer = IPv4Address("10.0.0.1")!
    func at(_ seconds: Double) -> SimTime { .zero + SimDuration(seconds: seconds) }
    let first = (0..<10).map { _ in limiter.allows(node: 0, peer: peer, kernel, now: at(1)) }
    let later = (0..<10).map { _ in limiter.allows(node: 0, peer: peer, kernel, now: at(4)) }
    #expect(first.count(where: { $0 }) == 6 && later.count(where: { $0 }) == 3)
    var all = 0
    for k in 0..<100 {
      let other = IPv4Address(bits: 0x0A01_0000 + UInt32(k))
      if limiter.allows(node: 1, peer: other, kernel, now: at(5)) { all += 1 }
    }
    #expect(all == 50)
    let isRefilled = limiter.allows(node: 1, peer: IPv4Address("10.9.9.9")!, kernel, now: at(5.002))
    #expect(isRefilled)
    var unlimited = kernel
    unlimited.icmpRateLimit = 0
    let all20 = (0..<20).map { _ in limiter.allows(node: 2, peer: peer, unlimited, now: at(6)) }
    #expect(all20.allSatisfy { $0 })
  }

  // MARK: Dead addresses

  /// Whoever comes while the address is being resolved gets the error when the first one does.
  @Test func hostUnreachableComesWhenTheResolutionUnderWayEnds() throws {
    var w = SmallWorld(nodes: 2)
    w.addWeb(on: [1])
    w.addService()
    w.serve()
    w.file.cluster.timing.proxyWatch = .constant(20)
    w.at(1.0, .podDelete(.web(0)))
    w.addClient {
      $0.arrivals = .trace([2, 3.5, 4.9].map { .zero + SimDuration(seconds: $0) })
      $0.connectTimeout = .seconds(9)
    }
    let rows = try w.run().lost.map { ($0.end - $0.start).seconds }
    #expect(rows.count == 3)
    for (found, expected) in zip(rows, [3.0, 1.5, 0.1]) { #expect(abs(found - expected) < 0.01) }
  }

  // MARK: Client's sysctls

  @Test func portsRunOutSoonerInASmallerRange() throws {
    var w = SmallWorld(nodes: 2, duration: .seconds(3))
    w.addWeb(on: [1])
    w.addService()
    w.serve()
    w.addClient(every: 0.1) { $0.localPorts = 50000...50009 }
    let result = try w.run()
    #expect(result.count(.completed) == 10)
    #expect(result.count(.clientPortsExhausted) == result.count(.localError))
    #expect(result.count(.localError) > 15)
  }

  @Test func aClientGivesUpAfterItsSynRetries() throws {
    var w = SmallWorld(nodes: 2, duration: .seconds(2))
    w.addWeb(on: [1])
    w.addService()
    w.serve()
    w.file.network.loss = 1
    w.addClient {
      $0.arrivals = .trace([.zero + .seconds(1)])
      $0.synRetries = 1
      $0.synLinearTimeouts = 0
      $0.connectTimeout = .seconds(60)
    }
    let result = try w.run()
    #expect(result.failures == ["connect_timeout/network_loss: 1"])
  }
}
