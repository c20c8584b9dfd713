// SPDX-License-Identifier: GPL-3.0-or-later
//
// The section `thresholds`: k6's list, the object with settings, and what is refused.

import Testing

@testable import Scenario

@Suite struct ThresholdDecodingTests {
  private static func thresholds(_ value: String) throws -> ThresholdSettings {
    let scenario = try TestScenario.edited(["thresholds=\(value)"]).get()
    return try #require(scenario.thresholds)
  }

  @Test("a list of strings is enough")
  func list() throws {
    let settings = try Self.thresholds("[\"loss_ratio{service=web} < 0.1%\", \"connect_p99_ms<50\"]")
    #expect(settings.all.map(\.name) == ["loss_ratio{service=web} < 0.1%", "connect_p99_ms<50"])
    #expect(settings.all.map(\.condition.limit) == [0.001, 50])
    #expect(settings.confidence == 0.95)
    #expect(settings.minReplications == 10 && settings.maxReplications == 200)
  }

  @Test("an object says how sure verdicts have to be, for all or for one")
  func object() throws {
    let settings = try Self.thresholds(
      "{confidence: 0.9, minReplications: 4, maxReplications: 50, all: [\"lost <= 0\", "
        + "{name: tail, threshold: \"connect_p99_ms < 50\", confidence: 0.99}]}")
    #expect(settings.confidence == 0.9)
    #expect(settings.minReplications == 4 && settings.maxReplications == 50)
    #expect(settings.all.map(\.name) == ["lost <= 0", "tail"])
    #expect(settings.all.map(\.confidence) == [nil, 0.99])
  }

  @Test("a small maximum lowers the minimum that nobody gave")
  func smallMaximum() throws {
    let settings = try Self.thresholds("{maxReplications: 5, all: [\"lost <= 0\"]}")
    #expect(settings.minReplications == 5)
  }

  @Test(
    "what is no threshold is refused at its place",
    arguments: [
      ("[]", "thresholds: expected a list with at least 1 item"),
      ("[\"loss_ratio == 0\"]", "thresholds[0]: expected a threshold such as"),
      ("[\"loss_ratio < much\"]", "thresholds[0]: expected a threshold such as"),
      ("[\"loss_ratio{service=web < 1%\"]", "thresholds[0]: expected a threshold such as"),
      ("[\"loss_ratio{=web} < 1%\"]", "thresholds[0]: expected a threshold such as"),
      ("[\"lost < 5\", \"lost < 5\"]", "thresholds[1]: expected a name that no other threshold has"),
      (
        "[{threshold: lost < 5, name: a}, {threshold: lost < 6, name: a}]",
        "thresholds[1].name: expected a name"
      ),
      ("[{threshold: lost < 5, confidence: 99}]", "thresholds[0].confidence: expected a number from 0.5"),
      ("[{metric: lost < 5}]", "unknown key \"metric\""),
      (
        "{all: [lost < 5], minReplications: 300}",
        "thresholds.minReplications: expected at most maxReplications"
      ),
      ("{all: [lost < 5], maxReplications: 1}", "thresholds.maxReplications: expected an integer from 2"),
      ("{confidence: 0.9}", "missing key \"all\""), ("lost < 5", "expected a list"),
    ])
  func refused(value: String, expected: String) {
    let mistakes = TestScenario.mistakes(TestScenario.text, overrides: ["thresholds=\(value)"])
    #expect(mistakes.count == (value.contains("metric") ? 2 : 1), "\(mistakes)")
    #expect(mistakes.contains { $0.contains(expected) }, "\(mistakes)")
  }

  @Test("thresholds decide nothing about a run")
  func hash() throws {
    func hash(_ overrides: [String]) throws -> UInt64 {
      try TestScenario.edited(overrides).get().contentHash
    }
    let (with, without) = try (hash(["thresholds=[\"lost < 5\"]"]), hash([]))
    #expect(with == without)
  }
}
