// SPDX-License-Identifier: GPL-3.0-or-later
//
// The part of the format about what must hold: a list of conditions, or an object that also says how sure
// their verdicts have to be. It decides how many replications are run, and nothing about any of them.

extension ScenarioFormat {
  static let thresholds = Shape.either([thresholdList, .object(thresholdSection)])

  private static let thresholdList = Shape.list(.either([.text(.threshold), .object(threshold)]), minimum: 1)

  private static let confidence = Shape.number(.from(0.5, to: 0.999_999))

  private static let threshold = ObjectShape([
    Field(
      "threshold", .text(.threshold), required: true,
      "A metric, one of <, <=, >, >=, and a limit in the metric's unit; ratios also in percent."),
    Field("name", .text(.nonEmpty), standard: "the threshold as written", "Name in reports."),
    Field(
      "confidence", confidence, standard: "that of all",
      "For this one as if it were alone; its error is divided by the number of thresholds like every other."),
  ])

  private static let thresholdSection = ObjectShape([
    Field(
      "all", thresholdList, required: true,
      "What must hold: \"loss_ratio{service=web} < 0.1%\", or an object with `threshold`."),
    Field(
      "confidence", confidence, standard: "0.95",
      "Chance that no verdict is wrong, over all thresholds and however often they are looked at."),
    Field(
      "minReplications", .integer(2...10_000), standard: "10", "Replications before the first verdict."),
    Field(
      "maxReplications", .integer(2...1_000_000), standard: "200",
      "Replications after which what is undecided stays so."),
  ])
}

extension TextForm {
  static let threshold = TextForm(
    "a threshold such as \"loss_ratio{service=web} < 0.1%\", with one of <, <=, >, >=",
    "^ *[a-z0-9_.]+(\\{[^{}]+\\})? *(<=|>=|<|>) *-?[0-9.][0-9.eE+-]* *%? *$")
}
