// SPDX-License-Identifier: GPL-3.0-or-later
//
// Goal: packets pay what the parameters say, once per node that they pass. Method: worlds with constant
// delays, where every microsecond of a latency can be accounted for.

import Cluster
import Foundation
import NetworkTypes
import Proxy
import SimKernel
import Testing
import Traffic

@testable import Simulation

@Suite struct PacketCostTests {
  /// First packets 10 us, later ones 1 us, whatever the rules.
  private static func flat(_ path: DataPath) -> PacketCosts {
    var costs = PacketCosts.none
    costs[path].firstPacket.nanoseconds = 10_000
    costs[path].establishedPacket.nanoseconds = 1000
    return costs
  }

  private static func world(serverNode: Int, mode: ProxyMode, _ costs: PacketCosts) -> SmallWorld {
    var w = SmallWorld(duration: .seconds(2))
    w.addWeb(on: [serverNode])
    w.addService()
    w.serve()
    w.addClient()
    w.file.network.costs = costs
    w.file.setMode(of: mode)
    return w
  }

  private static func mean(_ phase: LatencyPhase, _ result: RunResult) throws -> Int64 {
    try #require(result.latency.first { $0.phase == phase && $0.outcome == .completed }?.histogram.mean)
      .nanoseconds
  }

  @Test(
    "a connection pays for its first packet and for each later one at every node",
    arguments: [
      // Two nodes: SYN 100 + 10 + 10, SYN-ACK 100 + 1 + 1; request and response 102 each, served in 1 ms.
      (1, 222_000, 1_426_000),
      // One node: SYN 20 + 10, SYN-ACK 20 + 1; request and response 21 each.
      (0, 51_000, 1_093_000),
    ] as [(Int, Int64, Int64)])
  func latency(serverNode: Int, connect: Int64, request: Int64) throws {
    let result = try Self.world(serverNode: serverNode, mode: .iptables, Self.flat(.iptablesNft)).run()
    #expect(try Self.mean(.connect, result) == connect)
    #expect(try Self.mean(.request, result) == request)
  }

  @Test("each mode pays its own costs, and iptables those of its backend", arguments: DataPath.allCases)
  func ownCosts(path: DataPath) throws {
    for mode in ProxyMode.allCases where mode != .ebpf {
      for backend in IptablesBackend.allCases {
        var w = Self.world(serverNode: 1, mode: mode, Self.flat(path))
        w.file.network.iptablesBackend = backend
        let result = try w.run()
        guard result.lostCount == 0 else { continue }
        let isOwn = DataPath(mode, backend) == path
        #expect(try Self.mean(.connect, result) == (isOwn ? 222_000 : 200_000), "\(mode) \(backend)")
      }
    }
  }

  @Test("a first packet costs its base, its rules and its lookups, and a node without tables nothing")
  func firstPacket() throws {
    var costs = Self.flat(.iptablesNft)
    costs[.iptablesNft].perRule.nanoseconds = 3.5
    costs[.iptablesNft].perLookup.nanoseconds = 100
    var world = try World.make(Self.world(serverNode: 1, mode: .iptables, costs).file, replication: 0)
    var verdict = Verdict(kind: .forward, rulesWalked: 7)
    verdict.lookups = 3
    // What a later packet pays is paid on the hop: 10,000 + 24.5 + 300 - 1,000, rounded.
    #expect(world.firstPacketCost(verdict, 0) == .nanoseconds(9325))
    #expect(world.passingCost(from: 0, to: 1, entersNode: true) == .nanoseconds(2000))
    #expect(world.passingCost(from: 0, to: HopEnd.outsideIndex, entersNode: false) == .nanoseconds(1000))
    world.proxies.nodeWentDown(NodeID(0))
    world.refreshPacketCost(of: 0)
    #expect(world.firstPacketCost(verdict, 0) == .zero)
    #expect(world.passingCost(from: 0, to: 1, entersNode: true) == .nanoseconds(1000))
  }

  @Test("iptables-nft walks rules at a multiple of what iptables-legacy takes, and nftables walks hardly any")
  func defaults() {
    let costs = PacketCosts()
    let ratio = costs.iptablesNft.perRule.nanoseconds / costs.iptablesLegacy.perRule.nanoseconds
    #expect((2...5).contains(ratio))
    for path in DataPath.allCases {
      for parameter in CostParameter.allCases { #expect(!costs[path][parameter].source.isEmpty) }
    }
  }

  @Test("docs/validation.md lists every parameter as it is in force")
  func documentation() throws {
    let path = TestFiles.package + "/docs/validation.md"
    let marker = "<!-- declared by PacketCosts -->"
    let parts = try TestFiles.text(path).components(separatedBy: marker)
    try #require(parts.count == 3, "the document has two lines \(marker)")
    var lines = ["| mode | parameter | default | evidence | source |", "| --- | --- | ---: | --- | --- |"]
    let costs = PacketCosts()
    for path in DataPath.allCases {
      for parameter in CostParameter.allCases {
        let cost = costs[path][parameter]
        lines.append(
          "| \(path.rawValue) | \(parameter.rawValue) | \(ReadableNumber.short(cost.nanoseconds)) ns "
            + "| \(cost.grade.rawValue) | \(cost.source) |")
      }
    }
    let declared = "\n\n" + lines.joined(separator: "\n") + "\n\n"
    if Golden.isRecording {
      let text = [parts[0], declared, parts[2]].joined(separator: marker)
      try text.write(toFile: path, atomically: true, encoding: .utf8)
    } else {
      #expect(parts[1] == declared, "record it again with UPDATE_GOLDEN=1")
    }
  }
}
