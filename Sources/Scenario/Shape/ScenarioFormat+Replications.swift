// SPDX-License-Identifier: GPL-3.0-or-later
//
// The part of the format about the number of replications.

extension ScenarioFormat {
  /// A number, or a precision to be reached.
  static let replications = Shape.either([
    .integer(1...1_000_000),
    .object(
      ObjectShape([
        Field("target", .object(precisionTarget), required: true, "What is to be precise enough."),
        Field(
          "min", .integer(2...1_000_000), standard: "10",
          "No fewer replications than these: a narrow interval of very few is chance."),
        Field(
          "max", .integer(2...1_000_000), standard: "200",
          "No more than these, even if the precision is not reached."),
      ])),
  ])

  private static let precisionTarget = ObjectShape([
    Field(
      "metric", .text(.metric), required: true,
      "A metric of summary.csv or one that `sim answers --metrics` lists, with labels in braces to narrow it down."
    ),
    Field(
      "half_width", .either([.text(.percent), .number(.above(0, to: 1e15))]), required: true,
      "Half the width of its interval: in percent of the estimate, or a number in the metric's unit."),
    Field(
      "confidence", .number(.from(0.5, to: 0.9999)), standard: "0.95", "Confidence of the interval."),
  ])
}

extension TextForm {
  static let percent = TextForm("a share in percent such as \"5%\"", "^(?=.*[1-9])[0-9]+(\\.[0-9]+)? ?%$")
}
