// SPDX-License-Identifier: GPL-3.0-or-later
//
// Verdicts as JUnit XML, in the form that Jenkins' xUnit plugin describes (junit-10.xsd) and that GitLab,
// GitHub's report actions and others read: a suite per scenario, a test case per threshold.
//
// What is undecided is an error and not skipped: a skipped case is green for GitLab and Jenkins, and a gate
// that could not be decided must not look as if it were open. Numbers stand in the element's text as well as
// in its message, since GitLab shows the text and Jenkins' overview the message. Without times and host, so
// that equal runs give equal bytes.

import Scenario

/// The verdicts of one or more runs as JUnit XML.
public enum JUnitReport {
  /// The document, with a line feed at its end.
  public static func document(_ results: [ThresholdResults]) -> String {
    let outcomes = results.flatMap(\.outcomes)
    var lines = ["<?xml version=\"1.0\" encoding=\"UTF-8\"?>"]
    lines.append("<testsuites name=\"sim\"\(counts(outcomes))>")
    for result in results { lines += suite(result) }
    lines.append("</testsuites>")
    return lines.joined(separator: "\n") + "\n"
  }

  private static func suite(_ result: ThresholdResults) -> [String] {
    let identity = result.identity
    let isVariant = identity.variant != "base"
    let name = isVariant ? "\(identity.scenario).\(identity.variant)" : identity.scenario
    let properties = [
      ("run_id", identity.runID), ("version", SimulationRun.version), ("variant", identity.variant),
      ("proxy_mode", identity.proxyMode), ("seed", String(identity.seed)),
    ]
    var lines = ["  <testsuite name=\"\(escaped(name))\"\(counts(result.outcomes)) skipped=\"0\">"]
    lines.append("    <properties>")
    lines += properties.filter { !$0.1.isEmpty }.map {
      "      <property name=\"\($0.0)\" value=\"\(escaped($0.1))\"/>"
    }
    lines.append("    </properties>")
    for outcome in result.outcomes { lines += testCase(outcome, in: name) }
    lines.append("  </testsuite>")
    return lines
  }

  private static func counts(_ outcomes: [ThresholdOutcome]) -> String {
    " tests=\"\(outcomes.count)\" failures=\"\(outcomes.count(of: .fail))\""
      + " errors=\"\(outcomes.count(of: .undecided))\""
  }

  private static func testCase(_ outcome: ThresholdOutcome, in suite: String) -> [String] {
    let head = "    <testcase classname=\"\(escaped(suite))\" name=\"\(escaped(outcome.name))\""
    let sentence = escaped(outcome.sentence)
    let element: String
    switch outcome.verdict {
    case .pass:
      return [head + ">", "      <system-out>\(sentence)</system-out>", "    </testcase>"]
    case .fail: element = "failure"
    case .undecided: element = "error"
    }
    let type = "threshold.\(outcome.verdict.rawValue)"
    return [
      head + ">",
      "      <\(element) type=\"\(type)\" message=\"\(sentence)\">\(sentence)</\(element)>",
      "    </testcase>",
    ]
  }

  /// For text and for attributes in double quotes. What XML 1.0 cannot hold becomes U+FFFD.
  static func escaped(_ text: String) -> String {
    var escaped = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      case "\"": escaped += "&quot;"
      case "'": escaped += "&apos;"
      case "\t", "\n", "\r": escaped += "&#\(scalar.value);"
      default:
        let isAllowed = scalar.value >= 0x20 && scalar.value != 0xFFFE && scalar.value != 0xFFFF
        escaped.unicodeScalars.append(isAllowed ? scalar : "\u{FFFD}")
      }
    }
    return escaped
  }
}
