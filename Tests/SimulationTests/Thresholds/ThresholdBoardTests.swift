// SPDX-License-Identifier: GPL-3.0-or-later
//
// Verdicts: what decides them, how many replications they take, and how often they are wrong.

import Foundation
import Scenario
import SimKernel
import SimRandom
import Testing

@testable import Simulation

@Suite struct ThresholdBoardTests {
  /// Around `mean`, never the same twice in a row.
  private static func losses(_ mean: Int, _ spread: Int, count: Int) -> [Int] {
    (0..<count).map { mean + ($0 * 7 % 5 - 2) * spread }
  }

  @Test(
    "the side of the limit on which the interval lies is the verdict",
    arguments: [
      ("loss_ratio < 1%", 20, ThresholdVerdict.fail), ("loss_ratio < 3%", 20, .pass),
      ("loss_ratio > 1%", 20, .pass), ("loss_ratio >= 3%", 20, .fail), ("lost{service=web} <= 10", 20, .fail),
      ("lost{service=web} < 30", 20, .pass), ("loss_ratio < 2.01%", 20, .undecided),
    ])
  func verdict(text: String, mean: Int, expected: ThresholdVerdict) throws {
    let board = try ThresholdFixture.board([text], lost: Self.losses(mean, 2, count: 200))
    let outcome = try #require(board.outcomes.first)
    #expect(outcome.verdict == expected, "\(outcome.sentence)")
    #expect(board.isContent)
    let interval = try #require(outcome.interval)
    #expect(interval.contains(outcome.condition.limit) == (expected == .undecided))
    #expect(interval.contains(try #require(outcome.observed)))
    #expect(outcome.replications == (expected == .undecided ? 200 : 10))
  }

  @Test("a ratio is one of sums, whatever each replication's own")
  func ratioOfSums() throws {
    var board = try ThresholdFixture.board(["loss_ratio < 5%"], lost: [])
    // One in ten of few, none of many: the mean of ratios is 5 %, the ratio of sums 1 %.
    for index in 0..<100 {
      let few = index % 2 == 0
      board.add(ThresholdFixture.result(index, lost: few ? 10 + index % 3 : 0, of: few ? 100 : 1000))
    }
    let outcome = try #require(board.outcomes.first)
    #expect(outcome.verdict == .pass, "\(outcome.sentence)")
    #expect(abs(try #require(outcome.observed) - 0.01) < 0.001)
  }

  @Test("a single replication decides nothing")
  func single() throws {
    let board = try ThresholdFixture.board(["loss_ratio < 1%"], lost: [500], replications: .exactly(1))
    #expect(board.outcomes.map(\.verdict) == [.undecided])
    #expect(board.outcomes[0].reason.contains("one replication says nothing"))
    #expect(board.outcomes[0].interval == nil)
  }

  @Test("one loss proves that there is not none")
  func proof() throws {
    let board = try ThresholdFixture.board(["lost <= 0", "loss_ratio > 0"], lost: [0, 0, 3])
    #expect(board.outcomes.map(\.verdict) == [.fail, .undecided])
    #expect(board.outcomes[0].replications == 3)
    #expect(board.outcomes[0].reason.contains("it is never below 0 and was 3.00 once"))
  }

  @Test("equal replications are no proof until others must be rare", arguments: [(1, 29), (2, 36), (3, 39)])
  func equal(thresholds: Int, needed: Int) throws {
    let texts = ["loss_ratio < 1%", "lost < 5", "lost <= 0"].prefix(thresholds)
    let none = [Int](repeating: 0, count: 200)
    let early = try ThresholdFixture.board(Array(texts), lost: Array(none.prefix(needed - 1)))
    #expect(early.outcomes.allSatisfy { $0.verdict == .undecided })
    #expect(early.outcomes[0].reason.contains("\(needed) are needed"))
    let board = try ThresholdFixture.board(Array(texts), lost: none)
    #expect(board.outcomes.allSatisfy { $0.verdict == .pass && $0.replications == needed })
  }

