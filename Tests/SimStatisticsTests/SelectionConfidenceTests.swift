// SPDX-License-Identifier: GPL-3.0-or-later

import CGSL
import Testing

@testable import SimStatistics

@Suite struct SelectionConfidenceTests {
  @Test("a clear winner is sure, and the ranking is by means") func clear() throws {
    let base = [1.0, 5, 3, 8, 2, 6, 4, 7]
    let selection = SelectionConfidence([
      base.map { $0 + 2 + 0.01 * $0 }, base, base.map { $0 + 1 - 0.01 * $0 },
    ])
    #expect(selection.ranking == [1, 2, 0] && selection.best == [1])
    #expect(try #require(selection.probability) > 0.999999)
    #expect(try #require(selection.shareBest) == [0, 1, 0])
    let largest = SelectionConfidence([base, base.map { $0 + 1 }], best: .largest)
    #expect(largest.ranking == [1, 0] && largest.probability == 1)
  }

  @Test("variants that are the same in every replication are one choice") func equal() throws {
    let base = [1.0, 5, 3, 8, 2]
    let selection = SelectionConfidence([base, base, base.map { $0 + 10 }])
    #expect(selection.best == [0, 1] && selection.probability == 1)
    #expect(try #require(selection.shareBest) == [0.5, 0.5, 0])
  }

  @Test("one difference of d standard errors: Student's distribution function of d") func student() throws {
    let (a, b) = ([0.0, 0, 0, 0, 0], [1.0, 2, 3, -1, 0.5])
    let difference = try #require(PairedDifference(a, b))
    let t = difference.mean / (try #require(difference.standardError))
    #expect(abs(try #require(SelectionConfidence([a, b]).probability) - gsl_cdf_tdist_P(t, 4)) < 1e-12)
    #expect(SelectionConfidence([[1], [2]]).probability == nil)
    #expect(SelectionConfidence([[1], [2]]).shareBest == nil)
  }

  @Test("ratios are compared as ratios of sums") func ratios() throws {
    let selection = try #require(
      SelectionConfidence(
        numerators: [[1, 9, 1, 9, 2], [2, 8, 2, 8, 2]],
        denominators: [[10, 90, 10, 90, 20], [10, 50, 10, 50, 10]]))
    #expect(abs(selection.estimates[0] - 0.1) < 1e-12 && selection.ranking == [0, 1])
    #expect(try #require(selection.probability) > 0.95)
    #expect(SelectionConfidence(numerators: [[1]], denominators: [[0]]) == nil)
  }

  @Test("of selections said to be right with 80 to 90 %, at least so many are") func calibrated() throws {
    var random = SplitMix(state: 41)
    func normal() -> Double { gsl_cdf_ugaussian_Pinv(random.uniform() + 0x1p-54) }
    var (said, right) = (0, 0)
    for _ in 0..<4000 {
      // Means are drawn, so that every distance occurs.
      let means = (0..<3).map { _ in normal() }
      let samples = means.map { mean in (0..<8).map { _ in mean + normal() } }
      let selection = SelectionConfidence(samples, resamples: 1)
      guard let probability = selection.probability, (0.8...0.9).contains(probability) else { continue }
      said += 1
      if means[selection.ranking[0]] == means.min() { right += 1 }
    }
    #expect(said > 200)
    // The standard deviation is about 2 %.
    #expect(Double(right) / Double(said) > 0.79)
  }
}
