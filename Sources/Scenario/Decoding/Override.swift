// SPDX-License-Identifier: GPL-3.0-or-later
//
// `--set path=value`: edits a scenario's document before it is decoded, so that a value set this way is
// checked exactly as if it stood in the file.

/// One `--set` argument.
struct Override {
  /// As a position in messages.
  private let place: SourcePosition
  private let steps: [Step]
  private let value: DocumentNode
  private let pathText: String

  enum Step: Equatable {
    case key(String)
    case index(Int)
  }

  /// - Parameter argument: `clients[0].rate=100/s`; the value is YAML.
  init(_ argument: String) throws(ScenarioError) {
    let name = "--set \(argument)"
    place = SourcePosition(file: name, line: 0, column: 0)
    guard let split = Self.split(argument) else {
      throw ScenarioError(Diagnostic(position: place, message: "expected path=value"))
    }
    pathText = String(split.path)
    guard let steps = Self.steps(split.path) else {
      throw ScenarioError(Diagnostic(position: place, message: "expected a path such as clients[0].rate"))
    }
    self.steps = steps
    value = try Self.parse(String(split.value), at: place)
  }

  /// At the first equals sign outside of brackets.
  private static func split(_ argument: String) -> (path: Substring, value: Substring)? {
    var isQuoted = false
    for index in argument.indices {
      if argument[index] == "\"" { isQuoted.toggle() }
      if argument[index] == "=", !isQuoted {
        return (argument[..<index], argument[argument.index(after: index)...])
      }
    }
    return nil
  }

  /// `a.b[0]["x.y"]`, `servers[web]` and `servers.web`, which are the item of that name
  static func steps(_ text: Substring) -> [Step]? {
    var steps: [Step] = []
    var rest = text
    while !rest.isEmpty {
      if rest.hasPrefix("[\"") {
        rest = rest.dropFirst(2)
        guard let end = rest.firstRange(of: "\"]") else { return nil }
        steps.append(.key(String(rest[..<end.lowerBound])))
        rest = rest[end.upperBound...]
      } else if rest.hasPrefix("[") {
        guard let end = rest.firstIndex(of: "]") else { return nil }
        let inner = rest[rest.index(after: rest.startIndex)..<end]
        guard let step = Self.bracketed(inner) else { return nil }
        steps.append(step)
        rest = rest[rest.index(after: end)...]
      } else {
        if !steps.isEmpty {
          guard rest.hasPrefix(".") else { return nil }
          rest = rest.dropFirst()
        }
        let key = rest.prefix { $0 != "." && $0 != "[" }
        guard !key.isEmpty else { return nil }
        steps.append(.key(String(key)))
        rest = rest[key.endIndex...]
      }
    }
    return steps.isEmpty ? nil : steps
  }

  /// A number from 0 on is an index; what begins like a name is one.
  private static func bracketed(_ text: Substring) -> Step? {
    if let index = Int(text) { return index >= 0 ? .index(index) : nil }
    guard let first = text.first, first.isLetter || first.isNumber else { return nil }
    return .key(String(text))
  }

  private static func parse(_ text: String, at place: SourcePosition) throws(ScenarioError) -> DocumentNode {
    if text.isEmpty { return DocumentNode(.scalar(.init(text: "", isPlain: false)), at: place) }
    do throws(ScenarioError) {
      let documents = try DocumentReader.read(text: text, path: place.file)
      guard documents.count == 1 else {
        throw ScenarioError(Diagnostic(position: place, message: "expected one value"))
      }
      return documents[0].moved(to: place)
    } catch {
      let mistakes = error.diagnostics.map { Diagnostic(position: place, message: $0.message) }
      throw ScenarioError(mistakes)
    }
  }

  // MARK: Editing

  /// Puts the value into a document, making objects on the way where the format has them.
  func apply(to document: inout DocumentNode) throws(ScenarioError) {
    try set(&document, steps[...], ScenarioFormat.root, .root)
  }

