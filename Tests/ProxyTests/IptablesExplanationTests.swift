// SPDX-License-Identifier: GPL-3.0-or-later
//
// What an explanation says: the rules that decided, as iptables-save prints them, and why each applied.

import Cluster
import NetworkTypes
import SimKernel
import Testing

@testable import Proxy

@Suite struct IptablesExplanationTests {
  private static func world(
    _ endpoints: [Endpoint] = [
      testEndpoint("10.180.0.1", node: "testnode"), testEndpoint("10.180.1.1", node: "other"),
    ], _ change: (inout Service) -> Void = { _ in }
  ) -> ProxyWorld {
    var world = ProxyWorld()
    let service = testService("web", clusterIP: "172.30.0.41") { service in
      service.spec.ports[0].name = "http"
      change(&service)
    }
    world.put(0, service, endpoints, port: 8080)
    world.converge()
    return world
  }

  /// `chain: why` of each step of the first branch.
  private static func story(_ world: inout ProxyWorld, _ probe: Probe) -> [String] {
    let explanation = world.fleet.explain(
      node: NodeID(0), flow: probe.flow, origin: world.origin(of: probe), at: world.now)
    return explanation.branches.first?.steps.map { "\($0.chain): \($0.why)" } ?? []
  }

  private static func short(_ story: [String]) -> [String] {
    // Chain names end with a hash.
    story.map { line in
      line.split(separator: " ").map { word in
        word.hasPrefix("KUBE-S") && word.split(separator: "-").count == 3 && word.count > 20
          ? "KUBE-\(word.split(separator: "-")[1])-x" + (word.hasSuffix(":") ? ":" : "") : String(word)
      }.joined(separator: " ")
    }
  }

