// SPDX-License-Identifier: GPL-3.0-or-later

import CGSL
import Testing

@testable import SimStatistics

@Suite struct RareEventsTests {
  @Test(
    "Clopper-Pearson intervals are those of Newcombe 1998, table I",
    arguments: [
      (81, 263, 0.2527, 0.3676), (15, 148, 0.0578, 0.1617), (0, 20, 0, 0.1684), (1, 29, 0.0009, 0.1776),
    ])
  func clopperPearson(_ successes: Int, _ trials: Int, _ low: Double, _ high: Double) throws {
    let interval = try #require(
      Proportion.clopperPearson(successes: successes, trials: trials, confidence: 0.95))
    #expect(abs(interval.low - low) < 6e-5 && abs(interval.high - high) < 6e-5)
    let mirrored = try #require(
      Proportion.clopperPearson(successes: trials - successes, trials: trials, confidence: 0.95))
    #expect(abs(mirrored.low - (1 - interval.high)) < 1e-12)
  }

  @Test("Clopper-Pearson covers every probability at least as often as it says") func exact() throws {
    for p in [0.01, 0.1, 0.33, 0.5, 0.77] {
      var covered = 0.0
      for k in 0...20 {
        let interval = try #require(Proportion.clopperPearson(successes: k, trials: 20, confidence: 0.9))
        if interval.contains(p) { covered += gsl_ran_binomial_pdf(UInt32(k), p, 20) }
      }
      #expect(covered >= 0.9)
    }
    #expect(Proportion.clopperPearson(successes: 0, trials: 0, confidence: 0.9) == nil)
  }

  @Test("no loss in n replications: the chance of one is below 1 - 0.05^(1/n), about 3/n") func ruleOfThree()
  {
    #expect(abs(NoLossBound(replications: 10).probability - (1 - pow(0.05, 0.1))) < 1e-12)
    #expect(abs(NoLossBound(replications: 1).probability - 0.95) < 1e-12)
    #expect(abs(NoLossBound(replications: 3000).probability * 1000 - 0.998) < 1e-3)
    // With exactly that probability, n replications without a loss are seen in 5 % of the cases.
    let bound = NoLossBound(replications: 40, confidence: 0.95).probability
    #expect(abs(pow(1 - bound, 40) - 0.05) < 1e-12)
  }
}
