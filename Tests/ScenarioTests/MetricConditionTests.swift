// SPDX-License-Identifier: GPL-3.0-or-later
//
// Conditions on metrics as people write them.

import Scenario
import Testing

@Suite struct MetricConditionTests {
  @Test(
    "a metric, an operator and a number",
    arguments: [
      ("loss_ratio{service=web} < 0.1%", "loss_ratio{service=web}", "<", 0.001, true),
      ("connect_p99_ms<50", "connect_p99_ms", "<", 50, false),
      (
        " load_max_over_mean{service=a/b,port=http}  <=  1.2 ", "load_max_over_mean{service=a/b,port=http}",
        "<=", 1.2, false
      ),
      ("attempted >= 1e3", "attempted", ">=", 1000, false),
      ("lost{client=a<b} > -1", "lost{client=a<b}", ">", -1, false),
    ] as [(String, String, String, Double, Bool)])
  func parts(text: String, metric: String, relation: String, limit: Double, isPercent: Bool) throws {
    let condition = try #require(MetricCondition(text))
    #expect(condition.selector.description == metric)
    #expect(condition.relation.rawValue == relation)
    #expect(abs(condition.limit - limit) < 1e-15)
    #expect(condition.isPercent == isPercent)
  }

  @Test(
    "what has another form is none",
    arguments: [
      "", "loss_ratio", "loss_ratio <", "< 5", "loss_ratio == 5", "loss_ratio < nan", "loss_ratio < 0x10",
      "loss_ratio < 5 %%", "loss_ratio < 5ms", "loss_ratio{service} < 5", "loss_ratio{service=a < 5",
      "Loss < 5",
      "loss_ratio < 1e999", "loss_ratio < < 5", "loss_ratio = < 5",
    ])
  func none(text: String) { #expect(MetricCondition(text) == nil) }

  @Test("operators hold as they are written")
  func relations() {
    let holds = MetricCondition.Relation.allCases.map { relation in
      [1.0, 2, 3].map { relation.holds($0, 2) }
    }
    #expect(
      holds == [[true, true, false], [false, true, true], [true, false, false], [false, false, true]])
  }
}
