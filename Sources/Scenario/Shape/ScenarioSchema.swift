// SPDX-License-Identifier: GPL-3.0-or-later
//
// The format's declaration as JSON Schema, draft 2020-12, and as a list of keys for the documentation.

/// The scenario format in forms for other programs and for people.
public enum ScenarioSchema {
  /// JSON Schema, draft 2020-12, with a line feed at the end.
  public static var text: String {
    var members: [(String, OrderedJSON)] = [
      ("$schema", .string("https://json-schema.org/draft/2020-12/schema")),
      ("title", .string("Scenario of sim")),
      ("description", .string("A simulated Kubernetes cluster, its clients, and what happens to them.")),
    ]
    members += schema(ScenarioFormat.root)
    let definitions = ScenarioFormat.definitions.map { definition in
      (
        definition.name,
        OrderedJSON.object([("description", .string(definition.description))] + schema(definition.shape))
      )
    }
    members.append(("$defs", .object(definitions)))
    return OrderedJSON.object(members).text() + "\n"
  }

  private static func schema(_ shape: Shape) -> [(String, OrderedJSON)] {
    switch shape {
    case .object(let object): return schema(object)
    case .map(let value):
      return [("type", .string("object")), ("additionalProperties", .object(schema(value)))]
    case .list(let item, let minimum):
      let bound: [(String, OrderedJSON)] = minimum > 0 ? [("minItems", .integer(minimum))] : []
      return [("type", .string("array"))] + bound + [("items", .object(schema(item)))]
    case .text(let form): return text(form.pattern == TextForm.any.pattern ? nil : form.pattern)
    case .word(let words): return [("enum", .array(words.map { .string($0) }))]
    case .integer(let range):
      return [
        ("type", .string("integer")), ("minimum", .integer(range.lowerBound)),
        ("maximum", .integer(range.upperBound)),
      ]
    case .number(let range):
      let lower = range.excludesMinimum ? "exclusiveMinimum" : "minimum"
      return [
        ("type", .string("number")), (lower, .number(range.minimum)), ("maximum", .number(range.maximum)),
      ]
    case .boolean: return [("type", .string("boolean"))]
    case .yes: return [("const", .boolean(true))]
    case .duration(let isPositive):
      return text(isPositive ? DurationText.positivePattern : DurationText.pattern)
    case .rate(let isPositive): return text(isPositive ? RateText.positivePattern : RateText.pattern)
    case .either(let shapes): return [("oneOf", .array(shapes.map { .object(schema($0)) }))]
    case .named(let name): return [("$ref", .string("#/$defs/\(name)"))]
    case .anyObject: return [("type", .string("object"))]
    }
  }

  private static func text(_ pattern: String?) -> [(String, OrderedJSON)] {
    [("type", .string("string"))] + (pattern.map { [("pattern", .string($0))] } ?? [])
  }

  private static func schema(_ object: ObjectShape) -> [(String, OrderedJSON)] {
    if object.variants.isEmpty { return members(object.fields) }
    if object.variants.allSatisfy(\.extras.isEmpty), object.needsVariant {
      let choices = object.variants.map { variant in
        OrderedJSON.object([("required", .array([.string(variant.key.name)]))])
      }
      // Which of the variants' keys is required is said by oneOf alone.
      return members(object.allFields, required: object.fields) + [("oneOf", .array(choices))]
    }
    var choices = object.variants.map { OrderedJSON.object(members(object.fields + $0.fields)) }
    if !object.needsVariant { choices.append(.object(members(object.fields))) }
    return [("oneOf", .array(choices))]
  }

  private static func members(_ fields: [Field], required: [Field]? = nil) -> [(String, OrderedJSON)] {
    let properties = fields.map { ($0.name, OrderedJSON.object(property($0))) }
    let needed = (required ?? fields).filter(\.isRequired).map { OrderedJSON.string($0.name) }
    var result: [(String, OrderedJSON)] = [("type", .string("object")), ("properties", .object(properties))]
    if !needed.isEmpty { result.append(("required", .array(needed))) }
    return result + [("additionalProperties", .boolean(false))]
  }

  private static func property(_ field: Field) -> [(String, OrderedJSON)] {
    let standard = field.standard.map { " Default: \($0)." } ?? ""
    return [("description", .string(field.description + standard))] + schema(field.shape)
  }
}

/// One key of the format, for the documentation.
public struct KeyDescription: Sendable, Equatable {
  /// Such as `clients[].rate`; definitions begin with their name: `event.at`.
  public var path: String
  public var type: String
  public var isRequired: Bool
  public var standard: String?
  public var description: String
  /// The object has exactly one of the keys for which this is true.
  public var isAlternative = false
  /// The keys with which this one goes; empty: with any.
  public var companions: [String] = []
  /// The definition that says what the value, or an item of it, looks like.
  public var definition: String?
}

extension ScenarioSchema {
  /// Every key of the file, then those of the named definitions, in the order of declaration.
  public static var keys: [KeyDescription] {
    collect(ScenarioFormat.root, "")
      + ScenarioFormat.definitions.flatMap { collect($0.shape, $0.name) }
  }

  private static func collect(_ shape: Shape, _ path: String) -> [KeyDescription] {
    switch shape {
    case .object(let object):
      return object.allFields.flatMap { field in
        let fieldPath = path.isEmpty ? field.name : "\(path).\(field.name)"
        let isCommon = object.fields.contains { $0.name == field.name }
        let with = object.variants.filter { $0.extras.contains { $0.name == field.name } }.map(\.key.name)
        let own = KeyDescription(
          path: fieldPath, type: field.shape.expected, isRequired: field.isRequired, standard: field.standard,
          description: field.description,
          isAlternative: object.variants.contains { $0.key.name == field.name },
          companions: isCommon ? [] : with,
          definition: definition(field.shape))
        return [own] + collect(field.shape, fieldPath)
      }
    case .list(let item, _): return collect(item, path + "[]")
    case .either(let shapes): return shapes.flatMap { collect($0, path) }
    default: return []
    }
  }

  private static func definition(_ shape: Shape) -> String? {
    switch shape {
    case .named(let name): name
    case .list(let item, _): definition(item)
    case .either(let shapes): shapes.lazy.compactMap { definition($0) }.first
    default: nil
    }
  }
}
