// SPDX-License-Identifier: GPL-3.0-or-later
//
// kube-proxy's own metrics: its buckets, what is counted where, and events that make syncs fail, from the
// scenario to proxy_sync.csv.

import Cluster
import Scenario
import SimKernel
import SimRandom
import Testing
import Traffic

@testable import Proxy
@testable import Simulation

@Suite struct ProxyMetricsTests {
  @Test(arguments: [
    (0.0, 0), (0.0009, 0), (0.001, 0), (0.0011, 1), (0.05, 6), (16.384, 14), (16.4, 15), (1000, 15),
  ]) func aDurationCountsInTheFirstBucketThatHoldsIt(seconds: Double, bucket: Int) {
    var histogram = PrometheusHistogram(bounds: ProxyMetrics.Metric.sync.bounds)
    histogram.observe(seconds)
    #expect(histogram.counts.firstIndex(of: 1) == bucket)
    #expect(histogram.count == 1 && histogram.sum == seconds)
  }

  @Test func theBucketsAreUpstreams() {
    let bounds = ProxyMetrics.Metric.programming.bounds
    #expect(bounds.count == 1 + 2 + 59 + 12 + 7)
    #expect(bounds.prefix(4) == [0, 0.25, 0.5, 1])
    #expect(bounds.suffix(9) == [110, 115, 120, 150, 180, 210, 240, 270, 300])
    #expect(zip(bounds, bounds.dropFirst()).allSatisfy { $0 < $1 })
    #expect(ProxyMetrics.Metric.fullSync.bounds.last == 16.384)
  }

  @Test func syncsAreCountedByKindAndFailuresApart() {
    var metrics = ProxyMetrics()
    func record(_ node: Int, _ kind: SyncKind, ms: Int64, programming: [Int64] = [], fails: Bool = false)
      -> SyncRecord
    {
      SyncRecord(
        node: NodeID(node), start: .zero, end: .zero + .milliseconds(ms), kind: kind, changes: 0,
        rulesWritten: 0, programmingLatency: nil, programming: programming.map { .milliseconds($0) },
        hasFailed: fails)
    }
    metrics.synced(record(0, .full, ms: 100))
    metrics.synced(record(1, .partial, ms: 50, programming: [200, 700]))
    metrics.synced(record(1, .partial, ms: 3, programming: [9999], fails: true))
    let rows = metrics.rows(nodeNames: ["a", "b"])
    func total(_ name: String, _ node: String) -> ProxyMetricRow? {
      rows.first { $0.metric == name && $0.node == node && $0.bound == nil }
    }
    let programming = "kubeproxy_network_programming_duration_seconds"
    #expect(total(programming, "")?.count == 2)
    #expect(total(programming, "b")?.count == 2)
    #expect(total(programming, "a") == nil)
    #expect(abs((total(programming, "")?.sum ?? 0) - 0.9) < 1e-9)
    #expect(rows.first { $0.metric == programming && $0.bound == 0.25 }?.count == 1)
    #expect(rows.first { $0.metric == programming && $0.bound == 1 }?.count == 2)
    #expect(total("kubeproxy_sync_full_proxy_rules_duration_seconds", "")?.count == 1)
    #expect(total("kubeproxy_sync_partial_proxy_rules_duration_seconds", "")?.count == 2)
    #expect(total("kubeproxy_sync_proxy_rules_duration_seconds", "b")?.count == 2)
    #expect(total("kubeproxy_sync_proxy_rules_failures_total", "")?.count == 1)
    #expect(metrics.programming.max == .milliseconds(700))
  }
}

@Suite struct ProxySyncEventTests {
  /// A pod becomes unready at 2 s; the syncs of its node's proxy fail until 5 s.
  @Test func aFailingProxyKeepsItsOldRulesUntilItsRetry() throws {
    var world = SmallWorld(nodes: 1, duration: .seconds(40))
    world.addService()
    world.addWeb(on: [0, 0])
    world.serve()
    world.addClient()
    world.at(1, .proxySyncFailure(.named("node-0"), probability: 1, duration: .constant(4)))
    world.at(2, .podUnready(.random(namespace: "default", labels: ["app": "web"]), duration: nil))
    let result = try world.run()
    let kinds = result.syncs.map(\.kind)
    #expect(kinds == ["failed", "full"])
    let gap = (result.syncs[1].start - (result.syncs[0].start + result.syncs[0].duration)).seconds
    #expect(gap == 30)
    #expect(result.events.contains { $0.action == "kube-proxy syncs fail" && $0.object == "node/node-0" })
  }

  /// Rules are gone from the start of the new process, 2 s after the restart, until the end of its first
  /// sync.
  @Test func aTeardownLosesWhatItsNodeOpensMeanwhile() throws {
    var lost: [Int] = []
    for teardown in [nil, SimDuration.seconds(3)] {
      var world = SmallWorld(nodes: 2, duration: .seconds(12))
      world.addService()
      world.addWeb(on: [1])
      world.serve()
      world.addClient(every: 0.01)
      world.at(1, .proxyRestart(.named("node-0"), teardown: teardown))
      lost.append(try world.run().lostCount)
    }
    #expect(lost[0] == 0)
    // 3.05 s at 100 connections per second.
    #expect((280...330).contains(lost[1]))
  }
}
