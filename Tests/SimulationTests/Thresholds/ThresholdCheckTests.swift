// SPDX-License-Identifier: GPL-3.0-or-later
//
// Thresholds that cannot be asked: metrics and labels that do not exist, limits of another unit, gates that
// always or never hold.

import Scenario
import Testing

@testable import Simulation

@Suite struct ThresholdCheckTests {
  private static func mistake(_ text: String) throws -> String? {
    let threshold = try #require(ThresholdFixture.thresholds([text]).first)
    return ThresholdCheck.mistake(in: threshold, of: ThresholdFixture.scenario)?.description
  }

  @Test(
    "what cannot be asked is refused with a reason",
    arguments: [
      ("los_ratio < 1%", "did you mean \"loss_ratio\"?"),
      ("loss_ratio{servce=web} < 1%", "did you mean \"service\"?"),
      ("loss_ratio{service=wbe} < 1%", "nothing has the service \"wbe\""),
      ("connect_p99_ms < 5%", "a limit in percent goes with a ratio; connect_p99 is in ms"),
      ("lost < 5%", "a limit in percent goes with a ratio; lost is in connections"),
      ("loss_ratio < 0", "can never hold: loss_ratio is from 0 to 1; \"<= 0\" can"),
      ("loss_ratio <= -1%", "can never hold"), ("loss_ratio > 100%", "can never hold"),
      ("loss_ratio >= 101%", "can never hold"), ("lost < 0", "can never hold: lost is never below 0"),
      ("load_balance_max_over_mean < 1", "can never hold: load_max_over_mean is never below 1"),
      ("loss_ratio <= 100%", "always holds"), ("loss_ratio < 1.01", "always holds"),
      ("loss_ratio >= 0", "always holds"), ("connect_p99_ms >= 0", "always holds"),
      ("lost > -1", "always holds"), ("idle_endpoints <= 1", "always holds"),
    ])
  func refused(text: String, expected: String) throws {
    let mistake = try #require(try Self.mistake(text))
    #expect(mistake.contains(expected), "\(mistake)")
  }

  @Test(
    "what can hold and can fail is allowed",
    arguments: [
      "loss_ratio < 0.1%", "loss_ratio <= 0", "loss_ratio < 100%", "loss_ratio > 0", "lost <= 0",
      "load_balance_max_over_mean{service=web} < 120%", "connect_p99_ms < 50", "dns_timeout_ratio < 2",
      "load_jain >= 100%",
    ])
  func allowed(text: String) throws { #expect(try Self.mistake(text) == nil) }

  @Test("all mistakes are told together")
  func together() {
    let error = #expect(throws: ScenarioError.self) {
      try ThresholdFixture.board(["los_ratio < 1%", "lost < 0", "lost <= 0"], lost: [])
    }
    #expect(error?.diagnostics.count == 2)
  }

  @Test("no range is below what the catalogue gives")
  func ranges() {
    for metric in LabelledMetric.catalogue { #expect(metric.range.lowerBound >= 0, "\(metric.name)") }
    let shares = LabelledMetric.catalogue.filter { $0.range.upperBound == 1 }
    #expect(shares.count == 9, "\(shares.map(\.name))")
    for metric in shares { #expect(metric.unit == "ratio", "\(metric.name)") }
  }
}
