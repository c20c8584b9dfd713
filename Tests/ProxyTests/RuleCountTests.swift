// SPDX-License-Identifier: GPL-3.0-or-later
//
// How many rules there are and how many a sync writes: counted without making the rules, equal to the rules,
// and to what a real kube-proxy counted of itself.

import Cluster
import NetworkTypes
import SimKernel
import Testing

@testable import Proxy

extension ProxyWorld {
  /// What a sync that touched `services` writes, counted rule by rule; nil: a full one.
  fileprivate mutating func written(node: Int, touched: Set<ServiceID>?) -> IptablesTableCounts {
    let rules = fleet.iptablesRules(of: NodeID(node))
    var nat = 0
    for chain in rules.nat.names where !rules.nat.name.hooks.contains(chain) {
      for _ in rules.nat[chain] {
        // Chains of Service ports have rules about these only; dispatch chains are written whatever is in
        // them.
        let isKept: Bool =
          switch chain {
          case .clusterPolicy(let port), .localPolicy(let port), .external(let port), .firewall(let port),
            .endpoint(let port, _):
            touched?.contains(fleet.servicePort(port).service) ?? true
          default: true
          }
        nat += isKept ? 1 : 0
      }
    }
    return IptablesTableCounts(filter: rules.filter.writtenRules, nat: nat)
  }
}

@Suite struct RuleCountTests {
  /// `name{…,table="filter"} 8` of Golden/metrics-iptables-w1.txt.
  private static func metric(_ name: String) throws -> IptablesTableCounts {
    func value(_ table: String) throws -> Int {
      let key = "kubeproxy_sync_proxy_rules_iptables_\(name){ip_family=\"IPv4\",table=\"\(table)\"} "
      let lines = try golden("metrics-iptables-w1.txt").split(separator: "\n")
      let line = try #require(lines.first { $0.hasPrefix(key) })
      return try #require(Int(line.dropFirst(key.count)))
    }
    return IptablesTableCounts(filter: try value("filter"), nat: try value("nat"))
  }

  @Test func aFullSyncWritesWhatARealKubeProxyCountedInAll() throws {
    var names: [String] = []
    let world = try goldenWorld(names: &names)
    let total = try Self.metric("total")
    #expect(total == IptablesTableCounts(filter: 8, nat: 251))
    #expect(world.fleet.iptablesRuleCounts(of: NodeID(1)) == total)
    #expect(world.fleet.iptablesRulesOfLastSync(of: NodeID(1)) == total)
  }

  /// The real node's last sync before its metrics were read wrote 15 rules less. These are the rules of the
  /// three Services whose endpoints no pod stands behind: the last thing that had happened there was that the
  /// conditions of all pods were written, which touched every other Service.
  @Test func aPartialSyncOfServicesWithPodsWritesWhatARealKubeProxyCounted() throws {
    var names: [String] = []
    var world = try goldenWorld(names: &names)
    let full = world.fleet.iptablesRuleCounts(of: NodeID(1))
    let withoutPods = ["kubernetes", "manual", "mirror"]
    for (id, name) in names.enumerated() where !withoutPods.contains(name) {
      let service = ServiceID(id)
      let before = world.slices[service] ?? []
      guard !before.isEmpty else { continue }
      world.put(id, slices: [])
      world.put(id, slices: before)
    }
    world.run(for: .seconds(1))
    #expect(world.syncs.last?.kind == .partial)
    #expect(world.fleet.iptablesRuleCounts(of: NodeID(1)) == full)
    let last = try Self.metric("last")
    #expect(world.fleet.iptablesRulesOfLastSync(of: NodeID(1)) == last)
  }

  /// Golden/reload-iptables.txt: each node's full sync of 1030 Service ports with 3067 endpoints.
  @Test func aFullSyncOfALargeClusterWritesWhatRealKubeProxiesSaidTheyWrote() throws {
    var names: [String] = []
    var world = try goldenWorld(["cluster.txt", "cluster-later.txt"], names: &names) { _ in
    } addingServices: { world, count in
      for id in 0..<1000 {
        let service = testService("bulk-\(id)", clusterIP: "10.110.\(id / 250).\(1 + id % 250)")
        let pods = [("10.244.1.21", "worker"), ("10.244.2.21", "worker2"), ("10.244.2.22", "worker2")]
        world.put(
          count + id, service, pods.map { testEndpoint($0.0, node: "test-cluster-\($0.1)") }, port: 8080)
      }
    }
    let lines = try golden("reload-iptables.txt").split(separator: "\n").filter { $0.contains("IPv4") }
    #expect(lines.count == 3)
    for (node, line) in lines.enumerated() {
      func number(_ key: String) -> Int? {
        line.split(separator: " ").first { $0.hasPrefix(key + "=") }.flatMap {
          Int($0.dropFirst(key.count + 1))
        }
      }
      let counts = world.fleet.iptablesRuleCounts(of: NodeID(node))
      #expect(counts.filter == number("numFilterRules"))
      #expect(counts.nat == number("numNATRules"))
      // Theirs is one more: kube-proxy counts endpoints that it cannot use, too, and of the Services that
      // came later only rules were kept.
      #expect(Int(world.fleet.processes[node].ruleCounts.endpoints) + 1 == number("numEndpoints"))
      let ports = world.fleet.history.heads.indices.count {
        world.fleet.history.spec(world.fleet.history.heads[$0].spec) != nil
      }
      #expect(ports == number("numServices"))
      // kube-proxy declares what it fills: not the canary, not the kernel's own, here also KUBE-FIREWALL.
      let rules = world.fleet.iptablesRules(of: NodeID(node))
      let own = rules.nat.names.filter { !rules.nat.name.hooks.contains($0) && $0 != .canary }
      #expect(own.count == number("numNATChains"))
    }
  }

