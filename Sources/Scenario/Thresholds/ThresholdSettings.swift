// SPDX-License-Identifier: GPL-3.0-or-later
//
// What must hold for a scenario to pass: conditions on metrics, as k6 writes them, and how sure a verdict has
// to be. Whether a metric exists, and whether its limit makes sense, is for the reader of results to say.

/// The section `thresholds` of a scenario.
public struct ThresholdSettings: Sendable, Equatable {
  /// One condition that must hold.
  public struct Threshold: Sendable, Equatable {
    /// Unique among the thresholds; the condition as written where none is given.
    public var name: String
    public var condition: MetricCondition
    /// In place of the section's.
    public var confidence: Double?
    /// Of the condition's text.
    public var position: SourcePosition
    /// Of its key in the scenario; empty for an option.
    public var path: String

    public init(
      name: String? = nil, condition: MetricCondition, confidence: Double? = nil, position: SourcePosition,
      path: String = ""
    ) {
      self.name = name ?? condition.description
      (self.condition, self.confidence) = (condition, confidence)
      (self.position, self.path) = (position, path)
    }
  }

  /// Chance that no verdict of all is wrong, between 0 and 1.
  public var confidence = 0.95
  /// Replications before the first verdict.
  public var minReplications = 10
  /// Replications after which what is undecided stays so.
  public var maxReplications = 200
  public var all: [Threshold] = []

  public init() {}

  /// What an option must look like that gives a threshold.
  public static let expected = TextForm.threshold.expected
}
