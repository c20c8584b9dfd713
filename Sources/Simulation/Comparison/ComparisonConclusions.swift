// SPDX-License-Identifier: GPL-3.0-or-later
//
// Sentences about a comparison. A sentence is only made if the interval allows it; what cannot be told apart
// is said to be so. Effects come first, and how sure they are behind.

import Foundation
import NetworkTypes
import SimStatistics

extension Comparison {
  /// What the intervals allow to say; empty for a single replication.
  public var conclusions: [String] { conclusions(latencies()) }

  /// - Parameter latencies: those of `latencies()`, which take their time.
  func conclusions(_ latencies: [LatencyComparison]) -> [String] {
    guard replications > 1 else { return [] }
    var sentences: [String] = []
    for index in sides.indices.dropFirst() {
      if let sentence = lossSentence(index) { sentences.append(sentence) }
    }
    return sentences + latencies.compactMap(sentence) + rankings.map(\.sentence)
  }

  /// The whole in one sentence.
  public var headlineSentence: String {
    guard replications > 1 else {
      let means = zip(sides, metric("lost").means).map { "\($0.name) \(ReadableNumber.short($1))" }
      return "Lost connections in one replication, which shows no difference to be more than chance: "
        + means.joined(separator: ", ") + "."
    }
    if sides.count == 2, let sentence = lossSentence(1) { return sentence }
    return rankings.first?.lead ?? "Nothing was lost or measured."
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
}