  /// In worlds too large to look at each node's view of each Service, counts are rough for those whose view
  /// differs, and right for the others; they do not drift.
  @Test func roughCountsAreRightForServicesThatLookTheSameEverywhere() {
    var random = RandomWorld(seed: 77)
    let nodes = random.nodes()
    func world(isRough: Bool) -> ProxyWorld {
      var world = ProxyWorld(nodes: nodes)
      world.fleet.countsRoughly = isRough
      for id in 0..<6 {
        let service = testService("s\(id)", clusterIP: "172.30.0.\(10 + id)") { service in
          service.spec.type = "NodePort"
          service.spec.ports[0].nodePort = 30000 + id
        }
        world.put(id, service, (0..<id).map { testEndpoint("10.180.0.\($0 + 1)", node: "n0") })
      }
      world.converge()
      for id in [2, 4, 2, 5] {
        world.put(id, slices: [])
        world.run(for: .seconds(3))
        world.put(id, slices: [testSlice((0..<id).map { testEndpoint("10.180.0.\($0 + 9)", node: "n1") })])
        world.run(for: .seconds(3))
      }
      return world
    }
    let rough = world(isRough: true)
    let exact = world(isRough: false)
    for node in 0..<3 where nodes[node].settings.clusterCIDR != nil || nodes[node].settings.masqueradeAll {
      let id = NodeID(node)
      #expect(rough.fleet.iptablesRuleCounts(of: id) == exact.fleet.iptablesRuleCounts(of: id))
    }
    #expect(rough.syncs.map(\.start) == exact.syncs.map(\.start))
  }

  /// FACTS C3: above 1000 endpoints the rules that choose, and those of endpoints, go without comments.
  @Test(
    "comments of endpoint rules end above a thousand endpoints", arguments: [(1000, true), (1001, false)])
  func largeCluster(endpoints: Int, hasComments: Bool) throws {
    var world = ProxyWorld()
    let all = (0..<endpoints).map { testEndpoint("10.180.\($0 / 250).\(1 + $0 % 250)", node: "testnode") }
    world.put(0, testService("svc", clusterIP: "172.30.0.41"), all)
    world.converge()
    let text = try #require(world.fleet.ruleTexts(of: NodeID(0)).first).text
    let lines = text.split(separator: "\n").filter { $0.hasPrefix("-A KUBE-SEP-") }
    #expect(lines.count == endpoints * 2)
    #expect(lines.allSatisfy { $0.contains("--comment") == hasComments })
    let choice = text.split(separator: "\n").filter { $0.contains("-j KUBE-SEP-") }
    #expect(choice.count == endpoints)
    #expect(choice.allSatisfy { $0.contains("--comment") == hasComments })
    #expect(text.contains("--comment \"default/svc cluster IP\""))
    #expect(world.fleet.processes[0].ruleCounts.isLargeCluster == !hasComments)
  }

  /// From 1.36 on an hour without one does not make the next sync full in a large cluster.
  @Test(
    "large clusters of new versions have no hourly full sync",
    arguments: [(36, 1001, SyncKind.partial), (36, 1000, .full), (35, 1001, .full)])
  func hourlyFullSync(minorVersion: Int, endpoints: Int, kind: SyncKind) {
    var world = ProxyWorld(minorVersion: minorVersion)
    let all = (0..<endpoints).map { testEndpoint("10.180.\($0 / 250).\(1 + $0 % 250)", node: "testnode") }
    world.put(0, testService("svc", clusterIP: "172.30.0.41"), all)
    world.converge()
    world.run(for: .hours(2))
    #expect(!world.syncs.isEmpty)
    #expect(world.syncs.allSatisfy { $0.kind == kind })
  }

  @Test("counts are those of the rules, and partial syncs write what was touched", arguments: 1...40)
  func counts(seed: Int) {
    var random = RandomWorld(seed: UInt64(seed) &+ 50_000)
    var services: [Service] = []
    var world = random.build(&services)
    var done = 0
    for step in 0..<12 {
      for node in 0..<3 {
        let id = NodeID(node)
        let counted = world.fleet.iptablesRuleCounts(of: id)
        let real = world.written(node: node, touched: nil)
        #expect(counted == real, "seed \(seed), step \(step), node \(node)")
        // A write that changes nothing for proxies causes no sync.
        if let sync = world.syncs[done...].last(where: { $0.node == id }) {
          let touched: Set<ServiceID>? = sync.kind == .full ? nil : [world.lastTouched]
          let written = world.written(node: node, touched: touched)
          #expect(world.fleet.iptablesRulesOfLastSync(of: id) == written, "seed \(seed), step \(step)")
          #expect(sync.rulesWritten == written.filter + written.nat)
        }
      }
      done = world.syncs.count
      if step == 6 {
        world.fleet.restart(NodeID(1), settings: random.settings(), at: world.now, into: &world.output)
      }
      random.mutate(&world, &services)
      world.run(for: .seconds(5))
    }
  }
}
