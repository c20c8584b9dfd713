// SPDX-License-Identifier: GPL-3.0-or-later
//
// How a scenario answers its question: under which variants it runs, which figures are taken from the
// results, what a formula predicts for them, and the sentence that they complete.

/// The section `answer` of a scenario.
public struct AnswerSettings: Sendable, Equatable {
  /// The scenario with some of its values set otherwise.
  public struct Variant: Sendable, Equatable {
    public var name: String
    /// `path=value`, as with `--set`.
    public var edits: [String]
    public var position: SourcePosition
  }

  /// How a figure is written.
  public enum Form: String, Sendable, CaseIterable {
    case number, percent
  }

  /// One number of the answer: a mean over replications.
  public struct Figure: Sendable, Equatable {
    /// Stands in braces in the sentence.
    public var name: String
    /// Index among the variants.
    public var variant: Int
    public var metric: MetricSelector
    /// nil: as its unit has it.
    public var form: Form?
    /// Worked out beforehand, in the metric's unit.
    public var predicted: Double?
    /// Where `predicted` comes from.
    public var formula: String?
    /// Of the metric's text in the file.
    public var position: SourcePosition

    public init(
      name: String, variant: Int, metric: MetricSelector, form: Form?, predicted: Double?, formula: String?,
      position: SourcePosition
    ) {
      (self.name, self.variant, self.metric, self.form) = (name, variant, metric, form)
      (self.predicted, self.formula, self.position) = (predicted, formula, position)
    }
  }

  public var replications = 10
  /// At least one; the scenario as it is where the file names none.
  public var variants: [Variant] = []
  public var figures: [Figure] = []
  public var sentence = ""

  public init() {}

  /// Names of the figures that the sentence has a place for, in order.
  public var places: [String] {
    var names: [String] = []
    var rest = sentence[...]
    while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
      names.append(String(rest[rest.index(after: open)..<close]))
      rest = rest[rest.index(after: close)...]
    }
    return names
  }
}
