// SPDX-License-Identifier: GPL-3.0-or-later
//
// Whole distributions of latencies against each other: the Kolmogorov-Smirnov distance of all completed
// attempts of two variants, with the place at which they are furthest apart. Attempts of one run wait in the
// same queues and are not independent, so that the usual p-value would be far too small: chance is measured
// by swapping whole replications. Histograms have bins of 1 %; within a bin nothing is told apart.

import SimStatistics

/// One variant's latencies by phase and replication.
struct LatencyTrack: Sendable {
  /// Replications whose latencies are kept: enough for a permutation test, and bounded memory.
  static let most = 40

  /// By phase, then replication.
  private(set) var bins: [[[LatencyHistogram.Bin]]] = LatencyPhase.allCases.map { _ in [] }

  mutating func add(_ result: RunResult) {
    for (index, phase) in LatencyPhase.allCases.enumerated() where bins[index].count < Self.most {
      var merged = LatencyHistogram()
      for row in result.latency where row.phase == phase && row.outcome == .completed {
        merged.merge(row.histogram)
      }
      bins[index].append(merged.bins)
    }
  }
}

/// Latencies of one phase of two variants.
struct LatencyComparison: Sendable {
  var phase: LatencyPhase
  /// Indices of the variants.
  var first: Int
  var second: Int
  /// The largest distance between the shares of attempts that took no longer.
  var distance: Double
  /// Where that is, in milliseconds, and the shares there.
  var at: Double
  var firstShare: Double
  var secondShare: Double
  /// How far apart in time: second's quantile - first's, in milliseconds, at the middle of the two shares. A
  /// step of a distribution that moves by one bin makes a large distance of a small shift.
  var shift: Double
  /// Of such a distance if replications of the two could be swapped; nil for one replication.
  var pValue: Double?
  /// Among all of a comparison (Holm).
  var adjustedPValue: Double?

  /// More than two bins of 1 % apart.
  var isVisible: Bool { abs(shift) > 0.02 * at }

  /// Beyond chance, whatever its size.
  var isDifferent: Bool { adjustedPValue.map { $0 < 1 - Comparison.confidence } ?? false }

  /// Nil if either has no completed attempt.
  init?(
    _ phase: LatencyPhase, _ first: Int, _ second: Int, _ a: [[LatencyHistogram.Bin]],
    _ b: [[LatencyHistogram.Bin]]
  ) {
    let edges = Array(Set((a + b).joined().map(\.upperNanoseconds))).sorted()
    func counts(_ bins: [LatencyHistogram.Bin]) -> [Int] {
      var counts = [Int](repeating: 0, count: edges.count)
      var place = 0
      for bin in bins {
        while edges[place] < bin.upperNanoseconds { place += 1 }
        counts[place] += bin.count
      }
      return counts
    }
    let replications = min(a.count, b.count)
    let pairs = (0..<replications).map { (counts(a[$0]), counts(b[$0])) }
    let none = [Bool](repeating: false, count: replications)
    let (x, y) = Self.sums(pairs, swapped: none, bins: edges.count)
    guard let distance = TwoSampleKolmogorovSmirnov.distance(binned: x, y) else { return nil }
    (self.phase, self.first, self.second, self.distance) = (phase, first, second, distance)
    (at, firstShare, secondShare) = Self.widest(x, y, edges)
    let middle = (firstShare + secondShare) / 2
    shift = Self.quantile(middle, y, edges) - Self.quantile(middle, x, edges)
    pValue =
      replications < 2
      ? nil
      : PairedPermutation.pValue(pairs: replications) { swapped in
        let (x, y) = Self.sums(pairs, swapped: swapped, bins: edges.count)
        return TwoSampleKolmogorovSmirnov.distance(binned: x, y) ?? 0
      }
  }

  private static func sums(_ pairs: [([Int], [Int])], swapped: [Bool], bins: Int) -> ([Int], [Int]) {
    var x = [Int](repeating: 0, count: bins)
    var y = x
    for (pair, isSwapped) in zip(pairs, swapped) {
      let (a, b) = isSwapped ? (pair.1, pair.0) : pair
      for bin in 0..<bins {
        x[bin] += a[bin]
        y[bin] += b[bin]
      }
    }
    return (x, y)
  }

  /// In milliseconds: the end of the first bin that a share of all does not exceed.
  private static func quantile(_ share: Double, _ counts: [Int], _ edges: [UInt64]) -> Double {
    let rank = share * Double(counts.reduce(0, +))
    var sum = 0
    for (bin, edge) in edges.enumerated() {
      sum += counts[bin]
      if Double(sum) >= rank { return Double(edge) / 1e6 }
    }
    return Double(edges.last ?? 0) / 1e6
  }

