// SPDX-License-Identifier: GPL-3.0-or-later
//
// YAML text inside a string of another document: its mistakes must point into the file that the user has.

/// Documents inside a string value.
enum EmbeddedDocument {
  /// The documents in a value that is a block of text below its key, with positions in the outer file. Text
  /// in quotes (JSON) has no lines of its own: everything in it then stands at the value's place.
  static func read(_ entry: DocumentNode.Entry, _ log: inout ReadingLog) -> [DocumentNode] {
    let outer = entry.value
    guard let scalar = outer.scalar, !scalar.text.isEmpty else { return [] }
    let file = outer.position.file
    let hasLines = scalar.text.contains("\n") && !file.lowercased().hasSuffix(".json")
    // The text of a block begins on the line below its indicator, as a rule two columns right of its key.
    func place(_ inner: SourcePosition) -> SourcePosition {
      guard hasLines, inner.line > 0 else { return outer.position }
      return SourcePosition(
        file: file, line: outer.position.line + inner.line,
        column: entry.keyPosition.column + 1 + inner.column)
    }
    do throws(ScenarioError) {
      // The reader goes by the name's ending; a text in a .json file is still YAML.
      return try DocumentReader.read(text: scalar.text, path: "config.conf").map { moved($0, place) }
    } catch {
      for mistake in error.diagnostics {
        var mistake = mistake
        mistake.position = place(mistake.position)
        log.diagnostics.append(mistake)
      }
      return []
    }
  }

  private static func moved(
    _ node: DocumentNode, _ place: (SourcePosition) -> SourcePosition
  ) -> DocumentNode {
    let content: DocumentNode.Content =
      switch node.content {
      case .scalar: node.content
      case .sequence(let items): .sequence(items.map { moved($0, place) })
      case .mapping(let entries):
        .mapping(
          entries.map {
            DocumentNode.Entry(key: $0.key, keyPosition: place($0.keyPosition), value: moved($0.value, place))
          })
      }
    return DocumentNode(content, at: place(node.position))
  }
}
