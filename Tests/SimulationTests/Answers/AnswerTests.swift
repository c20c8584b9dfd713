// SPDX-License-Identifier: GPL-3.0-or-later
//
// Answers: figures of results made by hand, the document that holds their table, and one scenario from end
// to end.

import Foundation
import NetworkTypes
import SimKernel
import SimStatistics
import Testing
import Traffic

@testable import Scenario
@testable import Simulation

@Suite struct AnswerTests {
  /// Two Services, two clients; 3 of 10 connections of a to web are lost, 1 of 5 of b to web, 2 of 4 to db.
  static let result: RunResult = {
    var result = RunResult(
      identity: RunIdentity(
        runID: "0", scenario: "t", variant: "base", proxyMode: "iptables", replication: 0, seed: 1))
    result.targets = [
      TargetName(service: "default/web", port: "http"), TargetName(service: "default/db", port: "5432"),
    ]
    result.clients = ["a", "b"]
    func group(_ target: Int, _ client: Int, _ outcome: Outcome, _ cause: Cause?, _ count: Int)
      -> AttemptGroup
    {
      AttemptGroup(target: target, client: client, outcome: outcome, cause: cause, count: count)
    }
    result.groups = [
      group(0, 0, .completed, nil, 7), group(0, 0, .refused, .staleTable, 2),
      group(0, 0, .connectTimeout, .nodeDown, 1), group(0, 1, .completed, nil, 4),
      group(0, 1, .refused, .staleTable, 1), group(0, 1, .unfinished, nil, 6),
      group(1, 0, .completed, nil, 2),
      group(1, 0, .reset, .ipReused, 1), group(1, 0, .misdelivered, .ipReused, 1),
      group(1, 0, .noReply, .noEndpoints, 1),
    ]
    result.shares = [
      EndpointShare(
        target: 0, pod: "default/web-1", ip: "10.0.0.1", node: "n1", connections: 6, requests: 1,
        expectedConnections: 5),
      EndpointShare(
        target: 0, pod: "default/web-2", ip: "10.0.0.2", node: "n2", connections: 2, requests: 3,
        expectedConnections: 4),
      EndpointShare(
        target: 0, pod: "default/new-1", ip: "10.0.0.3", node: "n2", connections: 0, requests: 0,
        expectedConnections: 1),
    ]
    for (client, at) in [(0, 3.0), (1, 5.5), (0, 9.0)] {
      var row = LostConnection()
      row.client = client
      row.start = .zero + SimDuration(seconds: at)
      row.outcome = .refused
      result.lost.append(row)
    }
    result.events = [
      ClusterEventRow(time: .zero + .seconds(4), object: "node/n1", action: "Ready=False", detail: ""),
      ClusterEventRow(time: .zero + .seconds(7), object: "node/n1", action: "Ready=False", detail: ""),
    ]
    return result
  }()

  private func sample(_ text: String) throws -> MetricSample {
    let selector = try #require(MetricSelector(text))
    return try #require(LabelledMetric.named(selector.name)).sample(MetricScope(Self.result, selector))
  }

  @Test(
    "a metric counts what its labels leave",
    arguments: [
      ("attempted", MetricSample.value(26)), ("attempted{service=default/web}", .value(21)),
      ("lost{client=a}", .value(5)), ("lost{service=default/web,cause=stale_table}", .value(3)),
      ("lost{service=default/*,outcome=refused}", .value(3)), ("lost{service=nobody}", .value(0)),
      ("loss_ratio{service=default/web,client=a}", .ratio(part: 3, whole: 10)),
      ("loss_ratio{client=b}", .ratio(part: 1, whole: 5)),
      ("loss_ratio{client=a,cause=node_down}", .ratio(part: 1, whole: 15)),
      ("misdelivered", .value(1)), ("cause.ip_reused{outcome=reset}", .value(1)),
      ("outcome.refused{client=b}", .value(1)), ("first_loss", .value(3)),
      ("last_loss{client=b}", .value(5.5)),
      ("loss_span{client=a}", .value(6)), ("loss_span{client=c}", .value(0)),
      ("first_loss{client=c}", .value(nil)),
      ("connection_share{pod=default/web-*}", .ratio(part: 8, whole: 8)),
      ("connection_share{service=default/web,node=n2}", .ratio(part: 2, whole: 8)),
      ("request_share{pod=default/web-2}", .ratio(part: 3, whole: 4)),
      ("expected_share{ip=10.0.0.3}", .ratio(part: 1, whole: 10)),
      ("endpoint_connections{pod=default/web-1}", .value(6)), ("idle_endpoints", .ratio(part: 1, whole: 3)),
      ("event_time{object=node/n1,action=Ready=False}", .value(4)),
      ("event_time{object=node/n2}", .value(nil)),
      ("operations", .value(0)),
    ])
  func aMetricCountsWhatItsLabels(text: String, expected: MetricSample) throws {
    #expect(try sample(text) == expected)
  }

  @Test("every metric of summary.csv can be a figure, and no name is there twice")
  func everyMetricOfSummarycsvCanBe() {
    let names = LabelledMetric.catalogue.map(\.name)
    #expect(Set(names).count == names.count)
    for entry in SummaryMetric.catalogue {
      #expect(LabelledMetric.named(entry.metric) != nil, "\(entry.metric)")
    }
  }

