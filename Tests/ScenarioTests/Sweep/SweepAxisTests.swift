// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which values axes have and which combinations constraints let through, against hand-written lists.

import Testing

@testable import Scenario

/// An axis as it is written, with its values.
struct AxisCase: Sendable, CustomTestStringConvertible {
  var axis: String
  var values: [String]
  var testDescription: String { axis }

  init(_ axis: String, _ values: String...) { (self.axis, self.values) = (axis, values) }

  static let all: [AxisCase] = [
    .init(#""values": ["0s", "500ms", "3s"]"#, "0s", "500ms", "3s"),
    .init(#""values": [true, 1, 0.5, "x"]"#, "true", "1", "0.5", "x"),
    .init(#""range": {"from": 1, "to": 5, "count": 5}"#, "1", "2", "3", "4", "5"),
    .init(
      #""range": {"from": 0, "to": 1, "step": 0.1}"#,
      "0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9", "1"),
    .init(#""range": {"from": "0s", "to": "2s", "step": "500ms"}"#, "0ns", "500ms", "1s", "1.5s", "2s"),
    // The end is not hit: the last value is the one before it.
    .init(#""range": {"from": "10/s", "to": "25/s", "step": "10/s"}"#, "10/s", "20/s"),
    .init(#""range": {"from": 2000001, "to": 2000003, "step": 1}"#, "2000001", "2000002", "2000003"),
    .init(#""logRange": {"from": "100ms", "to": "10s", "count": 3}"#, "100ms", "1s", "10s"),
    .init(#""logRange": {"from": 1, "to": 1000, "count": 4}"#, "1", "10", "100", "1000"),
    .init(#""logRange": {"from": "1/s", "to": "10/s", "count": 3}"#, "1/s", "3.16228/s", "10/s"),
  ]
}

@Suite struct SweepAxisTests {
  private static func sweep(_ sweep: String) throws -> SweepSettings {
    let text = TestScenario.text.replacing("\"question\"", with: "\"sweep\": \(sweep), \"question\"")
    return try #require(try TestScenario.load(text).sweep)
  }

  @Test(arguments: AxisCase.all) func anAxisHasTheseValues(axis: AxisCase) throws {
    let sweep = try Self.sweep(#"{"axes": [{"path": "clients[0].rate", \#(axis.axis)}]}"#)
    let values = sweep.axes.first?.settings.first?.values.map { $0.filter { $0 != "\"" } }
    #expect(values == axis.values)
  }

  @Test func whatIsNotSaidIsOneReplicationOfEachPoint() throws {
    let sweep = try Self.sweep(#"{"axes": [{"path": "seed", "values": [1]}]}"#)
    #expect(sweep.replications == ReplicationSettings(1))
    #expect(sweep.constraints.isEmpty)
    #expect(sweep.metrics.isEmpty)
  }

  @Test func zippedSettingsAreOneAxis() throws {
    let sweep = try Self.sweep(
      #"{"axes": [{"zip": [{"path": "duration", "values": ["1m", "2m"]}, "#
        + #"{"path": "warmUp", "values": ["1s", "2s"]}]}]}"#
    )
    #expect(sweep.axes.count == 1)
    #expect(sweep.axes.first?.count == 2)
    #expect(sweep.paths == ["duration", "warmUp"])
  }

  @Test(
    "a comparison holds between durations, rates and numbers, whatever their units",
    arguments: [
      ("a <= 10s", ["a": "10000ms"], true), ("a < 10s", ["a": "10000ms"], false),
      ("a <= b", ["a": "1m", "b": "59s"], false), ("a >= b", ["a": "1m", "b": "59s"], true),
      ("a>b", ["a": "60/m", "b": "0.5/s"], true), ("a == 1/s", ["a": "60/m"], true),
      ("a != b", ["a": "1s", "b": "1000ms"], false), ("10 < a", ["a": "9"], false),
      ("10 < a", ["a": "11"], true),
      ("mode != ipvs", ["mode": "iptables"], true), ("mode == ipvs", ["mode": "\"ipvs\""], true),
      ("mode < ipvs", ["mode": "iptables"], nil), ("a < 10", ["a": "1s"], nil),
    ] as [(String, [String: String], Bool?)])
  func comparisons(text: String, values: [String: String], holds: Bool?) throws {
    let constraint = try #require(
      SweepConstraint(text, position: SourcePosition(file: "t", line: 1, column: 1)))
    #expect(constraint.holds(values) == holds)
  }

  @Test(arguments: ["", "a", "a <", "< a", "a b"]) func aTextThatIsNoComparisonIsNone(text: String) {
    #expect(SweepConstraint(text, position: SourcePosition(file: "t", line: 1, column: 1)) == nil)
  }
}