  @Test("with a given number all are run, and looked at once")
  func exactly() throws {
    let board = try ThresholdFixture.board(
      ["loss_ratio < 1%"], lost: Self.losses(20, 2, count: 7), replications: .exactly(7))
    #expect(board.isContent && board.most == 7)
    #expect(board.outcomes[0].verdict == .fail && board.outcomes[0].replications == 7)
    let interval = try #require(board.outcomes[0].interval)
    #expect(abs(interval.confidence - 0.95) < 1e-12, "one look and one threshold have the whole error")
  }

  @Test("each threshold has its share of the error, by its own confidence")
  func shares() throws {
    let board = try ThresholdFixture.board(
      ["loss_ratio < 1%", "lost < 50"], lost: Self.losses(20, 2, count: 8), replications: .exactly(8)
    ) { $0.all[1].confidence = 0.8 }
    #expect(board.outcomes.map(\.confidence) == [0.95, 0.8])
    let confidences = board.outcomes.compactMap { $0.interval?.confidence }
    #expect(zip(confidences, [0.975, 0.9]).allSatisfy { abs($0 - $1) < 1e-12 }, "\(confidences)")
  }

  @Test("replications without a value count for nothing, and if none has one it is said")
  func missing() throws {
    var board = try ThresholdFixture.board(["connect_p99_ms < 50"], lost: [0, 0, 0])
    #expect(board.outcomes[0].reason == "no replication has a value")
    #expect(board.outcomes[0].observed == nil)
    for index in 3..<200 { board.add(ThresholdFixture.result(index, lost: 0)) }
    #expect(board.isContent && board.outcomes[0].verdict == .undecided)
  }

  @Test("a wrong verdict among three thresholds is no more frequent than promised")
  func errorRate() throws {
    var stream = RandomStream(key: RandomKey(low: 5, high: 7))
    var wrong = 0
    let families = 400
    for _ in 0..<families {
      // Means of 10 and of 20 lost in a thousand, the limits so close that most looks see them inside.
      var board = try ThresholdFixture.board(
        ["loss_ratio < 1.02%", "lost < 9.8", "loss_ratio > 0.98%"], lost: []
      ) { $0.maxReplications = 80 }
      var index = 0
      while !board.isContent {
        let lost = (0..<20).reduce(0) { sum, _ in sum + Int(stream.uniform() * 2) }
        board.add(ThresholdFixture.result(index, lost: lost))
        index += 1
      }
      let verdicts = board.outcomes.map(\.verdict)
      if verdicts[0] == .fail || verdicts[1] == .pass || verdicts[2] == .fail { wrong += 1 }
    }
    // 5 % of 400 are 20; a binomial's 99.9 % quantile is 35.
    #expect(wrong <= 35, "\(wrong) of \(families)")
  }

  @Test("verdicts do not depend on the number of threads", arguments: [2, 5])
  func threads(jobs: Int) throws {
    var world = SmallWorld(nodes: 2, duration: .seconds(2))
    world.addWeb(on: [0, 1])
    world.addService()
    world.addClient(on: 0) { $0.arrivals = .renewal(.exponential(mean: 0.02)) }
    var settings = ThresholdSettings()
    settings.all = ThresholdFixture.thresholds(["load_max_over_mean < 1.3", "attempted < 105"])
    settings.minReplications = 4
    settings.maxReplications = 30
    world.file.thresholds = settings
    func outcomes(_ jobs: Int) throws -> [ThresholdOutcome] {
      let board = try ThresholdBoard(world.file)!
      var last = board
      var run = ReplicatedRun(world.file, most: board.most, rules: [board])
      try run.run(on: ReplicationPool(jobs: jobs)) { result, _ in last.add(result) }
      return last.outcomes
    }
    let (alone, together) = try (outcomes(1), outcomes(jobs))
    #expect(alone == together)
    #expect(alone.contains { $0.replications > 3 })
  }
}
