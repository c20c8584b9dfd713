// SPDX-License-Identifier: GPL-3.0-or-later
//
// Do two samples come from one distribution? Kolmogorov-Smirnov for independent values, and a permutation
// test of whole replications for what is not, such as the latencies of a run's connections.

import CGSL

/// Two-sample Kolmogorov-Smirnov test.
public struct TwoSampleKolmogorovSmirnov: Sendable, Equatable {
  /// The largest distance between the two observed distribution functions.
  public let statistic: Double
  /// Of a distance at least this large if both samples come from one continuous distribution. Exact up to
  /// n · m = 10,000 (lattice paths: Hodges, Arkiv för Matematik 3, 1958), else asymptotic (Smirnov 1939, with
  /// Stephens' correction). Ties make it too large, never too small.
  public let pValue: Double

  /// Nil if a sample is empty.
  public init?(_ a: [Double], _ b: [Double]) {
    guard !a.isEmpty, !b.isEmpty else { return nil }
    let (x, y) = (a.sorted(), b.sorted())
    var (i, j, largest) = (0, 0, 0)
    while i < x.count && j < y.count {
      let value = min(x[i], y[j])
      while i < x.count && x[i] <= value { i += 1 }
      while j < y.count && y[j] <= value { j += 1 }
      // In units of 1 / (n m), where equal distances are equal numbers.
      largest = max(largest, abs(i * y.count - j * x.count))
    }
    self.init(units: largest, x.count, y.count)
  }

  /// Of counts in the same bins. The distance is looked at between bins only: at most the true one, and the
  /// p-value at least the true one. Nil if either counted nothing.
  /// - Precondition: as many bins in both, no negative count.
  public init?(binned a: [Int], _ b: [Int]) {
    precondition(a.count == b.count && (a + b).allSatisfy { $0 >= 0 }, "bins of two kinds")
    guard let largest = Self.binnedUnits(a, b) else { return nil }
    self.init(units: largest, a.reduce(0, +), b.reduce(0, +))
  }

  private init(units: Int, _ n: Int, _ m: Int) {
    statistic = Double(units) / Double(n * m)
    if n * m <= 10_000 {
      pValue = Self.exact(units: units, n, m)
    } else {
      let root = (Double(n) * Double(m) / Double(n + m)).squareRoot()
      pValue = KolmogorovSmirnovTest.exceeding((root + 0.12 + 0.11 / root) * statistic)
    }
  }

  /// The distance in units of 1 / (n m).
  private static func binnedUnits(_ a: [Int], _ b: [Int]) -> Int? {
    let (n, m) = (a.reduce(0, +), b.reduce(0, +))
    guard n > 0, m > 0 else { return nil }
    var (i, j, largest) = (0, 0, 0)
    for (x, y) in zip(a, b) {
      i += x
      j += y
      largest = max(largest, abs(i * m - j * n))
    }
    return largest
  }

  /// The distance alone, for a test of another kind; nil if either counted nothing.
  /// - Precondition: as many bins in both.
  public static func distance(binned a: [Int], _ b: [Int]) -> Double? {
    binnedUnits(a, b).map { Double($0) / (Double(a.reduce(0, +)) * Double(b.reduce(0, +))) }
  }

  /// The share of all orders of n and m values in which the functions come at least `units` / (n m) apart:
  /// 1 - the chance that a random path from (0, 0) to (n, m) stays within.
  private static func exact(units: Int, _ n: Int, _ m: Int) -> Double {
    guard units > 0 else { return 1 }
    // inside[j]: the chance that a path of i + j steps, drawn without replacement, is at (i, j) and never
    // left.
    var inside = [Double](repeating: 0, count: m + 1)
    for i in 0...n {
      for j in 0...m {
        if i == 0 && j == 0 {
          inside[0] = 1
          continue
        }
        let left = Double(n + m - i - j + 1)
        var chance = 0.0
        if i > 0 { chance += inside[j] * Double(n - i + 1) / left }
        if j > 0 { chance += inside[j - 1] * Double(m - j + 1) / left }
        inside[j] = abs(i * m - j * n) >= units ? 0 : chance
      }
    }
    return min(1, max(0, 1 - inside[m]))
  }
}

/// Permutation test of paired replications: under the null hypothesis the two of a pair could be swapped
/// (Fisher, The Design of Experiments, 1935, 21). Nothing is assumed about what is within a replication.
public enum PairedPermutation {
  /// The p-value of `statistic`, which is asked for every choice of pairs to swap: all 2^n for up to 12
  /// pairs, else 1,999 random ones and the one observed. Large values speak against the null hypothesis.
  /// Nil below one pair.
  public static func pValue(
    pairs count: Int, stream: ResamplingStream = ResamplingStream("paired-permutation"),
    statistic: (_ swapped: [Bool]) -> Double
  ) -> Double? {
    guard count > 0 else { return nil }
    let none = [Bool](repeating: false, count: count)
    // What differs by rounding alone is as large.
    let observed = statistic(none)
    let least = observed - 1e-12 * abs(observed)
    if count <= 12 {
      var large = 0
      for mask in 0..<(1 << count) {
        let swapped = (0..<count).map { mask >> $0 & 1 == 1 }
        if statistic(swapped) >= least { large += 1 }
      }
      return Double(large) / Double(1 << count)
    }
    var (stream, large) = (stream, 1)
    for _ in 0..<1999 where statistic(none.map { _ in stream.next() >> 63 == 1 }) >= least { large += 1 }
    return Double(large) / 2000
  }
}
