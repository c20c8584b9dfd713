// SPDX-License-Identifier: GPL-3.0-or-later
//
// A small result made by hand, with every kind of row, names that need quoting, and missing values: what the
// reports print of it is compared byte for byte.

import Cluster
import NetworkTypes
import SimKernel
import SimStatistics
import Simulation

enum ReportFixture {
  static func result(replication: Int = 0) -> RunResult {
    var result = RunResult(
      identity: RunIdentity(
        runID: "0123456789abcdef", scenario: "node-churn", variant: "base", proxyMode: "iptables",
        replication: replication, seed: 18_446_744_073_709_551_615))
    result.question =
      "Which connections does a three-node cluster lose while a node changes its IP and the pods behind "
      + "a Service are replaced?"
    result.duration = .seconds(120)
    result.drainedAt = SimTime(nanoseconds: 127_500_000_000)
    result.targets = [
      TargetName(service: "shop/web", port: "http"), TargetName(service: "shop/dns", port: "53"),
      TargetName(service: "shop/web", port: "9090"),
    ]
    result.clients = ["frontend", "outside, \"mobile\""]
    addGroups(to: &result)
    result.lost = lost
    result.ledger = [
      LedgerEntry(
        second: 34, node: "worker-2", nodeMode: "iptables", target: 2, cause: .staleTable, count: 1),
      LedgerEntry(
        second: 34, node: "worker-2", nodeMode: "iptables", target: 0, cause: .staleTable, count: 3),
      LedgerEntry(second: 12, node: "", nodeMode: "", target: 1, cause: .dnsLost, count: 2),
      LedgerEntry(second: 34, node: "worker-2", nodeMode: "iptables", target: 0, cause: .nodeDown, count: 1),
    ]
    addLoad(to: &result)
    addCluster(to: &result)
    result.packets = 158_472
    result.simulationEvents = 412_345
    result.digest = 0xfeed_beef
    result.arrivalDigest = 0xabc
    result.conntrackPeak = 2048
    result.rulesPerNode = 61.5
    result.notes = ["Service shop/old refused at 12 s: spec.clusterIP: provided IP is already allocated"]
    return result
  }

  private static func addGroups(to result: inout RunResult) {
    func group(_ target: Int, _ client: Int, _ outcome: Outcome, _ cause: Cause?, _ count: Int)
      -> AttemptGroup
    {
      AttemptGroup(target: target, client: client, outcome: outcome, cause: cause, count: count)
    }
    result.groups = [
      group(0, 0, .completed, nil, 23_900), group(0, 0, .refused, .staleTable, 3),
      group(0, 0, .connectTimeout, .nodeDown, 1), group(0, 0, .clientGone, nil, 4),
      group(0, 1, .completed, nil, 2100), group(0, 1, .misdelivered, .ipReused, 1),
      group(0, 1, .unfinished, nil, 2), group(1, 0, .completed, nil, 998), group(1, 0, .noReply, .dnsLost, 2),
      group(2, 0, .reset, .staleTable, 1),
    ]
    result.operations = 27_000
    result.operationsLost = 2
    result.retries = 12
    result.requestsCompleted = 40_001
  }

  private static var lost: [LostConnection] {
    func connection(
      _ id: String, _ start: Double, target: Int, client: Int, node: String, _ outcome: Outcome,
      _ cause: Cause
    ) -> LostConnection {
      var connection = LostConnection()
      connection.id = id
      connection.start = .zero + SimDuration(seconds: start)
      connection.end = connection.start + .milliseconds(1)
      (connection.target, connection.client) = (target, client)
      connection.clientNode = client == 0 ? "worker-1" : ""
      connection.decidingNode = node
      (connection.outcome, connection.cause) = (outcome, cause)
      return connection
    }
    var stale = connection(
      "frontend/812/0", 34.100_000_25, target: 0, client: 0, node: "worker-2", .refused, .staleTable)
    stale.backend = "10.244.2.7:8080"
    stale.backendNode = "worker-2"
    (stale.kubelet, stale.controller, stale.watch) = (
      .milliseconds(410), .milliseconds(22), .microseconds(3500)
    )
    (stale.runnerWait, stale.sync) = (.milliseconds(600), .milliseconds(61))
    stale.savedBy = "fresh table on worker-2, \"iptables\""
    return [
      connection("frontend/300/0", 12, target: 1, client: 0, node: "", .noReply, .dnsLost),
      connection("frontend/301/0", 12.4, target: 1, client: 0, node: "", .noReply, .dnsLost),
      stale,
      connection("frontend/815/0", 34.3, target: 0, client: 0, node: "worker-2", .refused, .staleTable),
      connection("frontend/816/0", 34.4, target: 0, client: 0, node: "worker-2", .refused, .staleTable),
      connection("frontend/817/0", 34.5, target: 2, client: 0, node: "worker-2", .reset, .staleTable),
      connection("frontend/820/0", 34.9, target: 0, client: 0, node: "worker-2", .connectTimeout, .nodeDown),
      connection("mobile/77/1", 80, target: 0, client: 1, node: "control-plane", .misdelivered, .ipReused),
    ]
  }

