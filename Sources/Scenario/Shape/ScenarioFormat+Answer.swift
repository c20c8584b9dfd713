// SPDX-License-Identifier: GPL-3.0-or-later
//
// The part of the format about the answer to the scenario's question. It decides nothing about a run.

extension ScenarioFormat {
  static let answer = Shape.object(
    ObjectShape([
      Field(
        "replications", .integer(2...10_000), standard: "10", "Runs of each variant that the answer rests on."
      ),
      Field(
        "variants", .list(.object(answerVariant), minimum: 1), standard: "the scenario as it is",
        "What is set side by side."),
      Field(
        "figures", .list(.object(answerFigure), minimum: 1), required: true, "The numbers of the answer."),
      Field(
        "sentence", .text(.nonEmpty), required: true,
        "The answer; the name of a figure in braces stands for its value."),
    ]))

  private static let answerVariant = ObjectShape([
    Field("name", .text(.plainName), required: true, "Name."),
    Field(
      "set", .map(.either([.text(.any), .number(.from(-1e15, to: 1e15)), .boolean, .anyObject])),
      standard: "nothing", "Values of the scenario by their path, as `--set` takes them."),
  ])

  private static let answerFigure = ObjectShape([
    Field("name", .text(.plainName), required: true, "Name, as it stands in the sentence."),
    Field("variant", .text(.plainName), standard: "the first", "Name of a variant."),
    Field(
      "metric", .text(.metric), required: true,
      "A metric of summary.csv or one that `sim answers --metrics` lists, with labels in braces to narrow it down."
    ),
    Field(
      "as", .word(AnswerSettings.Form.allCases.map(\.rawValue)), standard: "as its unit has it",
      "How it is written."),
    Field(
      "predicted", .number(.from(-1e15, to: 1e15)), standard: "none",
      "What a formula gives, in the metric's unit."),
    Field("formula", .text(.nonEmpty), standard: "none", "That formula, with its numbers."),
  ])
}

extension TextForm {
  static let plainName = TextForm("a name of letters, digits, '.', '_' and '-'", "^[A-Za-z0-9._-]+$")
  static let metric = TextForm(
    "a metric such as \"loss_ratio{service=default/web}\"", "^[a-z0-9_.]+(\\{[^{}]+\\})?$")
}
