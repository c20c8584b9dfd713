// SPDX-License-Identifier: GPL-3.0-or-later
//
// Whether a document has the shape that the format declares: unknown and missing keys, types, ranges, units.
// What names refer to, and whether values fit each other, is decided when the document is decoded.

import SimKernel

/// Collects every place where documents depart from a shape.
struct ShapeValidator {
  private(set) var diagnostics: [Diagnostic] = []
  private var patterns: [String: Regex<AnyRegexOutput>] = [:]

  mutating func validate(_ node: DocumentNode, as shape: Shape, path: DocumentPath = .root) {
    switch shape {
    case .object(let object): validateObject(node, object, path)
    case .map(let value): validateMap(node, value, path)
    case .list(let item, let minimum): validateList(node, item, minimum, path)
    case .either(let shapes):
      guard let match = shapes.first(where: { $0.accepts(node.kind) }) else {
        return expect(shape, node, path)
      }
      validate(node, as: match, path: path)
    case .named(let name): validate(node, as: ScenarioFormat.definition(name), path: path)
    case .text(let form):
      guard let text = node.string, matches(text, form.pattern) else { return expect(shape, node, path) }
    case .word(let words):
      guard let text = node.string, words.contains(text) else {
        let nearest = node.string.flatMap { nearestName(to: $0, in: words) }
        return expect(shape, node, path, suggestion: nearest)
      }
    case .integer(let range):
      guard let value = node.wholeNumber, range.contains(value) else { return expect(shape, node, path) }
    case .number(let range):
      guard let value = node.double, range.contains(value) else { return expect(shape, node, path) }
    case .boolean: if node.bool == nil { expect(shape, node, path) }
    case .yes: if node.bool != true { expect(shape, node, path) }
    case .duration(let isPositive): validateDuration(node, isPositive, path)
    case .rate(let isPositive): validateRate(node, isPositive, path)
    case .anyObject: if node.mapping == nil { expect(shape, node, path) }
    }
  }

  private mutating func expect(
    _ shape: Shape, _ node: DocumentNode, _ path: DocumentPath, suggestion: String? = nil
  ) {
    var message = "expected \(shape.expected)"
    // Unquoted YAML such as 1.36 is a number.
    if case .text = shape, node.scalar?.isPlain == true, node.string == nil, !node.isNull {
      message += " in quotes"
    }
    diagnostics.append(Diagnostic(at: node, path: path, message: message, suggestion: suggestion))
  }

  private mutating func matches(_ text: String, _ pattern: String) -> Bool {
    if patterns[pattern] == nil {
      guard let compiled = try? Regex(pattern) else { preconditionFailure("pattern \(pattern)") }
      patterns[pattern] = compiled
    }
    guard let regex = patterns[pattern] else { return false }
    return text.firstMatch(of: regex) != nil
  }

  // MARK: Quantities with units

  private mutating func validateDuration(_ node: DocumentNode, _ isPositive: Bool, _ path: DocumentPath) {
    guard let text = node.string, let value = DurationText.parse(text) else {
      if let text = node.string, text.hasPrefix("-"), DurationText.parse(String(text.dropFirst())) != nil {
        return refuse(node, path, "expected a duration that is not negative")
      }
      return expect(.duration(isPositive: isPositive), node, path)
    }
    if value > DurationText.limit {
      refuse(node, path, "expected at most 8760h (a year)")
    } else if isPositive, !text.contains(where: { ("1"..."9").contains($0) }) {
      refuse(node, path, "expected a duration longer than zero")
    }
  }

  private mutating func validateRate(_ node: DocumentNode, _ isPositive: Bool, _ path: DocumentPath) {
    guard let text = node.string, let value = RateText.parse(text) else {
      if let text = node.string, text.hasPrefix("-"), RateText.parse(String(text.dropFirst())) != nil {
        return refuse(node, path, "expected a rate that is not negative")
      }
      return expect(.rate(isPositive: isPositive), node, path)
    }
    if value > RateText.limit {
      refuse(node, path, "expected a rate of at most 1000000000/s")
    } else if isPositive, value == 0 {
      refuse(node, path, "expected a rate above zero")
    }
  }

  // MARK: Collections

  private mutating func validateMap(_ node: DocumentNode, _ value: Shape, _ path: DocumentPath) {
    guard let entries = node.mapping else { return expect(.map(value), node, path) }
    for entry in entries { validate(entry.value, as: value, path: path.key(entry.key)) }
  }

  private mutating func validateList(
    _ node: DocumentNode, _ item: Shape, _ minimum: Int, _ path: DocumentPath
  ) {
    guard let items = node.sequence, items.count >= minimum else {
      return expect(.list(item, minimum: minimum), node, path)
    }
    for (index, element) in items.enumerated() { validate(element, as: item, path: path.index(index)) }
  }

