// SPDX-License-Identifier: GPL-3.0-or-later
//
// Goal: paired differences and Holm's correction are what one gets by hand.

import SimStatistics
import Testing

@Suite struct PairedDifferenceTests {
  @Test("four pairs by hand: differences -2, -1, -1, -4")
  func byHand() throws {
    let difference = try #require(PairedDifference([10, 12, 9, 11], [8, 11, 8, 7]))
    #expect(difference.mean == -2)
    // Squared deviations 0 + 1 + 1 + 4 = 6, variance 2, standard error sqrt(2 / 4).
    #expect(abs(try #require(difference.standardError) - 0.5.squareRoot()) < 1e-15)
    // t(0.975, 3) = 3.18244630528371
    let interval = try #require(difference.interval(confidence: 0.95))
    #expect(abs(interval.low - (-2 - 3.18244630528371 * 0.5.squareRoot())) < 1e-9)
    #expect(abs(interval.high - (-2 + 3.18244630528371 * 0.5.squareRoot())) < 1e-9)
    // Student's t with 3 degrees of freedom has a closed form; |t| = 2.8284…
    #expect(abs(try #require(difference.pValue) - 0.06627560274152433) < 1e-12)
  }

  @Test("the unpaired spread does not matter")
  func paired() throws {
    let difference = try #require(PairedDifference([1, 1000, 50], [2, 1001.5, 51.2]))
    #expect(abs(difference.mean - 3.7 / 3) < 1e-9)
    #expect(try #require(difference.pValue) < 0.02)
  }

  @Test("equal values leave no doubt, and neither does a constant difference")
  func constant() throws {
    #expect(PairedDifference([3, 4], [3, 4])?.pValue == 1)
    #expect(PairedDifference([3, 4], [5, 6])?.pValue == 0)
    let interval = try #require(PairedDifference([3, 4], [5, 6])?.interval(confidence: 0.95))
    #expect(interval.low == 2 && interval.high == 2)
  }

  @Test("one pair has a mean and nothing else; none has nothing")
  func few() throws {
    let one = try #require(PairedDifference([3], [5]))
    #expect(one.mean == 2)
    #expect(one.pValue == nil && one.interval(confidence: 0.95) == nil)
    #expect(PairedDifference([], []) == nil)
  }
}

@Suite struct HolmCorrectionTests {
  @Test(
    "adjusted p-values by hand",
    arguments: [
      // 0.01 * 4, 0.03 * 3, max(0.09, 0.04 * 2), 0.5
      ([0.01, 0.04, 0.03, nil, 0.5], [0.04, 0.09, 0.09, nil, 0.5]),
      ([0.6, 0.7], [1, 1]), ([0.02], [0.02]), ([nil, nil], [nil, nil]), ([], []),
    ] as [([Double?], [Double?])])
  func byHand(given: [Double?], expected: [Double?]) {
    let adjusted = HolmCorrection.adjusted(given)
    #expect(adjusted.count == expected.count)
    for (mine, theirs) in zip(adjusted, expected) {
      #expect((mine == nil) == (theirs == nil))
      if let mine, let theirs { #expect(abs(mine - theirs) < 1e-12) }
    }
  }
}
