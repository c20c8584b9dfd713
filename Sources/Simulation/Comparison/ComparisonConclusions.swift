// SPDX-License-Identifier: GPL-3.0-or-later
//
// Sentences about a comparison, and rankings. A sentence is only made if the interval allows it; what cannot
// be told apart is said to be so.

import Foundation
import NetworkTypes
import SimStatistics

extension Comparison {
  /// What the intervals allow to say; empty for a single replication.
  public var conclusions: [String] {
    guard replications > 1 else { return [] }
    var sentences: [String] = []
    for index in sides.indices.dropFirst() {
      if let sentence = lossSentence(index) { sentences.append(sentence) }
    }
    return sentences + rankings.map(\.sentence)
  }

  /// "nftables lost 3.1 ± 0.4 times fewer connections than iptables."
  private func lossSentence(_ index: Int) -> String? {
    guard let pair = metric("lost").pair(0, index), let difference = pair.difference else { return nil }
    let (first, second) = (sides[0].name, sides[index].name)
    if pair.isAlwaysEqual {
      return "\(second) lost as many connections as \(first) in every replication."
    }
    guard pair.isDifferent else {
      return
        "\(second) and \(first) cannot be told apart by their losses in \(pair.replications) replications."
    }
    let isFewer = difference.mean < 0
    let word = isFewer ? "fewer" : "more"
    let means = (first: pair.firstMean ?? 0, second: pair.secondMean ?? 0)
    if min(means.first, means.second) > 0,
      let factor = factor(isFewer ? 0 : index, isFewer ? index : 0), factor.low > 1
    {
      if factor.estimate < 1.5, let share = pair.ratioInterval {
        let percent = ConfidenceInterval(
          estimate: abs(1 - share.estimate) * 100, low: (1 - share.high) * 100, high: (1 - share.low) * 100,
          confidence: share.confidence)
        return "\(second) lost \(Self.plusMinus(percent)) % \(word) connections than \(first) "
          + "(\(ReadableNumber.short(means.second)) instead of \(ReadableNumber.short(means.first)) "
          + "per replication)."
      }
      return "\(second) lost \(Self.plusMinus(factor)) times \(word) connections than \(first) "
        + "(\(ReadableNumber.short(means.second)) instead of \(ReadableNumber.short(means.first)) "
        + "per replication)."
    }
    let none = means.first == 0 ? "; \(first) lost none" : means.second == 0 ? "; \(second) lost none" : ""
    let interval = pair.interval.map { Self.plusMinus($0, magnitude: true) } ?? ""
    return "\(second) lost \(interval) \(word) connections than \(first) per replication\(none)."
  }

  /// Losses of `more` over those of `fewer`.
  private func factor(_ more: Int, _ fewer: Int) -> ConfidenceInterval? {
    let metric = self.metric("lost")
    guard let numerators = metric.values(of: more), let denominators = metric.values(of: fewer) else {
      return nil
    }
    return RatioEstimate(numerators: numerators, denominators: denominators)?.interval(
      confidence: Self.confidence)
  }

  /// `3.14 ± 0.42`, to two digits of the error.
  static func plusMinus(_ interval: ConfidenceInterval, magnitude: Bool = false) -> String {
    let reach = interval.halfWidth
    let estimate = magnitude ? abs(interval.estimate) : interval.estimate
    guard reach > 0 else { return ReadableNumber.short(estimate) }
    let decimals = min(9, max(0, 1 - Int(log10(reach).rounded(.down))))
    return "\(ComparisonRow.grouped(estimate, decimals: decimals)) ± "
      + ComparisonRow.grouped(reach, decimals: decimals)
  }

  // MARK: Rankings

  /// Variants from the least of a metric to the most.
  struct Ranking {
    var title: String
    /// Names and means; a variant belongs to the group of the one before it if the two cannot be told apart.
    var groups: [[(name: String, mean: Double)]]
    /// First and last of groups of which these two can be told apart all the same.
    var apart: [(String, String)]
    /// Whether the order hinges on assumed parameters.
    var caveat: String?

    var sentence: String {
      let words = groups.map { group in
        group.map { "\($0.name) (\(ReadableNumber.short($0.mean)))" }.joined(separator: " ~ ")
      }
      let exceptions = apart.map { "; \($0) < \($1)" }.joined()
      let remark = caveat.map { "; \($0)" } ?? ""
      return "\(title): \(words.joined(separator: " < "))\(exceptions)\(remark)."
    }
  }

  var rankings: [Ranking] {
    [
      ranking("Fewest losses first", "lost", .syncs),
      ranking("Shortest connect p50 first, ms", "connect_p50", .costs),
      ranking("Shortest connect p99 first, ms", "connect_p99", .costs),
      ranking("Freshest tables first, mean age in s", "staleness_mean", .syncs),
    ].compactMap { $0 }
  }

  private func ranking(_ title: String, _ name: String, _ basis: Basis) -> Ranking? {
    let metric = self.metric(name)
    let order = sides.indices.filter { metric.means[$0] != nil }
      .sorted { (metric.means[$0]!, $0) < (metric.means[$1]!, $1) }
    guard order.count > 1 else { return nil }
    func areDifferent(_ a: Int, _ b: Int) -> Bool { metric.pair(min(a, b), max(a, b))?.isDifferent ?? false }
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
    return Ranking(
      title: title, groups: groups.map { $0.map { (sides[$0].name, metric.means[$0] ?? 0) } },
      apart: apart.map { (sides[$0[0]].name, sides[$0[$0.count - 1]].name) },
      caveat: caveat(basis, order: differing))
  }
}