  private mutating func validateObject(_ node: DocumentNode, _ shape: ObjectShape, _ path: DocumentPath) {
    guard let entries = node.mapping else { return expect(.object(shape), node, path) }
    let chosen = shape.variants.first { node.entry($0.key.name) != nil }
    let known = shape.fields + (chosen?.fields ?? [])
    var suggested: Set<String> = []
    for entry in entries {
      if let field = known.first(where: { $0.name == entry.key }) {
        validate(entry.value, as: field.shape, path: path.key(entry.key))
      } else if let problem = misplacedKey(entry.key, shape, chosen) {
        if !problem.isEmpty { refuse(entry, problem, path) }
      } else {
        // Nobody reads the thousandth suggestion, and each costs a look at every known key.
        let nearest =
          diagnostics.count < ScenarioError.printLimit * 10
          ? nearestName(to: entry.key, in: shape.allFields.map(\.name)) : nil
        if let nearest { suggested.insert(nearest) }
        refuse(entry, "unknown key \"\(shortened(entry.key))\"", path, suggestion: nearest)
      }
    }
    // A key that is missing because it is misspelt has been reported.
    for field in known
    where field.isRequired && node.entry(field.name) == nil && !suggested.contains(field.name) {
      let message = "missing key \"\(field.name)\": \(field.shape.expected)"
      diagnostics.append(Diagnostic(position: node.position, path: path.text, message: message))
    }
    if chosen == nil, shape.needsVariant, !shape.variants.isEmpty {
      let names = shape.variants.map(\.key.name)
      if suggested.isDisjoint(with: names) {
        let message = "expected one of the keys \(names.joined(separator: ", "))"
        diagnostics.append(Diagnostic(position: node.position, path: path.text, message: message))
      }
    }
  }

  private mutating func refuse(_ node: DocumentNode, _ path: DocumentPath, _ message: String) {
    diagnostics.append(Diagnostic(at: node, path: path, message: message))
  }

  private mutating func refuse(
    _ entry: DocumentNode.Entry, _ message: String, _ path: DocumentPath, suggestion: String? = nil
  ) {
    diagnostics.append(
      Diagnostic(
        position: entry.keyPosition, path: path.key(entry.key).text, message: message, suggestion: suggestion)
    )
  }

  /// Why a key of another variant is wrong here; empty if no variant was chosen, nil if no variant has it.
  private func misplacedKey(_ key: String, _ shape: ObjectShape, _ chosen: ObjectShape.Variant?) -> String? {
    guard shape.variants.contains(where: { $0.fields.contains { $0.name == key } }) else { return nil }
    guard let chosen else { return "" }
    if shape.variants.contains(where: { $0.key.name == key }) {
      return "\"\(key)\" and \"\(chosen.key.name)\" exclude each other"
    }
    return "\"\(key)\" does not go with \"\(chosen.key.name)\""
  }
}

extension DocumentNode {
  /// An integer, also if written as `1e3` or `5.0`, as JSON Schema counts it.
  var wholeNumber: Int? {
    if let int { return int }
    guard let double, double.rounded() == double, double.magnitude <= 9e15 else { return nil }
    return Int(double)
  }
}

extension Shape {
  /// What a message says was expected.
  var expected: String {
    switch self {
    case .object, .map, .anyObject: "an object"
    case .list(_, let minimum): minimum > 0 ? "a list with at least \(minimum) item" : "a list"
    case .text(let form): form.expected
    case .word(let words):
      (words.count > 1 ? "one of " : "") + words.map { "\"\($0)\"" }.joined(separator: ", ")
    case .integer(let range): "an integer from \(range.lowerBound) to \(range.upperBound)"
    case .number(let range): "a number \(range.text)"
    case .boolean: "true or false"
    case .yes: "true"
    case .duration: DurationText.expected
    case .rate: RateText.expected
    case .either(let shapes): shapes.map(\.expected).joined(separator: ", or ")
    case .named(let name):
      ScenarioFormat.isDistribution(name) ? "a distribution" : ScenarioFormat.definition(name).expected
    }
  }

  /// Whether a value of this type may have this shape.
  func accepts(_ kind: NodeKind) -> Bool {
    switch self {
    case .object, .map, .anyObject: kind == .object
    case .list: kind == .list
    case .text, .word, .duration, .rate: kind == .string
    case .integer, .number: kind == .integer || kind == .number
    case .boolean, .yes: kind == .boolean
    case .either(let shapes): shapes.contains { $0.accepts(kind) }
    case .named(let name): ScenarioFormat.definition(name).accepts(kind)
    }
  }
}
