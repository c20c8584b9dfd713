// SPDX-License-Identifier: GPL-3.0-or-later
//
// docs/scenario-reference.md is generated from the format's declaration, so that it cannot say anything else.
// `UPDATE_GOLDEN=1 swift test --filter ScenarioReferenceTests` writes it anew.

import Foundation
import Testing

@testable import Scenario

@Suite struct ScenarioReferenceTests {
  static let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .appendingPathComponent("../../docs/scenario-reference.md").standardized

  @Test func referenceSaysWhatTheFormatDeclares() throws {
    let wanted = ScenarioReference.text
    if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1" {
      try wanted.write(to: Self.file, atomically: true, encoding: .utf8)
    }
    #expect(try String(contentsOf: Self.file, encoding: .utf8) == wanted)
  }

  @Test func everyKeyIsInTheReference() {
    for key in ScenarioSchema.keys {
      #expect(ScenarioReference.text.contains("| `\(ScenarioReference.leaf(key.path))` |"), "\(key.path)")
    }
  }
}

/// The reference as Markdown: one table per object.
enum ScenarioReference {
  private static let all = ScenarioSchema.keys
  static let text = make()

  private static func make() -> String {
    var text = """
      # Scenario reference

      Every key of a scenario file, generated from the declaration of the format (`Sources/Scenario/Shape/`); an
      introduction by example is in [scenarios.md](scenarios.md). `[]` stands for an item of a list. Keys that are not
      listed are errors. Where keys are marked "one of those marked so", an object has exactly one of them. Distributions,
      events and other shapes that occur in several places have tables of their own, at the end.

      """
    for section in sections {
      text += "\n## \(section.title)\n\n"
      text += "| key | value | default | meaning |\n| --- | --- | --- | --- |\n"
      for key in section.keys {
        text +=
          "| `\(leaf(key.path))` | \(cell(type(key))) | \(cell(standard(key))) | \(cell(meaning(key))) |\n"
      }
    }
    return text
  }

  /// The part after the last dot.
  static func leaf(_ path: String) -> String {
    path.lastIndex(of: ".").map { String(path[path.index(after: $0)...]) } ?? path
  }

  private static func type(_ key: KeyDescription) -> String {
    guard let definition = key.definition else { return key.type }
    // The shapes that are one word have no keys, and so no table.
    let hasTable = all.contains { $0.path.hasPrefix(definition + ".") }
    return hasTable ? "\(key.type): see [`\(definition)`](#\(definition.lowercased()))" : key.type
  }

  private static func standard(_ key: KeyDescription) -> String {
    if key.isAlternative { return "one of those marked so" }
    return key.isRequired ? "required" : key.standard ?? ""
  }

  private static func meaning(_ key: KeyDescription) -> String {
    if key.companions.isEmpty { return key.description }
    return "\(key.description) Goes with \(key.companions.map { "`\($0)`" }.joined(separator: ", "))."
  }

  private static func cell(_ text: String) -> String { text.replacingOccurrences(of: "|", with: "\\|") }

  /// Keys by the object that they belong to, in the order in which the objects first appear.
  private static var sections: [(title: String, keys: [KeyDescription])] {
    var sections: [(title: String, keys: [KeyDescription])] = []
    for key in all {
      let parent = key.path.lastIndex(of: ".").map { String(key.path[..<$0]) } ?? ""
      let title = parent.isEmpty ? "The file" : "`\(parent)`"
      if let place = sections.firstIndex(where: { $0.title == title }) {
        if !sections[place].keys.contains(key) { sections[place].keys.append(key) }
      } else {
        sections.append((title, [key]))
      }
    }
    return sections
  }
}