  private static func addLoad(to result: inout RunResult) {
    func share(_ target: Int, _ pod: String, _ ip: String, _ node: String, _ n: Int, _ expected: Double)
      -> EndpointShare
    {
      EndpointShare(
        target: target, pod: pod, ip: ip, node: node, connections: n, requests: 2 * n,
        expectedConnections: expected)
    }
    result.shares = [
      share(0, "shop/web-a", "10.244.1.5", "worker-1", 8600, 8664),
      share(0, "shop/web-b", "10.244.2.7", "worker-2", 8500, 8664),
      share(0, "shop/web-c", "10.244.3.9", "worker-3", 8892, 8664), share(1, "", "192.0.2.53", "", 998, 998),
    ]
    var web = SpreadStatistics(target: 0, endpoints: 3, connections: 25_992)
    (web.statistic, web.degreesOfFreedom, web.pValue) = (9.5780, 2, 0.00832)
    (web.jain, web.gini, web.cv, web.expectedCV, web.maxOverMean) = (
      0.99963, 0.01006, 0.0235, 0.00878, 1.0263
    )
    result.spread = [web, SpreadStatistics(target: 1, endpoints: 1, connections: 998)]
    var connect = LatencyHistogram()
    var request = LatencyHistogram()
    for step in 1...1000 {
      connect.record(.microseconds(Int64(200 + step)))
      request.record(.microseconds(Int64(step * step)))
    }
    result.latency = [
      LatencyRow(target: 0, phase: .connect, outcome: .completed, histogram: connect),
      LatencyRow(target: 0, phase: .request, outcome: .completed, histogram: request),
      LatencyRow(target: 0, phase: .connect, outcome: .refused, histogram: LatencyHistogram()),
      LatencyRow(target: 1, phase: .dns, outcome: .completed, histogram: connect),
    ]
  }

  private static func addCluster(to result: inout RunResult) {
    result.staleness = [
      StalenessRow(binStart: .zero, node: "worker-1", age: .zero, servicesWrong: 0),
      StalenessRow(
        binStart: SimTime(nanoseconds: 34_000_000_000), node: "worker-2", age: .milliseconds(12_400),
        servicesWrong: 3),
      StalenessRow(
        binStart: SimTime(nanoseconds: 35_000_000_000), node: "worker-2", age: .zero, servicesWrong: 0),
    ]
    var bin = TimelineRow(binStart: SimTime(nanoseconds: 34_000_000_000))
    (bin.attempts, bin.successes, bin.losses) = (220, 216, 4)
    (bin.openConnections, bin.readyEndpoints, bin.staleNodes) = (17, 3, 1)
    result.timeline = [TimelineRow(binStart: .zero), bin]
    result.syncs = [
      ProxySyncRow(
        start: SimTime(nanoseconds: 1_500_000_000), node: "worker-1", kind: "full", changes: 0,
        rulesWritten: 64,
        duration: .milliseconds(60), programmingLatency: nil),
      ProxySyncRow(
        start: SimTime(nanoseconds: 35_200_000_000), node: "worker-2", kind: "partial", changes: 2,
        rulesWritten: 9,
        duration: .microseconds(61_250), programmingLatency: .milliseconds(1061)),
    ]
    result.proxyMetrics = [
      ProxyMetricRow(
        metric: "kubeproxy_sync_proxy_rules_duration_seconds", node: "", bound: 0.064, count: 2, sum: nil),
      ProxyMetricRow(
        metric: "kubeproxy_sync_proxy_rules_duration_seconds", node: "", bound: nil, count: 2, sum: 0.12125),
      ProxyMetricRow(
        metric: "kubeproxy_sync_proxy_rules_duration_seconds", node: "worker-1", bound: nil, count: 1,
        sum: 0.06),
    ]
    result.programming.record(.milliseconds(1061))
    result.theory = [
      TheoryRow(
        formula: .poissonArrivals, subject: "browsers", predicted: 2500, simulated: 2450, standardError: 50),
      TheoryRow(
        formula: .idleEndpoints, subject: "shop/web:http", predicted: 3.5, simulated: 3, standardError: 0),
    ]
    result.events = [
      ClusterEventRow(time: .zero, object: "node/worker-1", action: "join", detail: ""),
      ClusterEventRow(
        time: SimTime(nanoseconds: 34_000_000_000), object: "node/worker-2", action: "reboot",
        detail: "address 172.18.0.4, then 172.18.0.9\nafter 30 s"),
    ]
  }
}
