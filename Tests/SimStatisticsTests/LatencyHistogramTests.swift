// SPDX-License-Identifier: GPL-3.0-or-later

import SimKernel
import Testing

@testable import SimStatistics

@Suite struct LatencyHistogramTests {
  /// From nanoseconds to minutes, evenly in the logarithm.
  static func sample(_ seed: UInt64, _ count: Int) -> [SimDuration] {
    var random = SplitMix(state: seed)
    return (0..<count).map { _ in
      SimDuration(nanoseconds: Int64(1 << random.below(38)) + Int64(random.below(1 << 20)))
    }
  }

  @Test("a quantile is the true one or at most 1% above it", arguments: [0.01, 0.1, 0.5, 0.9, 0.99, 0.999])
  func quantiles(_ p: Double) throws {
    let values = Self.sample(1, 20_000)
    var histogram = LatencyHistogram()
    for value in values { histogram.record(value) }
    let rank = Int((p * Double(values.count)).rounded(.up))
    let exact = Double(values.sorted()[rank - 1].nanoseconds)
    let estimate = Double(try #require(histogram.quantile(p)).nanoseconds)
    #expect(estimate >= exact && estimate <= exact * 1.01)
  }

  @Test("count, mean and extremes are exact") func exact() {
    let values = Self.sample(2, 5_000)
    var histogram = LatencyHistogram()
    for value in values { histogram.record(value) }
    let sum = values.reduce(0) { $0 + $1.nanoseconds }
    #expect(histogram.count == 5_000)
    #expect(histogram.mean?.nanoseconds == Int64((Double(sum) / 5_000).rounded()))
    #expect(histogram.min == values.min())
    #expect(histogram.max == values.max())
    #expect(histogram.quantile(1) == values.max())
    #expect(histogram.quantile(0) == values.min())
  }

  @Test(
    "a single value is every quantile of itself", arguments: [0, 1, 255, 256, 1_234_567, .max] as [Int64])
  func single(_ nanoseconds: Int64) {
    var histogram = LatencyHistogram()
    let value = SimDuration(nanoseconds: nanoseconds)
    histogram.record(value)
    histogram.record(value)
    for p in [0, 0.5, 1] { #expect(histogram.quantile(p) == value) }
    #expect(histogram.mean == value)
  }

  @Test("an empty histogram has a count and nothing else") func empty() {
    let histogram = LatencyHistogram()
    #expect(histogram.count == 0 && histogram.isEmpty)
    #expect(histogram.mean == nil && histogram.quantile(0.5) == nil)
    #expect(histogram.min == nil && histogram.max == nil)
  }

  @Test("a negative duration counts as zero") func negative() {
    var histogram = LatencyHistogram()
    histogram.record(.nanoseconds(-5))
    #expect(histogram.max == .zero && histogram.count == 1)
  }

  @Test("merging is the same as recording everything in one", arguments: [0, 1, 500, 1000])
  func merging(_ cut: Int) {
    let values = Self.sample(3, 1_000)
    var (first, second, whole) = (LatencyHistogram(), LatencyHistogram(), LatencyHistogram())
    for value in values[..<cut] { first.record(value) }
    for value in values[cut...] { second.record(value) }
    for value in values { whole.record(value) }
    first.merge(second)
    #expect(first.count == whole.count && first.mean == whole.mean)
    #expect(first.min == whole.min && first.max == whole.max)
    for p in [0.1, 0.5, 0.99] { #expect(first.quantile(p) == whole.quantile(p)) }
    // The one merged from is as before and can go on.
    second.record(.seconds(1))
    #expect(second.count == 1_000 - cut + 1 && first.count == 1_000)
  }
}
