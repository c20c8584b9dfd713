// SPDX-License-Identifier: GPL-3.0-or-later
//
// The schema and the decoder accept and reject the same files. What depends on other values or on names is
// beyond a schema: such cases are marked, and there the schema must accept what the decoder refuses.

import Foundation
import Testing

@testable import Scenario

struct AgreementCase: CustomTestStringConvertible, Sendable {
  enum Verdict: Sendable { case good, bad, badBeyondSchema }
  var override: String
  var verdict: Verdict
  init(_ override: String, _ verdict: Verdict) {
    self.override = override
    self.verdict = verdict
  }
  var testDescription: String { "\(override) \(verdict)" }
}

@Suite struct SchemaAgreementTests {
  static let cases: [AgreementCase] = [
    .init("name=node-churn", .good), .init("name=a/b", .bad), .init("name=\"\"", .bad),
    .init("seed=0", .good),
    .init("seed=-1", .bad), .init("seed=1.5", .bad), .init("seed=3.0", .good), .init("seed=\"1\"", .bad),
    .init("duration=90s", .good), .init("duration=1h30m", .good), .init("duration=1.5m", .good),
    .init("duration=60", .bad), .init("duration=60sec", .bad), .init("duration=0s", .bad),
    .init("duration=-5s", .bad), .init("duration=\"5 s\"", .bad), .init("duration=\"90s\\n\"", .bad),
    .init("duration=9000h", .badBeyondSchema), .init("warmUp=2m", .badBeyondSchema),
    .init("warmUp=0s", .good),
    .init("kubernetes=\"1.29\"", .good), .init("kubernetes=v1.36.2", .good),
    .init("kubernetes=\"2.0\"", .bad),
    .init("issues=[\"x\"]", .bad), .init("manifests=[]", .good), .init("manifests=web.yaml", .bad),
    .init("manifests=[no-such-file.yaml]", .badBeyondSchema),
    .init("accept=[NetworkPolicy]", .good), .init("accept=[1]", .bad),
    .init("cluster.serviceCIDR=10.96.0.0/12", .good), .init("cluster.serviceCIDR=10.96.0.0", .bad),
    .init("cluster.serviceCIDR=10.96.0.0/33", .bad), .init("cluster.serviceCIDR=010.96.0.0/12", .bad),
    .init("cluster.serviceCIDR=10.244.0.0/20", .badBeyondSchema),
    .init("cluster.serviceNodePortRange=30000-32767", .good),
    .init("cluster.serviceNodePortRange=30000", .bad),
    .init("cluster.serviceNodePortRange=32767-30000", .badBeyondSchema),
    .init("cluster.nodes[1].name=n1", .badBeyondSchema),
    .init("cluster.nodes[1].addresses=[172.18.0.4]", .good),
    .init("cluster.nodes[1].addresses=[172.18.0.300]", .bad),
    .init("cluster.nodes[1].addresses=[172.18.0.3]", .badBeyondSchema),
    .init("cluster.nodes[1]={count: 10, name: \"w{n}\"}", .good),
    .init("cluster.nodes[1]={count: 10, name: w}", .badBeyondSchema),
    .init("cluster.nodes[1]={count: 1000000000000, name: \"w{n}\"}", .bad),
    .init("cluster.nodes[1].cores=0", .bad), .init("cluster.nodes[1].cores=two", .bad),
    .init("cluster.nodes[1].labels={a: b}", .good), .init("cluster.nodes[1].labels={a: 1}", .bad),
    .init("cluster.proxy.mode=ipvs", .good), .init("cluster.proxy.mode=userspace", .bad),
    .init("cluster.proxy.clusterCIDR=none", .good), .init("cluster.proxy.masqueradeAll=true", .good),
    .init("cluster.proxy.masqueradeAll=1", .bad), .init("cluster.proxy.syncPeriod=100ms", .badBeyondSchema),
    .init("cluster.timing.filterCommitShare=0.3", .good), .init("cluster.timing.filterCommitShare=1.3", .bad),
    .init("cluster.timing.podStart={constant: 1s}", .good), .init("cluster.timing.podStart=2s", .good),
    .init("cluster.timing.podStart={uniform: {low: 1s, high: 2s}}", .good),
    .init("cluster.timing.podStart={uniform: {low: 2s, high: 1s}}", .badBeyondSchema),
    .init("cluster.timing.podStart={uniform: {low: 2s}}", .bad),
    .init("cluster.timing.podStart={exponential: {mean: 0s}}", .bad),
    .init("cluster.timing.podStart={normal: {mean: 1s, sd: 1s, min: 0s, max: 9s}}", .good),
    .init("cluster.timing.podStart={normal: {mean: 1s, sd: 1s, min: 1h}}", .badBeyondSchema),
    .init("cluster.timing.podStart={normal: {mean: 1s, sd: 1s, min: 9s, max: 2s}}", .badBeyondSchema),
    .init("cluster.timing.podStart={lognormal: {mean: 1s, sigma: 1}}", .good),
    .init("cluster.timing.podStart={lognormal: {sigma: 1}}", .bad),
    .init("cluster.timing.podStart={lognormal: {mean: 1s, median: 1s, sigma: 1}}", .bad),
    .init("cluster.timing.podStart={gamma: {shape: 2, mean: 1s}}", .good),
    .init("cluster.timing.podStart={gamma: {shape: 0, mean: 1s}}", .bad),
    .init("cluster.timing.podStart={erlang: {k: 3, mean: 1s}}", .good),
    .init("cluster.timing.podStart={erlang: {k: 1000000000000, mean: 1s}}", .bad),
    .init("cluster.timing.podStart={weibull: {shape: 2, scale: 1s}}", .good),
    .init("cluster.timing.podStart={pareto: {shape: 2, scale: 1}}", .bad),
    .init("cluster.timing.podStart={poisson: {mean: 3}}", .bad),
    .init("cluster.timing.podStart={hyperexponential: {probabilities: [0.5, 0.5], means: [1s, 2s]}}", .good),
    .init(
      "cluster.timing.podStart={hyperexponential: {probabilities: [0.5, 0.6], means: [1s, 2s]}}",
      .badBeyondSchema),
    .init("cluster.timing.podStart={discrete: {values: [1s, 2s], weights: [1, 2]}}", .good),
    .init("cluster.timing.podStart={discrete: {values: [1s, 2s], weights: [1]}}", .badBeyondSchema),
    .init("cluster.timing.podStart={discrete: {values: [1s], weights: [0]}}", .badBeyondSchema),
    .init("cluster.timing.podStart={empirical: {file: x.csv, column: a}}", .bad),
    .init("cluster.timing.podStart={empirical: {file: no-such.csv, column: a, unit: ms}}", .badBeyondSchema),
    .init(
      "cluster.timing.podStart={mixture: {weights: [1, 1], parts: [{constant: 1s}, {exponential: {mean: 2s}}]}}",
      .good),
    .init("cluster.timing.podStart={mixture: {weights: [1], parts: [2s]}}", .bad),
    .init("cluster.timing.podStart={}", .bad),
    .init("cluster.timing.podStart={constant: 1s, exponential: {mean: 1s}}", .bad),
    .init("cluster.timing.leaseRenewal=0s", .badBeyondSchema),
    .init("cluster.loadBalancer.checkTimeout=1h", .badBeyondSchema), .init("cluster.dns.loss=0.5", .good),
    .init("cluster.loadBalancer.provider=aws-nlb", .good), .init("cluster.loadBalancer.provider=nlb", .bad),
    .init("cluster.loadBalancer.steering=maglev", .good),
    .init("cluster.loadBalancer.idleAction=drop", .badBeyondSchema),
    .init("cluster.loadBalancer={idleAction: drop, idleTimeout: 4m}", .good),
    .init("cluster.loadBalancer={provider: azure, idleAction: drop}", .good),
    .init("cluster.loadBalancer.drain=0s", .good), .init("cluster.loadBalancer.idleTimeout=0s", .bad),
    .init("cluster.nodeAddresses={reporter: cloud, cloudRefresh: 1m}", .good),
    .init("cluster.nodeAddresses={cloudRefresh: 1m}", .badBeyondSchema),
    .init("cluster.nodeAddresses={routes: cloud, routesFollowAddress: true}", .good),
    .init("cluster.nodeAddresses={routesFollowAddress: true}", .badBeyondSchema),
    .init("cluster.nodes[0].pinnedAddress=true", .good),
    .init("cluster.dns.servers=ideal", .good), .init("cluster.dns.servers=real", .bad),
    .init("cluster.dns.resolver={ndots: 16}", .bad), .init("cluster.dns.nodeLocal={}", .badBeyondSchema),
    .init("clients[0].dnsCache=jvm", .good), .init("clients[0].dnsCache=1", .bad),
    .init("network.loss=2", .bad), .init("network.loss=-0.1", .bad), .init("network.deadPodIP=reset", .good),
    .init("servers[0].concurrency=1000000000000", .bad), .init("servers[0].concurrency=4", .good),
    .init("servers[0].port=70000", .bad), .init("servers[0].protocol=tcp", .bad),
    .init("servers[0].pods.labels={app: wbe}", .badBeyondSchema),
    .init("servers[0].drain=5s", .badBeyondSchema),
    .init("servers[0]={name: db, outside: [198.51.100.7]}", .good),
    .init("servers[0]={name: db, outside: []}", .bad),
    .init("servers[0]={name: db, outside: [10.244.9.9]}", .badBeyondSchema),
    .init("servers[0]={name: db}", .bad),
    .init("clients[0].rate=-50/s", .bad), .init("clients[0].rate=50", .bad),
    .init("clients[0].rate=30/m", .good),
    .init("clients[0].rate=0/s", .bad), .init("clients[0].rate=1000000000000/s", .badBeyondSchema),
    .init("clients[0].arrivals={users: 3, think: 1s}", .bad), .init("clients[0].requests=3", .good),
    .init("clients[0].requests={poisson: {mean: 3}}", .good),
    .init("clients[0].requests={geometric: {p: 0.2}}", .good),
    .init("clients[0].requests=3s", .bad), .init("clients[0].connections={pool: 4, maxAge: 5m}", .good),
    .init("clients[0].connections=pool", .bad), .init("clients[0].connections={idleTimeout: 5s}", .bad),
    .init("clients[0].retries={}", .bad), .init("clients[0].to={service: default/wbe}", .badBeyondSchema),
    .init("clients[0].to={service: default/web, port: https}", .badBeyondSchema),
    .init("clients[0].to={service: default/web, port: 81}", .good),
    .init("clients[0].to={nodePort: default/web, node: n1}", .good),
    .init("clients[0].to={nodePort: default/web, node: n9}", .badBeyondSchema),
    .init("clients[0].to={service: default/web, node: n1}", .bad),
    .init("clients[0].to={loadBalancer: default/web}", .badBeyondSchema),
    .init("clients[0].to={externalIP: default/web}", .badBeyondSchema),
    .init("clients[0].to={address: 1.2.3.4, port: 80}", .good),
    .init("clients[0].to={address: 1.2.3.4}", .bad),
    .init("clients[0].to={name: db.example.com, port: 5432}", .good), .init("clients[0].to={}", .bad),
    .init("clients[0].protocol=UDP", .badBeyondSchema),
    .init("clients[0].from={nodes: all}", .good), .init("clients[0].from={nodes: [n1]}", .good),
    .init("clients[0].from={nodes: [n9]}", .badBeyondSchema), .init("clients[0].from={nodes: some}", .bad),
    .init("clients[0].from={pods: {labels: {app: web}}}", .good),
    .init("clients[0].from.outside.address=10.244.1.5", .badBeyondSchema),
    .init("clients[0].from.outside.count=1000000000000", .bad), .init("clients[0].stop=0s", .badBeyondSchema),
    .init("events[0].at=5", .bad), .init("events[0]={at: 5s}", .bad),
    .init("events[0]={at: 5s, taintNode: n1, taint: 'a=b:NoExecute'}", .good),
    .init("events[0]={at: 5s, untaintNode: {all: true}, taint: 'a:NoSchedule'}", .good),
    .init("events[0]={at: 5s, taintNode: n1, taint: 'a:Never'}", .badBeyondSchema),
    .init("events[0]={at: 5s, taintNode: n1, taint: ':NoSchedule'}", .badBeyondSchema),
    .init("events[0]={at: 5s, taintNode: n1}", .bad),
    .init("events[0]={at: 5s, partition: {from: zone/a, to: outside}}", .good),
    .init("events[0]={at: 5s, partition: {from: zone/q, to: outside}}", .badBeyondSchema),
    .init("events[0]={at: 5s, drainNode: n1, newAddress: 1.2.3.4}", .bad),
    .init("events[0]={at: 5s, drainNode: n1, cordonNode: n1}", .bad),
    .init("events[0]={at: 5s, drainNode: {random: true}}", .good),
    .init("events[0]={at: 5s, drainNode: {random: false}}", .bad),
    .init("events[0]={at: 5s, drainNode: all}", .good),
    .init("events[0]={at: 5s, drainNode: n9}", .badBeyondSchema),
    .init("events[0]={at: 5s, changeNodeAddress: n1}", .bad),
    .init("events[0]={at: 5s, changeNodeAddress: n1, newAddress: 172.18.0.9}", .good),
    .init("events[0]={at: 5s, changeNodeAddress: all, newAddress: 172.18.0.9}", .badBeyondSchema),
    .init("events[0]={at: 5s, changeNodeAddress: n2, newAddress: 172.18.0.3}", .badBeyondSchema),
    .init("events[0]={at: 5s, joinNode: late}", .good),
    .init("events[0]={at: 5s, joinNode: n1}", .badBeyondSchema),
    .init("events[0]={at: 5s, joinNode: {name: n5, zone: b}}", .good),
    .init("events[0]={at: 5s, joinNode: {name: n5, count: 2}}", .bad),
    .init("events[0]={at: 5s, scale: default/web, replicas: 5}", .good),
    .init("events[0]={at: 5s, scale: default/web}", .bad),
    .init("events[0]={at: 5s, scale: default/web, replicas: 1000000000000}", .bad),
    .init("events[0]={at: 5s, scale: default/wbe, replicas: 5}", .badBeyondSchema),
    .init("events[0]={at: 5s, rollout: web}", .good),
    .init("events[0]={at: 5s, deletePod: default/web-x}", .good),
    .init("events[0]={at: 5s, deletePod: default/db-0}", .badBeyondSchema),
    .init("events[0]={at: 5s, unreadyPod: {all: true, labels: {app: web}}, for: 5s}", .good),
    .init(
      "events[0]={at: 5s, apply: [{apiVersion: v1, kind: Service, metadata: {name: b}, spec: {ports: [{port: 80}]}}]}",
      .good),
    .init("events[0]={at: 5s, apply: []}", .bad), .init("events[0]={at: 5s, apply: [Service]}", .bad),
    .init("events[0]={at: 5s, delete: {kind: Service, name: web}}", .good),
    .init("events[0]={at: 5s, delete: {kind: Service, name: wbe}}", .badBeyondSchema),
    .init("events[0]={at: 5s, delete: {kind: Node, name: n1}}", .bad),
    .init("events[0]={at: 5s, configureProxy: n1, proxy: {mode: nftables}, restart: false}", .good),
    .init("events[0]={at: 5s, configureProxy: n1}", .bad),
    .init("events[0]={at: 5s, degrade: {from: n1, to: any}, delay: 5ms}", .good),
    .init("events[0]={at: 5s, degrade: {from: n1, to: any}}", .badBeyondSchema),
    .init("events[0]={at: 5s, partition: {from: n1, to: controlPlane}, for: 5s}", .good),
    .init("events[0]={at: 5s, partition: {from: n1, to: n1}}", .badBeyondSchema),
    .init("events[0]={at: 5s, changeDNS: {name: db.example.com, addresses: [198.51.100.8]}}", .good),
    .init(
      "events[0]={at: 5s, changeDNS: {name: dd.example.com, addresses: [198.51.100.8]}}", .badBeyondSchema),
    .init("processes[0].until=0s", .badBeyondSchema), .init("processes[0].every=0s", .badBeyondSchema),
    .init("processes[0].limit=5", .good),
    .init("processes[0]={name: x, at: 5s, every: 1s, deletePod: {random: true}}", .bad),
    .init("report.bin=0s", .bad),
    .init("report.bin=1ns", .badBeyondSchema), .init("report.lostConnectionsMax=1000000000000", .bad),
    .init("processes[0].restartProxy=n1", .bad),
    .init("thresholds=[\"loss_ratio{service=web} < 0.1%\", {threshold: lost <= 0, name: none}]", .good),
    .init("thresholds={all: [lost < 5], confidence: 0.99}", .good), .init("thresholds=lost < 5", .bad),
    .init("thresholds=[]", .bad), .init("thresholds=[lost = 5]", .bad), .init("thresholds={all: []}", .bad),
    .init("thresholds=[lost < 1e]", .badBeyondSchema), .init("thresholds=[{name: a}]", .bad),
    .init("thresholds=[lost < 5, lost < 5]", .badBeyondSchema),
    .init("thresholds={all: [lost < 5], maxReplications: 4, minReplications: 5}", .badBeyondSchema),
  ]

