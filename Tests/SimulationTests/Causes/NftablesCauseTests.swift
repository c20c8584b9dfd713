// SPDX-License-Identifier: GPL-3.0-or-later
//
// Causes in nftables mode: those of the other mode's worlds stay, and addresses and ports without a
// Service, for which this mode answers itself, are not blamed on the answer.

import Cluster
import NetworkTypes
import Scenario
import SimKernel
import Testing
import Traffic

@testable import Simulation

struct NftablesCauseTests {
  private static func run(_ world: CauseCase) throws -> RunResult {
    var small = world.build()
    small.file.setMode(of: .nftables)
    return try small.run()
  }

  /// All worlds but those that only iptables or only eBPF has.
  static let shared = CauseCase.all.filter { $0.cause != .tableSwap && $0.cause != .mapFull }

  @Test(arguments: shared) func theModeChangesNoCause(_ world: CauseCase) throws {
    let failed = try Self.run(world).groups.filter { $0.outcome != .completed }
    #expect(!failed.isEmpty)
    #expect(failed.allSatisfy { $0.cause == world.cause }, "\(failed.map { ($0.cause, $0.outcome) })")
    // Here an unknown port is refused, until the limit on ICMP errors makes it silence.
    let isUnknownPort = world.name == "a port that the Service does not have"
    let expected = isUnknownPort ? [.refused, .connectTimeout] : world.outcomes
    #expect(Set(failed.map(\.outcome)) == Set(expected))
  }

  static let own: [CauseCase] = [
    CauseCase("an address of the Service range that nobody has", .notProxied, [.connectTimeout]) {
      var w = CauseCase.base()
      w.addClient(to: .address(IPv4Address("10.96.200.200")!, port: 80))
      return w
    },
    CauseCase(
      "a port of the Service that the node has not heard of", .staleTable, [.refused, .connectTimeout]
    ) {
      var w = CauseCase.base { $0.clusterIP = "10.96.0.100" }
      w.serve()
      w.file.cluster.timing.proxyWatch = .constant(3)
      let service = SmallWorld.service {
        $0.clusterIP = "10.96.0.100"
        $0.ports[0].name = "old"
        var port = $0.ports[0]
        port.name = "new"
        port.port = 81
        $0.ports.append(port)
      }
      w.at(1.05, .apply([service]))
      w.addClient(to: .address(IPv4Address("10.96.0.100")!, port: 81)) {
        $0.start = .zero + .seconds(2)
        $0.stop = .zero + .milliseconds(3500)
        $0.connectTimeout = .milliseconds(200)
      }
      return w
    },
  ]

  @Test(arguments: own) func whatOnlyThisModeHasGetsItsCause(_ world: CauseCase) throws {
    let failed = try Self.run(world).groups.filter { $0.outcome != .completed }
    #expect(!failed.isEmpty)
    #expect(failed.allSatisfy { $0.cause == world.cause }, "\(failed.map { ($0.cause, $0.outcome) })")
    #expect(Set(failed.map(\.outcome)) == Set(world.outcomes))
  }
}
