// SPDX-License-Identifier: GPL-3.0-or-later
//
// How evenly each variant spread its connections, against what the candidates of each decision make one
// expect: that stays valid while endpoints come and go, with affinity and with connection pools. Only the
// chi-square needs independent draws, and counts where draws were.

import SimStatistics

/// One variant's spread, replication by replication; means over Service ports weighted by connections.
struct LoadTrack: Sendable {
  private(set) var variation: [Double] = []
  private(set) var expectedVariation: [Double] = []
  private(set) var jain: [Double] = []
  private(set) var gini: [Double] = []
  /// Sums over replications and Service ports, which are independent of each other.
  private(set) var statistic = 0.0
  private(set) var degreesOfFreedom = 0
  /// Service ports whose draws were not independent, or too few for a chi-square, in any replication.
  private(set) var untested = 0

  mutating func add(_ result: RunResult) {
    func mean(_ value: (SpreadStatistics) -> Double?) -> Double? {
      var (sum, weight) = (0.0, 0.0)
      for row in result.spread {
        guard let value = value(row) else { continue }
        sum += value * Double(row.connections)
        weight += Double(row.connections)
      }
      return weight > 0 ? sum / weight : nil
    }
    // Both or neither: the excess is a difference within one replication and over the same Service ports.
    if let cv = mean({ $0.expectedCV == nil ? nil : $0.cv }),
      let expected = mean({ $0.cv == nil ? nil : $0.expectedCV })
    {
      variation.append(cv)
      expectedVariation.append(expected)
    }
    if let value = mean(\.jain) { jain.append(value) }
    if let value = mean(\.gini) { gini.append(value) }
    for row in result.spread where row.connections > 0 {
      guard let statistic = row.statistic, let degrees = row.degreesOfFreedom, degrees > 0 else {
        untested += row.endpoints > 1 ? 1 : 0
        continue
      }
      self.statistic += statistic
      degreesOfFreedom += degrees
    }
  }
}

/// What a variant's spread says over all replications.
struct LoadBalance: Sendable {
  var variant: String
  var variation: Double
  var expectedVariation: Double
  /// Mean of CV - expected CV; its interval by Student's t over replications.
  var excess: PairedDifference
  var jain: Double?
  var gini: Double?
  /// Sum of chi-squares with the sum of their degrees of freedom; nil where no draws were independent.
  var test: ChiSquareTest?
  /// Rows of load_balance.csv that the chi-square does without.
  var untested: Int

  /// Nil without connections.
  init?(_ variant: String, _ track: LoadTrack) {
    guard let excess = PairedDifference(track.expectedVariation, track.variation),
      let variation = RunningMoments(track.variation).mean,
      let expected = RunningMoments(track.expectedVariation).mean
    else { return nil }
    self.variant = variant
    self.variation = variation
    expectedVariation = expected
    self.excess = excess
    jain = RunningMoments(track.jain).mean
    gini = RunningMoments(track.gini).mean
    untested = track.untested
    test =
      track.degreesOfFreedom > 0
      ? ChiSquareTest(statistic: track.statistic, degreesOfFreedom: track.degreesOfFreedom) : nil
  }

  var interval: ConfidenceInterval? { excess.interval(confidence: Comparison.confidence) }

  /// `more uneven than chance`, `as even as chance`, …; nil below two replications.
  var verdict: String? {
    guard let interval else { return nil }
    // One tenth of what chance itself makes is no unevenness that anybody would act on.
    let isSmall = abs(excess.mean) < 0.1 * expectedVariation
    if interval.low > 0 { return isSmall ? "hardly more than chance" : "more uneven than chance" }
    if interval.high < 0 { return isSmall ? "hardly less than chance" : "more even than chance" }
    return "as chance has it"
  }
}

extension Comparison {
  /// By variant, those that had connections.
  var loadBalance: [LoadBalance] { sides.compactMap { LoadBalance($0.name, $0.load) } }

  var loadTable: TextTable {
    var table = TextTable([
      .left("load balance", least: 12), .right("CV"), .right("expected"), .right("excess"),
      .left("that is"), .right("Jain"), .right("Gini"), .right("chi²/df"), .right("p"),
    ])
    for row in loadBalance {
      let excess = ComparisonRow.difference(row.excess.mean, row.interval, size: row.variation)
      table.add([
        row.variant, ReadableNumber.short(row.variation), ReadableNumber.short(row.expectedVariation),
        excess, row.verdict ?? "-", ReadableNumber.short(row.jain), ReadableNumber.short(row.gini),
        row.test.map { ReadableNumber.short($0.statistic / Double($0.degreesOfFreedom)) } ?? "-",
        row.test.map { ComparisonRow.probability($0.pValue) } ?? "-",
      ])
    }
    return table
  }

  /// What the table of load balance means.
  var loadWords: String {
    let untested = loadBalance.contains { $0.untested > 0 }
    return "CV: standard deviation / mean of connections per endpoint; expected: of what each decision's "
      + "candidates give; excess: within replications. chi²/df: pooled over replications"
      + (untested ? " where draws are independent (not with affinity or connection pools)." : ".")
  }
}
