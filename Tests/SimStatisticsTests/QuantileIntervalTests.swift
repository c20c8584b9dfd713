// SPDX-License-Identifier: GPL-3.0-or-later

import CGSL
import Testing

@testable import SimStatistics

@Suite struct QuantileIntervalTests {
  @Test(
    "ranks for the median are those of the tables",
    arguments: [(6, 1, 6, 0.96875), (10, 2, 9, 0.978516), (20, 6, 15, 0.958611), (25, 8, 18, 0.956715)])
  func ranksOfMedian(_ count: Int, _ low: Int, _ high: Int, _ coverage: Double) throws {
    let ranks = try #require(OrderStatistics.ranks(count: count, share: 0.5, confidence: 0.95))
    #expect(ranks.low == low && ranks.high == high && abs(ranks.coverage - coverage) < 1e-6)
  }

  @Test("too few values are told with how many it takes") func tooFew() {
    let values = (0..<300).map(Double.init)
    #expect(
      OrderStatistics.interval(of: values, share: 0.99, confidence: 0.95)
        == .tooFew(count: 300, needed: 368))
    #expect(OrderStatistics.needed(share: 0.5, confidence: 0.95) == 6)
    #expect(OrderStatistics.interval(of: [], share: 0.5, confidence: 0.95) == .tooFew(count: 0, needed: 6))
    for share in [0.01, 0.5, 0.9, 0.99] {
      let needed = OrderStatistics.needed(share: share, confidence: 0.95)
      #expect(OrderStatistics.ranks(count: needed, share: share, confidence: 0.95) != nil)
      #expect(OrderStatistics.ranks(count: needed - 1, share: share, confidence: 0.95) == nil)
    }
  }

  @Test("the interval covers the quantile at least as often as it says, and not much more")
  func coverage() throws {
    var random = SplitMix(state: 3)
    var covered = 0
    for _ in 0..<2000 {
      let values = (0..<60).map { _ in random.uniform() }
      let found = OrderStatistics.interval(of: values, share: 0.8, confidence: 0.9)
      if try #require(found.interval).contains(0.8) { covered += 1 }
    }
    // 2,000 · 0.9 is 1,800 with a standard deviation of 13; the true coverage is between 0.9 and 0.93.
    #expect(covered > 1760 && covered < 1900)
  }

  @Test("the estimate is the smallest value that the share does not exceed") func estimate() throws {
    let values = (1...1000).map(Double.init).reversed()
    let found = OrderStatistics.interval(of: Array(values), share: 0.9, confidence: 0.95)
    let interval = try #require(found.interval)
    #expect(interval.estimate == 900 && interval.low < 900 && interval.high > 900)
  }

  @Test("replications that differ as a whole make the pooled quantile's interval wide") func clusters() throws
  {
    var random = SplitMix(state: 4)
    let alike = (0..<10).map { _ in (0..<50).map { _ in random.uniform() } }
    let shifted = alike.enumerated().map { index, values in values.map { $0 + Double(index % 5) } }
    let narrow = try #require(
      ReplicationBootstrap.quantile(of: alike, share: 0.5, confidence: 0.95).interval)
    let wide = try #require(
      ReplicationBootstrap.quantile(of: shifted, share: 0.5, confidence: 0.95).interval)
    #expect(wide.halfWidth > 5 * narrow.halfWidth)
    #expect(narrow.contains(0.5))
    #expect(
      ReplicationBootstrap.quantile(of: alike, share: 0.999, confidence: 0.95)
        == .tooFew(count: 500, needed: 3688))
    #expect(
      ReplicationBootstrap.quantile(of: Array(alike.prefix(3)), share: 0.5, confidence: 0.95).interval == nil)
  }
}
