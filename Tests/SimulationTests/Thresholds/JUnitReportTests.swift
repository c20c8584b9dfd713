// SPDX-License-Identifier: GPL-3.0-or-later
//
// JUnit XML: read by an XML parser, held against what junit-10.xsd of Jenkins' xUnit plugin allows where, and
// with names that need escaping.

import Foundation
import Scenario
import Testing

@testable import Simulation

#if canImport(FoundationXML)
  import FoundationXML
#endif

/// Elements of a document in their order, with parents, attributes and text.
private final class XMLOutline: NSObject, XMLParserDelegate {
  struct Element {
    var name: String
    var parent: String
    var attributes: [String: String]
    var text = ""
  }
  var elements: [Element] = []
  private var open: [Int] = []

  func parser(
    _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
    attributes: [String: String]
  ) {
    let parent = open.last.map { elements[$0].name } ?? ""
    open.append(elements.count)
    elements.append(Element(name: name, parent: parent, attributes: attributes))
  }
  func parser(_ parser: XMLParser, foundCharacters text: String) {
    if let last = open.last { elements[last].text += text }
  }
  func parser(
    _ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?
  ) {
    open.removeLast()
  }

  static func elements(_ document: String) throws -> [Element] {
    let parser = XMLParser(data: Data(document.utf8))
    let outline = XMLOutline()
    parser.delegate = outline
    try #require(parser.parse(), "\(String(describing: parser.parserError))")
    return outline.elements
  }
}

@Suite struct JUnitReportTests {
  private static func outcome(
    _ name: String, _ verdict: ThresholdVerdict, reason: String = ""
  ) -> ThresholdOutcome {
    ThresholdOutcome(
      name: name, condition: MetricCondition("loss_ratio{service=web} < 0.1%")!, unit: "ratio",
      observed: 0.002, interval: nil, confidence: 0.95, replications: 10, verdict: verdict, reason: reason)
  }

  private static func document(_ outcomes: [ThresholdOutcome]) -> String {
    let identity = ThresholdFixture.result(0, lost: 0).identity
    return JUnitReport.document([ThresholdResults(identity: identity, outcomes: outcomes)])
  }

  /// Parents, required and allowed attributes, by element.
  private static let schema: [String: (parents: Set<String>, needed: Set<String>, allowed: Set<String>)] = [
    "testsuites": ([""], [], ["name", "time", "tests", "failures", "errors"]),
    "testsuite": (
      ["", "testsuites"], ["name", "tests", "failures", "errors"],
      [
        "name", "tests", "failures", "errors", "group", "time", "skipped", "timestamp", "hostname", "id",
        "package", "file", "log", "url",
      ]
    ),
    "properties": (["testsuite"], [], []),
    "property": (["properties"], ["name", "value"], ["name", "value"]),
    "testcase": (["testsuite"], ["name"], ["name", "time", "classname", "group"]),
    "skipped": (["testcase"], [], ["type", "message"]), "error": (["testcase"], [], ["type", "message"]),
    "failure": (["testcase"], [], ["type", "message"]), "system-out": (["testcase", "testsuite"], [], []),
  ]

  @Test("the document has the common format's elements, counts and places")
  func format() throws {
    let document = Self.document([
      Self.outcome("a", .pass), Self.outcome("b", .fail), Self.outcome("c", .undecided, reason: "too close"),
      Self.outcome("d", .fail),
    ])
    let elements = try XMLOutline.elements(document)
    for element in elements {
      let rule = try #require(Self.schema[element.name], "\(element.name)")
      #expect(rule.parents.contains(element.parent), "\(element.name) in \(element.parent)")
      #expect(rule.needed.isSubset(of: element.attributes.keys), "\(element)")
      #expect(rule.allowed.isSuperset(of: element.attributes.keys), "\(element)")
    }
    for name in ["testsuites", "testsuite"] {
      let counts = try #require(elements.first { $0.name == name }).attributes
      #expect(counts["tests"] == "4" && counts["failures"] == "2" && counts["errors"] == "1")
    }
    #expect(elements.filter { $0.name == "testcase" }.map { $0.attributes["name"] } == ["a", "b", "c", "d"])
    #expect(elements.filter { $0.name == "failure" }.count == 2)
    let error = try #require(elements.first { $0.name == "error" })
    #expect(error.text == error.attributes["message"], "GitLab shows the text, Jenkins the message")
    #expect(error.text.contains("observed 0.2 %") && error.text.contains("too close"))
  }

  @Test(
    "names come back as they were",
    arguments: ["a < b & \"c\" 'd' > e", "]]>", "<!-- -->", "größe ∑ 🙂", "tab\tand\nline", "&amp;"])
  func escaping(name: String) throws {
    let elements = try XMLOutline.elements(Self.document([Self.outcome(name, .fail)]))
    let found = try #require(elements.first { $0.name == "testcase" })
    #expect(found.attributes["name"] == name)
    let failure = try #require(elements.first { $0.name == "failure" })
    #expect(failure.text.contains(name))
  }

  @Test("what XML cannot hold is replaced")
  func controlCharacters() throws {
    let elements = try XMLOutline.elements(Self.document([Self.outcome("a\u{0}b\u{1B}c\u{FFFE}", .pass)]))
    #expect(elements.first { $0.name == "testcase" }?.attributes["name"] == "a\u{FFFD}b\u{FFFD}c\u{FFFD}")
  }

  @Test("variants are suites of their own")
  func variants() throws {
    var identity = ThresholdFixture.result(0, lost: 0).identity
    var results = [ThresholdResults(identity: identity, outcomes: [Self.outcome("a", .pass)])]
    identity.variant = "nftables"
    results.append(ThresholdResults(identity: identity, outcomes: [Self.outcome("a", .fail)]))
    let elements = try XMLOutline.elements(JUnitReport.document(results))
    let suites = elements.filter { $0.name == "testsuite" }.map { $0.attributes["name"] }
    #expect(suites == ["gate", "gate.nftables"])
    #expect(elements[0].attributes["tests"] == "2" && elements[0].attributes["failures"] == "1")
  }
}
