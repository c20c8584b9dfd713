// SPDX-License-Identifier: GPL-3.0-or-later
//
// Metrics as they are asked for: names and labels that exist, and what samples say together.

import Scenario
import SimKernel
import SimStatistics
import Testing

@testable import Simulation

@Suite struct MetricQueryTests {
  private static func scenario() -> ScenarioFile {
    var world = SmallWorld(nodes: 2, duration: .seconds(1))
    world.addWeb(on: [0, 1])
    world.addService()
    world.addClient(on: 0)
    return world.file
  }

  private static let place = SourcePosition(file: "--such-that", line: 0, column: 0)

  @Test(
    "a unit behind the name and k6's longer words mean the same metric",
    arguments: [
      ("connect_p99_ms", "connect_p99"), ("connect_p99", "connect_p99"), ("staleness_max_s", "staleness_max"),
      ("load_balance_max_over_mean", "load_max_over_mean"), ("loss_ratio{service=default/web}", "loss_ratio"),
      ("lost{service=web,cause=stale_table}", "lost"), ("lost{port=80}", "lost"),
      ("sync_duration_max{node=node-*}", "sync_duration_max"),
    ])
  func names(text: String, name: String) throws {
    let query = try MetricQuery(try #require(MetricSelector(text)), at: Self.place, in: Self.scenario())
    #expect(query.metric.name == name)
  }

  @Test(
    "what does not exist is named, with what comes nearest",
    arguments: [
      ("los_ratio", "no metric has the name \"los_ratio\"; did you mean \"loss_ratio\"?"),
      ("connect_p99_s", "no metric has the name \"connect_p99_s\""),
      ("loss_ratio{servic=web}", "not \"servic\"; did you mean \"service\"?"),
      ("loss_ratio{service=wep}", "nothing has the service \"wep\"; did you mean \"web\"?"),
      ("loss_ratio{port=81}", "nothing has the port \"81\""),
      ("endpoint_connections{node=node-7}", "nothing has the node \"node-7\"; did you mean \"node-0\"?"),
      ("sync_duration_max{node=rack-*}", "nothing has the node \"rack-*\""),
      ("loss_ratio{cause=stale_tabel}", "did you mean \"stale_table\"?"),
      ("packets{service=web}", "packets takes no labels"),
    ])
  func mistakes(text: String, expected: String) throws {
    let selector = try #require(MetricSelector(text))
    let error = #expect(throws: ScenarioError.self) {
      _ = try MetricQuery(selector, at: Self.place, in: Self.scenario())
    }
    #expect(try #require(error).description.contains(expected), "\(error!.description)")
  }

  @Test("values are averaged, ratios are ratios of sums")
  func estimates() throws {
    let values = MetricEstimate([.value(1), .value(nil), .value(3)])
    #expect(values.mean == 2 && values.count == 2 && !values.isRatio)
    #expect(try #require(values.standardError) == 1)
    let ratios = MetricEstimate([.ratio(part: 1, whole: 10), .ratio(part: 0, whole: 90)])
    #expect(ratios.mean == 0.01 && ratios.count == 2 && ratios.values == [0.1, 0])
    let expected = RatioEstimate(numerators: [1, 0], denominators: [10, 90])?.interval(confidence: 0.9)
    #expect(ratios.interval(confidence: 0.9) == expected)
    #expect(MetricEstimate().mean == nil && MetricEstimate().interval(confidence: 0.9) == nil)
  }
}
