// SPDX-License-Identifier: GPL-3.0-or-later
//
// What a weakness means for somebody who reads a summary.

import CGSL

extension StatisticalWeakness: CustomStringConvertible {
  /// A short name for programs, the same in every version: `few_replications`.
  public var name: String {
    switch self {
    case .fewReplications: "few_replications"
    case .noEvents: "no_events"
    case .fewEvents: "few_events"
    case .fewReplicationsWithEvents: "few_replications_with_events"
    case .skewed: "skewed"
    case .dominated: "dominated"
    case .heavyTail: "heavy_tail"
    case .autocorrelated: "autocorrelated"
    case .fewEffectiveObservations: "few_effective_observations"
    case .noWarmUpFound: "no_warm_up_found"
    }
  }

  /// A clause without a full stop, to stand behind the name of a metric and a colon.
  public var description: String {
    switch self {
    case .fewReplications(let count, let least):
      return count == 1
        ? "a single replication has no interval; take at least \(least)"
        : "\(count) replications are few, the interval is wide and itself uncertain; take at least \(least)"
    case .noEvents(let bound):
      let runs =
        bound.replications == 1 ? "the only replication" : "any of \(bound.replications) replications"
      return
        "none in \(runs): at \(percent(bound.confidence)) the chance that a replication has one is below "
        + "\(percent(bound.probability)) (rule of three over replications), nothing better is known"
    case .fewEvents(let sum, let least):
      return "only \(number(sum)) in all replications together; below \(least) their number is mostly chance"
    case .fewReplicationsWithEvents(let having, let count, _):
      return "they come from \(having) of \(count) replications; one more or less would move the mean a lot"
    case .skewed(let skewness, let count, let needed):
      let side = skewness > 0 ? "above" : "below"
      return
        "replications are skewed (\(number(skewness))): the truth lies \(side) the t interval more often "
        + "than it should; about \(needed) replications would do, there are \(count)"
    case .dominated(let share, let count):
      return "one of \(count) replications has \(percent(share)) of the total"
    case .heavyTail(let index):
      return "a heavy tail (Hill index \(number(index)), below 2): the interval may be meaningless"
    case .autocorrelated(let lag1, _):
      return "neighbouring batches correlate (\(number(lag1))): the interval is too narrow, take a longer run"
    case .fewEffectiveObservations(let size, let count):
      return "\(count) observations are worth \(number(size)) independent ones; take a longer run"
    case .noWarmUpFound(let truncation, let count):
      return
        "no steady state found: MSER-5 would cut \(truncation) of \(count) observations, in the second half; take a longer run"
    }
  }

  /// Two significant digits, or all before the point.
  private func number(_ value: Double) -> String {
    guard value != 0, value.isFinite else { return NumberText.format(value) }
    let scale = abs(value) >= 10 ? 1 : pow(10, 1 - log10(abs(value)).rounded(.down))
    return NumberText.format((value * scale).rounded() / scale)
  }

  private func percent(_ share: Double) -> String { number(share * 100) + " %" }
}
