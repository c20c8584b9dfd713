// SPDX-License-Identifier: GPL-3.0-or-later
//
// The part of the format about sweeps. It decides nothing about a run.

extension ScenarioFormat {
  static let sweep = Shape.object(
    ObjectShape([
      Field(
        "axes", .list(.object(sweepAxis), minimum: 1), required: true,
        "What is varied; the sweep runs every combination."),
      Field(
        "where", .list(.text(.nonEmpty)), standard: "every combination",
        "Comparisons that a combination must fulfil, such as \"servers[0].preStop <= 10s\": each side is "
          + "the path of an axis or a value; <, <=, >, >=, ==, !=."),
      Field(
        "repeats", replications, standard: "1", "Replications of each combination: a number, or a precision."
      ),
      Field(
        "metrics", .list(.text(.metric)), standard: "none",
        "Metrics with labels, beside those of summary.csv."),
    ]))

  private static let axisPath = Field(
    "path", .text(.nonEmpty), required: true,
    "What is set, as with `--set`; \"mode\" is the proxy mode of all nodes.")

  private static let axisValue = Shape.either([
    .text(.any), .number(.from(-1e15, to: 1e15)), .boolean, .anyObject,
  ])

  private static let axisEnd = Shape.either([.text(.nonEmpty), .number(.from(-1e15, to: 1e15))])

  private static let axisVariants: [ObjectShape.Variant] = [
    .init(
      Field("values", .list(axisValue, minimum: 1), "These values."), with: [axisPath]),
    .init(
      Field(
        "range",
        .object(
          ObjectShape([
            Field("from", axisEnd, required: true, "First value."),
            Field("to", axisEnd, required: true, "Last value, of the same kind."),
            Field(
              "count", .integer(2...100_000), standard: "none", "Number of values, both ends among them."),
            Field("step", axisEnd, standard: "none", "From one value to the next, instead of `count`."),
          ])), "Evenly spaced values: durations, rates or numbers."), with: [axisPath]),
    .init(
      Field(
        "logRange",
        .object(
          ObjectShape([
            Field("from", axisEnd, required: true, "First value, above zero."),
            Field("to", axisEnd, required: true, "Last value, of the same kind."),
            Field("count", .integer(2...100_000), required: true, "Number of values, both ends among them."),
          ])), "Values evenly spaced on a logarithmic scale."), with: [axisPath]),
    .init(
      Field(
        "zip",
        .list(
          .object(
            ObjectShape([
              axisPath, Field("values", .list(axisValue, minimum: 1), required: true, "These values."),
            ])), minimum: 2),
        "Settings that move together: the first value of each, then the second, and so on.")),
  ]

  private static let sweepAxis = ObjectShape([], variants: axisVariants)
}
