// SPDX-License-Identifier: GPL-3.0-or-later
//
// Documents from text: positions, types of scalars, and the one error that each broken text gets.

import Foundation
import Testing

@testable import Scenario

struct BrokenText: CustomTestStringConvertible, Sendable {
  var name: String
  var file = "x.yaml"
  var text: String
  var line: Int
  var column: Int
  var message: String
  var testDescription: String { name }
}

@Suite struct DocumentReaderTests {
  @Test func everyNodeKnowsItsPlace() throws {
    let text = "a: 1\nb:\n  - x\n  - {c: yes}\n"
    let root = try #require(try DocumentReader.read(text: text, path: "x.yaml").first)
    #expect(root.entry("b")?.keyPosition == SourcePosition(file: "x.yaml", line: 2, column: 1))
    let list = try #require(root["b"]?.sequence)
    #expect(list[0].position == SourcePosition(file: "x.yaml", line: 3, column: 5))
    #expect(list[1]["c"]?.position == SourcePosition(file: "x.yaml", line: 4, column: 9))
  }

  @Test func jsonAndYamlGiveTheSameTree() throws {
    let text = #"{"a": [1, 2.5, true, null, "x"], "ä": {"b": "1"}}"#
    let json = try DocumentReader.read(text: text, path: "x.json")
    var yaml = try DocumentReader.read(text: text, path: "x.yaml")
    func rename(_ node: inout DocumentNode) {
      node.position.file = "x.json"
      switch node.content {
      case .scalar: break
      case .sequence(var items):
        for i in items.indices { rename(&items[i]) }
        node.content = .sequence(items)
      case .mapping(var entries):
        for i in entries.indices {
          entries[i].keyPosition.file = "x.json"
          rename(&entries[i].value)
        }
        node.content = .mapping(entries)
      }
    }
    rename(&yaml[0])
    #expect(json == yaml)
  }