  @Test func aClusterIPConnectionFromAPod() {
    var world = Self.world()
    let probe = Probe(from: Address.pod, to: "172.30.0.41", port: 80)
    #expect(
      Self.short(Self.story(&world, probe)) == [
        "PREROUTING: first packet of a connection from a pod",
        "KUBE-SERVICES: destination 172.30.0.41 tcp 80 is the cluster IP of default/web:http",
        "KUBE-SVC-x: number 1 of 2 endpoints, probability 1/2",
        "KUBE-SEP-x: destination becomes 10.180.0.1:8080",
        "POSTROUTING: every packet before it leaves",
        "KUBE-POSTROUTING: not marked: source 10.0.0.2 stays",
      ])
    let explanation = world.fleet.explain(node: NodeID(0), flow: probe.flow, origin: .pod, at: world.now)
    #expect(explanation.branches.map(\.probability) == [0.5, 0.5])
    #expect(explanation.branches[0].steps.allSatisfy { $0.table == "nat" })
  }

  @Test func anEndpointThatReachesItselfIsMasqueraded() {
    var world = Self.world([testEndpoint("10.180.0.1", node: "testnode")])
    let story = Self.short(Self.story(&world, Probe(from: "10.180.0.1", to: "172.30.0.41", port: 80)))
    #expect(story[2] == "KUBE-SVC-x: the only one of the endpoints, probability 1/1")
    #expect(
      story[3]
        == "KUBE-SEP-x: hairpin: source 10.180.0.1 is the chosen endpoint itself and must see another address"
    )
    #expect(
      story.last == "KUBE-POSTROUTING: source becomes the address of the interface by which the packet leaves"
    )
  }

  @Test func affinityNamesTheListAndTheAgeOfTheStamp() throws {
    var world = Self.world {
      $0.spec.sessionAffinity = "ClientIP"
      $0.spec.affinityTimeoutSeconds = 100
    }
    let probe = Probe(from: "10.0.0.5", to: "172.30.0.41", port: 80)
    #expect(
      Self.short(Self.story(&world, probe))[2]
        == "KUBE-SVC-x: number 1 of 2 endpoints, probability 1/2; no affinity list remembers source 10.0.0.5")
    _ = world.verdict(probe, random: .max)
    world.run(for: .seconds(12))
    let explanation = world.fleet.explain(node: NodeID(0), flow: probe.flow, origin: .pod, at: world.now)
    #expect(explanation.branches.count == 1)
    let branch = try #require(explanation.branches.first)
    #expect(branch.verdict.viaAffinity)
    #expect(branch.verdict.address == address("10.180.1.1"))
    let list =
      "KUBE-SEP-"
      + iptablesChainHash(servicePort: "default/web:http", transport: .tcp, endpoint: "10.180.1.1:8080")
    #expect(
      branch.steps[2].why == "session affinity: source 10.0.0.5 stamped 12s ago in list \(list), within 100s")
    #expect(branch.steps[2].rule.contains("-m recent --rcheck --seconds 100 --reap --name \(list) --mask"))
    // The check does not stamp, and an explanation stamps nothing.
    world.run(for: .seconds(88))
    #expect(
      world.fleet.explain(node: NodeID(0), flow: probe.flow, origin: .pod, at: world.now).branches.count == 1)
    world.run(for: .milliseconds(1))
    #expect(
      world.fleet.explain(node: NodeID(0), flow: probe.flow, origin: .pod, at: world.now).branches.count == 2)
  }

  @Test func refusalsAndDropsAreToldFromTheFilterTable() {
    var none = Self.world([])
    #expect(
      Self.story(&none, Probe(from: Address.pod, to: "172.30.0.41", port: 80)) == [
        "FORWARD: new connection through this node",
        "KUBE-SERVICES: default/web:http has no endpoint that could be used: refused with ICMP port unreachable",
      ])
    var remote = Self.world([testEndpoint("10.180.1.1", node: "other")]) {
      $0.spec.internalTrafficPolicy = "Local"
    }
    #expect(
      Self.story(&remote, Probe(from: Address.pod, to: "172.30.0.41", port: 80)).last
        == "KUBE-SERVICES: internalTrafficPolicy Local, and default/web:http has no endpoint on this node: dropped"
    )
    var ranges = Self.world {
      $0.spec.type = "LoadBalancer"
      $0.status.loadBalancerIngress = [LoadBalancerIngress(ip: "1.2.3.4")]
      $0.spec.loadBalancerSourceRanges = ["203.0.113.0/25"]
    }
    let blocked = Self.story(&ranges, Probe(from: Address.blocked, to: "1.2.3.4", port: 80))
    #expect(
      blocked.last?.hasSuffix(
        "KUBE-PROXY-FIREWALL: source 203.0.113.130 is in none of the loadBalancerSourceRanges of default/web:http: dropped"
      ) == true)
    #expect(
      blocked.contains { $0.contains("is in none of the loadBalancerSourceRanges of default/web:http") })
  }

  @Test func anUnknownAddressIsToldToBeNobodys() {
    var world = Self.world()
    #expect(
      Self.story(&world, Probe(from: Address.pod, to: "172.30.0.99", port: 80)) == [
        "KUBE-SERVICES: none of its 2 rules leads anywhere for destination 172.30.0.99 tcp 80: the packet goes "
          + "where routing takes it"
      ])
  }

  /// KUBE-FIREWALL: route_localnet must not open 127/8 to neighbours (FACTS C9).
  @Test(
    "a stray packet to a loopback address is dropped, a node port there is not", arguments: [true, false])
  func strayLoopback(localhostNodePorts: Bool) {
    var world = ProxyWorld(nodes: [
      testNode(
        0, "testnode", [Address.node],
        testSettings { $0.localhostNodePorts = localhostNodePorts })
    ])
    world.put(
      0,
      testService("web", clusterIP: "172.30.0.41") {
        $0.spec.type = "NodePort"
        $0.spec.ports[0].nodePort = 30001
      }, [testEndpoint("10.180.0.1", node: "testnode")])
    world.converge()
    let stray = Probe(from: Address.outside, to: "127.0.0.1", port: 9999)
    #expect(world.fate(stray) == (localhostNodePorts ? "DROP" : ""))
    #expect(world.fate(Probe(from: "127.0.0.1", to: "127.0.0.1", port: 9999)) == "")
    let nodePort = Probe(from: Address.outside, to: "127.0.0.1", port: 30001)
    #expect(world.fate(nodePort) == (localhostNodePorts ? "10.180.0.1:80 M" : ""))
    if localhostNodePorts {
      #expect(
        Self.story(&world, stray).last
          == "KUBE-FIREWALL: destination 127.0.0.1 is a loopback address, source 203.0.113.2 is not: dropped")
    }
  }

  @Test("every step's rule is a line of the node's text", arguments: 0..<30)
  func rulesAreLines(seed: Int) throws {
    var random = RandomWorld(seed: UInt64(900_000 + seed))
    var services: [Service] = []
    var world = random.build(&services)
    for node in 0..<3 {
      let lines = Set(world.fleet.ruleTexts(of: NodeID(node))[0].text.split(separator: "\n").map(String.init))
      for _ in 0..<8 {
        let probe = random.probe()
        let explanation = world.fleet.explain(
          node: NodeID(node), flow: probe.flow, origin: world.origin(of: probe), at: world.now)
        #expect(abs(explanation.branches.reduce(0) { $0 + $1.probability } - 1) < 1e-9)
        for step in explanation.branches.flatMap(\.steps) where !step.rule.isEmpty {
          #expect(lines.contains(step.rule), "seed \(seed) \(probe)")
          #expect(step.rule.hasPrefix("-A \(step.chain)"))
          #expect(!step.why.isEmpty)
        }
        #expect(explanation.branches.allSatisfy { !$0.steps.isEmpty })
      }
    }
  }
}
