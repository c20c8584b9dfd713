// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a histogram of latencies holds, bin by bin: enough to compare distributions, and no more exact than
// bins of 1 % are.

import Histogram

extension LatencyHistogram {
  /// A bin with something in it.
  public struct Bin: Sendable, Equatable {
    /// The largest duration that falls into it; the same for the same bin of every histogram.
    public var upperNanoseconds: UInt64
    public var count: Int

    public init(upperNanoseconds: UInt64, count: Int) {
      (self.upperNanoseconds, self.count) = (upperNanoseconds, count)
    }
  }

  /// Bins that are not empty, from short to long durations.
  public var bins: [Bin] {
    guard let histogram, !isEmpty else { return [] }
    var bins: [Bin] = []
    for step in histogram.recordedValues() {
      bins.append(
        Bin(upperNanoseconds: histogram.highestEquivalentForValue(step.value), count: Int(step.count)))
    }
    return bins
  }
}
