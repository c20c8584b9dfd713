// SPDX-License-Identifier: GPL-3.0-or-later
//
// The options of `sim compare` that say what is looked at and how precisely.

import ArgumentParser
import Scenario
import Simulation

struct ComparisonOptions: ParsableArguments {
  @Option(
    name: .customLong("metric"),
    help: ArgumentHelp(
      "A metric for rows of its own, such as \"loss_ratio{service=default/web}\". Repeatable.",
      valueName: "metric"))
  var metricTexts: [String] = []

  @Option(help: "Runs of each variant with independent random draws; intervals need two. (default: 10)")
  var replications: Int?

  @Option(
    help: ArgumentHelp(
      """
      Replications until the differences of the first --metric (or of lost) from the first variant are known \
      to ± this: a share of the first variant's mean such as 5%, or a number. At most --replications, then \
      200.
      """, valueName: "half width"))
  var precision: String?

  func validate() throws {
    if let replications, !(1...100_000).contains(replications) {
      throw ValidationError("--replications takes a number from 1 to 100000; found \(replications)")
    }
    if let precision, ComparisonPrecision.halfWidth(precision) == nil {
      throw ValidationError("--precision takes a share such as 5% or a number above 0; found '\(precision)'")
    }
    for text in metricTexts where MetricSelector(text) == nil {
      throw ValidationError(
        "--metric takes a metric such as \"loss_ratio{service=default/web}\"; found '\(text)'")
    }
  }

  /// Each metric once, in the order of the options; those of summary.csv have their rows anyway.
  var selectors: [MetricSelector] {
    var selectors: [MetricSelector] = []
    for selector in metricTexts.compactMap(MetricSelector.init) where !selectors.contains(selector) {
      selectors.append(selector)
    }
    return selectors
  }

  var most: Int { replications ?? (precision == nil ? 10 : 200) }

  /// When there are enough; nil if the number of replications is given.
  var stopping: ComparisonPrecision? {
    precision.flatMap(ComparisonPrecision.halfWidth).map {
      ComparisonPrecision(metric: selectors.first?.description ?? "lost", halfWidth: $0)
    }
  }

  /// For the line that runs the same again.
  func words(replications done: Int) -> [String] {
    metricTexts.flatMap { ["--metric", $0] } + (precision.map { ["--precision", $0] } ?? [])
      + ["--replications", "\(precision == nil ? done : most)"]
  }
}