  private func set(
    _ node: inout DocumentNode, _ rest: ArraySlice<Step>, _ shape: Shape?, _ path: DocumentPath
  ) throws(ScenarioError) {
    guard let step = rest.first else {
      node = fitted(shape)
      return
    }
    switch step {
    case .index(let index): try setItem(&node, index, rest.dropFirst(), shape, path)
    case .key(let key): try setKey(&node, key, rest.dropFirst(), shape, path)
    }
  }

  private func setItem(
    _ node: inout DocumentNode, _ index: Int, _ rest: ArraySlice<Step>, _ shape: Shape?, _ path: DocumentPath
  ) throws(ScenarioError) {
    guard case .sequence(var items) = node.content else {
      throw failure("\(path.text.isEmpty ? "the document" : path.text) is \(node.summary), not a list")
    }
    guard index < items.count else {
      throw failure("\(path.text) has \(items.count) items; the first is [0]")
    }
    var itemShape: Shape?
    if case .list(let item, _)? = shape?.resolved(for: .list) { itemShape = item }
    try set(&items[index], rest, itemShape, path.index(index))
    node.content = .sequence(items)
  }

  /// Where the only item with this `name` is.
  private func itemNamed(
    _ name: String, in items: [DocumentNode], _ path: DocumentPath
  ) throws(ScenarioError) -> Int {
    let names = items.map { item -> String? in
      guard case .mapping(let entries) = item.content else { return nil }
      return entries.first { $0.key == "name" }?.value.scalar?.text
    }
    let found = names.indices.filter { names[$0] == name }
    if found.count == 1 { return found[0] }
    let quoted = "\"\(shortened(name))\""
    let message =
      found.isEmpty
      ? "\(path.text) is a list, and no item has the name \(quoted)"
      : "\(found.count) items of \(path.text) have the name \(quoted)"
    throw failure(
      message, suggestion: found.isEmpty ? nearestName(to: name, in: names.compactMap { $0 }) : nil)
  }

  private func setKey(
    _ node: inout DocumentNode, _ key: String, _ rest: ArraySlice<Step>, _ shape: Shape?, _ path: DocumentPath
  ) throws(ScenarioError) {
    if case .sequence(let items) = node.content {
      return try setItem(&node, itemNamed(key, in: items, path), rest, shape, path)
    }
    guard case .mapping(var entries) = node.content else {
      throw failure("\(path.text.isEmpty ? "the document" : path.text) is \(node.summary), not an object")
    }
    let object = shape?.resolved(for: .object)
    let field = object?.field(key)
    if field == nil, case .object(let known)? = object {
      let nearest = nearestName(to: key, in: known.allFields.map(\.name))
      throw failure("unknown key \"\(shortened(key))\"", path: path.key(key), suggestion: nearest)
    }
    if let index = entries.firstIndex(where: { $0.key == key }) {
      try set(&entries[index].value, rest, field?.shape, path.key(key))
    } else {
      var value = DocumentNode(.mapping([]), at: place)
      try set(&value, rest, field?.shape, path.key(key))
      entries.append(.init(key: key, keyPosition: place, value: value))
    }
    node.content = .mapping(entries)
  }

  /// `1.36` is a number in YAML; where only a string can stand it is meant as one.
  private func fitted(_ shape: Shape?) -> DocumentNode {
    guard let scalar = value.scalar, scalar.isPlain, let shape, !shape.accepts(value.kind),
      shape.accepts(.string)
    else { return value }
    return DocumentNode(.scalar(.init(text: scalar.text, isPlain: false)), at: place)
  }

  private func failure(_ message: String, path: DocumentPath = .root, suggestion: String? = nil)
    -> ScenarioError
  {
    ScenarioError(Diagnostic(position: place, path: path.text, message: message, suggestion: suggestion))
  }
}

extension DocumentNode {
  /// The same tree with one position everywhere.
  fileprivate func moved(to place: SourcePosition) -> DocumentNode {
    switch content {
    case .scalar: DocumentNode(content, at: place)
    case .sequence(let items): DocumentNode(.sequence(items.map { $0.moved(to: place) }), at: place)
    case .mapping(let entries):
      DocumentNode(
        .mapping(entries.map { .init(key: $0.key, keyPosition: place, value: $0.value.moved(to: place)) }),
        at: place)
    }
  }
}
