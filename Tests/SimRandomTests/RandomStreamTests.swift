// SPDX-License-Identifier: GPL-3.0-or-later
//
// Quality of the uniform numbers, and that a draw depends on key and position alone. All seeds are fixed,
// so a bound at p = 1e-4 holds for good once it holds.

import CGSL
import Testing

@testable import SimRandom

private func stream(_ entity: UInt64, _ purpose: RandomPurpose = .testArrival) -> RandomStream {
  RandomStream(key: RandomKey(seed: 2024, replication: 0, purpose: purpose, entity: entity))
}

/// p-value of Pearson's statistic for cells that are equally likely.
func uniformityPValue(_ cells: [Int]) -> Double {
  let expected = Double(cells.reduce(0, +)) / Double(cells.count)
  let statistic = cells.reduce(0.0) { $0 + (Double($1) - expected) * (Double($1) - expected) / expected }
  return gsl_cdf_chisq_Q(statistic, Double(cells.count - 1))
}

@Suite struct RandomStreamTests {
  @Test("the sequence is pinned, to values worked out apart from this code")
  func pinned() {
    var stream = RandomStream(
      key: RandomKey(seed: 42, replication: 1, purpose: RandomPurpose("arrival"), entity: 9))
    let golden: [UInt64] = [
      0x5CB1_9748_51A1_4388, 0xE75C_3C4A_1559_381A,
      0xE219_F95C_6885_8BB7, 0x963A_B30E_CFEA_5A78,
    ]
    #expect((0..<4).map { _ in stream.next() } == golden)
    #expect(stream.uniform() == 0.32499937040916804)
    #expect(stream.uniformPositive() == 0.592726163958842)
    #expect((0..<8).map { _ in stream.below(1000) } == [786, 171, 569, 0, 647, 173, 502, 951])
    #expect(stream.position == 14)
  }

  @Test("a draw depends on key and position alone, wherever one starts", arguments: 0..<9 as Range<UInt64>)
  func pureFunction(_ start: UInt64) {
    var whole = stream(1)
    let all = (0..<12).map { _ in whole.next() }
    var late = RandomStream(key: whole.key, counter: start)
    #expect((start..<12).map { _ in late.next() } == Array(all[Int(start)...]))
    var sought = stream(1)
    _ = sought.next()
    sought.seek(to: start)
    #expect(sought.position == start)
    #expect(sought.next() == all[Int(start)])
    #expect(sought.position == start + 1)
  }

  @Test("positions work up to the largest") func largestPosition() {
    var at = RandomStream(key: stream(1).key, counter: .max)
    var before = RandomStream(key: stream(1).key, counter: .max - 1)
    _ = before.next()
    #expect(at.next() == before.next())
    #expect(at.position == 0)
  }

  @Test("uniform numbers fill their cells evenly", arguments: [10, 256, 1000])
  func uniformity(_ cellCount: Int) {
    var stream = stream(2)
    var (cells, positive, below) = (
      [Int](repeating: 0, count: cellCount), [Int](repeating: 0, count: cellCount),
      [Int](repeating: 0, count: cellCount)
    )
    for _ in 0..<100_000 {
      let (u, v) = (stream.uniform(), stream.uniformPositive())
      #expect(u >= 0 && u < 1 && v > 0 && v < 1)
      cells[Int(u * Double(cellCount))] += 1
      positive[Int(v * Double(cellCount))] += 1
      below[Int(stream.below(UInt64(cellCount)))] += 1
    }
    for counts in [cells, positive, below] {
      let p = uniformityPValue(counts)
      #expect(p > 1e-4 && p < 1 - 1e-4)
    }
  }