  /// An edit that the format does not know cannot be made by an override, so these are whole texts.
  static let misspelt: [(good: String, bad: String)] = [
    ("\"rate\":", "\"rat\":"), ("\"duration\":", "\"durations\":"), ("\"zone\":", "\"Zone\":"),
    ("\"median\":", "\"meadian\":"), ("\"rebootNode\":", "\"rebotNode\":"),
    ("\"labels\": {\"app\": \"web\"}}, \"serviceTime\"", "\"label\": {}}, \"serviceTime\""),
  ]

  static func evaluator() throws -> SchemaEvaluator { try SchemaEvaluator(ScenarioSchema.text) }

  static func document(_ overrides: [String]) throws -> DocumentNode {
    var document = try DocumentReader.read(text: TestScenario.text, path: "t.json")[0]
    for override in overrides { try Override(override).apply(to: &document) }
    return document
  }

  @Test func theTestScenarioIsRight() throws {
    #expect(TestScenario.mistakes(TestScenario.text) == [])
    #expect(try Self.evaluator().accepts(Self.document([])))
  }

  @Test(arguments: cases)
  func schemaAndDecoderAgree(_ one: AgreementCase) throws {
    let mistakes = TestScenario.mistakes(TestScenario.text, overrides: [one.override])
    #expect(mistakes.isEmpty == (one.verdict == .good), "\(mistakes)")
    let accepted = try Self.evaluator().accepts(Self.document([one.override]))
    #expect(accepted == (one.verdict != .bad))
  }

  @Test(arguments: misspelt)
  func bothRefuseMisspeltKeys(good: String, bad: String) throws {
    let text = TestScenario.text.replacing(good, with: bad)
    #expect(text != TestScenario.text)
    #expect(!TestScenario.mistakes(text).isEmpty)
    #expect(try !Self.evaluator().accepts(DocumentReader.read(text: text, path: "t.json")[0]))
  }

  @Test func theCommittedSchemaIsTheGeneratedOne() throws {
    let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("scenarios/scenario.schema.json")
    let committed = try String(contentsOf: file, encoding: .utf8)
    if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] == "1", committed != ScenarioSchema.text {
      try ScenarioSchema.text.write(to: file, atomically: true, encoding: .utf8)
    }
    #expect(
      committed == ScenarioSchema.text, "run the tests once with UPDATE_GOLDEN=1 and look at the difference")
  }

  @Test func everyKeyHasADescription() {
    #expect(ScenarioSchema.keys.count > 250)
    for key in ScenarioSchema.keys { #expect(key.description.hasSuffix("."), "\(key.path)") }
  }
}
