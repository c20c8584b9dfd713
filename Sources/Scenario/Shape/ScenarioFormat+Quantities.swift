// SPDX-License-Identifier: GPL-3.0-or-later
//
// Random quantities. A distribution is an object with one key, its name, whose value holds its parameters.

extension ScenarioFormat {
  enum Unit {
    /// Parameters are durations with units.
    case duration
    /// Parameters are plain numbers.
    case count
  }

  static let durationQuantity = Shape.either([.duration(), .named("durationDistribution")])

  static func distribution(of unit: Unit) -> Shape {
    var variants = commonDistributions(unit)
    if unit == .count {
      variants += [
        variant("poisson", "Poisson.", [Field("mean", positive(unit), required: true, "Mean.")]),
        variant(
          "geometric", "Number of trials up to the first success: 1, 2, and so on.",
          [Field("p", .number(.above(0, to: 1)), required: true, "Probability of success in one trial.")]),
      ]
    }
    return .object(ObjectShape([], variants: variants))
  }

  private static func value(_ unit: Unit) -> Shape {
    unit == .duration ? .duration() : .number(.from(0, to: 1e9))
  }
  private static func positive(_ unit: Unit) -> Shape {
    unit == .duration ? .duration(isPositive: true) : .number(.above(0, to: 1e9))
  }
  /// Parameters without a unit: shapes, standard deviations of logarithms.
  private static let parameter = Shape.number(.above(0, to: 1e6))
  private static let weights = Shape.list(.number(.from(0, to: 1e9)), minimum: 1)

  private static func variant(
    _ name: String, _ description: String, _ fields: [Field], _ variants: [ObjectShape.Variant] = []
  ) -> ObjectShape.Variant {
    .init(Field(name, .object(ObjectShape(fields, variants: variants)), required: true, description))
  }

  private static func bounds(_ unit: Unit) -> [Field] {
    [
      Field("min", value(unit), standard: "0", "Values below are drawn again."),
      Field("max", value(unit), standard: "no bound", "Values above are drawn again."),
    ]
  }

  private static func commonDistributions(_ unit: Unit) -> [ObjectShape.Variant] {
    let mean = Field("mean", positive(unit), required: true, "Mean.")
    return [
      .init(Field("constant", value(unit), required: true, "Always this value.")),
      variant(
        "uniform", "Uniform between two bounds.",
        [
          Field("low", value(unit), required: true, "Lower bound."),
          Field("high", value(unit), required: true, "Upper bound, not below `low`."),
        ]),
      variant("exponential", "Exponential.", [mean]),
      variant(
        "normal", "Normal, kept inside bounds; never below zero.",
        [
          Field("mean", value(unit), required: true, "Mean before the bounds apply."),
          Field("sd", positive(unit), required: true, "Standard deviation before the bounds apply."),
        ] + bounds(unit)),
      variant(
        "lognormal", "Lognormal, kept inside bounds.",
        [
          Field(
            "sigma", .number(.above(0, to: 20)), required: true,
            "Standard deviation of the natural logarithm.")
        ] + bounds(unit),
        [
          .init(Field("median", positive(unit), required: true, "Median before the bounds apply.")),
          .init(Field("mean", positive(unit), required: true, "Mean before the bounds apply.")),
        ]),
      variant(
        "gamma", "Gamma.", [Field("shape", parameter, required: true, "Shape parameter.")],
        [
          .init(Field("scale", positive(unit), required: true, "Scale; the mean is shape times scale.")),
          .init(Field("mean", positive(unit), required: true, "Mean.")),
        ]),
      variant(
        "erlang", "Erlang: sum of k exponential phases.",
        [Field("k", .integer(1...10_000), required: true, "Number of phases."), mean]),
      variant("weibull", "Weibull.", shapeAndScale(unit, "Scale: 63.2% of values lie below it.")),
      variant("pareto", "Pareto; heavy tail.", shapeAndScale(unit, "Smallest value.")),
      variant(
        "hyperexponential", "One of several exponentials.",
        [
          Field("probabilities", weights, required: true, "Of each branch; their sum is 1."),
          Field("means", .list(positive(unit), minimum: 1), required: true, "Mean of each branch."),
        ]),
      variant(
        "discrete", "One of several values.",
        [
          Field("values", .list(value(unit), minimum: 1), required: true, "The values."),
          Field("weights", weights, required: true, "Relative frequency of each value."),
        ]),
      variant("empirical", "Observed values, each equally likely.", empirical(unit)),
      variant(
        "mixture", "One of several distributions.",
        [
          Field("weights", weights, required: true, "Relative frequency of each part."),
          Field("parts", .list(part(unit), minimum: 1), required: true, "The distributions."),
        ]),
    ]
  }

  private static func part(_ unit: Unit) -> Shape {
    .named(unit == .duration ? "durationDistribution" : "countDistribution")
  }

  private static func shapeAndScale(_ unit: Unit, _ scale: String) -> [Field] {
    [
      Field("shape", parameter, required: true, "Shape parameter."),
      Field("scale", positive(unit), required: true, scale),
    ]
  }

  private static func empirical(_ unit: Unit) -> [Field] {
    var fields = [
      Field("file", .text(.path), required: true, "CSV file with a header, relative to this file."),
      Field("column", .text(.nonEmpty), required: true, "Name of the column."),
    ]
    if unit == .duration { fields.append(timeUnit) }
    return fields
  }

  static let timeUnit = Field(
    "unit", .word(DurationText.units.map(\.name)), required: true, "Unit of the numbers in the column.")
}
