// SPDX-License-Identifier: GPL-3.0-or-later
//
// A run is a function of its scenario, seed and replication; and what does not react to the system is the
// same in every variant of a scenario.

import Cluster
import NetworkTypes
import Scenario
import SimKernel
import SimRandom
import Testing
import Traffic

@testable import Simulation

struct DeterminismTests {
  /// Churn, pools, retries, DNS, all kinds of clients, random delays.
  private static func churn() -> SmallWorld {
    var w = SmallWorld(nodes: 3)
    w.file.cluster.timing = TimingSettings()
    w.file.cluster.timing.nodeBoot = .constant(2)
    w.addWeb(on: [0, 1, 2, 1])
    w.addService { $0.type = "LoadBalancer" }
    w.serve { $0.serviceTime = .exponential(mean: 0.01) }
    w.file.network.loss = 0.01
    w.file.network.sameZone = .exponential(mean: 0.0005)
    w.addClient(on: 0) {
      $0.arrivals = .renewal(.exponential(mean: 0.02))
      $0.retry.limit = 2
    }
    w.addClient(on: 1) {
      $0.arrivals = .renewal(.exponential(mean: 0.02))
      $0.connections = .pool(size: 3, idleTimeout: .seconds(2), maxAge: nil)
      $0.requests = .geometric(probability: 0.5)
    }
    w.addOutsideClient(count: 2, to: .loadBalancer(SmallWorld.web, port: .first)) {
      $0.arrivals = .renewal(.exponential(mean: 0.05))
    }
    w.at(2.05, .podDelete(.web(1)))
    w.at(3.05, .nodeReboot(.named("node-2"), downFor: .uniform(low: 0.5, high: 1), newAddress: nil))
    w.at(6.05, .podCrash(.web(0)))
    return w
  }

  private static func expectEqual(_ a: RunResult, _ b: RunResult) {
    #expect(a.digest == b.digest)
    #expect(a.arrivalDigest == b.arrivalDigest)
    #expect(a.groups == b.groups)
    #expect(a.lost == b.lost)
    #expect(a.ledger == b.ledger)
    #expect(a.shares == b.shares)
    #expect(a.spread == b.spread)
    #expect(a.staleness == b.staleness)
    #expect(a.timeline == b.timeline)
    #expect(a.syncs == b.syncs)
    #expect(a.events == b.events)
    #expect(a.packets == b.packets)
    #expect(a.latency.map(\.histogram.count) == b.latency.map(\.histogram.count))
    #expect(a.latency.map(\.histogram.mean) == b.latency.map(\.histogram.mean))
  }

  @Test(arguments: [UInt64(1), 7]) func theSameSeedGivesTheSameRun(_ seed: UInt64) throws {
    var w = Self.churn()
    w.file.seed = seed
    let first = try w.run()
    #expect(first.lostCount > 0)
    Self.expectEqual(first, try w.run())
  }

  @Test func anotherSeedOrReplicationGivesAnotherRun() throws {
    var w = Self.churn()
    let first = try w.run()
    let replicated = try w.run(replication: 1)
    w.file.seed = 2
    let seeded = try w.run()
    #expect(Set([first.digest, replicated.digest, seeded.digest]).count == 3)
    #expect(Set([first.arrivalDigest, replicated.arrivalDigest, seeded.arrivalDigest]).count == 3)
  }

  /// What a variant of a scenario may change.
  struct Variant: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var change: @Sendable (inout SmallWorld) -> Void
    init(_ name: String, _ change: @escaping @Sendable (inout SmallWorld) -> Void) {
      testDescription = name
      self.change = change
    }
    static let all = [
      Variant("slower network") { $0.file.network.sameZone = .constant(0.01) },
      Variant("lossless network") { $0.file.network.loss = 0 },
      Variant("slower kube-proxy") { $0.file.cluster.timing.proxySync = .constant(3) },
      Variant("longer minSyncPeriod") {
        var proxy = ProxySettings()
        proxy.clusterCIDR = $0.file.cluster.podCIDR
        proxy.minSyncPeriod = .seconds(10)
        $0.file.cluster.proxy = proxy
      },
      Variant("another traffic policy") {
        $0.file.objects.removeAll { if case .service = $0 { true } else { false } }
        $0.addService {
          $0.type = "LoadBalancer"
          $0.externalTrafficPolicy = "Local"
        }
      },
    ]
  }

  @Test(arguments: Variant.all) func openLoopArrivalsAreTheSameInEveryVariant(_ variant: Variant) throws {
    // Without churn of the pods that clients are in: when a client restarts depends on the variant's delays.
    var w = Self.churn()
    w.file.events.removeAll { if case .nodeReboot = $0.action { true } else { false } }
    let base = try w.run()
    variant.change(&w)
    let other = try w.run()
    #expect(other.digest != base.digest)
    #expect(other.arrivalDigest == base.arrivalDigest)
    #expect(other.operations == base.operations)
  }
}
