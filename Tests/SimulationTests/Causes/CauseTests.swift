// SPDX-License-Identifier: GPL-3.0-or-later
//
// For every cause that a run can find (docs/results.md): a small world in which it, and nothing else, is
// found. Not producible here: icmp_limited (the REJECT is the earlier cause), conntrack_invalid (see
// ConntrackStates below).

import Cluster
import NetworkTypes
import Scenario
import SimKernel
import Testing
import Traffic

@testable import Simulation

/// A world, and what its connections must be lost to.
struct CauseCase: Sendable, CustomTestStringConvertible {
  var name: String
  var cause: Cause
  /// All of these must occur, and no others.
  var outcomes: [Outcome]
  var build: @Sendable () -> SmallWorld

  init(_ name: String, _ cause: Cause, _ outcomes: [Outcome], _ build: @escaping @Sendable () -> SmallWorld) {
    self.name = name
    self.cause = cause
    self.outcomes = outcomes
    self.build = build
  }
  var testDescription: String { "\(cause.rawValue): \(name)" }
}

struct CauseTests {
  @Test("The cause, and nothing else, is found", arguments: CauseCase.all)
  func aloneInItsWorld(_ world: CauseCase) throws {
    let result = try world.build().run()
    let failed = result.groups.filter { $0.outcome != .completed }
    #expect(failed.allSatisfy { $0.cause == world.cause }, "\(result.failures)")
    let outcomes = Set(failed.map(\.outcome))
    #expect(outcomes == Set(world.outcomes), "\(result.failures)")
    #expect(result.count(world.cause) > 0)
    let rows = result.lost
    #expect(rows.allSatisfy { !$0.savedBy.isEmpty })
  }

  @Test func everyCauseThatCanBeProducedHasAWorld() {
    let elsewhere: Set<Cause> = [.icmpLimited]
    #expect(Set(CauseCase.all.map(\.cause)) == Set(Cause.allCases).subtracting(elsewhere))
  }

  @Test func everyOutcomeOfALostConnectionHasAWorld() {
    let lost = Set(Outcome.allCases.filter(\.isLost)).union([.misdelivered])
    #expect(Set(CauseCase.all.flatMap(\.outcomes)) == lost)
  }
}

extension CauseCase {
  static let all = client + balancer + network + table + conntrack + destination

  /// A world with the Service `web`, its pods on `nodes`, and no clients.
  static func base(
    web nodes: [Int] = [1], nodeCount: Int = 2, _ change: (inout ServiceSpec) -> Void = { _ in }
  ) -> SmallWorld {
    var w = SmallWorld(nodes: nodeCount)
    w.addWeb(on: nodes)
    w.addService(change)
    return w
  }
}
