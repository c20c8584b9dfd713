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
    for ranking in rankings where ranking.groups.count > 0 { sentences.append(ranking.sentence) }
    return sentences
  }

  /// "nftables lost 3.1 ± 0.4 times fewer connections than iptables."
  private func lossSentence(_ index: Int) -> String? {
    guard let pair = metric("lost").pair(0, index), let difference = pair.difference else { return nil }
    let (first, second) = (sides[0].name, sides[index].name)
    if pair.isAlwaysEqual {
      return "\(second) lost as many connections as \(first) in every replication."
    }
    guard pair.isDifferent else {
      return "\(second) and \(first) cannot be told apart by their losses in \(pair.replications) replications."
    }
    let isFewer = difference.mean < 0
    let (more, fewer) = isFewer ? (pair.firstMean!, pair.secondMean!) : (pair.secondMean!, pair.firstMean!)
    let word = isFewer ? "fewer" : "more"
    if fewer > 0, let factor = factor(isFewer ? 0 : index, isFewer ? index : 0), factor.low > 1 {
      return "\(second) lost \(Self.plusMinus(factor)) times \(word) connections than \(first) "
        + "(\(ReadableNumber.short(pair.secondMean)) instead of \(ReadableNumber.short(pair.firstMean)) "
        + "per replication)."
    }
    let none = fewer == 0 ? "; \(isFewer ? second : first) lost none" : ""
    _ = more
    return "\(second) lost \(Self.plusMinus(pair.interval!, magnitude: true)) \(word) connections than \(first) "
      + "per replication\(none)."
  }

  /// Losses of `more` over those of `fewer`.
  private func factor(_ more: Int, _ fewer: Int) -> ConfidenceInterval? {
    let values = sides.map { $0.values[SummaryMetric.catalogue.firstIndex { $0.metric == "lost" }!] }
    let known = zip(values[more], values[fewer]).compactMap { more, fewer in
      more.flatMap { more in fewer.map { (more, $0) } }
    }
    return RatioEstimate(numerators: known.map(\.0), denominators: known.map(\.1))?.interval(
      confidence: Self.confidence)
  }

  /// `3.14 ± 0.42`, to two digits of the error.
  static func plusMinus(_ interval: ConfidenceInterval, magnitude: Bool = false) -> String {
    let reach = interval.halfWidth
    let estimate = magnitude ? abs(interval.estimate) : interval.estimate
    guard reach > 0 else { return ReadableNumber.short(estimate) }
    let decimals = min(9, max(0, 1 - Int(log10(reach).rounded(.down))))
    return String(format: "%.*f ± %.*f", decimals, estimate, decimals, reach)
  }

  // MARK: Rankings

  /// Variants from the least of a metric to the most; those of one group cannot be told apart.
  struct Ranking {
    var title: String
    /// Names and means; a variant belongs to the group of the one before it if the two cannot be told apart.
    var groups: [[(name: String, mean: Double)]]

    var sentence: String {
      let words = groups.map { group in
        group.map { "\($0.name) (\(ReadableNumber.short($0.mean)))" }.joined(separator: " = ")
      }
      return "\(title): \(words.joined(separator: " < "))."
    }
  }

  var rankings: [Ranking] {
    [
      ranking("Fewest losses first", "lost"), ranking("Shortest connect p99 first, ms", "connect_p99"),
      ranking("Freshest tables first, mean age in s", "staleness_mean"),
    ].compactMap { $0 }
  }

  private func ranking(_ title: String, _ name: String) -> Ranking? {
    let metric = self.metric(name)
    let order = sides.indices.filter { metric.means[$0] != nil }
      .sorted { (metric.means[$0]!, $0) < (metric.means[$1]!, $1) }
    guard order.count > 1 else { return nil }
    var ranking = Ranking(title: title, groups: [])
    for (place, index) in order.enumerated() {
      let entry = (name: sides[index].name, mean: metric.means[index]!)
      let before = place > 0 ? order[place - 1] : index
      let pair = metric.pair(min(before, index), max(before, index))
      if place > 0, !(pair?.isDifferent ?? false) {
        ranking.groups[ranking.groups.count - 1].append(entry)
      } else {
        ranking.groups.append([entry])
      }
    }
    return ranking
  }
}
