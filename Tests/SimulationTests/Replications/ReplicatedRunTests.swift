// SPDX-License-Identifier: GPL-3.0-or-later
//
// Replications until the rules are content, in their order, whatever the number of threads.

import Scenario
import SimKernel
import SimRandom
import Testing

@testable import Simulation

@Suite struct ReplicatedRunTests {
  /// Content once it has seen so many.
  private struct Wants: StoppingRule {
    var number: Int
    var seen: [Int] = []
    mutating func add(_ result: RunResult) { seen.append(result.identity.replication) }
    var isContent: Bool { seen.count >= number }
    var progress: String { "\(seen.count) of \(number)" }
  }

  private static func scenario() -> ScenarioFile {
    var world = SmallWorld(nodes: 2, duration: .seconds(1))
    world.addWeb(on: [0, 1])
    world.addService()
    world.addClient(on: 0) { $0.arrivals = .renewal(.exponential(mean: 0.05)) }
    return world.file
  }

  @Test(
    "runs go on until all rules are content, or to the limit",
    arguments: [([], 4, 4), ([2], 5, 2), ([2, 3], 5, 3), ([9], 4, 4)] as [([Int], Int, Int)], [1, 3])
  func enough(given: (wants: [Int], most: Int, expected: Int), jobs: Int) throws {
    var run = ReplicatedRun(
      Self.scenario(), most: given.most, rules: given.wants.map { Wants(number: $0) })
    var digests: [UInt64] = []
    let count = try run.run(on: ReplicationPool(jobs: jobs)) { result, rules in
      digests.append(result.digest)
      #expect(rules.count == given.wants.count)
    }
    #expect(count == given.expected && digests.count == count)
    #expect(Set(digests).count == count, "replications differ")
    let alone = try SimulationRun.run(Self.scenario(), replication: count - 1)
    #expect(digests.last == alone.digest)
  }
}
