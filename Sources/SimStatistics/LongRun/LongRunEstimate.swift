// SPDX-License-Identifier: GPL-3.0-or-later
//
// All of one long run: the warm-up is cut off, batches are chosen, and the mean gets its intervals.

import CGSL

/// The steady-state mean of one run.
public struct LongRunEstimate: Sendable, Equatable {
  /// Nil where the warm-up was given instead of looked for.
  public let warmUp: WarmUp?
  public let batchMeans: BatchMeans

  /// Numbers of batches that are tried, most first. More than 30 gain little for the interval, fewer than 10
  /// lose much (Schmeiser, Operations Research 30, 1982).
  public static let batchCounts = [30, 20, 10]
  /// At which the test of independent batches refuses a number of batches.
  public static let level = 0.1

  /// Looks for the warm-up by MSER-5 and leaves it out; where none is found, the first half of the run, which
  /// is told as a weakness. Nil where fewer than 100 observations are left: ten batches of ten.
  public init?(_ series: [Double]) {
    guard let warmUp = WarmUp(series) else { return nil }
    self.init(warmUp: warmUp, rest: Array(series.dropFirst(warmUp.cut)))
  }

  /// The warm-up was cut off already.
  public init?(withoutWarmUp series: [Double]) { self.init(warmUp: nil, rest: series) }

  /// The first of 30, 20 and 10 batches whose neighbours do not look correlated (von Neumann's test at 10 %);
  /// 10 if none. What is then still correlated is a weakness that `StatisticalWeakness` tells.
  private init?(warmUp: WarmUp?, rest: [Double]) {
    guard rest.count >= 100 else { return nil }
    var chosen: BatchMeans?
    for count in Self.batchCounts {
      chosen = BatchMeans(rest, size: rest.count / count)
      guard let test = chosen?.independence, test.pValue < Self.level else { break }
    }
    guard let chosen else { return nil }
    self.warmUp = warmUp
    batchMeans = chosen
  }

  public var mean: Double { batchMeans.mean }
}
