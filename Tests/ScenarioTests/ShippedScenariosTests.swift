// SPDX-License-Identifier: GPL-3.0-or-later
//
// The scenarios in scenarios/ are right, say what they are for, and keep to what they promise.

import Cluster
import Foundation
import SimKernel
import Testing
import Traffic

@testable import Scenario

@Suite struct ShippedScenariosTests {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("scenarios").path

  static let names = [
    "clusterip", "nodeport", "loadbalancer", "externalname", "externalips", "headless", "selectorless",
    "session-affinity", "traffic-policy", "udp-dns", "node-churn", "benchmarks/reference",
    "node-crash", "node-ip-change", "etp-local-rollout", "etp-cluster-scale-down",
    "grpc-scale-up", "lb-fairness",
    "proxy-restart", "proxy-sync-scale",
    "mode-migration", "ipvs-graceful", "ipvs-port-reuse", "udp-stale-conntrack", "conntrack-full",
    "snat-port-collision", "pod-ip-reuse",
    "rolling-update-prestop", "session-affinity-skew", "zone-hints", "endpointslice-lag", "dns-5s",
    "dns-ttl-externalname", "slo-gate", "prestop-solve",
  ]

  @Test func everyScenarioFileIsListedHere() throws {
    let files =
      try FileManager.default.contentsOfDirectory(atPath: Self.folder)
      + FileManager.default.contentsOfDirectory(atPath: Self.folder + "/benchmarks").map {
        "benchmarks/" + $0
      }
    let scenarios = files.filter { $0.hasSuffix(".json") && !$0.hasSuffix("schema.json") }
    #expect(Set(scenarios) == Set(Self.names.map { $0 + ".json" }))
  }

  @Test(arguments: names)
  func theScenarioIsRight(name: String) throws {
    let path = "\(Self.folder)/\(name).json"
    #expect(ScenarioLoader.validate(path: path).map(\.description) == [])
    let scenario = try ScenarioLoader.load(path: path)
    #expect(name.hasSuffix(scenario.name))
    #expect(scenario.question.contains("?"))
    #expect(scenario.ignoredObjects.isEmpty)
    #expect(try SchemaEvaluator(ScenarioSchema.text).accepts(DocumentReader.read(path: path)[0]))
  }

  @Test func nodeChurnHasWhatItPromises() throws {
    let s = try ScenarioLoader.load(path: Self.folder + "/node-churn.json")
    #expect(s.cluster.nodes.count == 3)
    var types: Set<ServiceType> = []
    for case .service(let service) in s.objects { types.insert(service.serviceType) }
    #expect(types == Set(ServiceType.allCases))
    var places: Set<String> = []
    for client in s.clients {
      switch client.place {
      case .pods: places.insert("pods")
      case .nodes: places.insert("nodes")
      case .outside: places.insert("outside")
      }
    }
    #expect(places.count == 3)
    #expect(s.events.contains { if case .nodeReboot(_, _, .some) = $0.action { true } else { false } })
    #expect(s.events.contains { if case .rollout = $0.action { true } else { false } })
    #expect(!s.processes.isEmpty)
  }
}