  @Test("each of the 64 bits is set in half of the draws") func bits() {
    var stream = stream(3)
    var set = [Int](repeating: 0, count: 64)
    let n = 40_000
    for _ in 0..<n {
      let draw = stream.next()
      for bit in 0..<64 { set[bit] += Int(draw >> UInt64(bit) & 1) }
    }
    for count in set { #expect(abs(Double(count) - Double(n) / 2) < 4.5 * Double(n).squareRoot() / 2) }
  }

  @Test("draws do not depend on those before them", arguments: [1, 2, 3, 7])
  func serialCorrelation(_ lag: Int) {
    var stream = stream(4)
    let n = 100_000
    let values = (0..<n).map { _ in stream.uniform() }
    let correlation = gsl_stats_correlation(values, 1, Array(values[lag...]), 1, n - lag)
    #expect(abs(correlation) < 4 / Double(n).squareRoot())
    var pairs = [Int](repeating: 0, count: 400)
    for i in stride(from: 0, to: n - lag, by: lag + 1) {
      pairs[Int(values[i] * 20) * 20 + Int(values[i + lag] * 20)] += 1
    }
    let p = uniformityPValue(pairs)
    #expect(p > 1e-4 && p < 1 - 1e-4)
  }

  /// The nearest of neighbours: entities 0, 1, 2…, another purpose, another replication, derived parts.
  static let neighbours: [(RandomKey, RandomKey)] = {
    func key(_ replication: UInt32, _ purpose: RandomPurpose, _ entity: UInt64) -> RandomKey {
      RandomKey(seed: 1, replication: replication, purpose: purpose, entity: entity)
    }
    let base = key(0, .testArrival, 0)
    return [
      (base, key(0, .testArrival, 1)), (key(0, .testArrival, 1), key(0, .testArrival, 2)),
      (base, key(0, .testService, 0)), (base, key(1, .testArrival, 0)), (base, base.deriving(0)),
      (base.deriving(0), base.deriving(1)), (RandomKey(low: 0, high: 0), RandomKey(low: 0, high: 1)),
      (RandomKey(low: 0, high: 0), RandomKey(low: 1, high: 0)),
    ]
  }()

  @Test("streams of distinct keys are independent", arguments: neighbours.indices)
  func pairwiseIndependence(_ index: Int) {
    var (a, b) = (RandomStream(key: Self.neighbours[index].0), RandomStream(key: Self.neighbours[index].1))
    let n = 50_000
    let xs = (0..<n).map { _ in a.uniform() }
    let ys = (0..<n).map { _ in b.uniform() }
    #expect(abs(gsl_stats_correlation(xs, 1, ys, 1, n)) < 4 / Double(n).squareRoot())
    var joint = [Int](repeating: 0, count: 256)
    for (x, y) in zip(xs, ys) { joint[Int(x * 16) * 16 + Int(y * 16)] += 1 }
    let p = uniformityPValue(joint)
    #expect(p > 1e-4 && p < 1 - 1e-4)
  }

  @Test("the first draws of many entities are as good as one stream")
  func firstDraws() {
    let key = RandomKey(seed: 5, replication: 0, purpose: .testArrival, entity: 0)
    var cells = [Int](repeating: 0, count: 100)
    var values: [Double] = []
    for entity: UInt64 in 0..<50_000 {
      var stream = RandomStream(key: key.deriving(entity))
      values.append(stream.uniform())
      cells[Int(values[values.count - 1] * 100)] += 1
    }
    let p = uniformityPValue(cells)
    #expect(p > 1e-4 && p < 1 - 1e-4)
    let correlation = gsl_stats_lag1_autocorrelation(values, 1, values.count)
    #expect(abs(correlation) < 4 / Double(values.count).squareRoot())
  }

  @Test("a choice below n is unbiased where n does not divide 2^64")
  func belowIsUnbiased() {
    // With n = 3/4 of 2^64 a plain multiplication would hit every third value twice as often.
    let n: UInt64 = 3 << 62
    var stream = stream(6)
    var cells = [Int](repeating: 0, count: 3)
    for _ in 0..<30_000 {
      let value = stream.below(n)
      #expect(value < n)
      cells[Int(value % 3)] += 1
    }
    let p = uniformityPValue(cells)
    #expect(p > 1e-4)
    // One draw is refused in four, so about 40,000 were needed.
    #expect(abs(Double(stream.position) - 40_000) < 5 * (40_000.0 / 3).squareRoot())
    #expect((0..<100).allSatisfy { _ in stream.below(1) == 0 })
  }

  @Test("an event of probability p happens in a share p of the draws", arguments: [0, 0.01, 0.5, 1])
  func bernoulli(_ p: Double) {
    var stream = stream(7)
    let n = 20_000.0
    let hits = Double((0..<Int(n)).count { _ in stream.bernoulli(p) })
    #expect(abs(hits - n * p) <= 4.5 * (n * p * (1 - p)).squareRoot())
  }
}
