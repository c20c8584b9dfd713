// SPDX-License-Identifier: GPL-3.0-or-later
//
// All thresholds of a run. The error of the family is divided by their number (Bonferroni): each threshold
// has exactly one verdict that would be wrong, so that as many hypotheses stay true as there are thresholds,
// however many are decided already. Holm's step-down, which gains by what was rejected, has nothing to gain
// here, and the union bound holds for any mixture of stopping times.

import Scenario

/// Takes the results of replications in their order and says which thresholds hold. A value type: a
/// comparison has one per variant.
public struct ThresholdBoard: StoppingRule, Sendable {
  /// How many replications there are to be.
  public enum Amount: Sendable, Equatable {
    /// These and no other; looked at once, at the end.
    case exactly(Int)
    /// As many as verdicts take, up to a limit.
    case asNeeded
  }

  private var tracks: [ThresholdTrack]
  private let amount: Amount
  /// Replications that the verdicts take at most.
  public let most: Int
  private var count = 0

  /// Nil if neither the scenario nor `more` has thresholds.
  /// - Parameter more: thresholds beside the scenario's.
  /// - Throws: what is wrong with any of the scenario's or of `more`, all mistakes together.
  public init?(
    _ scenario: ScenarioFile, more: [ThresholdSettings.Threshold] = [],
    replications amount: Amount = .asNeeded
  ) throws(ScenarioError) {
    let settings = scenario.thresholds ?? ThresholdSettings()
    let all = settings.all + more
    guard !all.isEmpty else { return nil }
    let mistakes = all.compactMap { ThresholdCheck.mistake(in: $0, of: scenario) } + Self.repeated(all)
    guard mistakes.isEmpty else { throw ScenarioError(mistakes) }
    self.amount = amount
    var stages: [Int]?
    if case .exactly(let number) = amount {
      most = number
    } else {
      most = settings.maxReplications
      stages = Self.stages(from: settings.minReplications, to: most)
    }
    var tracks: [ThresholdTrack] = []
    for threshold in all {
      let confidence = threshold.confidence ?? settings.confidence
      let query = try MetricQuery(
        threshold.condition.selector, at: threshold.position, path: threshold.path, in: scenario)
      tracks.append(
        ThresholdTrack(
          threshold, query, confidence: confidence, error: (1 - confidence) / Double(all.count),
          stages: stages))
    }
    self.tracks = tracks
  }

  private static func repeated(_ all: [ThresholdSettings.Threshold]) -> [Diagnostic] {
    all.indices.filter { index in all[..<index].contains { $0.name == all[index].name } }.map {
      Diagnostic(
        position: all[$0].position, path: all[$0].path,
        message: "another threshold has the name \"\(all[$0].name)\"")
    }
  }

  /// The first, twice as many, and so on, and the last.
  private static func stages(from least: Int, to most: Int) -> [Int] {
    Array(sequence(first: least) { $0 * 2 }.prefix { $0 < most }) + [most]
  }

  /// Takes in the next replication.
  public mutating func add(_ result: RunResult) {
    count += 1
    for index in tracks.indices where tracks[index].outcome == nil {
      tracks[index].add(tracks[index].query.sample(result))
    }
  }

  /// Every threshold has its verdict, or the replications are used up.
  public var isContent: Bool {
    if case .exactly = amount { return count >= most }
    return count >= most || tracks.allSatisfy { $0.outcome != nil }
  }

  /// `2 of 3 thresholds decided`
  public var progress: String {
    let decided = tracks.count { $0.outcome != nil }
    return "\(decided) of \(tracks.count) \(tracks.count == 1 ? "threshold" : "thresholds") decided"
  }

  /// In the order of the thresholds, as if no more replications came.
  public var outcomes: [ThresholdOutcome] { tracks.map(\.finished) }
}