  private static func widest(
    _ x: [Int], _ y: [Int], _ edges: [UInt64]
  ) -> (at: Double, first: Double, second: Double) {
    let (n, m) = (Double(x.reduce(0, +)), Double(y.reduce(0, +)))
    var (i, j, best) = (0, 0, (at: 0.0, first: 0.0, second: 0.0))
    for (bin, edge) in edges.enumerated() {
      i += x[bin]
      j += y[bin]
      let shares = (Double(i) / n, Double(j) / m)
      if abs(shares.0 - shares.1) > abs(best.first - best.second) {
        best = (Double(edge) / 1e6, shares.0, shares.1)
      }
    }
    return best
  }
}

extension Comparison {
  /// Every phase of every variant against the first one. Costs some 2,000 distances each: ask once.
  func latencies() -> [LatencyComparison] {
    var all: [LatencyComparison] = []
    for (index, phase) in LatencyPhase.allCases.enumerated() {
      for second in sides.indices.dropFirst() {
        let (a, b) = (sides[0].latency.bins[index], sides[second].latency.bins[index])
        let kept = min(a.count, b.count, replications)
        if let compared = LatencyComparison(
          phase, 0, second, Array(a.prefix(kept)), Array(b.prefix(kept)))
        {
          all.append(compared)
        }
      }
    }
    let adjusted = HolmCorrection.adjusted(all.map(\.pValue))
    for index in all.indices { all[index].adjustedPValue = adjusted[index] }
    return all
  }

  /// The median of a phase, by variant.
  private func median(_ phase: LatencyPhase) -> MetricComparison { metric("\(phase.rawValue)_p50") }

  /// "connect p50 of ebpf is 0.02 ms lower than that of iptables (K-S distance 0.31), beyond chance." Nil for
  /// what may be chance, or moves fewer than one attempt in twenty.
  func sentence(_ latency: LatencyComparison) -> String? {
    guard latency.isDifferent, latency.isVisible, latency.distance >= 0.05,
      let pair = median(latency.phase).pair(0, latency.second),
      let difference = pair.difference?.mean
    else { return nil }
    let (first, second) = (sides[latency.first].name, sides[latency.second].name)
    let distance = ComparisonRow.grouped(latency.distance, decimals: 2)
    let size =
      pair.isBelowResolution
      ? "differs from that of \(first) by less than the histograms' bins of 1 %"
      : "is \(ReadableNumber.short(abs(difference))) ms \(difference < 0 ? "lower" : "higher") than that of "
        + first
    let shares =
      "\(ReadableNumber.roughPercent(latency.secondShare)) instead of "
      + "\(ReadableNumber.roughPercent(latency.firstShare)) within \(ReadableNumber.short(latency.at)) ms"
    return "\(latency.phase.rawValue) p50 of \(second) \(size) (K-S distance \(distance): \(shares)), "
      + "beyond chance."
  }

  func latencyTable(_ latencies: [LatencyComparison]) -> TextTable {
    var table = TextTable([
      .left("latency, against \(sides[0].name)", least: 16), .right("p50, ms"), .right("difference"),
      .right("K-S"), .right("at, ms"), .right("faster"), .right("was"), .right("shift"), .right("p"),
    ])
    for latency in latencies {
      let median = median(latency.phase)
      table.add([
        "\(latency.phase.rawValue)  \(sides[latency.second].name)",
        ReadableNumber.short(median.means[latency.second]),
        ComparisonRow(label: "", metric: median).difference(median.pair(0, latency.second)),
        ComparisonRow.grouped(latency.distance, decimals: 3),
        latency.distance > 0 ? ReadableNumber.short(latency.at) : "-",
        latency.distance > 0 ? ReadableNumber.roughPercent(latency.secondShare) : "-",
        latency.distance > 0 ? ReadableNumber.roughPercent(latency.firstShare) : "-",
        latency.distance > 0 && latency.isVisible ? ReadableNumber.short(latency.shift) : "0",
        latency.adjustedPValue.map { ComparisonRow.probability($0) } ?? "-",
      ])
    }
    return table
  }

  /// What the table of latencies means.
  var latencyWords: String {
    let kept = min(replications, LatencyTrack.most)
    return
      "K-S: largest distance between the shares of attempts that took no longer, at bins of 1 %; there \"faster\" "
      + "instead of \"was\"; shift: ms between the two half way up, 0 within two bins. p: swapping whole replications"
      + (kept < replications ? " (the first \(kept))" : "") + ", Holm."
  }
}
