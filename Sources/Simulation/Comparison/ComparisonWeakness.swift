// SPDX-License-Identifier: GPL-3.0-or-later
//
// Where the statistics of a comparison are weak: few replications, few losses, differences that are skewed or
// hang on one replication. Said of what the sentences are about: losses, and metrics that were asked for.

import SimStatistics

extension Comparison {
  /// A weakness and what it is one of.
  struct Weakness: Equatable {
    var metric: String
    var variant: String
    /// nil: of the variant alone, not of a difference.
    var baseline: String?
    var weakness: StatisticalWeakness

    var words: String {
      let place = baseline.map { "\(variant) - \($0)" } ?? variant
      return "\(metric), \(place): \(weakness)"
    }
  }

  var weaknesses: [Weakness] {
    guard replications > 1 else { return [] }
    var all: [Weakness] = []
    for metric in [metric("lost")] + askedMetrics {
      let counts = metric.unit == "connections"
      for index in sides.indices where counts {
        let found = StatisticalWeakness.find(in: metric.values(of: index) ?? [], events: true)
        all += found.filter(\.isAboutEvents).map {
          Weakness(metric: metric.metric, variant: sides[index].name, baseline: nil, weakness: $0)
        }
      }
      for index in sides.indices.dropFirst() {
        guard let first = metric.values(of: 0), let second = metric.values(of: index) else { continue }
        let found = StatisticalWeakness.find(in: zip(first, second).map { $1 - $0 })
        all += found.filter { !$0.isFewReplications }.map {
          Weakness(
            metric: metric.metric, variant: sides[index].name, baseline: sides[0].name, weakness: $0)
        }
      }
    }
    return all
  }

  /// All of it in sentences; what concerns the whole comparison first, and once.
  var weaknessWords: [String] {
    let few = StatisticalWeakness.find(in: Array(repeating: 0, count: replications))
      .filter(\.isFewReplications)
    return few.map { "All intervals: \($0)." } + weaknesses.map { $0.words + "." }
  }
}

extension StatisticalWeakness {
  fileprivate var isFewReplications: Bool { if case .fewReplications = self { true } else { false } }

  fileprivate var isAboutEvents: Bool {
    switch self {
    case .noEvents, .fewEvents, .fewReplicationsWithEvents, .dominated: true
    default: false
    }
  }
}