  private func figure(
    _ metric: String, _ samples: [MetricSample], predicted: Double? = nil, form: AnswerSettings.Form? = nil
  ) throws -> Answer.Figure {
    var scenario = AnswerSettings()
    let position = SourcePosition(file: "t.json", line: 1, column: 1)
    scenario.figures = [
      AnswerSettings.Figure(
        name: "f", variant: 0, metric: try #require(MetricSelector(metric)), form: form, predicted: predicted,
        formula: nil, position: position)
    ]
    return Answer.Figure(scenario.figures[0], samples, variant: "base")
  }

  @Test("a figure is the mean with Student's interval, z against its prediction") func aFigureIsTheMeanWith()
    throws
  {
    // 9, 11, 13: mean 11, s.e. 2/sqrt(3); t(2) at 95 % = 4.30265.
    let figure = try figure("lost", [.value(9), .value(11), .value(13)], predicted: 10)
    #expect(figure.mean == 11)
    let error = 2 / 3.0.squareRoot()
    #expect(abs(figure.standardError! - error) < 1e-12)
    #expect(abs(figure.interval!.halfWidth - 4.302652730 * error) < 1e-6)
    #expect(abs(figure.z! - 1 / error) < 1e-12)
    #expect(figure.words == "11.0 ± 5.0")
    #expect(figure.predictedWords == "10")
  }

  @Test("a ratio is one of sums, and losses are written in percent") func aRatioIsOneOfSums() throws {
    let figure = try figure(
      "loss_ratio", [.ratio(part: 1, whole: 100), .ratio(part: 3, whole: 300)], predicted: 0.0125)
    #expect(figure.mean == 0.01)
    #expect(figure.words == "1 %")
    #expect(figure.predictedWords == "1.25 %")
    #expect(figure.z == nil)
  }

  @Test("the table of figures has a row for each with a formula, numbers as in all CSV files") func csv()
    throws
  {
    let answers = [
      Answer(figures: [
        try figure("lost", [.value(9), .value(11), .value(13)], predicted: 10),
        try figure("lost", [.value(1)]),
      ])
    ]
    let table = AnswerTable.csv(answers, onlyPredicted: true).split(separator: "\n").map(String.init)
    #expect(table.count == 2)
    #expect(table[0].hasPrefix("scenario,variant,figure,metric,unit,replications,simulated,"))
    #expect(table[1].hasPrefix("t,base,f,lost,connections,3,11,1.15470054,6.03"))
    #expect(table[1].hasSuffix(",10,0.866025404,"))
    #expect(AnswerTable.csv(answers, onlyPredicted: false).split(separator: "\n").count == 3)
  }

  @Test("replications without a value are left out, and none at all is said")
  func replicationsWithoutAValueAreLeft() throws {
    #expect(try figure("connect_p99", [.value(nil), .value(4), .value(6)]).count == 2)
    #expect(try figure("connect_p99", [.value(nil)]).words == "none")
  }

  @Test("the table goes between its marks and nowhere else") func theTableGoesBetweenItsMarks() throws {
    let text = "a\n\(AnswerDocument.begin)\nold\n\(AnswerDocument.end)\nb\n"
    let document = try #require(AnswerDocument(text))
    #expect(document.text(with: "new\n") == "a\n\(AnswerDocument.begin)\nnew\n\(AnswerDocument.end)\nb\n")
    #expect(AnswerDocument("a") == nil)
    #expect(AnswerDocument("\(AnswerDocument.end)\n\(AnswerDocument.begin)") == nil)
  }

  @Test(
    "a label whose value nothing has is a mistake where the value is known before a run",
    arguments: [
      (
        "lost{cause=stale_tabel}",
        #"t.json:7:9: nothing has the cause "stale_tabel"; did you mean "stale_table"?"#
      ),
      ("lost{outcome=refsued}", #"t.json:7:9: nothing has the outcome "refsued"; did you mean "refused"?"#),
      ("lost{client=fronted}", #"t.json:7:9: nothing has the client "fronted"; did you mean "frontend"?"#),
      (
        "lost{service=192.0.2.2}",
        #"t.json:7:9: nothing has the service "192.0.2.2"; did you mean "192.0.2.1"?"#
      ),
      ("lost{client=front*,cause=stale_*,outcome=refused,service=192.0.2.1}", nil),
    ])
  func aLabelWhoseValueNothingHas(_ metric: String, _ mistake: String?) throws {
    var file = ScenarioFile(name: "t", duration: .seconds(1))
    file.clients = [
      ClientSettings(
        name: "frontend", place: .nodes([]), target: .address(IPv4Address("192.0.2.1")!, port: 80),
        arrivals: .trace([]))
    ]
    var answer = AnswerSettings()
    answer.variants = [
      .init(name: "base", edits: [], position: SourcePosition(file: "t.json", line: 1, column: 1))
    ]
    answer.figures = [
      AnswerSettings.Figure(
        name: "f", variant: 0, metric: try #require(MetricSelector(metric)), form: nil, predicted: nil,
        formula: nil, position: SourcePosition(file: "t.json", line: 7, column: 9))
    ]
    file.answer = answer
    let scenario = file
    do {
      _ = try AnswerPlan(path: "t.json") { _ in scenario }
      #expect(mistake == nil)
    } catch let error as ScenarioError {
      #expect(error.description == mistake)
    }
  }

  @Test("issues are named as people name them") func issuesAreNamedAsPeopleName() {
    #expect(AnswerText.issueName("https://github.com/kubernetes/kubernetes/issues/76580") == "k8s #76580")
    #expect(AnswerText.issueName("https://github.com/cilium/cilium/pull/1") == "cilium #1")
    #expect(AnswerText.issueName("https://example.com/a") == "example.com/a")
  }
}