  @Test(arguments: [
    ("12:30:45", NodeKind.string), ("yes", .string), ("true", .boolean), ("~", .null), ("", .null),
    ("10", .integer), ("0x1F", .integer), ("1e3", .number), ("1_000", .string), ("1.2.3", .string),
    ("\"10\"", .string), ("'true'", .string), ("08", .number), ("-.5", .number), (".inf", .number),
    ("+7", .integer),
    ("!!str 10", .string), ("-", .string), ("10.96.0.1", .string), ("1e", .string), ("0b12", .string),
  ])
  func plainScalarsHaveTheTypeThatKubernetesSees(text: String, kind: NodeKind) throws {
    let root = try #require(
      try DocumentReader.read(text: "k: \(text == "-" ? "'-'" : text)", path: "x.yaml").first)
    #expect(root["k"]?.kind == kind)
  }

  @Test func oldBooleansAreBooleansWhereOneIsAskedForAndStringsElsewhere() throws {
    let root = try #require(try DocumentReader.read(text: "k: on\nq: 'on'", path: "x.yaml").first)
    #expect(root["k"]?.bool == true)
    #expect(root["k"]?.string == "on")
    #expect(root["q"]?.bool == nil)
  }

  @Test func integersAreReadInEveryBase() throws {
    let root = try #require(
      try DocumentReader.read(text: "[0x1F, 0o17, 017, 0b11, -5, +7, 99999999999999999999]", path: "x.yaml")
        .first)
    #expect(root.sequence?.map(\.int) == [31, 15, 15, 3, -5, 7, nil])
    #expect(root.sequence?.last?.double == 1e20)
  }

  @Test func documentsAreSeparatedAndEmptyOnesDropped() throws {
    let text = "---\n# nothing\n---\na: 1\n---\n---\nb: 2\n...\n"
    let documents = try DocumentReader.read(text: text, path: "x.yaml")
    #expect(documents.count == 2)
    #expect(documents[1]["b"]?.position.line == 7)
  }

  @Test func aliasesStandForTheirAnchorAndMergeKeysAddMissingKeys() throws {
    let text = "base: &b {x: 1, y: 2}\nlist: [*b]\nmerged:\n  <<: *b\n  y: 3\n"
    let root = try #require(try DocumentReader.read(text: text, path: "x.yaml").first)
    #expect(root["list"]?.sequence?.first?["x"]?.int == 1)
    #expect(root["list"]?.sequence?.first?.position.line == 2)
    #expect(root["merged"]?["x"]?.int == 1)
    #expect(root["merged"]?["y"]?.int == 3)
  }

  static let broken: [BrokenText] = [
    .init(
      name: "comment only", text: "# nothing\n", line: 0, column: 0, message: "the file holds no document"),
    .init(
      name: "empty JSON", file: "x.json", text: " ", line: 1, column: 2, message: "the file holds no document"
    ),
    .init(
      name: "mapping in scalar", text: "a: 1\nb: c: d\n", line: 2, column: 5,
      message: "YAML syntax: mapping values are not allowed in this context"),
    .init(
      name: "bad indentation", text: "a:\n  - 1\n b: 2\n", line: 3, column: 2,
      message: "YAML syntax: did not find expected key while parsing a block mapping that began at line 1"),
    .init(
      name: "duplicate key", text: "a: 1\nb: 2\na: 3\n", line: 3, column: 1,
      message: "the key \"a\" appears twice"),
    .init(
      name: "duplicate JSON key", file: "x.json", text: "{\"a\": 1, \"a\": 2}", line: 1, column: 10,
      message: "the key \"a\" appears twice"),
    .init(
      name: "undefined alias", text: "a: *b", line: 1, column: 4,
      message: "alias *b refers to no anchor above it"),
    .init(
      name: "alias as key", text: "a: &a x\n*a : 1", line: 2, column: 1, message: "an alias cannot be a key"),
    .init(name: "list as key", text: "? [a]\n: 1", line: 1, column: 3, message: "a list cannot be a key"),
    .init(
      name: "unknown tag", text: "a: !!binary aGk=", line: 1, column: 4,
      message: "the YAML tag tag:yaml.org,2002:binary is not supported"),
    .init(
      name: "trailing comma", file: "x.json", text: "{\"a\": 1,\n}", line: 2, column: 1,
      message: "JSON syntax: expected another key after the comma"),
    .init(
      name: "missing comma", file: "x.json", text: "[1 2]", line: 1, column: 4,
      message: "JSON syntax: expected \",\" or \"]\" after a value"),
    .init(
      name: "half a pair", file: "x.json", text: #"["\ud83d"]"#, line: 1, column: 9,
      message: "JSON syntax: half of a surrogate pair in a string"),
    .init(
      name: "comment in JSON", file: "x.json", text: "{} // x", line: 1, column: 4,
      message: "JSON syntax: expected the end of the file"),
    .init(
      name: "column after umlauts", file: "x.json", text: "[\"äöü\", x]", line: 1, column: 9,
      message: "JSON syntax: expected a value"),
    .init(
      name: "control character", text: "a: \"\u{1}\"", line: 1, column: 5,
      message: "YAML syntax: control characters are not allowed"),
  ]

  @Test(arguments: broken)
  func brokenTextNamesItsPlace(_ broken: BrokenText) throws {
    let error = try #require(throws: ScenarioError.self) {
      try DocumentReader.read(text: broken.text, path: broken.file)
    }
    #expect(error.exitCode == 65)
    let first = error.diagnostics[0]
    #expect(first.message == broken.message)
    #expect(first.position == SourcePosition(file: broken.file, line: broken.line, column: broken.column))
  }

  @Test func theFirstSyntaxErrorOfEachDocumentIsReported() throws {
    let text = "a: b: c\n---\nok: 1\n---\nx: [1\ny: 2\n---\nlast: 1\n"
    let error = try #require(throws: ScenarioError.self) {
      try DocumentReader.read(text: text, path: "x.yaml")
    }
    #expect(error.diagnostics.map(\.position.line) == [1, 6])
  }

  @Test func surrogatePairsAreDecoded() throws {
    let root = try DocumentReader.read(text: #"["\ud83d\ude00\u00e4\n"]"#, path: "x.json")[0]
    #expect(root.sequence?[0].string == "😀ä\n")
  }

  @Test func aBombOfAliasesIsRefused() throws {
    var text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n"
    for i in 1...20 {
      text += "a\(i): &a\(i) [" + Array(repeating: "*a\(i - 1)", count: 10).joined(separator: ",") + "]\n"
    }
    let error = try #require(throws: ScenarioError.self) {
      try DocumentReader.read(text: text, path: "x.yaml")
    }
    #expect(error.diagnostics[0].message.hasPrefix("more than 1000000 values"))
    #expect(error.diagnostics[0].position.line == 6)
  }

  @Test(arguments: ["x.yaml", "x.json"])
  func tenMegabytesOfNestingAreRefused(file: String) throws {
    let text = String(repeating: "[", count: 10_000_000)
    let error = try #require(throws: ScenarioError.self) { try DocumentReader.read(text: text, path: file) }
    #expect(error.diagnostics[0].message == "nested more than 100 levels deep")
    #expect(error.diagnostics[0].position.line == 1)
  }

  @Test func aChainOfAliasesCannotNestDeeperThanTheLimit() throws {
    var text = "a0: &a0 [x]\n"
    for i in 1...200 { text += "a\(i): &a\(i) [*a\(i - 1)]\n" }
    let error = try #require(throws: ScenarioError.self) {
      try DocumentReader.read(text: text, path: "x.yaml")
    }
    #expect(error.diagnostics[0].message == "nested more than 100 levels deep")
  }

  @Test func theNearestNameIsFound() {
    #expect(nearestName(to: "rat", in: ["name", "rate", "retries"]) == "rate")
    #expect(nearestName(to: "servcie", in: ["servers", "service"]) == "service")
    #expect(nearestName(to: "quux", in: ["name", "rate"]) == nil)
  }

  @Test func aDiagnosticIsOneLine() {
    let position = SourcePosition(file: "s.json", line: 3, column: 5)
    let one = Diagnostic(
      position: position, path: "clients[0].rat", message: "unknown key \"rat\"", suggestion: "rate")
    #expect(one.description == "s.json:3:5: clients[0].rat: unknown key \"rat\"; did you mean \"rate\"?")
    let many = ScenarioError(Array(repeating: one, count: 130))
    #expect(many.description.split(separator: "\n").count == 101)
    #expect(many.description.hasSuffix("… and 30 more"))
  }
}
