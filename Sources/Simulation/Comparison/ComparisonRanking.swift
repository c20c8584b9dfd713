// SPDX-License-Identifier: GPL-3.0-or-later
//
// Variants in the order of a metric, with the probability that the first one is the best. Replications are
// resampled and compared whole, so that common random numbers count.

import Foundation
import SimStatistics

extension Comparison {
  /// Variants from the least of a metric to the most.
  struct Ranking {
    var title: String
    var unit: String
    /// Names and means; a variant belongs to the group of the one before it if the two cannot be told apart.
    var groups: [[(name: String, mean: Double)]]
    /// First and last of groups of which these two can be told apart all the same.
    var apart: [(String, String)]
    /// The best, and all that equalled it in every replication.
    var best: [String]
    /// A lower bound of the probability that no other is better; nil where nothing can be said of it.
    var probability: Double?
    /// The difference to another one is smaller than the histograms' bins.
    var isTooFine: Bool
    /// Share of resamples in which each variant is best, in the order of the variants; nil if too few.
    var shareBest: [Double]?
    /// How many variants were ranked.
    var count: Int
    /// Whether the order hinges on assumed parameters.
    var caveat: String?

    /// `Fewest losses: nftables (probability 0.97 or more that it is the best of the four).`
    var lead: String {
      if best.count == count {
        return "\(title): \(count == 2 ? "both" : "all \(Self.word(count))") alike in every replication."
      }
      let names = best.joined(separator: " and ")
      let alike = best.count > 1 ? ", alike in every replication" : ""
      let doubt = groups[0].count > best.count ? ", though not beyond chance" : ""
      guard let probability else {
        return
          "\(title): \(names)\(alike)\(isTooFine ? ", but not by more than the histograms' bins of 1 %" : "")."
      }
      let claim =
        best.count > 1
        ? "that none of the \(Self.word(count)) is better"
        : "that it is the \(count == 2 ? "better" : "best") of the \(Self.word(count))"
      return "\(title): \(names)\(alike)\(doubt) (probability \(Self.words(probability)) \(claim))."
    }

    /// The lead, then all in their order.
    var sentence: String {
      let words = groups.map { group in
        group.map { "\($0.name) (\(ReadableNumber.short($0.mean)))" }.joined(separator: " ~ ")
      }
      let exceptions = apart.map { "; \($0) < \($1)" }.joined()
      let remark = caveat.map { "; \($0)" } ?? ""
      let order = "In order\(unit): \(words.joined(separator: " < "))\(exceptions)\(remark)."
      return "\(lead) \(order)"
    }

    /// Rounded down, because it is a bound: `0.97 or more`, `above 0.999`.
    static func words(_ probability: Double) -> String {
      if probability >= 0.999 { return "above 0.999" }
      let digits = probability >= 0.99 ? 3 : 2
      let scale = pow(10, Double(digits))
      return String(format: "%.*f or more", digits, (probability * scale).rounded(.down) / scale)
    }

    private static func word(_ count: Int) -> String {
      let words = ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
      return words.indices.contains(count - 2) ? words[count - 2] : "\(count)"
    }
  }

  var rankings: [Ranking] {
    [
      ranking("Fewest losses", "", "lost", .syncs),
      ranking("Shortest connect p50", ", ms", "connect_p50", .costs),
      ranking("Shortest connect p99", ", ms", "connect_p99", .costs),
      ranking("Freshest tables", ", mean age in s", "staleness_mean", .syncs),
    ].compactMap { $0 }
  }

  private func ranking(_ title: String, _ unit: String, _ name: String, _ basis: Basis) -> Ranking? {
    let metric = self.metric(name)
    let order = sides.indices.filter { metric.means[$0] != nil }
      .sorted { (metric.means[$0]!, $0) < (metric.means[$1]!, $1) }
    guard order.count > 1, replications > 1 else { return nil }
    func areDifferent(_ a: Int, _ b: Int) -> Bool { metric.anyPair(a, b)?.isDifferent ?? false }
    var groups: [[Int]] = []
    for (place, index) in order.enumerated() {
      if place > 0, !areDifferent(order[place - 1], index) {
        groups[groups.count - 1].append(index)
      } else {
        groups.append([index])
      }
    }
    let apart = groups.filter { $0.count > 2 && areDifferent($0[0], $0[$0.count - 1]) }
    var differing: [(less: Int, more: Int, difference: Double)] = []
    for (place, more) in order.enumerated() {
      for less in order[..<place] where areDifferent(less, more) {
        differing.append((less, more, (metric.means[more] ?? 0) - (metric.means[less] ?? 0)))
      }
    }
    let selection = selection(metric, order)
    return Ranking(
      title: title, unit: unit, groups: groups.map { $0.map { (sides[$0].name, metric.means[$0] ?? 0) } },
      apart: apart.map { (sides[$0[0]].name, sides[$0[$0.count - 1]].name) },
      best: selection.best.map { sides[$0].name }, probability: selection.probability,
      isTooFine: selection.isTooFine,
      shareBest: selection.shareBest, count: order.count, caveat: caveat(basis, order: differing))
  }

  /// The best of `order`, which holds the least first, and how sure that is.
  private func selection(
    _ metric: MetricComparison, _ order: [Int]
  ) -> (best: [Int], probability: Double?, isTooFine: Bool, shareBest: [Double]?) {
    let equal = order.filter { $0 == order[0] || metric.anyPair(order[0], $0)?.isAlwaysEqual ?? false }
      .sorted()
    let samples = order.compactMap { metric.values(of: $0) }
    // A metric that some replications lack ranks nothing.
    guard samples.count == order.count else { return (equal, nil, false, nil) }
    let others = order.filter { !equal.contains($0) }
    let isTooFine = others.contains { metric.anyPair(order[0], $0)?.isBelowResolution ?? true }
    // Thousands of replications need no thousands of resamples to say who is best.
    let resamples = min(BootstrapT.resamples, max(100, 2_000_000 / replications))
    let confidence = SelectionConfidence(samples, resamples: resamples)
    let shares = confidence.shareBest.map { shares in
      sides.indices.map { index in order.firstIndex(of: index).map { shares[$0] } ?? 0 }
    }
    return (equal, isTooFine ? nil : confidence.probability, isTooFine, shares)
  }
}
