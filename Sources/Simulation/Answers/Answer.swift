// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the replications say together: each figure with its interval and, where a formula predicts it, how
// many standard errors lie between the two.

import Foundation
import Scenario
import SimKernel
import SimStatistics

/// The answer to a scenario's question.
public struct Answer: Sendable {
  /// One figure over all replications of its variant.
  public struct Figure: Sendable {
    public let settings: AnswerSettings.Figure
    public let variant: String
    public let unit: String
    /// nil: no replication has a value.
    public let mean: Double?
    public let standardError: Double?
    public let interval: ConfidenceInterval?
    /// Replications with a value.
    public let count: Int

    /// (mean - predicted) / standard error; nil without a prediction, or where the replications are all equal
    /// and so say nothing of the error.
    public var z: Double? {
      guard let predicted = settings.predicted, let mean, let standardError, standardError > 0 else {
        return nil
      }
      return (mean - predicted) / standardError
    }
  }

  public let path: String
  public let scenario: String
  public let question: String
  public let issues: [String]
  public let replications: Int
  public let duration: SimDuration
  public let seed: UInt64
  public let figures: [Figure]
  private let template: String

  init(_ plan: AnswerPlan, samples: [[MetricSample]]) {
    path = plan.path
    scenario = plan.base.name
    question = plan.base.question
    issues = plan.base.issues
    replications = plan.settings.replications
    duration = plan.base.duration
    seed = plan.base.seed
    template = plan.settings.sentence
    figures = zip(plan.settings.figures, samples).map { settings, samples in
      Figure(settings, samples, variant: plan.settings.variants[settings.variant].name)
    }
  }

  /// For tests of what is made of figures.
  init(figures: [Figure]) {
    (path, scenario, question, issues, replications) = ("t.json", "t", "", [], 3)
    (duration, seed, template) = (.seconds(1), 1, "")
    self.figures = figures
  }

  /// The sentence with its figures in place.
  public var sentence: String {
    var text = template
    for figure in figures {
      text = text.split(separator: "{\(figure.settings.name)}", omittingEmptySubsequences: false)
        .joined(separator: figure.words)
    }
    return text
  }
}

extension Answer.Figure {
  init(_ settings: AnswerSettings.Figure, _ samples: [MetricSample], variant: String) {
    self.settings = settings
    self.variant = variant
    unit = LabelledMetric.named(settings.metric.name)!.unit
    let estimate = MetricEstimate(samples)
    (mean, standardError, count) = (estimate.mean, estimate.standardError, estimate.count)
    interval = estimate.interval(confidence: Comparison.confidence)
  }

  /// How it is written: as asked for, else ratios of losses and shares in percent.
  private var isPercent: Bool {
    switch settings.form {
    case .percent: true
    case .number: false
    case nil:
      unit == "ratio"
        && (settings.metric.name.hasSuffix("loss_ratio") || settings.metric.name.hasSuffix("_share"))
    }
  }

  /// `1.25 ± 0.10 %`, `51 ± 3 s`, `0.300`
  public var words: String {
    guard let mean else { return "none" }
    let scale = isPercent ? 100.0 : 1
    let suffix = isPercent ? " %" : ["s", "ms"].contains(unit) ? " \(unit)" : ""
    let reach = (interval?.halfWidth ?? 0) * scale
    guard reach > 0 else { return number(mean * scale) + suffix }
    // As many decimals as the interval's half width has with two significant digits.
    let decimals = max(0, min(6, 1 - Int(log10(reach).rounded(.down))))
    func text(_ value: Double) -> String {
      decimals == 0 ? ReadableNumber.grouped(Int(value.rounded())) : String(format: "%.\(decimals)f", value)
    }
    return "\(text(mean * scale)) ± \(text(reach))\(suffix)"
  }

  /// What a formula gives, written in the same way; empty without one.
  public var predictedWords: String {
    guard let predicted = settings.predicted else { return "" }
    let suffix = isPercent ? " %" : ["s", "ms"].contains(unit) ? " \(unit)" : ""
    return number(predicted * (isPercent ? 100 : 1)) + suffix
  }

  private func number(_ value: Double) -> String {
    value.rounded() == value && abs(value) < 1e9
      ? ReadableNumber.grouped(Int(value)) : ReadableNumber.short(value)
  }
}
